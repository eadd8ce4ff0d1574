// SPDX-License-Identifier: MIT
// run_queue: a worker's runnable fibers, first in first out. Floor 2.
//
// What: a bounded ring; one owner pushes and pops, any number of thieves take half. push and pop by the owner are
// wait-free, steal is lock-free.
//
// Modes. While nobody else can want its fibers (a runtime of one worker), the ring is *exclusive*: the owner pops
// with plain loads and stores, which is what makes a yield cost less than a locked instruction. open_to_thieves()
// makes it *shared*: then owner and thieves agree by compare-and-swap on head_. When nobody is to steal any more the
// owner closes it again; it cannot while a thief is inside. See thief_gate.hpp.
//
// Roles: push, pop, take_half, close_to_thieves: the owner. steal_into, open_to_thieves, size: anybody. It may be
// destroyed when no thief can come any more (all workers joined).
//
// Invariants: 0 <= tail - head <= capacity (as 32-bit differences; indices wrap and never repeat within 2^32
// operations, so a stalled thief's compare-and-swap could only succeed wrongly after exactly 2^32 pops: accepted as
// in Go and Tokio).
//
// Ordering:
//   slot store, tail_ release (push)         -> tail_ acquire (steal_into): the fiber's fields and the slot
//   head_ acq_rel (steal_into, pop_shared)   -> head_ acquire (push): the slot has been read and may be overwritten
//   owner_head_ = h + 1; gate_ (pop)         || gate_ (open_to_thieves): either the opener counts the pop or the owner
//                                               sees the opener. If both, opened_at_ decides.
//   opened_at_, head_; gate_ (open_to_thieves)-> gate_ (settle): where thieves begin
//
// Source: the ring is that of Go's runtime and Tokio (runqget, runqgrab). Checked by:
// tests/sched/run_queue_test.cpp.
#pragma once

#include "fiber/base/atomic.hpp"
#include "fiber/base/cache_line.hpp"
#include "fiber/sched/control_block.hpp"
#include "fiber/sched/thief_gate.hpp"

#include <cstddef>
#include <cstdint>

namespace coir {

class run_queue {
public:
  static constexpr std::uint32_t capacity = 2048;
  /// How many cache lines of the next fiber pop() starts to load: the frames of a wait for IO, and those of a yield.
  static constexpr std::uint32_t lines_of_wait = 8;
  static constexpr std::uint32_t lines_of_yield = 3;

  explicit run_queue(bool exclusive) noexcept : gate_(exclusive) {}

  /// Appends; false if the ring is full. Owner only.
  [[nodiscard]] bool try_push(control_block& fiber) noexcept {
    const std::uint32_t tail = tail_.load(relaxed); // relaxed: only the owner writes it
    if (tail == full_at_ && !find_room(tail)) [[unlikely]]
      return false;
    slot(tail).fiber.store(&fiber, relaxed);                  // relaxed: published by tail_
    slot(tail).touched.store(fiber.touched_first(), relaxed); // relaxed: a hint
    tail_.store(tail + 1, release); // pairs with the acquire of tail_ in steal_into
    return true;
  }
  /// The oldest, or null. Owner only. Starts to load the ones behind it, of the next one `lines`.
  [[nodiscard]] control_block* pop(std::uint32_t lines = lines_of_wait) noexcept {
    // If it is opened now, the check below sees it.
    if (!gate_.is_closed()) [[unlikely]]
      return pop_shared(lines);
    const std::uint32_t head = owner_head_.load(relaxed); // relaxed: only the owner writes it
    const std::uint32_t tail = tail_.load(relaxed);       // relaxed: only the owner writes it
    if (head == tail) return nullptr;
    owner_head_.store(head + 1, relaxed); // relaxed: the gate orders it
    if (!gate_.is_closed()) [[unlikely]]
      return settle(head, lines);
    prefetch_behind(head, tail, lines);
    return slot(head).fiber.load(relaxed); // relaxed: the owner wrote it
  }
  /// Takes the older half out, linked by `next`, ending in `last`; 0 if thieves emptied it meanwhile. Owner only.
  std::uint32_t take_half(control_block*& first, control_block*& last) noexcept;
  /// Moves half of the fibers (rounded up) to the end of `own`, which belongs to the caller. Returns how many.
  std::uint32_t steal_into(run_queue& own) noexcept;
  /// Makes the ring shared. Returns when thieves may come. Not on the path of anything frequent.
  void open_to_thieves() noexcept;
  /// Makes a ring that began exclusive so again, unless a thief is at it. Owner only; cheap if there is nothing to do.
  void close_to_thieves() noexcept {
    gate_.close([this] {
      // acquire: pairs with the exchanges of thieves. relaxed: only read by the owner, or published by the gate.
      owner_head_.store(head_.load(acquire), relaxed);
    });
  }

  /// How many there are, or were a moment ago.
  [[nodiscard]] std::uint32_t size() const noexcept;

private:
  static constexpr std::uint32_t mask = capacity - 1;
  static_assert((capacity & mask) == 0);

  /// Of a queued fiber. Its address alone would not do: once it has been taken it may end, so nobody but the taker
  /// may look into it to find out what to load.
  struct place {
    atomic<control_block*> fiber;
    atomic<const void*> touched; ///< control_block::touched_first()
  };

  /// Starts to load what the fibers behind the one at `head` will touch, if there are some. One that has been stolen
  /// costs a wasted prefetch.
  void prefetch_behind(std::uint32_t head, std::uint32_t tail, std::uint32_t lines) noexcept {
    if (tail - head < 3) return; // stale places would name what others use
    const auto next =
        reinterpret_cast<std::uintptr_t>(slot(head + 1).touched.load(relaxed)); // relaxed: a hint
#pragma GCC unroll 8
    for (std::uintptr_t line = 0; line < lines; ++line) {
      __builtin_prefetch(reinterpret_cast<const void*>(next + line * base::cache_line_size), 1);
    }
    const auto* const after = slot(head + 2).fiber.load(relaxed); // relaxed: a hint
    __builtin_prefetch(after, 1);
    __builtin_prefetch(reinterpret_cast<const std::byte*>(after) + base::cache_line_size, 1);
  }

  [[nodiscard]] bool find_room(std::uint32_t tail) noexcept;
  std::uint32_t steal_shared(run_queue& own) noexcept;
  control_block* settle(std::uint32_t popped, std::uint32_t lines) noexcept;
  control_block* pop_shared(std::uint32_t lines) noexcept;
  [[nodiscard]] std::uint32_t head_for_owner() const noexcept {
    // Before it has been opened head_ means nothing.
    // relaxed: only the owner writes it; while the ring is opened it is a lower bound of what head_ will be.
    if (!gate_.has_opened()) [[likely]]
      return owner_head_.load(relaxed);
    return head_.load(
        acquire); // pairs with the acq_rel exchanges of head_: slots below it have been read
  }
  place& slot(std::uint32_t index) noexcept { return slots_[index & mask]; }

  // Written by the owner alone.
  alignas(base::cache_line_size) atomic<std::uint32_t> owner_head_{
      0};                            ///< next to pop while exclusive
  atomic<std::uint32_t> tail_{0};    ///< next free slot
  std::uint32_t full_at_ = capacity; ///< a tail that is known to be reachable; the owner's
  std::uint32_t opened_at_ = 0;      ///< guarded by gate_: valid while it is open
  thief_gate gate_;
  // Written by owner and thieves.
  alignas(base::cache_line_size) atomic<std::uint32_t> head_{0}; ///< next to take while shared
  alignas(base::cache_line_size) place slots_[capacity];
};

} // namespace coir
