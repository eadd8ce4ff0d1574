// SPDX-License-Identifier: MIT
// The work of yield: 1,000 fibers on one worker, each of which yields to the others all the time. Every other fiber
// runs between two runs of one, so caches see 1,000 stacks. Making the fibers is not measured. Floor 7.
#pragma once

#include "bench/program.hpp"

#include <numeric>
#include <vector>

namespace bench::yield {

constexpr std::uint64_t fibers = 1'000;
constexpr std::uint64_t work = 1'000; ///< yields of each
constexpr std::uint64_t quick_work = 300;
constexpr std::uint64_t warm_up_work = 100;
constexpr work_sizes sizes{work, quick_work, warm_up_work};

constexpr std::uint64_t thread_work = 300; ///< for kernel threads
constexpr work_sizes thread_sizes{thread_work, thread_work / 3, thread_work / 10};

/// Each fiber has yielded this often, counted by itself.
inline bool is_right(const std::vector<std::uint64_t>& done, std::uint64_t yields) {
  return done == std::vector<std::uint64_t>(fibers, yields);
}

} // namespace bench::yield
