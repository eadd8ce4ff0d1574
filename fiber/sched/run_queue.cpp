// SPDX-License-Identifier: MIT
#include "fiber/sched/run_queue.hpp"

#include "fiber/sched/control_block.hpp"

namespace coir {

control_block* run_queue::settle(std::uint32_t popped, std::uint32_t lines) noexcept {
  gate_.await_open();
  if (opened_at_ == popped + 1) return slot(popped).fiber.load(relaxed); // relaxed: the owner wrote it
  return pop_shared(lines);
}

control_block* run_queue::pop_shared(std::uint32_t lines) noexcept {
  gate_.await_open();                             // before that head_ is not valid
  const std::uint32_t tail = tail_.load(relaxed); // relaxed: only the owner writes it
  std::uint32_t head = head_.load(relaxed);       // relaxed: the exchange decides
  while (head != tail) {
    control_block* const fiber = slot(head).fiber.load(relaxed); // relaxed: the owner wrote it
    // acq_rel: pairs with the exchange in steal_into and the acquire in head_for_owner.
    // relaxed: a failed try only looks again.
    if (head_.compare_exchange_weak(head, head + 1, acq_rel, relaxed)) {
      prefetch_behind(head, tail, lines);
      return fiber;
    }
  }
  return nullptr;
}

bool run_queue::find_room(std::uint32_t tail) noexcept {
  full_at_ = head_for_owner() + capacity;
  return tail != full_at_;
}

std::uint32_t run_queue::take_half(control_block*& first, control_block*& last) noexcept {
  const std::uint32_t wanted = size() / 2;
  std::uint32_t taken = 0;
  first = last = nullptr;
  for (; taken < wanted; ++taken) {
    control_block* const fiber = pop();
    if (fiber == nullptr) break;
    fiber->next = nullptr;
    (last == nullptr ? first : last->next) = fiber;
    last = fiber;
  }
  return taken;
}

std::uint32_t run_queue::steal_into(run_queue& own) noexcept {
  if (size() == 0) return 0; // touch nothing of a victim that has nothing
  if (!gate_.try_enter()) return 0;
  const std::uint32_t count = steal_shared(own);
  gate_.leave();
  return count;
}

std::uint32_t run_queue::steal_shared(run_queue& own) noexcept {
  const std::uint32_t own_tail = own.tail_.load(relaxed); // relaxed: the caller owns it
  own.full_at_ = own.head_for_owner() + capacity;         // its tail may pass what try_push knew
  const std::uint32_t room = own.full_at_ - own_tail;
  std::uint32_t head = head_.load(acquire); // pairs with other thieves' acq_rel exchange below
  for (;;) {
    const std::uint32_t tail = tail_.load(acquire); // pairs with the release in try_push
    std::uint32_t count = tail - head;
    count -= count / 2;
    if (count > room) count = room;
    if (count == 0) return 0;
    // head is older than tail here, so the difference may exceed what was ever in the ring: then look again.
    if (count <= capacity / 2) {
      for (std::uint32_t i = 0; i < count; ++i) {
        place& from = slot(head + i);
        place& to = own.slot(own_tail + i);
        // relaxed: own.tail_ publishes the copies; a slot overwritten meanwhile makes the exchange fail.
        to.fiber.store(from.fiber.load(relaxed), relaxed);
        to.touched.store(from.touched.load(relaxed), relaxed); // relaxed: the same
      }
      // acq_rel: pairs with the acquire in head_for_owner: the slots have been read.
      // acquire: pairs with the exchange that won.
      if (head_.compare_exchange(head, head + count, acq_rel, acquire)) {
        own.tail_.store(own_tail + count, release); // pairs with the acquire of tail_ in steal_into
        return count;
      }
    } else {
      head = head_.load(acquire); // pairs with other thieves' acq_rel exchange
    }
  }
}

void run_queue::open_to_thieves() noexcept {
  gate_.open([this] {
    // relaxed: the gate has made every pop visible that has found it closed; opened_at_ settles the one that might not.
    opened_at_ = owner_head_.load(relaxed);
    head_.store(opened_at_, relaxed); // relaxed: published by the gate
  });
}

std::uint32_t run_queue::size() const noexcept {
  // relaxed: the answer is stale at once, in every order. Before it has been opened head_ means nothing.
  const std::uint32_t head = (gate_.has_opened() ? head_ : owner_head_).load(relaxed);
  const std::uint32_t count = tail_.load(relaxed) - head; // relaxed: as above
  return count > capacity ? 0 : count;
}

} // namespace coir
