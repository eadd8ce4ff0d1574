// SPDX-License-Identifier: MIT
// A worker's own stacks, and what is done to a stack on its way back. Floor 1.
//
// Depth. A free stack shall keep its top 16 KiB and no more. To look whether it went deeper must not cost the
// small fiber that used a part of one page anything, so there are two lines of eight words, zero while untouched:
//   gate       the lowest line of the top 4 KiB, in a page that is resident in any case;
//   watermark  the lowest line of the top 16 KiB, looked at only if the gate was overwritten.
// Reading an untouched page maps the shared zero page, 0.7 µs once and no memory. Measured against it: mincore
// 1.3 µs each time; madvise on nothing 0.6 µs each time. A frame may step over both lines without writing there;
// such a stack keeps its pages until it goes cold. Those that do not go cold are a cache's share and the warm reserve.
#include "fiber/base/check.hpp"
#include "fiber/context/sanitizer.hpp"
#include "fiber/context/stack_pool.hpp"

#include <algorithm>
#include <sys/mman.h>

namespace coir {
namespace {

constexpr std::size_t line_words = base::cache_line_size / sizeof(std::uint64_t);
constexpr std::size_t canary_words = 4 * line_words;
constexpr std::uintptr_t gate_span_bytes = 4096;

bool is_written(const std::uint64_t* words, std::size_t count) noexcept {
  std::uint64_t any = 0;
  for (std::size_t i = 0; i < count; ++i) any |= words[i];
  return any != 0;
}

bool went_deep(const stack& free) noexcept {
  if (free.watermark == nullptr) return false;
  const auto top = reinterpret_cast<std::uintptr_t>(free.base) & ~(gate_span_bytes - 1);
  if (!is_written(reinterpret_cast<const std::uint64_t*>(top), line_words)) return false;
  return is_written(free.watermark, line_words);
}

bool trim(stack& deep) noexcept {
  const auto bytes =
      static_cast<std::size_t>(reinterpret_cast<std::byte*>(deep.watermark) - deep.limit);
  const bool is_trimmed = ::madvise(deep.limit, bytes, MADV_DONTNEED) == 0;
  std::fill_n(deep.watermark, line_words, 0);
  return is_trimmed;
}

void check_canary(const stack& free) noexcept {
  // The kernel's zeros are the canary: a value of ours would cost a page.
  const auto* const below = reinterpret_cast<const std::uint64_t*>(free.limit) - canary_words;
  COIR_CHECK(!is_written(below, canary_words), "a fiber overflowed its stack, which had no guard "
                                               "pages; raise its stack_size and vm.max_map_count");
}

std::uint32_t largest_share(unsigned size_class) noexcept {
  constexpr std::size_t most_stacks = 64;
  constexpr std::size_t most_bytes = std::size_t{64} << 20; // of address space
  const std::size_t by_size = most_bytes / (smallest_stack_bytes << size_class);
  return static_cast<std::uint32_t>(std::clamp<std::size_t>(by_size, 2, most_stacks));
}

} // namespace

stack_cache::stack_cache() { stack_pool::instance().add_cache(); }

stack_cache::~stack_cache() {
  clear();
  stack_pool::instance().remove_cache();
}

stack* stack_cache::take(unsigned size_class) noexcept {
  if (head_[size_class] == nullptr) refill(size_class);
  stack* const taken = head_[size_class];
  head_[size_class] = taken->next;
  --size_[size_class];
  return taken;
}

void stack_cache::give(stack* free) noexcept {
  const unsigned size_class = free->size_class;
  sanitizer::recycle(*free);
  if (!free->has_guard) check_canary(*free);
  if (went_deep(*free) && trim(*free)) stack_pool::instance().note_trim(size_class);
  if (size_[size_class] == share_[size_class] && !make_room(size_class)) [[unlikely]] {
    free->next = nullptr;
    stack_pool::instance().give(free);
    return;
  }
  free->next = head_[size_class];
  head_[size_class] = free;
  ++size_[size_class];
}

void stack_cache::clear() noexcept {
  for (unsigned size_class = 0; size_class < stack_class_count; ++size_class) {
    stack_pool::instance().give(head_[size_class]);
    head_[size_class] = nullptr;
    size_[size_class] = 0;
    if (share_[size_class] > 0) stack_pool::instance().return_share(size_class, share_[size_class]);
    share_[size_class] = 0;
  }
}

bool stack_cache::ask_for_share(unsigned size_class) noexcept {
  if (share_[size_class] > 0) return true;
  const std::uint32_t wanted = largest_share(size_class);
  if (!stack_pool::instance().grant_share(size_class, wanted)) return false;
  share_[size_class] = wanted;
  return true;
}

void stack_cache::refill(unsigned size_class) noexcept {
  // Without a share it takes the one that was promised and no more.
  const std::size_t wanted = ask_for_share(size_class) ? share_[size_class] / 2 : 1;
  head_[size_class] = stack_pool::instance().take(size_class, wanted);
  for (const stack* one = head_[size_class]; one != nullptr; one = one->next) ++size_[size_class];
}

bool stack_cache::make_room(unsigned size_class) noexcept {
  if (share_[size_class] == 0) return ask_for_share(size_class);
  // The hotter half stays.
  const std::uint32_t kept = share_[size_class] / 2;
  stack* last = head_[size_class];
  for (std::uint32_t i = 1; i < kept; ++i) last = last->next;
  stack* const colder = last->next;
  last->next = nullptr;
  size_[size_class] = kept;
  stack_pool::instance().give(colder);
  return true;
}

} // namespace coir
