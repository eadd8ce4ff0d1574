// SPDX-License-Identifier: MIT
// poller: how a worker waits, for time, for another thread, and for descriptors. Floor 2; implemented here
// (park_poller: no descriptors), in io/reactor/ (epoll) and in tests (virtual clock).
//
// The contract, five functions. Each worker has one poller. Only its worker calls poll() with a deadline in the future;
// the monitor may call poll() without waiting while the worker is stuck in a fiber. Implementations return -errno
// and leave errno alone.
#pragma once

#include "fiber/base/futex.hpp"
#include "fiber/sched/fiber_list.hpp"

namespace coir {

struct fd_state;

enum class poll_result : std::uint8_t {
  done,       ///< events, an interrupt, the deadline, or nothing in a poll that does not wait
  deadlocked, ///< a virtual clock says: nothing can ever happen any more
};

class poller {
public:
  poller() = default;
  poller(const poller&) = delete;
  poller& operator=(const poller&) = delete;
  virtual ~poller() = default;

  /// The time that deadlines are compared with. Any thread.
  [[nodiscard]] virtual base::time_point now() noexcept = 0;

  /// Appends to `ready` each fiber that events make runnable. If there is none, waits until there is, an interrupt
  /// comes or `deadline` has passed; a deadline of time_point::min() does not wait.
  virtual poll_result poll(base::time_point deadline, fiber_list& ready) noexcept = 0;

  /// Makes the present or, if there is none, the next waiting poll() return. Any thread, any time.
  virtual void interrupt() noexcept = 0;

  /// From now on reports both directions of the descriptor's readiness, edge-triggered, to `fd`, until detach.
  /// 0 or -errno. Any thread.
  virtual int attach(fd_state& fd) noexcept = 0;

  /// Stops that. Events already fetched may still be reported once. Any thread.
  virtual void detach(fd_state& fd) noexcept = 0;
};

} // namespace coir
