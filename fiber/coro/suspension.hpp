// SPDX-License-Identifier: MIT
// How a coroutine waits: the coroutine's half of wait_queue. Floor 3. For people who write awaitables.
//
// A coroutine that was spawned has a control block like a fiber's, and waits with the same waiter; only that it is
// suspended by the language before it links itself, so that nothing has to be done after a switch: there is none.
//
// Once the waiter is linked, the coroutine may run elsewhere and its frame be gone before await_suspend has returned.
// clang before 17 puts the locals of an inlined await_suspend, and a handle that it returns, into the frame all the
// same (LLVM issue 56301). So whatever links or resumes is never inlined, and the await_suspend around it returns bool.
#pragma once

#include "fiber/base/check.hpp"
#include "fiber/coro/transfer.hpp"
#include "fiber/sched/control_block.hpp"
#include "fiber/sched/wait_queue.hpp"

#include <coroutine>
#include <mutex>
#include <utility>

namespace coir {

/// Base of awaiters that continue on the scheduler: a task awaits them as they are.
class scheduled {
public:
  /// Called by a task that awaits this and runs as `coroutine`, before await_ready.
  void run_as(control_block* coroutine) noexcept { runs_as_ = coroutine; }

protected:
  scheduled() noexcept = default;
  // Who awaits is told anew where it is moved to.
  scheduled(scheduled&&) noexcept {}
  scheduled& operator=(scheduled&&) noexcept { return *this; }
  ~scheduled() = default;

  /// Whether the awaiting one is a spawned coroutine, or a task under it. If not (a coroutine of another library, or
  /// a task under that), awaiters do what the blocking function of the same name does.
  [[nodiscard]] bool runs_as_coroutine() const noexcept { return runs_as_ != nullptr; }
  [[nodiscard]] control_block* runs_as() const noexcept { return runs_as_; }

private:
  control_block* runs_as_ = nullptr;
};

/// A coroutine that has suspended but whose control block nobody else can resume yet.
struct detached_coroutine {
  control_block& block;
  coroutine_transfers* transfers;

  /// It has not suspended after all.
  void reattach() const noexcept;
};
/// The running coroutine suspends as `resumed`: its control block is to be resumed once, and from then on it may run
/// elsewhere. The worker has no current fiber any more.
[[nodiscard]] detached_coroutine detach_coroutine(std::coroutine_handle<> resumed) noexcept;

/// What the awaiter of a wait keeps in the coroutine's frame. It may be moved as long as it does not wait.
class suspension : public scheduled {
public:
  suspension() noexcept = default;
  suspension(suspension&&) noexcept : suspension() {}
  suspension& operator=(suspension&&) noexcept { return *this; }
  ~suspension() { COIR_CHECK(self_.is_idle(), "a coroutine is destroyed while it waits"); }

  /// Until `is_ready()` is true, called under the queue's lock as by wait_queue::wait. False: it is, or the wait has
  /// ended otherwise; the coroutine goes on. Throws std::bad_alloc. Afterwards outcome() must be called.
  template <class Ready>
  [[gnu::noinline]] bool begin(wait_queue& queue, clock::time_point limit, wait_kind kind,
                               std::coroutine_handle<> resumed, Ready&& is_ready) {
    return begin_inlined(queue, limit, kind, resumed, std::forward<Ready>(is_ready));
  }
  /// Why the wait has ended; notified if there was none. Called when the coroutine goes on: another wait may begin
  /// then, in the same expression.
  [[nodiscard]] wait_outcome outcome() noexcept {
    const wait_outcome found = self_.outcome();
    self_.reset();
    return found;
  }

  /// The same for a waiter of one's own.
  [[gnu::noinline]] static bool begin_locked(wait_queue& queue, waiter& self,
                                             std::coroutine_handle<> resumed,
                                             std::unique_lock<base::spin_lock>&& held) noexcept;

protected:
  /// begin(), for a caller that is never inlined itself.
  template <class Ready>
  [[gnu::always_inline]] bool begin_inlined(wait_queue& queue, clock::time_point limit,
                                            wait_kind kind, std::coroutine_handle<> resumed,
                                            Ready&& is_ready) {
    waiter& self = arm(queue, limit, kind);
    std::unique_lock held(queue.lock());
    if (!is_ready()) return begin_locked(queue, self, resumed, std::move(held));
    held.unlock();
    // What was waited for is the caller's now, so an interruption that came since arm() is too late.
    self.reset();
    return false;
  }
  /// As begin() for a join without a limit.
  [[gnu::noinline]] bool begin_join(control_block& awaited, std::coroutine_handle<> resumed);
  /// See waiter::peek.
  void peek() noexcept { self_.peek(); }
  /// For begin_locked(); as waiter::arm. Throws std::bad_alloc. Afterwards outcome() must be called.
  waiter& arm(wait_queue& queue, clock::time_point limit, wait_kind kind);

private:
  waiter self_{nullptr};
};

} // namespace coir
