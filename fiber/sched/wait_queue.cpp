// SPDX-License-Identifier: MIT
#include "fiber/sched/wait_queue.hpp"

#include "fiber/base/check.hpp"
#include "fiber/base/pause.hpp"
#include "fiber/sched/control_block.hpp"
#include "fiber/sched/current.hpp"
#include "fiber/sched/fiber_list.hpp"
#include "fiber/sched/resume.hpp"
#include "fiber/sched/stop.hpp"
#include "fiber/sched/suspend.hpp"
#include "fiber/sched/timer_queue.hpp"
#include "fiber/sched/wait_steps.hpp"
#include "fiber/sched/worker.hpp"

#include <algorithm>

namespace coir {
namespace {

/// What the after-switch action releases; copied before the first release, because it lies on the stack of the waiter.
struct held_locks {
  base::spin_lock* queue;
  void (*unlock)(void*) noexcept;
  void* also;
};

void release_locks(worker&, void* argument) noexcept {
  const held_locks locks = *static_cast<held_locks*>(argument);
  locks.queue->unlock();
  if (locks.unlock != nullptr) locks.unlock(locks.also);
}

} // namespace

waiter::waiter() noexcept : waiter(current_fiber()) {}

void waiter::arm(wait_queue& queue, base::time_point limit, wait_kind kind) {
  if (target_ != nullptr) return wait_steps::arm(*this, queue, limit, kind);
  queue_ = &queue;
  limit_ = kind == wait_kind::interruptible ? std::min(limit, current_limit()) : limit;
  is_interruptible_ = limit_ != base::time_point::max();
}

void waiter::arm_limit(base::time_point limit, wait_kind kind) {
  is_interruptible_ = true;
  is_stop_only_ = false;
  if (kind == wait_kind::interruptible) {
    watches_stop_ = true; // first: a requester that finds us reads the bits
    if (!try_watch_stop(*target_, *this)) {
      watches_stop_ = false;
      outcome_ = wait_outcome::stopped;
      state_.store(state::interrupted, relaxed); // relaxed: nobody else knows the waiter
      return;
    }
  }
  if (limit <= clock::now()) {
    static_cast<void>(
        try_interrupt(wait_outcome::timed_out)); // not linked yet, so nobody is to be resumed
  } else {
    current_worker()->timers().arm(*this, limit);
  }
}

void waiter::disarm() noexcept {
  if (timers_ != nullptr) timers_->disarm(*this);
  if (watches_stop_) unwatch_stop(*target_, *this);
  timers_ = nullptr;
  watches_stop_ = false;
}

bool waiter::try_interrupt(wait_outcome outcome) noexcept {
  if (is_stop_only_) { // and the caller has taken the stop word, so it is linked
    interrupt_linked(outcome);
    return true;
  }
  state seen = state::linked;
  // acq_rel: pairs with the exchange in try_claim; acquire: what is seen instead was published by its writer.
  if (state_.compare_exchange(seen, state::interrupting, acq_rel, acquire)) {
    interrupt_linked(outcome);
    return true;
  }
  // Not waiting yet: the wait will find out when it tries to begin.
  // acq_rel: pairs with the exchange in try_link. acquire: somebody else decided.
  if (seen == state::idle && state_.compare_exchange(seen, state::interrupting, acq_rel, acquire)) {
    outcome_ = outcome;
    state_.store(state::interrupted, release); // pairs with the acquire load in await_interrupter
    return false;
  }
  return seen == state::linked ? try_interrupt(outcome) : false;
}

void waiter::interrupt_linked(wait_outcome outcome) noexcept {
  outcome_ = outcome;
  {
    // Taken only once the fiber is suspended, see wait_queue.hpp; it keeps the queue from being destroyed.
    const std::lock_guard held(queue_->lock_);
    queue_->unlink(*this);
  }
  state_.store(state::interrupted, release); // pairs with the acquire load in await_interrupter
}

bool waiter::is_being_interrupted() const noexcept {
  // relaxed: a misuse is diagnosed, nothing is read through it.
  return is_stop_only_ ? !is_watched(*target_, *this) : state_.load(relaxed) == state::interrupting;
}

void waiter::await_interrupter() const noexcept {
  base::spin_wait wait;
  while (state_.load(acquire) != state::interrupted) wait.once(); // pairs with the release in try_interrupt
}

wait_outcome wait_queue::wait_locked(waiter& self, std::unique_lock<base::spin_lock>&& held,
                                     void (*unlock)(void*) noexcept, void* also) noexcept {
  if (!wait_steps::try_link(*this, self)) {
    held.unlock();
    if (unlock != nullptr) unlock(also);
    self.await_interrupter();
    return self.outcome_;
  }
  if (self.target_ == nullptr) {
    held.unlock();
    if (unlock != nullptr) unlock(also);
    self.wait_as_thread();
    return self.outcome_;
  }
  held_locks locks{held.release(), unlock, also};
  suspend(release_locks, &locks);
  return self.outcome_;
}

void waiter::wait_as_thread() noexcept {
  // pairs with the release in deliver
  while (signal_.load(acquire) == 0) {
    if (!base::futex_wait(signal_, 0, limit_) && limit_ != base::time_point::max() &&
        try_interrupt(wait_outcome::timed_out)) {
      return;
    }
    // A lost try_interrupt means that a notifier has us, and will signal shortly.
  }
}

void waiter::deliver() noexcept {
  if (target_ != nullptr) {
    resume(*target_);
    return;
  }
  atomic<std::uint32_t>* const word = &signal_;
  word->store(1, release); // pairs with the acquire in wait_as_thread; then the waiter may be gone
  base::futex_wake(word, 1);
}

wait_queue::~wait_queue() {
  for (base::spin_wait wait;; wait.once()) { // until interrupters have unlinked their waiters
    {
      const std::lock_guard held(lock_);
      if (first() == nullptr) return;
      waiter* w = first();
      do {
        COIR_CHECK(w->is_being_interrupted(),
                   "a synchronization object or stream is destroyed while somebody waits on it");
        w = w->next_;
      } while (w != first());
    }
  }
}

waiter* wait_queue::take_first() noexcept { return wait_steps::take_first(*this); }

waiter* wait_queue::take_all() noexcept {
  waiter* first = nullptr;
  waiter* last = nullptr;
  while (waiter* const taken = take_first()) {
    (last == nullptr ? first : last->next_) = taken;
    last = taken;
  }
  return first;
}

void wait_queue::resume(waiter* taken) noexcept {
  if (taken != nullptr) taken->deliver();
}

void wait_queue::resume_all(waiter* taken) noexcept {
  while (taken != nullptr) {
    waiter* const next = taken->next_; // read first: delivered waiters may be gone
    taken->deliver();
    taken = next;
  }
}

void wait_queue::detach_all(waiter* taken, fiber_list& fibers) noexcept {
  while (taken != nullptr) {
    waiter* const next = taken->next_; // read first: delivered waiters may be gone
    wait_steps::detach(*taken, fibers);
    taken = next;
  }
}

void wait_queue::notify_one() noexcept {
  waiter* taken = nullptr;
  {
    const std::lock_guard held(lock_);
    taken = take_first();
  }
  resume(taken);
}

void wait_queue::notify_all() noexcept {
  waiter* taken = nullptr;
  {
    const std::lock_guard held(lock_);
    taken = take_all();
  }
  resume_all(taken);
}

} // namespace coir
