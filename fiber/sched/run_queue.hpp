// SPDX-License-Identifier: MIT
// run_queue: a worker's runnable fibers, first in first out. Floor 2.
//
// What: a bounded ring; one owner pushes and pops, any number of thieves take half. push and pop by the owner are
// wait-free, steal is lock-free.
//
// Modes. While nobody else can want its fibers (a runtime of one worker), the ring is *exclusive*: the owner pops
// with plain loads and stores, which is what makes a yield cost less than a locked instruction. open_to_thieves()
// makes it *shared*, for good: then owner and thieves agree by compare-and-swap on head_.
//
//     exclusive --(open_to_thieves: any thread)--> opening --(same call)--> shared
//
// Roles: push, pop, take_half: the owner. steal_into, open_to_thieves, size: anybody. It may be destroyed when no
// thief can come any more (all workers joined).
//
// Invariants: 0 <= tail - head <= capacity (as 32-bit differences; indices wrap and never repeat within 2^32
// operations, so a stalled thief's compare-and-swap could only succeed wrongly after exactly 2^32 pops: accepted as
// in Go and Tokio).
//
// Ordering:
//   slot store, tail_ release (push)         -> tail_ acquire (steal_into): the fiber's fields and the slot
//   head_ acq_rel (steal_into, pop_shared)   -> head_ acquire (push): the slot has been read and may be overwritten
//   mode_ opening; heavy_fence (opener)      || owner_head_ = h + 1; light_fence; mode_ read (pop): either the opener
//                                               counts the pop or the owner sees the opener. If both, opened_at_
//                                               decides.
//   opened_at_, head_; mode_ release (opener)-> mode_ acquire (settle): where thieves begin
//
// Source: the ring is that of Go's runtime and Tokio (runqget, runqgrab); the mode switch is biased locking's
// revocation (Vasudevan et al., PPPJ 2010) with membarrier(2). Checked by: tests/sched/run_queue_test.cpp.
#pragma once

#include "fiber/base/atomic.hpp"
#include "fiber/base/cache_line.hpp"

#include <cstdint>

namespace coir {

struct control_block;

class run_queue {
public:
  static constexpr std::uint32_t capacity = 2048;

  explicit run_queue(bool exclusive) noexcept;

  /// Appends; false if the ring is full. Owner only.
  [[nodiscard]] bool try_push(control_block& fiber) noexcept;
  /// The oldest, or null. Owner only.
  [[nodiscard]] control_block* pop() noexcept;
  /// Takes the older half out, linked by `next`, ending in `last`; 0 if thieves emptied it meanwhile. Owner only.
  std::uint32_t take_half(control_block*& first, control_block*& last) noexcept;
  /// Starts to load the fiber that pop() would return, before it is needed. Owner only.
  void prefetch_next() const noexcept;

  /// Moves half of the fibers (rounded up) to the end of `own`, which belongs to the caller. Returns how many.
  std::uint32_t steal_into(run_queue& own) noexcept;
  /// Makes the ring shared. Returns when thieves may come. Not on the path of anything frequent.
  void open_to_thieves() noexcept;

  /// How many there are, or were a moment ago.
  [[nodiscard]] std::uint32_t size() const noexcept;

private:
  enum class mode : std::uint32_t { exclusive, opening, shared };
  static constexpr std::uint32_t mask = capacity - 1;
  static_assert((capacity & mask) == 0);

  control_block* settle(std::uint32_t popped) noexcept;
  control_block* pop_shared() noexcept;
  [[nodiscard]] std::uint32_t head_for_owner() const noexcept;
  atomic<control_block*>& slot(std::uint32_t index) noexcept { return slots_[index & mask]; }

  // Written by the owner alone.
  alignas(base::cache_line_size) atomic<std::uint32_t> owner_head_{0}; ///< next to pop while exclusive
  atomic<std::uint32_t> tail_{0};                                      ///< next free slot
  // Written by the opener, once.
  atomic<mode> mode_;
  std::uint32_t opened_at_ = 0; ///< guarded by mode_ == shared
  // Written by owner and thieves.
  alignas(base::cache_line_size) atomic<std::uint32_t> head_{0}; ///< next to take while shared
  alignas(base::cache_line_size) atomic<control_block*> slots_[capacity];
};

} // namespace coir
