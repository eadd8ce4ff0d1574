// SPDX-License-Identifier: MIT
// The one switch point. Floor 2. See suspend.hpp for the contract and docs/architecture.md for the life of a fiber.
#include "fiber/sched/suspend.hpp"

#include "fiber/base/check.hpp"
#include "fiber/context/inline_switch.hpp"
#include "fiber/context/sanitizer.hpp"
#include "fiber/sched/control_block.hpp"
#include "fiber/sched/current.hpp"
#include "fiber/sched/worker.hpp"

#include <sched.h>

namespace coir {
namespace {

void nothing(worker&, void*) noexcept {}

/// What every worker may steal from is no place for it.
void requeue_pinned(worker& here, void* fiber) noexcept {
  here.push_pinned(*static_cast<control_block*>(fiber));
}

void recycle(worker& here, void* ended) noexcept { here.stacks().give(static_cast<stack*>(ended)); }

/// The far side's first act: the old context is complete, publish it. Whoever jumps passes the worker.
[[gnu::always_inline]] inline worker& arrive(transfer t) noexcept {
  worker& here = *static_cast<worker*>(t.argument);
  // Word by word: copied as a whole they would be loaded wider than they were stored, which stalls.
  const auto& [action, argument, save_to] = here.left();
  if (action == nullptr) [[likely]] {
    auto& yielded = *static_cast<control_block*>(argument);
    yielded.saved = t.from;
    here.push_back(yielded);
  } else {
    if (save_to != nullptr) *save_to = t.from;
    action(here, argument);
  }
  return here;
}

[[noreturn]] COIR_STACK_ROOT void stack_entry(transfer t);

/// Makes `next` the worker's current fiber (null: none, its own stack) and returns where to jump.
context prepare(worker& w, control_block* next) noexcept {
  w.set_current(next);
  if (next == nullptr) return w.own_context();
  if (!next->is_fresh()) return next->saved;
  stack* const taken = w.stacks().take(next->size_class);
  next->bound = taken;
  return coir_make_context(taken->base, taken->usable_bytes(), stack_entry);
}

sanitizer::stack_bounds bounds_of(worker& w, const control_block* fiber) noexcept {
  return fiber == nullptr ? w.own_stack() : sanitizer::bounds_of(*fiber->bound);
}

/// The only jump of a fiber that will continue. Inlined into its callers: the switch is the hottest path there is.
/// Returns the worker that it continues on.
[[gnu::always_inline]] inline worker& leave(worker& w, control_block& self, control_block* next,
                                            after_switch action, void* argument) noexcept {
  const int error = *w.words().error;
  w.left().action = action;
  w.left().argument = argument;
  if (action != nullptr) w.left().save_to = &self.saved;
  const context to = prepare(w, next);
  sanitizer::switch_record sanitized;
  sanitizer::before_switch(sanitized, bounds_of(w, next));
  const transfer back = switch_context(to, &w);
  sanitizer::after_switch(sanitized);
  worker& now = arrive(back);
  *now.words().error = error;
  return now;
}

/// The same for a fiber that is in a handler or unwinds.
[[gnu::noinline]] void leave_with_exceptions(worker& w, control_block& self, control_block* next,
                                             after_switch action, void* argument) noexcept {
  const exceptions_aside kept(w.words());
  kept.put_back(leave(w, self, next, action, argument).words());
}

[[gnu::always_inline]] inline void leave_either_way(worker& w, control_block* next,
                                                    after_switch action, void* argument) noexcept {
  control_block& self = *w.current();
  if (has_exceptions(w.words())) [[unlikely]] {
    leave_with_exceptions(w, self, next, action, argument);
  } else {
    leave(w, self, next, action, argument);
  }
}

/// A yield that is not to the next ordinary fiber: to the worker's own stack, or of a pinned fiber. Apart, so that the
/// usual one stays short.
[[gnu::noinline]] void leave_otherwise(worker& w, control_block& self,
                                       control_block* next) noexcept {
  leave_either_way(w, next, self.home == nullptr ? nullptr : requeue_pinned, &self);
}

/// Runs the current fiber or coroutine and every other that can follow it in place, then leaves for good.
[[noreturn]] COIR_STACK_ROOT void run_in_place(worker* w) noexcept {
  for (;;) {
    control_block& self = *w->current();
    stack* const here = self.bound; // now: a coroutine that has suspended may run elsewhere already
    self.direct_joins_below = 0;
    *w->words().error = 0;
    const bool has_ended = self.operations->run(self);
    w = has_ended ? &worker::finish(self) : current_worker();
    control_block* next = w->end_direct_join(has_ended);
    if (next == nullptr && !w->count_pass()) next = w->pick();
    if (next != nullptr && next->is_fresh() && next->size_class == here->size_class) {
      next->bound = here;
      w->set_current(next);
      continue;
    }
    w->left() = {recycle, here, nullptr};
    const context to = prepare(*w, next);
    sanitizer::before_last_switch(bounds_of(*w, next));
    coir_jump_context(to, w);
    COIR_CHECK(false, "a stack that has ended was switched to");
  }
}

void stack_entry(transfer t) {
  sanitizer::after_first_switch();
  worker& w = arrive(t);
  run_in_place(&w);
}

} // namespace

void suspend(after_switch action, void* argument) noexcept {
  worker& w = *current_worker();
  control_block* const next = w.count_pass() ? nullptr : w.pick();
  // It is in no queue until the action publishes it.
  COIR_CHECK(next != w.current(), "a running fiber was found in a run queue: resumed twice?");
  leave_either_way(w, next, action, argument);
}

void suspend_for(control_block& next) noexcept {
  leave_either_way(*current_worker(), &next, nothing, nullptr);
}

void yield() noexcept {
  worker* const w = current_worker();
  control_block* const self = w != nullptr ? w->current() : nullptr;
  if (self == nullptr) [[unlikely]] { // a plain thread, or a stop callback that a worker calls between fibers
    ::sched_yield();
    return;
  }
  const bool is_look_due = w->count_pass();
  control_block* const next = is_look_due ? nullptr : w->pick(worker::reason::yield);
  if (next != nullptr && self->home == nullptr) [[likely]] {
    leave_either_way(*w, next, nullptr, self);
  } else if (next != nullptr || is_look_due) {
    leave_otherwise(*w, *self, next);
  }
  // else nobody else wants to run
}

void charge_operation() noexcept {
  worker* const w = current_worker();
  if (w != nullptr && w->spend_operation()) yield();
}

void run_from_worker_stack(worker& self, control_block& next) noexcept {
  const int error = *self.words().error;
  const exceptions_aside kept(self.words()); // run() may have been called inside of a catch
  self.left() = {nothing, nullptr, &self.own_context()};
  const context to = prepare(self, &next);
  sanitizer::switch_record sanitized;
  sanitizer::before_switch(sanitized, bounds_of(self, &next));
  const transfer back = coir_jump_context(to, &self);
  sanitizer::after_switch(sanitized);
  arrive(back);
  self.give_up_direct_join(); // whoever has left its stack may have been begun by one, see worker::pick_special
  kept.put_back(self.words());
  *self.words().error = error;
}

} // namespace coir
