// SPDX-License-Identifier: MIT
// this_fiber: what the running fiber can do and ask, shaped like std::this_thread. Floor 2.
//
// All of it may be called by a plain thread too, where it does what std::this_thread does.
#pragma once

#include "fiber/deadline.hpp"

#include <cstdint>
#include <stop_token>
#include <string_view>

namespace coir::this_fiber {

/// Lets every other runnable fiber of the worker go first. **migration**: may continue on another thread.
void yield() noexcept;

/// Suspends the calling fiber until `when`, at least. Sooner only by an exception:
/// std::system_error(operation_canceled) if the fiber is requested to stop, (timed_out) if a deadline_scope ends
/// before. **migration**: may continue on another thread.
void sleep_until(deadline when);

/// The same for a duration from now; zero or less only yields.
template <class Rep, class Period>
void sleep_for(const std::chrono::duration<Rep, Period>& duration) {
  sleep_until(deadline(duration));
}

/// Unique among the fibers of a runtime; 0 on a plain thread.
[[nodiscard]] std::uint64_t id() noexcept;

/// As given at spawn, else empty; valid until the fiber ends.
[[nodiscard]] std::string_view name() noexcept;

/// Whether the calling fiber has been requested to stop. False on a plain thread.
[[nodiscard]] bool stop_requested() noexcept;

/// A token of such requests, for std interfaces; without a state on a plain thread. Its callbacks run on the thread
/// of the requester and must not suspend. Throws std::bad_alloc.
[[nodiscard]] std::stop_token get_stop_token();

} // namespace coir::this_fiber
