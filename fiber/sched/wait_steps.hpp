// SPDX-License-Identifier: MIT
// What every wait and every notification executes, to be inlined. Floor 2. Private.
//
// For those who begin waits or notify once per request (io/reactor), for coroutines, and as the bodies of waiter::arm,
// wait_queue::take_first and wait_queue::wait_locked, whose contracts hold here too. Not synchronized by itself:
// try_link, begin_wait and take_first need the queue's lock, arm and detach are called without it.
#pragma once

#include "fiber/sched/control_block.hpp"
#include "fiber/sched/fiber_list.hpp"
#include "fiber/sched/stop.hpp"
#include "fiber/sched/wait_queue.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

namespace coir {

struct wait_steps {
  /// waiter::arm of a fiber's or coroutine's waiter. Most waits have no limit, and nothing is armed then.
  static void arm(waiter& self, wait_queue& queue, base::time_point limit, wait_kind kind) {
    const bool is_interruptible = kind == wait_kind::interruptible;
    if (is_interruptible) limit = std::min(limit, self.target_->limit);
    self.queue_ = &queue;
    if (limit != base::time_point::max()) [[unlikely]]
      return self.arm_limit(limit, kind);
    self.is_interruptible_ = self.is_stop_only_ = is_interruptible;
  }

  /// Links `self`, which may be notified then. False: the wait has been interrupted already.
  [[nodiscard]] static bool try_link(wait_queue& queue, waiter& self) noexcept {
    if (self.is_stop_only_) [[likely]]
      return try_link_watching(queue, self);
    if (!self.is_interruptible_) {
      self.state_.store(waiter::state::linked, relaxed); // relaxed: published by the queue's lock
    } else {
      auto seen = waiter::state::idle;
      // acq_rel, acquire: pairs with the exchanges and the release in try_interrupt. It may have come before the wait
      // began.
      if (!self.state_.compare_exchange(seen, waiter::state::linked, acq_rel, acquire))
        return false;
    }
    queue.link(self);
    return true;
  }

  /// For coroutines, which have suspended already when they come to wait: links `self`, whose target is made runnable
  /// when the wait ends, which may be before this returns. False: the wait has ended before it began, see outcome().
  [[nodiscard]] static bool begin_wait(wait_queue& queue, waiter& self,
                                       std::unique_lock<base::spin_lock> held) noexcept {
    if (try_link(queue, self)) [[likely]]
      return true; // the unlocking publishes it
    held.unlock();
    self.await_interrupter();
    return false;
  }

  [[nodiscard]] static waiter* take_first(wait_queue& queue) noexcept {
    waiter* const first = queue.first();
    if (first == nullptr) return nullptr;
    waiter* w = first;
    while (!try_claim(*w)) {
      w = w->next_;
      if (w == first) return nullptr;
    }
    queue.unlink(*w);
    w->next_ = nullptr;
    return w;
  }

  /// wait_queue::detach_all of one that was taken.
  static void detach(waiter& taken, fiber_list& fibers) noexcept {
    if (control_block* const target = taken.target_; target != nullptr) [[likely]] {
      fibers.push_back(*target);
    } else {
      taken.deliver();
    }
  }

private:
  static bool try_claim(waiter& w) noexcept {
    if (w.is_stop_only_) [[likely]] {
      if (!try_unwatch_stop(*w.target_, w)) return false; // a requester owns it, leave it alone
      w.watches_stop_ = false;
      w.state_.store(waiter::state::notified, relaxed); // relaxed: as below
      return true;
    }
    if (!w.is_interruptible_) {
      w.state_.store(waiter::state::notified, relaxed); // relaxed: only notifiers look, and they hold the lock
      return true;
    }
    auto seen = waiter::state::linked;
    // acq_rel: pairs with the exchange in try_interrupt. relaxed: an interrupter owns it, leave it alone.
    return w.state_.compare_exchange(seen, waiter::state::notified, acq_rel, relaxed);
  }

  static bool try_link_watching(wait_queue& queue, waiter& self) noexcept {
    // Linked first: from the moment that its fiber's stop word names it, a requester may come and unlink it.
    self.state_.store(waiter::state::linked, relaxed); // relaxed: published by the stop word, and by the queue's lock
    self.watches_stop_ = true;
    queue.link(self);
    if (try_watch_stop(*self.target_, self)) [[likely]]
      return true;
    queue.unlink(self);
    self.watches_stop_ = false;
    self.outcome_ = wait_outcome::stopped;
    self.state_.store(waiter::state::interrupted, relaxed); // relaxed: nobody else has seen it
    return false;
  }
};

} // namespace coir
