// SPDX-License-Identifier: MIT
// Switching by hand, as fiber/sched/suspend.cpp does it: the context functions between the calls of the sanitizer seam.
#pragma once

#include "fiber/context/context.hpp"
#include "fiber/context/sanitizer.hpp"
#include "fiber/context/stack_pool.hpp"

#include <functional>
#include <utility>

namespace coir::test {

/// A stack of the pool, for one test.
class test_stack {
public:
  explicit test_stack(std::size_t bytes = std::size_t{64} << 10) : class_(stack_class_for(bytes)) {
    stack_pool::instance().promise(class_, 1);
    one_ = stack_pool::instance().take(class_, 1);
  }
  test_stack(const test_stack&) = delete;
  test_stack& operator=(const test_stack&) = delete;
  ~test_stack() {
    sanitizer::recycle(*one_);
    stack_pool::instance().give(one_);
    stack_pool::instance().withdraw(class_, 1);
  }

  [[nodiscard]] stack& operator*() const noexcept { return *one_; }
  [[nodiscard]] stack* operator->() const noexcept { return one_; }
  [[nodiscard]] bool contains(const void* address) const noexcept {
    return address >= one_->limit && address < one_->base;
  }

private:
  unsigned class_;
  stack* one_;
};

/// Jumps and continues when somebody jumps back.
inline transfer jump(context to, const sanitizer::stack_bounds& bounds, void* argument) {
  sanitizer::switch_record left;
  sanitizer::before_switch(left, bounds);
  const transfer back = coir_jump_context(to, argument);
  sanitizer::after_switch(left);
  return back;
}

inline transfer jump_on_top(context to, const sanitizer::stack_bounds& bounds, void* argument,
                            context_hook hook) {
  sanitizer::switch_record left;
  sanitizer::before_switch(left, bounds);
  const transfer back = coir_ontop_context(to, argument, hook);
  sanitizer::after_switch(left);
  return back;
}

/// A function on a stack of its own that hands values to and fro.
class coroutine {
public:
  using function = std::function<void(coroutine&, void* first)>;

  explicit coroutine(function body) : body_(std::move(body)) {
    context_ = coir_make_context(on_->base, on_->usable_bytes(), entry);
  }
  coroutine(const coroutine&) = delete;
  coroutine& operator=(const coroutine&) = delete;

  /// Continues the function; returns what it passes to suspend(), null if it has ended.
  void* resume(void* value = nullptr) {
    passed_ = value;
    return arrived(jump(context_, entering(), first_or(value)));
  }
  /// The same by ontop: `hook` sees the value first.
  void* resume_on_top(void* value, context_hook hook) {
    return arrived(jump_on_top(context_, entering(), value, hook));
  }
  /// In the function: back to whoever called resume; returns what the next resume passes.
  void* suspend(void* value = nullptr) {
    const transfer back = jump(caller_, caller_bounds_, value);
    caller_ = back.from;
    return back.argument;
  }

  [[nodiscard]] bool has_ended() const noexcept { return has_ended_; }
  [[nodiscard]] context suspended_at() const noexcept { return context_; }
  [[nodiscard]] const test_stack& on() const noexcept { return on_; }

private:
  sanitizer::stack_bounds entering() {
    caller_bounds_ = sanitizer::bounds_of_this_thread();
    return sanitizer::bounds_of(*on_);
  }
  /// The first jump tells entry which coroutine it is.
  void* first_or(void* value) noexcept { return std::exchange(is_fresh_, false) ? this : value; }
  void* arrived(transfer back) noexcept {
    context_ = back.from;
    return back.argument;
  }

  COIR_STACK_ROOT static void entry(transfer first) {
    sanitizer::after_first_switch();
    auto* const self = static_cast<coroutine*>(first.argument);
    self->start(first.from);
    sanitizer::before_last_switch(self->caller_bounds_);
    coir_jump_context(self->caller_, nullptr);
  }
  void start(context caller) {
    caller_ = caller;
    body_(*this, passed_);
    has_ended_ = true;
  }

  test_stack on_;
  function body_;
  context context_ = nullptr;
  context caller_ = nullptr;
  sanitizer::stack_bounds caller_bounds_{};
  void* passed_ = nullptr;
  bool is_fresh_ = true;
  bool has_ended_ = false;
};

} // namespace coir::test
