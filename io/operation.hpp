// SPDX-License-Identifier: MIT
// perform: the way of every blocking operation on a descriptor. Floor 5. Private.
#pragma once

#include "fiber/sched/suspend.hpp"
#include "fiber/this_fiber.hpp"
#include "io/reactor/fd_state.hpp"

#include <cerrno>
#include <cstdint>
#include <sys/types.h>

namespace coir {

/// Calls `attempt(fd)`, which returns as a system call does; the result or -errno. errno is left as it was.
///
/// Never inlined: the compiler takes the address of errno for constant, and would keep it while the caller
/// suspends and moves to another thread. So errno is used in here and nowhere else in an operation.
template <class Attempt>
[[gnu::noinline]] std::int64_t try_once(Attempt& attempt, int fd) noexcept {
  const int errno_before = errno;
  std::int64_t result = 0;
  do {
    const ssize_t returned = attempt(fd);
    result = returned >= 0 ? returned : -static_cast<std::int64_t>(errno);
  } while (result == -EINTR);
  errno = errno_before;
  return result;
}

/// For what never waits: try_once inside of an operation, or -EBADF.
template <class Attempt>
std::int64_t perform_now(fd_state& record, Attempt&& attempt) noexcept {
  if (!record.enter()) return -EBADF;
  const std::int64_t result = try_once(attempt, record.fd);
  record.leave();
  return result;
}

/// What an operation returns that may not begin. Charged too: a loop that goes on in spite of it shall starve nobody.
inline int refused(int error) noexcept {
  charge_operation();
  return error;
}

/// Only waits: 0 if an event has come, which is left for the next try, or -errno as perform.
inline int await_event(fd_state& record, direction d, clock::time_point limit) noexcept {
  if (this_fiber::stop_requested()) return refused(-ECANCELED);
  if (!record.enter()) return refused(-EBADF);
  const int error = record.wait(d, limit);
  if (error == 0) record.leave_edge(d);
  record.leave();
  return error;
}

/// Calls `attempt(fd)`, which returns as a system call does, until it does not say EAGAIN, and suspends in
/// between until an event says that it may succeed. If no event has come since the last attempt found nothing,
/// it waits first, and at the end of `limit` tries a last time. Returns the result or -errno: also -ETIMEDOUT,
/// -ECANCELED (stop request), -EBADF (closed). errno is left as it was.
///
/// A read takes the edge before it tries, and says itself (leave_edge) if it left something. A write nearly
/// always succeeds, so it leaves the edge alone and takes it only when it found no room; then it must try once
/// more, see fd_state.hpp. Whoever has taken an edge for anything but to find nothing leaves it to the next.
template <class Attempt>
std::int64_t perform(fd_state& record, direction d, clock::time_point limit,
                     Attempt&& attempt) noexcept {
  if (this_fiber::stop_requested()) return refused(-ECANCELED);
  if (!record.enter()) return refused(-EBADF);
  const bool is_write = d == direction::write;
  std::int64_t result = 0;
  bool has_waited = false;
  bool owes_edge = false;
  bool may_try = is_write ? record.has_edge(d) : record.take_edge(d);
  for (bool is_last = false;;) {
    if (may_try) {
      result = try_once(attempt, record.fd);
      if (result != -EAGAIN) {
        owes_edge = owes_edge || result < 0;
        break;
      }
      owes_edge = record.forget_hang_up(d) || (is_write && record.take_edge(d));
      if (owes_edge) continue;
      if (is_last) {
        result = -ETIMEDOUT;
        break;
      }
    }
    result = record.wait(d, limit);
    has_waited = has_waited || result == 0;
    may_try = true;
    owes_edge = is_write && result == 0;
    is_last = result == -ETIMEDOUT;
    if (result != 0 && !is_last) break;
  }
  if (owes_edge) record.leave_edge(d); // one too many costs a try, one too few a wait for ever
  if (result < 0 && record.is_closed()) result = -EBADF;
  record.leave();
  if (!has_waited) charge_operation();
  return result;
}

} // namespace coir
