// oneMKL inside libtorch takes its slow AVX2 path on processors that are not Intel's. It asks this function, which a
// program may define itself (ENGINE.md, lever "fk"; measured 224 → 517 GFLOP/s in fp32). It is an internal name of
// MKL 2024: `lienzo doctor` measures the rate, nothing relies on it.
__attribute__((visibility("default"), used)) int mkl_serv_intel_cpu_true(void) { return 1; }
