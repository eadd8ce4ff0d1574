// SPDX-License-Identifier: MIT
#include "fiber/sched/fresh_deque.hpp"

#include <algorithm>
#include <new>

namespace coir {

fresh_deque::fresh_deque(bool exclusive) : gate_(exclusive) {
  rings_.push_back(std::make_unique<ring>(first_capacity));
  ring_.store(rings_.back().get(), relaxed); // relaxed: nobody else knows it yet
}

bool fresh_deque::try_grow() noexcept {
  const ring& full = ring_of_owner();
  if (full.capacity() == last_capacity) return false;
  try {
    rings_.push_back(std::make_unique<ring>(2 * full.capacity()));
  } catch (const std::bad_alloc&) {
    return false;
  }
  const std::int64_t bottom = bottom_.load(relaxed); // relaxed: only the owner writes it
  // relaxed: only a lower bound is needed; what has been stolen meanwhile is copied in vain.
  for (std::int64_t i = top_.load(relaxed); i < bottom; ++i) {
    rings_.back()->slot(i).store(full.slot(i).load(relaxed), relaxed); // relaxed: published by ring_
  }
  ring_.store(rings_.back().get(), release); // pairs with the acquire in steal
  return true;
}

bool fresh_deque::try_take_shared(std::int64_t last) noexcept {
  full_fence();                          // pairs with the one in take_oldest
  std::int64_t top = top_.load(relaxed); // relaxed: ordered by the fence
  if (top < last) return true;
  // Thieves may want the last one, too.
  // seq_cst: pairs with the one in take_oldest. relaxed: a thief has it.
  const bool is_ours = top == last && top_.compare_exchange(top, last + 1, seq_cst, relaxed);
  bottom_.store(last + 1, release); // pairs with the acquire in take_oldest; empty: top_ == bottom_
  return is_ours;
}

control_block* fresh_deque::pop_batch(std::int64_t count) noexcept {
  const ring& slots = ring_of_owner();
  const std::int64_t bottom = bottom_.load(relaxed); // relaxed: only the owner writes it
  std::int64_t first = bottom - count;
  is_arranging_.store(true, relaxed); // relaxed: published by the next
  // release: pairs with the acquires in steal and is_empty: thieves shall stay below.
  bottom_.store(first, release);
  full_fence();                          // pairs with the one in steal
  std::int64_t top = top_.load(relaxed); // relaxed: ordered by the fence
  control_block* taken = nullptr;
  if (top >= first) {
    // One thief may be about to take the one at top_; whoever comes later sees what we have just written.
    first = std::min(top + 1, bottom);
    // seq_cst: pairs with the one in steal. relaxed: the thief has it.
    if (top < bottom && top_.compare_exchange(top, top + 1, seq_cst, relaxed)) {
      taken = slots.slot(first - 1).load(relaxed); // relaxed: the owner wrote it
    }
  }
  std::int64_t end = bottom;
  reverse(first, end);
  if (taken == nullptr && first < end) taken = slots.slot(--end).load(relaxed); // relaxed: as above
  bottom_.store(end, release);         // pairs with the acquire in steal
  is_arranging_.store(false, release); // pairs with the acquire in is_empty
  return taken;
}

void fresh_deque::reverse(std::int64_t first, std::int64_t end) noexcept {
  const ring& slots = ring_of_owner();
  for (--end; first < end; ++first, --end) {
    // relaxed: nobody else looks at them until bottom_ publishes them.
    control_block* const front = slots.slot(first).load(relaxed);
    slots.slot(first).store(slots.slot(end).load(relaxed), relaxed);
    slots.slot(end).store(front, relaxed);
  }
}

} // namespace coir
