// SPDX-License-Identifier: MIT
#include "fiber/sched/park_poller.hpp"

#include <cerrno>

namespace coir {

poll_result park_poller::poll(base::time_point deadline, fiber_list&) noexcept {
  if (deadline == base::time_point::min()) return poll_result::done;
  std::uint32_t seen = empty;
  // acq_rel: pairs with the exchange in interrupt: what was written before it is visible after.
  // acquire: the same, where it came first.
  if (state_.compare_exchange(seen, sleeping, acq_rel, acquire)) {
    // relaxed: the exchange below has the acquire.
    while (state_.load(relaxed) == sleeping && base::futex_wait(state_, sleeping, deadline)) {
    }
  }
  state_.exchange(empty, acq_rel); // pairs with the exchange in interrupt
  return poll_result::done;
}

void park_poller::interrupt() noexcept {
  // acq_rel: pairs with the exchanges in poll.
  if (state_.exchange(notified, acq_rel) == sleeping) base::futex_wake(&state_, 1);
}

int park_poller::attach(fd_state&) noexcept { return -ENOSYS; }

void park_poller::detach(fd_state&) noexcept {}

} // namespace coir
