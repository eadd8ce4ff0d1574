// SPDX-License-Identifier: MIT
// The one switch point of the library. Floor 2.
//
// Every switch names an after-switch action: a function that runs on the far stack once the old context is
// completely saved. It publishes the old fiber, by pushing it on a queue or by releasing the lock that hides it, or
// recycles the old stack. So there is no half-suspended fiber, and nobody ever spins on "has it been saved?".
#pragma once

#include "fiber/context/context.hpp"

namespace coir {

class worker;
struct control_block;

/// Runs on the far side, on worker `here`, with the stack that was left completely saved. `argument` may point into
/// that stack, so what is needed after the publication has to be copied before. Must not suspend, must not throw.
using after_switch = void (*)(worker& here, void* argument) noexcept;

/// What a switch tells its far side; one per worker, valid from the jump to the arrival.
struct departure {
  /// Null, as a yield wants it: `argument` is the fiber that was left; its context is saved, and it is appended to the
  /// run queue.
  after_switch action = nullptr;
  void* argument = nullptr;
  /// With an action: where the far side keeps the context just left, or null if that stack has ended.
  context* save_to = nullptr;
};

/// Suspends the calling fiber: the worker goes on with the next runnable fiber, or on its own stack if there is
/// none. Returns when somebody has resumed the fiber, maybe on another thread. Called by a fiber only.
void suspend(after_switch action, void* argument) noexcept;

/// Suspends the calling fiber: the worker goes on with `next`, which is fresh and in no queue. Who resumes the caller
/// may do so as soon as `next` runs. Called by a fiber only.
void suspend_for(control_block& next) noexcept;

/// Lets the others go first. No effect outside of a fiber but to let other threads run.
void yield() noexcept;

/// Called after each operation that could have suspended and did not: when a fiber has had enough of them in a row,
/// it yields. So a socket that is always ready starves nobody. No effect outside of a fiber.
void charge_operation() noexcept;

/// Called by the worker on its own stack: runs `next` and whatever follows it, and returns when there is nothing
/// left at hand.
void run_from_worker_stack(worker& self, control_block& next) noexcept;

} // namespace coir
