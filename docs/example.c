/* Classifies a batch of zero images with an engine: cc example.c -Iinclude -Lbuild/bin -lqat_engine
 * -Wl,-rpath,$PWD/build/bin -o example */
#include <stdio.h>
#include <stdlib.h>

#include "qat/engine.h"

static int check(qat_status status) {
  if (status != QAT_OK) fprintf(stderr, "error %d: %s\n", (int)status, qat_last_error());
  return status != QAT_OK;
}

int main(int argc, char** argv) {
  qat_engine* engine = NULL;
  qat_session* session = NULL;
  qat_binding input;
  int64_t shape[4], out[4];
  if (argc != 2) return fprintf(stderr, "usage: example model.engine\n"), QAT_USAGE;
  if (check(qat_engine_load(argv[1], &engine)) || check(qat_engine_input(engine, 0, &input)) ||
      check(qat_session_create(engine, 0, &session)) || check(qat_session_set_shape(session, input.opt)) ||
      check(qat_session_output_shape(session, 0, out)))
    return EXIT_FAILURE;
  for (int i = 0; i < 4; ++i) shape[i] = input.opt[i];
  printf("%s: %s %lldx%lldx%lldx%lld\n", input.name, input.dtype == QAT_F32 ? "f32 NCHW" : "u8 NHWC",
         (long long)shape[0], (long long)shape[1], (long long)shape[2], (long long)shape[3]);

  void* images = calloc((size_t)(shape[0] * shape[1] * shape[2] * shape[3]), input.dtype == QAT_F32 ? 4 : 1);
  float* logits = malloc((size_t)(out[0] * out[1]) * sizeof(float));
  const void* inputs[] = {images};
  void* outputs[] = {logits};
  if (check(qat_session_run(session, inputs, outputs))) return EXIT_FAILURE;
  for (int64_t n = 0; n < out[0]; ++n) {
    int64_t best = 0;
    for (int64_t k = 1; k < out[1]; ++k) best = logits[n * out[1] + k] > logits[n * out[1] + best] ? k : best;
    printf("image %lld: class %lld, logit %g\n", (long long)n, (long long)best, logits[n * out[1] + best]);
  }
  free(images), free(logits);
  qat_session_free(session), qat_engine_free(engine);
  return 0;
}
