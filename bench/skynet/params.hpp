// SPDX-License-Identifier: MIT
// The work of skynet: a tree in which each fiber spawns ten others and adds up what they return; the leaves return
// their numbers 0, 1, 2 and so on. (After https://github.com/atemerev/skynet.) Floor 7.
#pragma once

#include "bench/program.hpp"

namespace bench::skynet {

constexpr std::uint64_t work = 1'000'000; ///< leaves, a power of ten
constexpr std::uint64_t quick_work = 100'000;
constexpr std::uint64_t warm_up_work = 10'000;
constexpr work_sizes sizes{work, quick_work, warm_up_work};

constexpr std::uint64_t thread_work = 1'000; ///< for kernel threads
constexpr work_sizes thread_sizes{thread_work, thread_work, thread_work / 10};

constexpr std::uint64_t children = 10; ///< of each inner node

/// Whether there is a tree with so many leaves.
constexpr bool is_possible(std::uint64_t leaves) {
  while (leaves > 1 && leaves % children == 0) leaves /= children;
  return leaves == 1;
}

constexpr std::uint64_t answer(std::uint64_t leaves) { return leaves * (leaves - 1) / 2; }

} // namespace bench::skynet
