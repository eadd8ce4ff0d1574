// SPDX-License-Identifier: MIT
// A contiguous reservation of address space, cut into slots of one size class. Floor 1.
//
// A slot is uncut (never used), out (its record lies in it; it is a stack) or cold (was a stack; its pages are
// the kernel's again and its guard stays). A region never goes away once the pool has it: idle slots cost address
// space and, where they were used, their share of page tables.
//
// Guards: MADV_GUARD_INSTALL (Linux 6.13) marks page-table entries and splits no mapping, so there may be
// millions. Older kernels refuse it; then mprotect guards, two mappings each, as many as a quarter of
// vm.max_map_count; then none, and a canary that is checked when the stack is given back. A guard is installed
// once, when its slot is cut.
//
// Who may call: claim_slot and put_cold under the lock of the pool's depot for the class; the others by whoever has
// claimed the slot.
#pragma once

#include "fiber/context/stack.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace coir {

class stack_region;

/// How stacks are protected.
enum class guard_mode : std::uint8_t {
  automatic, ///< the best that the kernel has
  protect,   ///< mprotect, as many as the budget allows
  canary     ///< no guard pages
};

/// The right to make a stack of a slot.
struct slot_claim {
  stack_region* region;
  std::size_t index;
  bool is_uncut;  ///< needs its guard yet
  bool has_guard; ///< if it was cut
};

class stack_region {
public:
  /// Null if there is no address space or no memory for the bookkeeping.
  static std::unique_ptr<stack_region> reserve(unsigned size_class, std::size_t slots) noexcept;
  ~stack_region();
  stack_region(const stack_region&) = delete;
  stack_region& operator=(const stack_region&) = delete;

  [[nodiscard]] std::size_t slots() const noexcept { return slots_; }
  [[nodiscard]] std::size_t cold_slots() const noexcept { return cold_count_; }

  /// A cold slot, else an uncut one. False: all are out.
  bool claim_slot(slot_claim& claimed) noexcept;
  /// The slot's pages have been given back.
  void put_cold(std::size_t index, bool has_guard) noexcept;

  /// Installs the guard if the slot is uncut and writes the record.
  stack* build(const slot_claim& claimed) noexcept;
  [[nodiscard]] std::size_t index_of(const stack& one) const noexcept {
    return static_cast<std::size_t>(one.slot_begin - base_) / one.stride_bytes();
  }

  /// Gives the pages of the slots from `first` to `last` of one region back, their records included; guards stay.
  /// False if the kernel keeps them (mlockall), with nothing changed.
  static bool give_back(const stack& first, const stack& last) noexcept;

  /// For tests: from now on slots are cut in this mode. `budget`: how many mprotect guards may still be made; 0:
  /// a quarter of vm.max_map_count, less those that exist.
  static void force_guard_mode(guard_mode mode, std::size_t budget = 0) noexcept;

private:
  stack_region(unsigned size_class, std::size_t slots, std::byte* base);

  std::byte* const base_;
  const std::size_t slots_;
  const std::uint8_t size_class_;
  std::size_t uncut_from_ = 0; ///< slots from here on are uncut
  std::size_t cold_count_ = 0;
  std::size_t first_cold_word_ = 0;                  ///< no bit is set in the words before
  const std::unique_ptr<std::uint64_t[]> cold_;      ///< a bit per slot
  const std::unique_ptr<std::uint64_t[]> unguarded_; ///< a bit per cold slot without guard pages
};

/// Bytes at the low end of a slot that no frame may use: a quarter, but not more than 64 KiB.
[[nodiscard]] std::size_t guard_bytes(unsigned size_class) noexcept;

} // namespace coir
