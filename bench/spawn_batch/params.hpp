// SPDX-License-Identifier: MIT
// The work of spawn_batch: all fibers are spawned, then all are joined. Each returns its number, and whoever joins adds
// them up. How many are alive at a time is up to the scheduler. Floor 7.
#pragma once

#include "bench/program.hpp"

namespace bench::spawn_batch {

constexpr std::uint64_t work = 1'000'000; ///< fibers
constexpr std::uint64_t quick_work = 100'000;
constexpr std::uint64_t warm_up_work = 10'000;
constexpr work_sizes sizes{work, quick_work, warm_up_work};

constexpr std::uint64_t thread_work = 10'000; ///< for kernel threads
constexpr std::uint64_t quick_thread_work = 3'000;
constexpr work_sizes thread_sizes{thread_work, quick_thread_work, quick_thread_work / 10};

constexpr std::uint64_t answer(std::uint64_t fibers) { return fibers * (fibers - 1) / 2; }

} // namespace bench::spawn_batch
