// SPDX-License-Identifier: MIT
// The one switch point. Floor 2. See suspend.hpp for the contract and docs/architecture.md for the life of a fiber.
#include "fiber/sched/suspend.hpp"

#include "fiber/base/check.hpp"
#include "fiber/context/sanitizer.hpp"
#include "fiber/sched/control_block.hpp"
#include "fiber/sched/current.hpp"
#include "fiber/sched/worker.hpp"

#include <sched.h>

namespace coir {
namespace {

/// What a switch tells its far side. Lies on the stack that is left.
struct departure {
  worker* on;       ///< the worker that switches; the far side runs on it
  context* save_to; ///< where the far side keeps the context just left; null: that stack has ended
  after_switch action;
  void* argument;
};

struct own_arguments {
  worker* on;
  void* what;
};

void nothing(void*) noexcept {}

void requeue(void* argument) noexcept {
  const own_arguments copy = *static_cast<own_arguments*>(argument);
  copy.on->push_back(*static_cast<control_block*>(copy.what));
}

void recycle(void* argument) noexcept {
  const own_arguments copy = *static_cast<own_arguments*>(argument); // it lies on the stack that goes
  copy.on->stacks().give(static_cast<stack*>(copy.what));
}

/// The far side's first act: the old context is complete, publish it.
worker& arrive(transfer t) noexcept {
  const departure left = *static_cast<departure*>(t.argument);
  if (left.save_to != nullptr) *left.save_to = t.from;
  left.action(left.argument);
  return *left.on;
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

/// The only jump of a fiber that will continue.
void leave(worker& w, control_block& self, control_block* next, after_switch action,
           void* argument) noexcept {
  self.words.save(w.words());
  departure left{&w, &self.saved, action, argument};
  const context to = prepare(w, next);
  sanitizer::switch_record sanitized;
  sanitizer::before_switch(sanitized, bounds_of(w, next));
  const transfer back = coir_jump_context(to, &left);
  sanitizer::after_switch(sanitized);
  worker& now = arrive(back);
  self.words.restore(now.words());
}

/// Runs `first` and every fresh fiber that can follow it in place, then leaves for good.
[[noreturn]] COIR_STACK_ROOT void run_fibers_in_place(worker* w) noexcept {
  for (;;) {
    control_block& self = *w->current();
    saved_thread_words{}.restore(w->words());
    self.operations->run(self);
    w = current_worker();
    stack* const here = self.bound;
    self.bound = nullptr;
    w->finish(self);
    control_block* const next = w->count_pass() ? nullptr : w->pick();
    if (next != nullptr && next->is_fresh() && next->size_class == here->size_class) {
      next->bound = here;
      w->set_current(next);
      continue;
    }
    own_arguments recycled{w, here};
    departure left{w, nullptr, recycle, &recycled};
    const context to = prepare(*w, next);
    sanitizer::before_last_switch(bounds_of(*w, next));
    coir_jump_context(to, &left);
    COIR_CHECK(false, "a stack that has ended was switched to");
  }
}

void stack_entry(transfer t) {
  sanitizer::after_first_switch();
  worker& w = arrive(t);
  run_fibers_in_place(&w);
}

} // namespace

void suspend(after_switch action, void* argument) noexcept {
  worker& w = *current_worker();
  control_block& self = *w.current();
  control_block* const next = w.count_pass() ? nullptr : w.pick();
  if (next == &self) {
    // Cannot be: it is in no queue until the action publishes it.
    COIR_CHECK(false, "a running fiber was found in a run queue: resumed twice?");
  }
  leave(w, self, next, action, argument);
}

void yield() noexcept {
  worker* const w = current_worker();
  if (w == nullptr || w->current() == nullptr) {
    ::sched_yield();
    return;
  }
  control_block* next = nullptr;
  if (!w->count_pass()) {
    next = w->pick();
    if (next == nullptr) return; // nobody else wants to run
  }
  control_block& self = *w->current();
  own_arguments requeued{w, &self};
  leave(*w, self, next, requeue, &requeued);
}

void charge_operation() noexcept {
  worker* const w = current_worker();
  if (w != nullptr && w->current() != nullptr && w->spend_operation()) yield();
}

void run_from_worker_stack(worker& self, control_block& next) noexcept {
  saved_thread_words own;
  own.save(self.words()); // run() may have been called inside of a catch
  departure left{&self, &self.own_context(), nothing, nullptr};
  const context to = prepare(self, &next);
  sanitizer::switch_record sanitized;
  sanitizer::before_switch(sanitized, bounds_of(self, &next));
  const transfer back = coir_jump_context(to, &left);
  sanitizer::after_switch(sanitized);
  arrive(back);
  own.restore(self.words());
}

} // namespace coir
