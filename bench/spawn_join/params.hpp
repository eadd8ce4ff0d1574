// SPDX-License-Identifier: MIT
// The work of spawn_join: an empty fiber is spawned and joined, one at a time. Each returns its number, and whoever
// joins adds them up. Floor 7.
#pragma once

#include "bench/program.hpp"

namespace bench::spawn_join {

constexpr std::uint64_t work = 200'000; ///< fibers, one after the other
constexpr std::uint64_t quick_work = 50'000;
constexpr std::uint64_t warm_up_work = 5'000;
constexpr work_sizes sizes{work, quick_work, warm_up_work};

constexpr std::uint64_t thread_work = 10'000; ///< for kernel threads
constexpr std::uint64_t quick_thread_work = 3'000;
constexpr work_sizes thread_sizes{thread_work, quick_thread_work, quick_thread_work / 10};

constexpr std::uint64_t answer(std::uint64_t fibers) { return fibers * (fibers - 1) / 2; }

} // namespace bench::spawn_join
