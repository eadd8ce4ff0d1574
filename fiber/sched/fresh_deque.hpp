// SPDX-License-Identifier: MIT
// fresh_deque: a worker's fibers that have not begun yet. It takes the batch that was spawned last, thieves the oldest
// fiber. Floor 2.
//
// Why the last batch: who waits mostly waits for what it has just spawned. Taken in the order of their birth, the
// fibers of a recursive fork and join would all begin before the first one ends, each with a stack; so a worker holds
// as many stacks as the recursion is deep. Within a batch, which is what one fiber has spawned between two suspensions,
// the order is that of birth, as people expect. The oldest of all is the largest piece of work, which is what a thief
// wants (Blumofe and Leiserson, Scheduling Multithreaded Computations by Work Stealing, JACM 1999).
//
// Roles: try_push, pop, pop_batch, close_to_thieves: the owner. steal, open_to_thieves, is_empty: anybody.
//
// Modes: exclusive and shared, as those of run_queue; only the owner's pop() is cheaper while it is exclusive.
//
// Invariant: bottom_ - top_ is how many there are, at most capacity; top_ only grows. Whoever moves top_ from t to
// t + 1 by its exchange owns the fiber of slot t; the owner owns those above without one.
//
// Ordering:
//   slot; bottom_ release (try_push)      -> bottom_ acquire (take_oldest): the fiber's fields and the slot
//   top_ seq_cst (take_oldest, try_take)   -> top_ acquire (try_push): the slot has been read and may be overwritten
//   is_arranging_; bottom_ release (pop_batch) -> bottom_ acquire; is_arranging_ (is_empty), and the other way round
//   bottom_ lower; full_fence; top_ (try_take_shared) || top_; full_fence; bottom_ (take_oldest): either the owner sees
//                                            that the thief
//                                            has moved top_, or the thief that the fiber is being taken
//
// It grows. A ring that has been replaced stays as it is for thieves that still read it: whoever wins a fiber by its
// exchange has read the right one, in whichever ring.
//
// Source: Chase and Lev, Dynamic Circular Work-Stealing Deque, SPAA 2005, with the orders of Lê et al., PPoPP 2013.
// Checked by: tests/sched/fresh_deque_test.cpp.
#pragma once

#include "fiber/base/atomic.hpp"
#include "fiber/base/cache_line.hpp"
#include "fiber/sched/thief_gate.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace coir {

struct control_block;

class fresh_deque {
public:
  /// `exclusive`: as for run_queue: it begins closed to thieves. Throws std::bad_alloc.
  explicit fresh_deque(bool exclusive);
  fresh_deque(const fresh_deque&) = delete;
  fresh_deque& operator=(const fresh_deque&) = delete;

  /// False: it is full and cannot grow. Owner only.
  [[nodiscard]] bool try_push(control_block& fiber) noexcept {
    const std::int64_t bottom = bottom_.load(relaxed); // relaxed: only the owner writes it
    // acquire: pairs with the exchanges of top_.
    if (bottom - top_.load(acquire) == ring_of_owner().capacity() && !try_grow()) [[unlikely]]
      return false;
    ring_of_owner().slot(bottom).store(&fiber, relaxed); // relaxed: published by bottom_
    bottom_.store(bottom + 1, release);                  // pairs with the acquire in steal
    return true;
  }

  /// The newest, or null. Owner only.
  [[nodiscard]] control_block* pop() noexcept {
    const std::int64_t bottom = bottom_.load(relaxed); // relaxed: only the owner writes it
    // relaxed: it only grows, and never beyond bottom_, so equality is final.
    if (top_.load(relaxed) == bottom) return nullptr;
    if (!try_take(bottom - 1)) return nullptr;
    return ring_of_owner().slot(bottom - 1).load(relaxed); // relaxed: the owner wrote it
  }
  /// The same, if that is `fiber`. False: it is not, or a thief was faster. Owner only.
  [[nodiscard]] bool try_pop(const control_block& fiber) noexcept {
    const std::int64_t bottom = bottom_.load(relaxed); // relaxed: only the owner writes it
    // relaxed: as in pop(); the owner wrote the slot.
    return top_.load(relaxed) < bottom &&
           ring_of_owner().slot(bottom - 1).load(relaxed) == &fiber && try_take(bottom - 1);
  }

  /// The oldest of the `count` that were pushed last, or null. The next calls of pop() return the others in the order
  /// of their birth. Owner only.
  [[nodiscard]] control_block* pop_batch(std::int64_t count) noexcept;

  /// The oldest; null: there is none, or somebody else was faster, or it is closed.
  [[nodiscard]] control_block* steal() noexcept {
    if (is_empty_to_owner() || !gate_.try_enter()) return nullptr;
    control_block* const oldest = take_oldest();
    gate_.leave();
    return oldest;
  }
  /// The oldest, as by steal(), also if it is closed. For the owner; anybody else has to be inside of the gate.
  [[nodiscard]] control_block* take_oldest() noexcept {
    std::int64_t top = top_.load(acquire);            // pairs with the exchange below
    full_fence();                                     // pairs with the one in pop
    if (top >= bottom_.load(acquire)) return nullptr; // pairs with the release in try_push
    // acquire: pairs with the release in try_grow: the ring's contents.
    const ring& slots = *ring_.load(acquire);
    control_block* const oldest = slots.slot(top).load(relaxed); // relaxed: published by bottom_
    // seq_cst: pairs with the acquire in try_push (the slot has been read) and has its place among the fences.
    // relaxed: somebody was faster, and the slot may have been anything.
    return top_.compare_exchange(top, top + 1, seq_cst, relaxed) ? oldest : nullptr;
  }

  void open_to_thieves() noexcept {
    gate_.open([] {}); // thieves go by what the owner uses
  }
  /// Unless a thief is at it. Owner only; cheap if there is nothing to do.
  void close_to_thieves() noexcept {
    gate_.close([] {});
  }

  /// How many have left as the oldest, by steal() or as the last one.
  [[nodiscard]] std::int64_t taken() const noexcept {
    return top_.load(relaxed); // relaxed: a number to compare with an earlier one
  }
  /// Whether there is none, or was none a moment ago. A batch that is being arranged counts: who asks may be about to
  /// sleep, and nobody would wake it when the arranging is over.
  [[nodiscard]] bool is_empty() const noexcept {
    // acquire: pairs with the release in pop_batch. If it has ended since the first look, the second sees the outcome.
    return is_empty_to_owner() && !is_arranging_.load(acquire) && is_empty_to_owner();
  }
  /// Whether there is none. Owner only: it arranges nothing meanwhile.
  [[nodiscard]] bool is_empty_to_owner() const noexcept {
    // relaxed: a hint, callers fence. acquire: pairs with the release in pop_batch.
    return top_.load(relaxed) >= bottom_.load(acquire);
  }

private:
  class ring {
  public:
    explicit ring(std::int64_t capacity)
        : mask_(static_cast<std::uint64_t>(capacity) - 1),
          slots_(std::make_unique<atomic<control_block*>[]>(static_cast<std::size_t>(capacity))) {}
    [[nodiscard]] std::int64_t capacity() const noexcept {
      return static_cast<std::int64_t>(mask_) + 1;
    }
    [[nodiscard]] atomic<control_block*>& slot(std::int64_t index) const noexcept {
      return slots_[static_cast<std::uint64_t>(index) & mask_];
    }

  private:
    std::uint64_t mask_;
    std::unique_ptr<atomic<control_block*>[]> slots_;
  };
  static constexpr std::int64_t first_capacity = 256;
  static constexpr std::int64_t last_capacity = 1 << 13;

  [[nodiscard]] const ring& ring_of_owner() const noexcept {
    return *ring_.load(relaxed); // relaxed: only the owner writes it
  }
  /// Takes the newest out, the one at `last`. False: a thief was faster.
  bool try_take(std::int64_t last) noexcept {
    // release: pairs with the acquire in take_oldest, which may read this one instead of a later one.
    bottom_.store(last, release);
    if (!gate_.is_closed()) [[unlikely]]
      return try_take_shared(last);
    if (top_.load(relaxed) == last) { // relaxed: only the owner has written it since the gate was closed
      // In this order: a thief that comes now and sees the new bottom_ finds that top_ has moved.
      top_.store(last + 1, relaxed);    // relaxed: published by bottom_
      bottom_.store(last + 1, release); // pairs with the acquire in take_oldest
    }
    return true;
  }
  /// The same, once bottom_ has been lowered.
  bool try_take_shared(std::int64_t last) noexcept;
  bool try_grow() noexcept;
  void reverse(std::int64_t first, std::int64_t end) noexcept;

  alignas(base::cache_line_size) atomic<std::int64_t> bottom_{0}; ///< next free slot; the owner's
  atomic<bool> is_arranging_{false};         ///< bottom_ is lower than it will be; the owner's
  atomic<const ring*> ring_{nullptr};        ///< the last of rings_; the owner's
  std::vector<std::unique_ptr<ring>> rings_; ///< the owner's
  thief_gate gate_;
  alignas(base::cache_line_size) atomic<std::int64_t> top_{0}; ///< the oldest; only grows
};

} // namespace coir
