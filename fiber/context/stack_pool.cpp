// SPDX-License-Identifier: MIT
// The depots, and what happens to a stack on its way back. Floor 1. See stack_pool.hpp.
//
// A free stack is hot (in a worker's cache), warm (in the depot's list, pages in place) or cold (a bit of its
// region; its pages, record included, are the kernel's). Cold slots are taken lowest first, so that page tables
// stay dense.
#include "fiber/context/stack_pool.hpp"

#include "fiber/base/atomic.hpp"
#include "fiber/base/check.hpp"
#include "fiber/context/sanitizer.hpp"
#include "fiber/context/stack_region.hpp"

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <new>
#include <system_error>
#include <vector>

namespace coir {
namespace {

/// Stacks that stay warm per class: 4 … 16 MiB of memory, which spare page faults when fibers come and go by the
/// hundreds.
constexpr std::size_t warm_limit = 1024;
/// Slots that one take() cuts or warms up ahead of need. Each costs a page.
constexpr std::size_t cut_batch = 8;
constexpr std::size_t cool_batch = 32;
/// A first region is as large as the larger of these; later ones double the reservation until the last.
constexpr std::size_t first_region_slots = 64;
constexpr std::size_t first_region_bytes = std::size_t{16} << 20;
constexpr std::size_t largest_region_bytes = std::size_t{256} << 30;

constexpr char no_guard_message[] =
    "coir: a fiber stack has no guard pages: this kernel has no MADV_GUARD_INSTALL (Linux 6.13) "
    "and a quarter of vm.max_map_count is used up for guards; raise vm.max_map_count";

/// A class's part of the pool. All fields but the counters are guarded by `lock`.
struct alignas(base::cache_line_size) depot {
  std::mutex lock;
  std::vector<std::unique_ptr<stack_region>> regions;
  std::size_t reserved = 0;
  std::size_t promised = 0;
  std::size_t held_back = 0; ///< shares of caches
  std::size_t cold = 0;
  std::size_t warm = 0;
  stack* warm_head = nullptr;
  atomic<std::size_t> unguarded{0};
  atomic<std::size_t> trims{0};

  [[nodiscard]] bool reserve(std::size_t slots, unsigned size_class) noexcept;
  bool claim(slot_claim& claimed) noexcept;
};

/// Never destroyed: threads may still run fibers while the process exits.
depot& depot_of(unsigned size_class) noexcept {
  static depot* const all = new depot[stack_class_count];
  return all[size_class];
}

atomic<std::size_t> live_caches{0};
atomic<void (*)(const char*) noexcept> warning_handler{nullptr};

/// Makes the reservation at least `slots` large.
bool depot::reserve(std::size_t slots, unsigned size_class) noexcept {
  if (slots <= reserved) return true;
  const std::size_t slot_bytes = smallest_stack_bytes << size_class;
  const std::size_t missing = slots - reserved;
  const std::size_t least = std::max(first_region_slots, first_region_bytes / slot_bytes);
  const std::size_t most = std::max(least, largest_region_bytes / slot_bytes);
  try {
    regions.reserve(regions.size() + 1);
  } catch (const std::bad_alloc&) {
    return false;
  }
  auto made =
      stack_region::reserve(size_class, std::max(missing, std::clamp(reserved, least, most)));
  if (made == nullptr) made = stack_region::reserve(size_class, missing); // address space is short: no hoarding
  if (made == nullptr) return false;
  reserved += made->slots();
  regions.push_back(std::move(made));
  return true;
}

bool depot::claim(slot_claim& claimed) noexcept {
  for (const auto& region : regions) {
    if (cold > 0 && region->cold_slots() == 0) continue; // cold ones first: their guards are there
    if (!region->claim_slot(claimed)) continue;
    if (!claimed.is_uncut) --cold;
    return true;
  }
  return false;
}

struct cooled_slot {
  stack_region* region;
  std::size_t index;
  bool has_guard;
  bool is_kept; ///< the kernel would not take the pages
  stack* record;
};

/// Gives the pages of `count` stacks back, a system call per run of neighbours, and then the slots to their regions.
void cool(depot& home, stack* const* sorted, std::size_t count) noexcept {
  cooled_slot cooled[cool_batch];
  for (std::size_t i = 0; i < count; ++i) {
    stack& one = *sorted[i];
    sanitizer::forget(one);
    cooled[i] = {one.region, one.region->index_of(one), one.has_guard, false, &one};
  }
  for (std::size_t begin = 0, end = 0; begin < count; begin = end) {
    end = begin + 1;
    while (end < count && cooled[end].region == cooled[begin].region &&
           cooled[end].index == cooled[end - 1].index + 1) {
      ++end;
    }
    const bool is_given = stack_region::give_back(*sorted[begin], *sorted[end - 1]);
    if (is_given) home.trims.fetch_add(1, relaxed); // relaxed: a statistic
    for (std::size_t i = begin; i < end; ++i) cooled[i].is_kept = !is_given;
  }
  const std::lock_guard held(home.lock);
  for (std::size_t i = 0; i < count; ++i) {
    if (cooled[i].is_kept) {
      cooled[i].record->next = home.warm_head;
      home.warm_head = cooled[i].record;
      ++home.warm;
    } else {
      cooled[i].region->put_cold(cooled[i].index, cooled[i].has_guard);
      ++home.cold;
    }
  }
}

void note_unguarded(depot& home) noexcept {
  home.unguarded.fetch_add(1, relaxed); // relaxed: a statistic
  // acquire: pairs with the release in set_warning_handler.
  if (auto* const warn = warning_handler.load(acquire)) warn(no_guard_message);
}

} // namespace

stack_pool& stack_pool::instance() noexcept {
  static stack_pool one;
  return one;
}

void stack_pool::promise(unsigned size_class, std::size_t count) {
  depot& home = depot_of(size_class);
  const std::lock_guard held(home.lock);
  // relaxed: a cache that is counted later takes this lock afterwards and reserves for itself.
  const std::size_t needed = home.promised + count + home.held_back + live_caches.load(relaxed);
  if (!home.reserve(needed, size_class)) {
    throw std::system_error(ENOMEM, std::generic_category(), "coir: no address space for a stack");
  }
  home.promised += count;
}

void stack_pool::withdraw(unsigned size_class, std::size_t count) noexcept {
  depot& home = depot_of(size_class);
  const std::lock_guard held(home.lock);
  COIR_CHECK(home.promised >= count, "more stacks were withdrawn than had been promised");
  home.promised -= count;
}

stack* stack_pool::take(unsigned size_class, std::size_t wanted) noexcept {
  depot& home = depot_of(size_class);
  slot_claim claims[cut_batch];
  std::size_t claimed = 0;
  stack* list = nullptr;
  {
    const std::lock_guard held(home.lock);
    for (; wanted > 0 && home.warm_head != nullptr; --wanted, --home.warm) {
      stack* const one = home.warm_head;
      home.warm_head = one->next;
      one->next = list;
      list = one;
    }
    wanted = std::min(wanted, list == nullptr ? cut_batch : 0);
    while (claimed < wanted && home.claim(claims[claimed])) ++claimed;
  }
  for (std::size_t i = 0; i < claimed; ++i) {
    stack* const made = claims[i].region->build(claims[i]);
    if (claims[i].is_uncut && !made->has_guard) note_unguarded(home);
    made->next = list;
    list = made;
  }
  COIR_CHECK(list != nullptr, "more stacks are taken than were promised");
  return list;
}

void stack_pool::give(stack* list) noexcept {
  if (list == nullptr) return;
  depot& home = depot_of(list->size_class);
  {
    const std::lock_guard held(home.lock);
    while (list != nullptr && home.warm < warm_limit) {
      stack* const one = list;
      list = one->next;
      one->next = home.warm_head;
      home.warm_head = one;
      ++home.warm;
    }
  }
  while (list != nullptr) {
    stack* batch[cool_batch];
    std::size_t count = 0;
    for (; list != nullptr && count < cool_batch; list = list->next) batch[count++] = list;
    std::sort(batch, batch + count);
    cool(home, batch, count);
  }
}

stack_statistics stack_pool::statistics(unsigned size_class) const noexcept {
  depot& home = depot_of(size_class);
  const std::lock_guard held(home.lock);
  return {
      .reserved_slots = home.reserved,
      .promised = home.promised,
      .held_back = home.held_back,
      .in_depot = home.warm + home.cold,
      .unguarded = home.unguarded.load(relaxed), // relaxed: statistics
      .trims = home.trims.load(relaxed),         // relaxed: statistics
  };
}

void stack_pool::set_warning_handler(void (*handler)(const char* message) noexcept) noexcept {
  warning_handler.store(handler, release); // pairs with the acquire in note_unguarded
}

void stack_pool::add_cache() {
  // relaxed: the locks below order it; see promise().
  live_caches.fetch_add(1, relaxed);
  for (unsigned size_class = 0; size_class < stack_class_count; ++size_class) {
    depot& home = depot_of(size_class);
    const std::lock_guard held(home.lock);
    const std::size_t needed = home.promised + home.held_back + live_caches.load(relaxed); // relaxed: see above
    if (home.promised > 0 && !home.reserve(needed, size_class)) {
      remove_cache();
      throw std::system_error(ENOMEM, std::generic_category(),
                              "coir: no address space for a stack");
    }
  }
}

void stack_pool::remove_cache() noexcept {
  live_caches.fetch_sub(1, relaxed); // relaxed: a count that is too high for a while reserves too much
}

void stack_pool::note_trim(unsigned size_class) noexcept {
  depot_of(size_class).trims.fetch_add(1, relaxed); // relaxed: a statistic
}

bool stack_pool::grant_share(unsigned size_class, std::size_t count) noexcept {
  depot& home = depot_of(size_class);
  const std::lock_guard held(home.lock);
  // relaxed: see promise().
  const std::size_t needed = home.promised + home.held_back + count + live_caches.load(relaxed);
  if (!home.reserve(needed, size_class)) return false;
  home.held_back += count;
  return true;
}

void stack_pool::return_share(unsigned size_class, std::size_t count) noexcept {
  depot& home = depot_of(size_class);
  const std::lock_guard held(home.lock);
  home.held_back -= count;
}

} // namespace coir
