// SPDX-License-Identifier: MIT
// How a coroutine waits: the coroutine's half of wait_queue. Floor 3. For people who write awaitables.
//
// A coroutine that was spawned has a control block like a fiber's, and waits with the same waiter; only that it is
// suspended by the language before it links itself, so that nothing has to be done after a switch: there is none.
#pragma once

#include "fiber/coro/transfer.hpp"
#include "fiber/sched/control_block.hpp"
#include "fiber/sched/wait_queue.hpp"

#include <coroutine>
#include <mutex>

namespace coir {

/// Base of awaiters that continue on the scheduler: a task awaits them as they are.
struct scheduled {};

/// Whether the caller runs as a spawned coroutine. If not (a fiber, a plain thread, under a coroutine of another
/// library) awaiters do what the blocking function of the same name does.
[[nodiscard]] bool runs_as_coroutine() noexcept;

/// The running coroutine suspends as `resumed`: its control block, to be resumed once; from then on it may run
/// elsewhere. The worker has no current fiber any more.
[[nodiscard]] control_block& detach_coroutine(std::coroutine_handle<> resumed) noexcept;

/// What the awaiter of a wait keeps in the coroutine's frame.
class suspension : public scheduled {
public:
  /// Until `is_ready()` is true, called under the queue's lock as by wait_queue::wait. False: it is, or the wait has
  /// ended otherwise; the coroutine goes on. Throws std::bad_alloc.
  template <class Ready>
  bool begin(wait_queue& queue, clock::time_point limit, wait_kind kind,
             std::coroutine_handle<> resumed, Ready&& is_ready) {
    self_.arm(queue, limit, kind);
    std::unique_lock held(queue.lock());
    if (is_ready()) return false;
    return begin_locked(queue, self_, resumed, std::move(held));
  }
  [[nodiscard]] wait_outcome outcome() const noexcept { return self_.outcome(); }

  /// The same for a waiter of one's own.
  static bool begin_locked(wait_queue& queue, waiter& self, std::coroutine_handle<> resumed,
                           std::unique_lock<base::spin_lock> held) noexcept;

private:
  waiter self_;
};

} // namespace coir
