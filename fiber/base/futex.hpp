// SPDX-License-Identifier: MIT
// futex(2): how plain threads and parked workers sleep. Floor 0.
#pragma once

#include "fiber/base/atomic.hpp"

#include <chrono>
#include <cstdint>

namespace coir::base {

using time_point = std::chrono::steady_clock::time_point;

/// Sleeps while `word` is `expected`, until woken or `deadline` (CLOCK_MONOTONIC; time_point::max(): no limit).
/// May return for no reason. Returns false only if the deadline has passed. errno is left as it was.
bool futex_wait(atomic<std::uint32_t>& word, std::uint32_t expected, time_point deadline) noexcept;

/// Wakes up to `count` sleepers. `word` may be gone already: the kernel only looks at its address.
void futex_wake(atomic<std::uint32_t>* word, int count) noexcept;

} // namespace coir::base
