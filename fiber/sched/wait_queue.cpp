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
  queue_ = &queue;
  if (kind == wait_kind::interruptible) {
    limit = std::min(limit, target_ != nullptr ? target_->limit : current_limit());
  }
  const bool has_limit = limit != base::time_point::max();
  if (target_ == nullptr) {
    limit_ = limit;
    is_interruptible_ = has_limit;
    return;
  }
  is_interruptible_ = has_limit || kind == wait_kind::interruptible;
  is_stop_only_ = is_interruptible_ && !has_limit;
  if (kind == wait_kind::interruptible && !is_stop_only_) {
    watches_stop_ = true; // first: a requester that finds us reads the bits
    if (!try_watch_stop(*target_, *this)) {
      watches_stop_ = false;
      outcome_ = wait_outcome::stopped;
      state_.store(state::interrupted, relaxed); // relaxed: nobody else knows the waiter
      return;
    }
  }
  if (!has_limit) return;
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

bool waiter::try_claim() noexcept {
  if (!is_interruptible_) {
    state_.store(state::notified, relaxed); // relaxed: only notifiers look, and they hold the lock
    return true;
  }
  if (is_stop_only_) {
    if (!try_unwatch_stop(*target_, *this)) return false; // a requester owns it, leave it alone
    watches_stop_ = false;
    state_.store(state::notified, relaxed); // relaxed: as above
    return true;
  }
  state seen = state::linked;
  // acq_rel: pairs with the exchange in try_interrupt. relaxed: an interrupter owns it, leave it alone.
  return state_.compare_exchange(seen, state::notified, acq_rel, relaxed);
}

bool waiter::is_being_interrupted() const noexcept {
  // relaxed: a misuse is diagnosed, nothing is read through it.
  return is_stop_only_ ? !is_watched(*target_, *this) : state_.load(relaxed) == state::interrupting;
}

wait_outcome wait_queue::wait_locked(waiter& self,
                                     std::unique_lock<base::spin_lock> held) noexcept {
  return wait_locked(self, std::move(held), nullptr, nullptr);
}

bool wait_queue::try_link(waiter& self) noexcept {
  if (self.is_stop_only_) return try_link_watching(self);
  if (!self.is_interruptible_) {
    self.state_.store(waiter::state::linked, relaxed); // relaxed: published by the queue's lock
  } else {
    auto seen = waiter::state::idle;
    // acq_rel, acquire: pairs with the exchanges and the release in try_interrupt. It may have come before the wait
    // began.
    if (!self.state_.compare_exchange(seen, waiter::state::linked, acq_rel, acquire)) return false;
  }
  link(self);
  return true;
}

bool wait_queue::try_link_watching(waiter& self) noexcept {
  // Linked first: from the moment that its fiber's stop word names it, a requester may come and unlink it.
  self.state_.store(waiter::state::linked, relaxed); // relaxed: published by the stop word, and by the queue's lock
  link(self);
  self.watches_stop_ = true;
  if (try_watch_stop(*self.target_, self)) return true;
  unlink(self);
  self.watches_stop_ = false;
  self.outcome_ = wait_outcome::stopped;
  self.state_.store(waiter::state::interrupted, relaxed); // relaxed: nobody else has seen it
  return false;
}

void waiter::await_interrupter() const noexcept {
  base::spin_wait wait;
  while (state_.load(acquire) != state::interrupted) wait.once(); // pairs with the release in try_interrupt
}

wait_outcome wait_queue::wait_locked(waiter& self, std::unique_lock<base::spin_lock> held,
                                     void (*unlock)(void*) noexcept, void* also) noexcept {
  if (!try_link(self)) {
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

bool wait_queue::begin_wait(waiter& self, std::unique_lock<base::spin_lock> held) noexcept {
  if (!try_link(self)) {
    held.unlock();
    self.await_interrupter();
    return false;
  }
  return true; // the unlocking publishes it
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

waiter* wait_queue::take_first() noexcept {
  waiter* w = first();
  if (w == nullptr) return nullptr;
  do {
    if (w->try_claim()) {
      unlink(*w);
      w->next_ = nullptr;
      return w;
    }
    w = w->next_;
  } while (w != first());
  return nullptr;
}

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
    waiter* const next = taken->next_; // read first, as the target: delivered waiters may be gone
    control_block* const target = taken->target_;
    if (target != nullptr) {
      fibers.push_back(*target);
    } else {
      taken->deliver();
    }
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

void wait_queue::link(waiter& w) noexcept {
  if (first() == nullptr) {
    w.next_ = w.previous_ = &w;
    set_first(&w);
    return;
  }
  w.next_ = first();
  w.previous_ = first()->previous_;
  first()->previous_->next_ = &w;
  first()->previous_ = &w;
}

void wait_queue::unlink(waiter& w) noexcept {
  if (w.next_ == &w) {
    set_first(nullptr);
    return;
  }
  w.next_->previous_ = w.previous_;
  w.previous_->next_ = w.next_;
  if (first() == &w) set_first(w.next_);
}

} // namespace coir
