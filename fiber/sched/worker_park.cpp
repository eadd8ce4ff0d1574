// SPDX-License-Identifier: MIT
// How a worker without work sleeps, and how a compensating one retires. Floor 2. See idle_workers.hpp for the race.
#include "fiber/sched/scheduler.hpp"
#include "fiber/sched/suspend.hpp"
#include "fiber/sched/worker.hpp"

#include <algorithm>

namespace coir {

base::time_point worker::park_deadline() noexcept {
  auto until = timers_.next_deadline();
  // relaxed: written before is_draining_, which has been read with acquire.
  if (index_ == 0 && owner_.is_draining_.load(acquire)) { // pairs with the store in note_finished
    const base::time_point limit{base::time_point::duration(owner_.drain_limit_.load(relaxed))};
    until = std::min(until, limit);
  }
  return until;
}

void worker::park() noexcept {
  is_parked_.store(true, relaxed); // relaxed: ordered by the fence
  owner_.idle_.add(*this);
  full_fence(); // pairs with those in scheduler::wake_one, push_pinned and stop
  if (owner_.is_draining_.load(relaxed)) owner_.check_drained(); // relaxed: ordered by the fence
  // pairs with the release in push_pinned
  const bool has_post = pinned_inbox_size_.load(acquire) != 0;
  // relaxed: thieves only empty it. A stop request of check_drained() puts fibers where has_queued_work() does not
  // look.
  const bool has_own = next_slot_.load(relaxed) != nullptr || !pinned_.is_empty();
  fiber_list ready;
  auto result = poll_result::done;
  if (!has_post && !has_own && !owner_.has_queued_work() && !owner_.is_stopping()) {
    parks_.store(parks_.load(relaxed) + 1, relaxed); // relaxed: a statistic that only we write
    result = poller().poll(park_deadline(), ready);
  }
  is_parked_.store(false, relaxed); // relaxed: ordered by the fence
  full_fence();                     // pairs with the one in monitor::sleep_until_activity
  owner_.monitor_.note_activity();
  // Whoever has taken us out has counted us as searching.
  if (!owner_.idle_.remove(*this)) is_searching_ = true;
  const auto time = now();
  schedule_next_look(time);
  timers_.expire(time, ready);
  take_ready(ready);
  take_pinned();
  if (result == poll_result::deadlocked) owner_.declare_deadlock();
}

void worker::park_retired() noexcept {
  stop_searching();
  full_fence(); // pairs with the one in has_living_fibers, as in park()
  if (owner_.is_draining_.load(relaxed)) owner_.check_drained(); // relaxed: ordered by the fence
  // What is here moves to those who run; what waits on our poller and timers goes there once it is ready.
  fiber_list ready;
  take_pinned();
  while (control_block* const fiber = pick()) ready.push_back(*fiber);
  if (ready.is_empty()) {
    is_parked_.store(true, relaxed); // relaxed: ordered by the fence
    full_fence();                    // pairs with those in push_pinned and scheduler::stop
    // relaxed, acquire: ordered by the fence; pairs with push_pinned.
    if (is_retired_.load(relaxed) && !owner_.is_stopping() &&
        pinned_inbox_size_.load(acquire) == 0) {
      poller().poll(timers_.next_deadline(), ready);
    }
    is_parked_.store(false, relaxed); // relaxed: ordered by the fence
    full_fence();                     // pairs with the one in monitor::sleep_until_activity
    owner_.monitor_.note_activity();
    timers_.expire(now(), ready);
  }
  while (control_block* const fiber = ready.pop_front()) {
    if (fiber->home == this) {
      keep_pinned(*fiber);
    } else {
      fiber->owner->resume_from_outside(*fiber);
    }
  }
  // Nobody else may run what is pinned here.
  while (control_block* const fiber = pinned_.pop_front()) run_from_worker_stack(*this, *fiber);
}

} // namespace coir
