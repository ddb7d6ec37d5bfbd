// Loops on the threads of libtorch's operators.
//
// at::parallel_for is a template whose loop only a compiler with OpenMP's runtime makes parallel; clang's runtime is
// another than the one that libtorch has its threads from, and its threads would be so many more.
#pragma once

#include <cstdint>
#include <functional>

namespace ctorch {

/// What GCC's compiled loops call: runs `body(data)` on each thread of a team, of the usual size where `threads` is 0.
using Team = void (*)(void (*body)(void *), void *data, unsigned threads, unsigned flags);

/// libgomp's, or null where libtorch has its threads from another library.
Team team() noexcept;

/// Calls `body(begin, end)` for ranges that together are 0 ..< count, one for each thread.
///
/// An exception of `body` arrives here when all ranges are done.
void parallel_for(int64_t count, const std::function<void(int64_t begin, int64_t end)> &body);

}  // namespace ctorch
