// SPDX-License-Identifier: MIT
#include "fiber/sched/timer_queue.hpp"

#include "fiber/sched/wait_queue.hpp"

#include <algorithm>
#include <mutex>

namespace coir {

void timer_queue::arm(waiter& w, base::time_point when) {
  const std::lock_guard held(lock_);
  if (free_slot_ == none) {
    slots_.push_back({nullptr, none});
    free_slot_ = static_cast<std::uint32_t>(slots_.size() - 1);
  }
  const std::uint32_t taken = free_slot_;
  heap_.push_back({when, taken}); // throws before anything has changed
  free_slot_ = slots_[taken].position;
  slots_[taken].armed = &w;
  w.timers_ = this;
  w.timer_slot_ = taken;
  const auto last = static_cast<std::uint32_t>(heap_.size() - 1);
  slots_[taken].position = last;
  move_up(last);
  publish_next();
}

void timer_queue::disarm(waiter& w) noexcept {
  const std::lock_guard held(lock_);
  // The slot may serve another waiter by now, if this one's timer has fired.
  if (slots_[w.timer_slot_].armed != &w) return;
  remove(slots_[w.timer_slot_].position);
  publish_next();
}

void timer_queue::expire(base::time_point now, fiber_list& ready) noexcept {
  if (next_deadline() > now) return;
  const std::lock_guard held(lock_);
  while (!heap_.empty() && heap_.front().when <= now) {
    waiter* const due = slots_[heap_.front().slot].armed;
    remove(0);
    // Under our lock, so that the waiter cannot leave: its disarm() waits for us.
    if (due->try_interrupt(wait_outcome::timed_out)) ready.push_back(*due->target());
  }
  publish_next();
}

base::time_point timer_queue::next_deadline() const noexcept {
  // relaxed: a worker arms its own timers before it looks; others only want a hint.
  return base::time_point(base::time_point::duration(next_.load(relaxed)));
}

void timer_queue::publish_next() noexcept {
  const auto next = heap_.empty() ? base::time_point::max() : heap_.front().when;
  next_.store(next.time_since_epoch().count(), relaxed); // relaxed: see next_deadline
}

void timer_queue::remove(std::uint32_t position) noexcept {
  const std::uint32_t freed = heap_[position].slot;
  slots_[freed] = {nullptr, free_slot_};
  free_slot_ = freed;
  const entry last = heap_.back();
  heap_.pop_back();
  if (position == heap_.size()) return;
  place(position, last);
  move_up(position);
  move_down(slots_[last.slot].position);
}

void timer_queue::place(std::uint32_t position, entry e) noexcept {
  heap_[position] = e;
  slots_[e.slot].position = position;
}

void timer_queue::move_up(std::uint32_t position) noexcept {
  const entry moving = heap_[position];
  while (position > 0) {
    const std::uint32_t parent = (position - 1) / 4;
    if (heap_[parent].when <= moving.when) break;
    place(position, heap_[parent]);
    position = parent;
  }
  place(position, moving);
}

void timer_queue::move_down(std::uint32_t position) noexcept {
  const entry moving = heap_[position];
  const auto size = static_cast<std::uint32_t>(heap_.size());
  for (;;) {
    const std::uint32_t first = position * 4 + 1;
    if (first >= size) break;
    std::uint32_t least = first;
    for (std::uint32_t child = first + 1; child < std::min(first + 4, size); ++child) {
      if (heap_[child].when < heap_[least].when) least = child;
    }
    if (moving.when <= heap_[least].when) break;
    place(position, heap_[least]);
    position = least;
  }
  place(position, moving);
}

} // namespace coir
