// SPDX-License-Identifier: MIT
// Points in time after which a blocking call gives up. Floor 2.
#pragma once

#include <chrono>

namespace coir {

/// The clock of the runtime that the caller runs in: std::chrono::steady_clock (CLOCK_MONOTONIC), or a virtual one
/// in tests. Satisfies the Clock requirements; its time points are those of steady_clock.
struct clock {
  using duration = std::chrono::steady_clock::duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::steady_clock::time_point;
  static constexpr bool is_steady = true;
  static time_point now() noexcept;
};

/// An absolute point in time, made from one or from a duration from now. Last parameter of every call that can block.
///
/// A duration that is negative or zero has expired: the call then only tries. One too large to add means never.
class deadline {
public:
  /// Never expires.
  constexpr deadline() noexcept = default;
  constexpr deadline(clock::time_point when) noexcept : when_(when) {} // NOLINT: meant to convert
  template <class Rep, class Period>
  deadline(const std::chrono::duration<Rep, Period>& after) : when_(from_now(after)) {} // NOLINT

  [[nodiscard]] static constexpr deadline never() noexcept { return {}; }
  [[nodiscard]] constexpr bool is_never() const noexcept {
    return when_ == clock::time_point::max();
  }
  [[nodiscard]] constexpr clock::time_point when() const noexcept { return when_; }

private:
  template <class Rep, class Period>
  static clock::time_point from_now(const std::chrono::duration<Rep, Period>& after) {
    const auto now = clock::now();
    // Compared as floating point: the conversion to nanoseconds could overflow. 1 s of slack for the rounding.
    using seconds = std::chrono::duration<double>;
    const seconds room = seconds(clock::time_point::max() - now) - seconds(1);
    if (seconds(after) >= room) return clock::time_point::max();
    if (seconds(after) <= seconds::zero()) return now;
    return now + std::chrono::ceil<clock::duration>(after);
  }

  clock::time_point when_ = clock::time_point::max();
};

/// Bounds every blocking operation of the calling fiber (or plain thread) while it lives: each ends with
/// std::errc::timed_out once the limit has passed. Nested scopes take the earlier limit. Not bounded: mutex::lock and
/// condition_variable waits without a time-out, which cannot report it.
///
/// Must be destroyed by the fiber that made it, in reverse order of construction (an automatic variable does that).
///
///     coir::deadline_scope limit{200ms};
///     auto stream = coir::tcp_stream::connect(server); // gives up 200 ms from the line above
class deadline_scope {
public:
  explicit deadline_scope(deadline limit) noexcept;
  deadline_scope(const deadline_scope&) = delete;
  deadline_scope& operator=(const deadline_scope&) = delete;
  ~deadline_scope();

private:
  clock::time_point outer_;
};

} // namespace coir
