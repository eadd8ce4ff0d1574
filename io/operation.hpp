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

/// Calls `attempt(fd)`, which returns as a system call does, until it does not say EAGAIN, and suspends in between until an event
/// says that it may succeed. If no event has come since the last attempt found nothing, it waits first. Returns the result or
/// -errno: also -ETIMEDOUT, -ECANCELED (stop request), -EBADF (closed). errno is left as it was.
///
/// A read takes the edge before it tries, and says itself (leave_edge) if it left something. A write nearly always succeeds, so it
/// leaves the edge alone and takes it only when it found no room; then it must try once more, see fd_state.hpp.
template <class Attempt>
std::int64_t perform(fd_state& record, direction d, clock::time_point limit, Attempt&& attempt) noexcept {
  if (this_fiber::stop_requested()) return -ECANCELED;
  if (!record.enter()) return -EBADF;
  const int errno_before = errno;
  const bool is_write = d == direction::write;
  std::int64_t result = 0;
  bool has_waited = false;
  bool may_try = is_write ? record.has_edge(d) : record.take_edge(d);
  for (;;) {
    if (may_try) {
      do {
        const ssize_t returned = attempt(record.fd);
        result = returned >= 0 ? returned : -static_cast<std::int64_t>(errno);
      } while (result == -EINTR);
      if (result != -EAGAIN) break;
      record.forget_hang_up(d);
      if (is_write && record.take_edge(d)) continue;
    }
    if (const int error = record.wait(d, limit); error != 0) {
      result = error;
      break;
    }
    has_waited = may_try = true;
  }
  if (is_write && has_waited && result >= 0) record.leave_edge(d);
  record.leave();
  errno = errno_before;
  if (!has_waited) charge_operation();
  return result;
}

} // namespace coir
