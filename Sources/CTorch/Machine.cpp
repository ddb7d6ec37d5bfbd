// What the machine offers, and the process-wide settings of libtorch and the C library.
#include <ATen/Config.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <malloc.h>
#include <torch/version.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "Parallel.h"
#include "Support.h"

extern "C" {

const char *ctorch_version(void) { return TORCH_VERSION; }

const char *ctorch_cpu_capability(void) {
  static const std::string capability = at::get_cpu_capability();
  return capability.c_str();
}

bool ctorch_cpu_has_bfloat16(void) {
  return ctorch::guarded<bool>("bfloat16 support", {}, false, [] {
    return c10::Dispatcher::singleton()
        .findSchemaOrThrow("mkldnn::_is_mkldnn_bf16_supported", "")
        .typed<bool()>()
        .call();
  });
}

bool ctorch_cpu_has_mkl(void) { return at::hasMKL(); }

int ctorch_threads(void) { return at::get_num_threads(); }

void ctorch_set_threads(int count) {
  ctorch::guarded<bool>("set threads", {}, false, [&] {
    at::set_num_threads(count);
    return true;
  });
}

bool ctorch_keep_freed_memory(bool keep) {
#ifdef M_MMAP_THRESHOLD
  const int mebibyte = 1 << 20;
  // Large blocks are mapped one by one, and leave no holes. Set, because the C library's own threshold grows up to 32 MiB
  // with what is freed.
  if (!keep) return mallopt(M_MMAP_THRESHOLD, mebibyte) == 1 && mallopt(M_TRIM_THRESHOLD, mebibyte) == 1;
  // Never trimmed, because a training step frees gigabytes that the next one takes again; and one arena, because those of
  // threads other than the first cannot hold blocks of 64 MiB and more, which would be mapped anew each time.
  return mallopt(M_MMAP_THRESHOLD, 1024 * mebibyte) == 1 && mallopt(M_TRIM_THRESHOLD, -1) == 1 &&
         mallopt(M_TOP_PAD, 64 * mebibyte) == 1 && mallopt(M_ARENA_MAX, 1) == 1;
#else
  return false;
#endif
}

void ctorch_return_freed_memory(void) {
#ifdef M_MMAP_THRESHOLD
  malloc_trim(0);
#endif
}

bool ctorch_share_processors(void) {
  // Another library of threads does not wait like this one.
  const auto team = ctorch::team();
  if (!team) return false;
  // libgomp's threads wait for the next piece of work in a loop, for some 5 ms. Where it counts more threads than
  // processors, for a few µs: so it is given a team more, which sleeps for ever.
  std::promise<void> counted;
  std::thread([team, &counted] {
    team([](void *) {}, nullptr, 2, 0);
    counted.set_value();
    for (;;) pause();
  }).detach();
  counted.get_future().wait();
  return true;
}

bool ctorch_cuda_available(void) { return at::hasCUDA(); }
}
