// The lever "fk". oneMKL inside libtorch takes its slow AVX2 path on processors that are not Intel's. It asks this
// function, which a program may define itself (ENGINE.md; measured 224 → 517 GFLOP/s in fp32 with AVX-512). It is an
// internal name of MKL 2024: `make bench` measures what it brings, nothing relies on it.
#include <stdlib.h>
#include <string.h>

__attribute__((visibility("default"), used)) int mkl_serv_intel_cpu_true(void) {
  const char *left_out = getenv("LIENZO_WITHOUT");
  return left_out == NULL || strstr(left_out, "fk") == NULL;
}
