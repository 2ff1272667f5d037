/* The C API of qat's engine runtime: load an engine file, give it a batch, read the answers.
 *
 * Link with -lqat_engine (it needs libqat_core beside it and the C++ library, nothing else). No exception leaves these
 * functions. Functions that can fail return a qat_status; qat_last_error() then tells why, in one line.
 *
 * Threads: a qat_engine is immutable once loaded and may be shared by any number of threads and sessions. A qat_session
 * belongs to one thread at a time; use one session per thread that runs. qat_last_error() is per thread.
 */
#ifndef QAT_ENGINE_H
#define QAT_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct qat_engine qat_engine;
typedef struct qat_session qat_session;

/* The same numbers as the command line's exit codes. */
typedef enum qat_status {
  QAT_OK = 0,
  QAT_FAILURE = 1,
  QAT_USAGE = 2,         /* an argument: shape out of range, null pointer */
  QAT_BAD_FILE = 3,      /* no engine, damaged or incomplete */
  QAT_WRONG_MACHINE = 5, /* for another CPU, GPU or version; the text says how to rebuild it */
  QAT_OUT_OF_MEMORY = 6,
  QAT_IO = 7
} qat_status;

typedef enum qat_dtype { QAT_F32 = 0, QAT_U8 = 1 } qat_dtype;
typedef enum qat_device { QAT_CPU = 0, QAT_CUDA = 1 } qat_device;
typedef enum qat_layout { QAT_NCHW = 0, QAT_NHWC = 1, QAT_NC = 2 } qat_layout;

/* An input or output. Extents are in the order N, C, H, W whatever the layout. Outputs have none here: ask
 * qat_session_output_shape once an input shape is set. */
typedef struct qat_binding {
  const char* name; /* lives as long as the engine */
  qat_dtype dtype;
  qat_layout layout;
  int64_t min[4], opt[4], max[4]; /* inputs only; zero for outputs */
} qat_binding;

/* "" after a success. Valid until the next call on this thread. */
const char* qat_last_error(void);

qat_status qat_engine_load(const char* path, qat_engine** engine);
void qat_engine_free(qat_engine* engine); /* null is fine; sessions keep what they need */

size_t qat_engine_inputs(const qat_engine* engine); /* 1 in this version */
size_t qat_engine_outputs(const qat_engine* engine);
qat_status qat_engine_input(const qat_engine* engine, size_t index, qat_binding* binding);
qat_status qat_engine_output(const qat_engine* engine, size_t index, qat_binding* binding);

/* What it was built for. A QAT_CUDA engine's sessions run on the calling thread's current CUDA device. */
qat_device qat_engine_device(const qat_engine* engine);

/* A metadata entry ("mean", "std", "classes", "precision", ...); null where there is none. Lives as long as the engine.
 */
const char* qat_engine_metadata(const qat_engine* engine, const char* key);

/* threads: 0 takes all cores that the process may use. */
qat_status qat_session_create(const qat_engine* engine, int threads, qat_session** session);
void qat_session_free(qat_session* session);

/* Prepares memory and kernels for inputs of this shape (N, C, H, W); cheap for a shape set lately. */
qat_status qat_session_set_shape(qat_session* session, const int64_t shape[4]);

/* Extents of an output (N, C, H, W; H = W = 1 for QAT_NC) for the shape that is set. */
qat_status qat_session_output_shape(const qat_session* session, size_t index, int64_t shape[4]);

/* inputs[i] and outputs[i]: dense buffers of the binding's dtype and layout, for the shape that is set. Allocates
 * nothing. */
qat_status qat_session_run(qat_session* session, const void* const* inputs, void* const* outputs);

/* QAT_CUDA engines only: the same with buffers in device memory. Enqueues on `stream`, a cudaStream_t (null: the
 * default stream), and returns; the buffers must stay until the work is done. Runs of a session follow one another on
 * whatever streams they are enqueued. Input addresses that are multiples of 16 are faster. */
qat_status qat_session_run_device(qat_session* session, const void* const* inputs, void* const* outputs, void* stream);

#ifdef __cplusplus
}
#endif

#endif
