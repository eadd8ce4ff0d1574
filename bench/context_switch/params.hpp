// SPDX-License-Identifier: MIT
// The work of context_switch: control goes to another stack and back again, with no scheduler. The floor under every
// fiber operation. Each round trip carries a number, which the far side increases by one. Floor 7.
#pragma once

#include "bench/program.hpp"

namespace bench::context_switch {

constexpr std::uint64_t work = 1'000'000; ///< round trips, of two switches each
constexpr std::uint64_t quick_work = 1'000'000;
constexpr std::uint64_t warm_up_work = 100'000;
constexpr work_sizes sizes{work, quick_work, warm_up_work};

constexpr std::uint64_t thread_work = 50'000; ///< for kernel threads
constexpr work_sizes thread_sizes{thread_work, thread_work, thread_work / 10};

constexpr std::uint64_t answer(std::uint64_t round_trips) { return round_trips; }

} // namespace bench::context_switch
