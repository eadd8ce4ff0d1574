// SPDX-License-Identifier: MIT
// Cutting slots, and their guards. Floor 1. See stack_region.hpp.
#include "fiber/context/stack_region.hpp"

#include "fiber/base/atomic.hpp"
#include "fiber/base/check.hpp"
#include "fiber/context/sanitizer.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <new>
#include <sys/mman.h>
#include <sys/prctl.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 // linux/mman.h since 6.13
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41 // linux/prctl.h since 5.17
#define PR_SET_VMA_ANON_NAME 0
#endif

namespace coir {
namespace {

/// A stack keeps this much of its top when it is trimmed; see stack_cache.cpp.
constexpr std::size_t kept_bytes = std::size_t{16} << 10;
constexpr std::size_t largest_guard_bytes = std::size_t{64} << 10;
constexpr std::size_t colours = 16;

constexpr std::int64_t budget_not_read = -1;
constexpr std::int64_t default_map_count = 65530;

atomic<guard_mode> mode{guard_mode::automatic};
atomic<std::int64_t> guards_left{budget_not_read};

std::int64_t read_guard_budget() noexcept {
  long long maps = default_map_count;
  if (std::FILE* const file = std::fopen("/proc/sys/vm/max_map_count", "re")) {
    if (std::fscanf(file, "%lld", &maps) != 1) maps = default_map_count;
    std::fclose(file);
  }
  return maps / 4;
}

bool protect(std::byte* begin, std::size_t bytes) noexcept {
  // relaxed, here and below: a counter that guards no other memory.
  if (guards_left.load(relaxed) == budget_not_read) {
    std::int64_t expected = budget_not_read;
    guards_left.compare_exchange(expected, read_guard_budget(), relaxed, relaxed);
  }
  std::int64_t left = guards_left.load(relaxed); // relaxed: see above
  do {
    if (left <= 0) return false;
  } while (!guards_left.compare_exchange_weak(left, left - 1, relaxed, relaxed)); // relaxed: see above
  return ::mprotect(begin, bytes, PROT_NONE) == 0;
}

/// False: the kernel cannot protect these bytes without running out of mappings.
bool install_guard(std::byte* begin, std::size_t bytes) noexcept {
  // relaxed: every mode is safe at any time.
  switch (mode.load(relaxed)) {
  case guard_mode::automatic:
    if (::madvise(begin, bytes, MADV_GUARD_INSTALL) == 0) return true;
    // relaxed: as the load. EINVAL: the kernel does not know it, nor will it know it for the next stack.
    if (errno == EINVAL) mode.store(guard_mode::protect, relaxed);
    return protect(begin, bytes);
  case guard_mode::protect: return protect(begin, bytes);
  case guard_mode::canary: break;
  }
  return false;
}

constexpr std::size_t stride_bytes(unsigned size_class) noexcept {
  return (smallest_stack_bytes << size_class) + slot_gap_bytes;
}

/// Stack tops at one offset of their pages would share a few sets of the L1 and L2 caches. Neighbours differ, and
/// so do the slots at any small stride (Fibonacci hashing).
std::size_t colour_bytes(std::size_t index) noexcept {
  constexpr std::uint64_t golden = 0x9e3779b97f4a7c15;
  static_assert(colours == 1 << 4);
  return (index * golden >> (64 - 4)) * base::cache_line_size;
}

} // namespace

std::size_t guard_bytes(unsigned size_class) noexcept {
  return std::min((smallest_stack_bytes << size_class) / 4, largest_guard_bytes) + slot_gap_bytes;
}

std::unique_ptr<stack_region> stack_region::reserve(unsigned size_class,
                                                    std::size_t slots) noexcept {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(slots, stride_bytes(size_class), &bytes)) return nullptr;
  void* const base = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (base == MAP_FAILED) return nullptr;
  // A huge page per stack would be 2 MiB of memory each. The name is for /proc/<pid>/maps. Kernels without either
  // do well.
  ::madvise(base, bytes, MADV_NOHUGEPAGE);
  ::prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, base, bytes, "coir stacks");
  try {
    return std::unique_ptr<stack_region>(
        new stack_region(size_class, slots, static_cast<std::byte*>(base)));
  } catch (const std::bad_alloc&) {
    ::munmap(base, bytes);
    return nullptr;
  }
}

stack_region::stack_region(unsigned size_class, std::size_t slots, std::byte* base)
    : base_(base),
      slots_(slots),
      size_class_(static_cast<std::uint8_t>(size_class)),
      cold_(std::make_unique<std::uint64_t[]>(slots / 64 + 1)),
      unguarded_(std::make_unique<std::uint64_t[]>(slots / 64 + 1)) {}

stack_region::~stack_region() { ::munmap(base_, slots_ * stride_bytes(size_class_)); }

bool stack_region::claim_slot(slot_claim& claimed) noexcept {
  if (cold_count_ > 0) {
    while (cold_[first_cold_word_] == 0) ++first_cold_word_;
    std::uint64_t& word = cold_[first_cold_word_];
    const auto bit = static_cast<unsigned>(std::countr_zero(word));
    word &= word - 1;
    --cold_count_;
    const bool has_guard = (unguarded_[first_cold_word_] >> bit & 1) == 0;
    claimed = {this, first_cold_word_ * 64 + bit, false, has_guard};
    return true;
  }
  if (uncut_from_ == slots_) return false;
  claimed = {this, uncut_from_++, true, false};
  return true;
}

void stack_region::put_cold(std::size_t index, bool has_guard) noexcept {
  const std::size_t word = index / 64;
  const std::uint64_t bit = std::uint64_t{1} << (index % 64);
  COIR_CHECK((cold_[word] & bit) == 0, "a stack was given back twice");
  cold_[word] |= bit;
  if (has_guard) {
    unguarded_[word] &= ~bit;
  } else {
    unguarded_[word] |= bit;
  }
  ++cold_count_;
  first_cold_word_ = std::min(first_cold_word_, word);
}

stack* stack_region::build(const slot_claim& claimed) noexcept {
  const std::size_t guard = guard_bytes(size_class_);
  std::byte* const begin = base_ + claimed.index * stride_bytes(size_class_);
  std::byte* const end = begin + stride_bytes(size_class_);
  const bool has_guard = claimed.is_uncut ? install_guard(begin, guard) : claimed.has_guard;
  std::byte* const record = end - colour_bytes(claimed.index) - sizeof(stack);
  const bool can_be_deep = static_cast<std::size_t>(end - begin) - guard > kept_bytes;
  stack* const made = new (record) stack{
      .next = nullptr,
      .base = record,
      .limit = begin + guard,
      .slot_begin = begin,
      .watermark = can_be_deep ? reinterpret_cast<std::uint64_t*>(end - kept_bytes) : nullptr,
      .tsan_fiber = nullptr,
      .region = this,
      .size_class = size_class_,
      .has_guard = has_guard,
  };
  if (claimed.is_uncut) sanitizer::register_stack(*made);
  return made;
}

bool stack_region::give_back(const stack& first, const stack& last) noexcept {
  std::byte* const end = last.slot_begin + last.stride_bytes();
  return ::madvise(first.limit, static_cast<std::size_t>(end - first.limit), MADV_DONTNEED) == 0;
}

void stack_region::force_guard_mode(guard_mode forced, std::size_t budget) noexcept {
  // relaxed: see install_guard and protect.
  mode.store(forced, relaxed);
  if (budget > 0) guards_left.store(static_cast<std::int64_t>(budget), relaxed);
}

} // namespace coir
