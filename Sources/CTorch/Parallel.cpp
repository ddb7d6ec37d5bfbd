#include "Parallel.h"

#include <ATen/Parallel.h>
#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <exception>

namespace ctorch {

Team team() noexcept {
  static const auto found = reinterpret_cast<Team>(dlsym(RTLD_DEFAULT, "GOMP_parallel"));
  return found;
}

void parallel_for(int64_t count, const std::function<void(int64_t, int64_t)> &body) {
  const int64_t ranges = std::min<int64_t>(count, at::get_num_threads());
  if (ranges <= 1 || !team()) {
    if (count > 0) body(0, count);
    return;
  }
  struct Work {
    const std::function<void(int64_t, int64_t)> &body;
    const int64_t count, ranges;
    std::atomic<int64_t> next{0};
    std::atomic_flag has_failed = ATOMIC_FLAG_INIT;
    std::exception_ptr failure;

    void run() noexcept {
      // A team may be smaller than it should be, so that each thread goes on until there is no range left.
      for (int64_t range; (range = next.fetch_add(1)) < ranges;) {
        try {
          body(count * range / ranges, count * (range + 1) / ranges);
        } catch (...) {
          if (!has_failed.test_and_set()) failure = std::current_exception();
        }
      }
    }
  } work{body, count, ranges};
  team()([](void *work) { static_cast<Work *>(work)->run(); }, &work, 0, 0);
  if (work.failure) std::rethrow_exception(work.failure);
}

}  // namespace ctorch
