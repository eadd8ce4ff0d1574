// SPDX-License-Identifier: MIT
// The work of fork_join: the Fibonacci number of n, recursively. Each call spawns a fiber for n - 1, computes n - 2
// itself, and joins. The function is nothing but spawning and joining; what it tells is the price of it in a tree whose
// parts are of different sizes. Floor 7.
#pragma once

#include "bench/program.hpp"

namespace bench::fork_join {

constexpr std::uint64_t work = 27; ///< n
constexpr std::uint64_t quick_work = 23;
constexpr std::uint64_t warm_up_work = 15;
constexpr work_sizes sizes{work, quick_work, warm_up_work};

constexpr std::uint64_t thread_work = 14; ///< for kernel threads
constexpr std::uint64_t thread_warm_up_work = 8;
constexpr work_sizes thread_sizes{thread_work, thread_work, thread_warm_up_work};

constexpr std::uint64_t answer(std::uint64_t n) {
  std::uint64_t previous = 1;
  std::uint64_t value = 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    const std::uint64_t next = previous + value;
    previous = value;
    value = next;
  }
  return value;
}

/// How many fibers are spawned: as many as there are calls with n >= 2.
constexpr std::uint64_t spawned(std::uint64_t n) { return answer(n + 1) - 1; }

} // namespace bench::fork_join
