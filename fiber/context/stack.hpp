// SPDX-License-Identifier: MIT
// A stack: one slot of a reservation, and the record of it. Floor 1.
//
// The record lies near the highest bytes of its own slot, so that it costs no memory beside the page that the
// fiber touches anyhow. From high to low addresses:
//
//     slot end      +-------------------------------+
//                   | colour: 0 … 15 cache lines    |  differs from slot to slot, see stack_region.cpp
//                   | struct stack (this record)    |
//     base       -> +-------------------------------+  first frame grows down from here
//                   | frames                        |
//     limit      -> +-------------------------------+  lowest usable address
//                   | guard pages                   |  without them: unused, its highest bytes are the canary
//     slot begin    +-------------------------------+
//
// A stack belongs to exactly one of: the fiber running on it, a worker's stack_cache, the depot of the
// stack_pool. When its pages go back to the kernel the record vanishes with them; its region remembers that the
// slot is free.
#pragma once

#include "fiber/base/cache_line.hpp"

#include <cstddef>
#include <cstdint>

namespace coir {

/// Slots are powers of two from 16 KiB to 64 MiB of address space, guard included; the class is the index.
inline constexpr std::size_t smallest_stack_bytes = std::size_t{16} << 10;
/// Slots lie one page further apart than their size, an odd number of pages: at a power of two all stack tops
/// would compete for a few sets of the TLB (docs/decisions.md, "Slots at an odd stride"). The page widens the
/// guard.
inline constexpr std::size_t slot_gap_bytes = std::size_t{4} << 10;
inline constexpr std::size_t largest_stack_bytes = std::size_t{64} << 20;
inline constexpr unsigned stack_class_count = 13;
inline constexpr std::size_t default_stack_bytes = std::size_t{256} << 10;

class stack_region;

struct alignas(base::cache_line_size) stack {
  stack* next;              ///< link of the cache or depot that owns it
  std::byte* base;          ///< highest usable address, coloured, aligned to a cache line
  std::byte* limit;         ///< lowest usable address; the guard ends here
  std::byte* slot_begin;    ///< lowest address of the slot
  std::uint64_t* watermark; ///< not zero there: the stack went deep; see stack_cache.cpp. Null: too small to be deep
  void* tsan_fiber;         ///< ThreadSanitizer's twin of this stack, or null
  stack_region* region;     ///< where its slot lies
  std::uint8_t size_class;  ///< index of the slot's size
  bool has_guard;           ///< false: only a canary below `limit` protects it

  [[nodiscard]] std::size_t slot_bytes() const noexcept {
    return smallest_stack_bytes << size_class;
  }
  [[nodiscard]] std::size_t stride_bytes() const noexcept { return slot_bytes() + slot_gap_bytes; }
  [[nodiscard]] std::size_t usable_bytes() const noexcept {
    return static_cast<std::size_t>(base - limit);
  }
};

static_assert(sizeof(stack) == base::cache_line_size);
static_assert(smallest_stack_bytes << (stack_class_count - 1) == largest_stack_bytes);

/// The class whose slots hold `bytes` (rounded up); throws std::system_error(invalid_argument) above the largest.
[[nodiscard]] unsigned stack_class_for(std::size_t bytes);

} // namespace coir
