/* The C API from C: every function, its refusals, and answers equal to a second session's. Returns 0 when all holds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qat/engine.h"

#define EXPECT(condition)                                                                   \
  do {                                                                                      \
    if (!(condition)) {                                                                     \
      fprintf(stderr, "%d: %s (last error: %s)\n", __LINE__, #condition, qat_last_error()); \
      ++failures;                                                                           \
    }                                                                                       \
  } while (0)

static int failures = 0;

static void run_twice(const qat_engine* engine, const int64_t shape[4]) {
  float* results[2];
  int64_t out[4] = {0, 0, 0, 0};
  const size_t values = (size_t)(shape[0] * shape[1] * shape[2] * shape[3]);
  float* images = malloc(values * sizeof(float));
  for (size_t i = 0; i < values; ++i) images[i] = (float)(i % 17) / 8.0f - 1.0f;
  for (int i = 0; i < 2; ++i) {
    qat_session* session = NULL;
    EXPECT(qat_session_create(engine, i + 1, &session) == QAT_OK);
    EXPECT(qat_session_output_shape(session, 0, out) == QAT_USAGE); /* no shape set yet */
    EXPECT(qat_session_set_shape(session, shape) == QAT_OK);
    EXPECT(qat_session_output_shape(session, 0, out) == QAT_OK);
    EXPECT(out[0] == shape[0] && out[2] == 1 && out[3] == 1);
    results[i] = calloc((size_t)(out[0] * out[1]), sizeof(float));
    const void* inputs[] = {images};
    void* outputs[] = {results[i]};
    EXPECT(qat_session_run(session, inputs, outputs) == QAT_OK);
    EXPECT(qat_session_run(session, NULL, outputs) == QAT_USAGE);
    qat_session_free(session);
  }
  EXPECT(memcmp(results[0], results[1], (size_t)(out[0] * out[1]) * sizeof(float)) == 0);
  free(images), free(results[0]), free(results[1]);
}

int main(int argc, char** argv) {
  qat_engine* engine = NULL;
  qat_binding binding;
  if (argc != 3) return fprintf(stderr, "usage: c_api_test good.engine bad.engine\n"), 2;
  EXPECT(qat_engine_load("/nonexistent.engine", &engine) == QAT_IO && engine == NULL);
  EXPECT(strlen(qat_last_error()) > 0 && strchr(qat_last_error(), '\n') == NULL);
  EXPECT(qat_engine_load(argv[2], &engine) == QAT_BAD_FILE && engine == NULL);
  EXPECT(qat_engine_load(NULL, &engine) == QAT_USAGE);
  EXPECT(qat_engine_load(argv[1], &engine) == QAT_OK);
  if (engine == NULL) return 1;
  EXPECT(strcmp(qat_last_error(), "") == 0);
  EXPECT(qat_engine_inputs(engine) == 1 && qat_engine_outputs(engine) == 1);
  EXPECT(qat_engine_input(engine, 1, &binding) == QAT_USAGE);
  EXPECT(qat_engine_output(engine, 0, &binding) == QAT_OK && binding.layout == QAT_NC);
  EXPECT(qat_engine_input(engine, 0, &binding) == QAT_OK);
  EXPECT(binding.dtype == QAT_F32 && binding.layout == QAT_NCHW && binding.max[0] >= binding.min[0]);
  EXPECT(strcmp(qat_engine_metadata(engine, "precision"), "int8") == 0);
  EXPECT(qat_engine_metadata(engine, "no such key") == NULL);
  run_twice(engine, binding.opt);
  run_twice(engine, binding.max);
  const int64_t large[4] = {binding.max[0] + 1, binding.max[1], binding.max[2], binding.max[3]};
  qat_session* session = NULL;
  EXPECT(qat_session_create(engine, 1, &session) == QAT_OK);
  EXPECT(qat_session_set_shape(session, large) == QAT_USAGE);
  EXPECT(strstr(qat_last_error(), "batch") != NULL);
  const void* inputs[] = {&binding};
  void* outputs[] = {&binding};
  EXPECT(qat_engine_device(engine) == QAT_CPU && qat_engine_device(NULL) == QAT_CPU);
  EXPECT(qat_session_run_device(session, inputs, outputs, NULL) == QAT_USAGE);
  EXPECT(strstr(qat_last_error(), "--device cuda") != NULL);
  qat_engine_free(engine); /* the session keeps what it needs */
  EXPECT(qat_session_set_shape(session, binding.max) == QAT_OK);
  qat_session_free(session);
  qat_session_free(NULL), qat_engine_free(NULL);
  return failures;
}
