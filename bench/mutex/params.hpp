// SPDX-License-Identifier: MIT
// The work of mutex: 100 fibers increase one number that a mutex guards, each as often as the others. On one worker a
// fiber never meets another that holds it; on several nearly every lock is contended. Floor 7.
#pragma once

#include "bench/program.hpp"

namespace bench::mutex {

constexpr std::uint64_t contenders = 100;
constexpr std::uint64_t work = 100'000; ///< locks of each
constexpr std::uint64_t quick_work = 20'000;
constexpr std::uint64_t warm_up_work = 500;
constexpr work_sizes sizes{work, quick_work, warm_up_work};

constexpr std::uint64_t answer(std::uint64_t locks) { return contenders * locks; }

} // namespace bench::mutex
