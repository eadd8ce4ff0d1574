// SPDX-License-Identifier: MIT
// The work of timers: many fibers sleep, each until a time of its own within one second, in an order that is not that
// in which they were spawned. Told are the process's CPU time for each of them, from spawn to join, and how late they
// woke. Floor 7.
#pragma once

#include "bench/program.hpp"

namespace bench::timers {

constexpr std::uint64_t work = 100'000; ///< sleepers
constexpr std::uint64_t quick_work = 30'000;
constexpr std::uint64_t warm_up_work = 0; ///< there is none: each round takes two seconds anyhow
constexpr work_sizes sizes{work, quick_work, warm_up_work};

constexpr std::uint64_t thread_work = 10'000; ///< for kernel threads
constexpr std::uint64_t quick_thread_work = 3'000;
constexpr work_sizes thread_sizes{thread_work, quick_thread_work, warm_up_work};

constexpr std::uint64_t lead_milliseconds = 1'000;   ///< for spawning, before the first one is due
constexpr std::uint64_t window_milliseconds = 1'000; ///< in which all of them are due
constexpr std::uint64_t stride = 7'919; ///< a prime: sleeper i is the (i * stride mod sleepers)th that is due

} // namespace bench::timers
