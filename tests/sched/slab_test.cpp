// SPDX-License-Identifier: MIT
// Slabs: cells of all sizes are apart and aligned, go round between caches, and go back to the allocator.
#include "fiber/sched/slab.hpp"

#include "fiber/base/random.hpp"
#include "tests/catch.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/seed.hpp"

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

using coir::slab_cache;
using coir::slab_cell;
namespace slab = coir::slab;

namespace {

/// A cell in use, filled with a pattern of its own.
struct allocation {
  slab_cell* cell;
  std::size_t bytes;
  unsigned char pattern;

  void fill() const { std::memset(cell->object(), pattern, bytes); }
  [[nodiscard]] bool is_intact() const {
    const auto* const begin = static_cast<const unsigned char*>(cell->object());
    for (std::size_t i = 0; i < bytes; ++i) {
      if (begin[i] != pattern) return false;
    }
    return true;
  }
};

} // namespace

TEST_CASE("A cell holds its object, aligned and apart from others") {
  coir::base::random_sequence random(coir::test::seed());
  slab_cache cache;
  std::vector<allocation> live;
  int wrong = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (live.empty() || random.below(5) < 3) {
      const std::size_t bytes = 1 + random.below(random.below(50) == 0 ? 200'000 : 2100);
      slab_cache* const from = random.below(4) == 0 ? nullptr : &cache;
      auto& cell = slab::allocate(from, bytes);
      wrong += reinterpret_cast<std::uintptr_t>(cell.object()) % sizeof(slab_cell) == 0 ? 0 : 1;
      wrong += cell.refs.load(coir::relaxed) == 0 ? 0 : 1;
      wrong += &slab_cell::of(cell.object()) == &cell ? 0 : 1;
      live.push_back({&cell, bytes, static_cast<unsigned char>(step)});
      live.back().fill();
      if (live.size() < 500) continue;
    }
    auto& chosen = live[random.below(static_cast<std::uint32_t>(live.size()))];
    wrong += chosen.is_intact() ? 0 : 1;
    slab::release(random.below(4) == 0 ? nullptr : &cache, *chosen.cell);
    chosen = live.back();
    live.pop_back();
  }
  for (const auto& each : live) {
    wrong += each.is_intact() ? 0 : 1;
    slab::release(&cache, *each.cell);
  }
  CHECK(wrong == 0);
}

TEST_CASE("Chunks that are wholly free go back, but for a few") {
  constexpr std::size_t spare_chunks = 4; // per size of cells
  const auto before = slab::statistics();
  {
    slab_cache cache;
    std::vector<slab_cell*> cells;
    for (int i = 0; i < 20'000; ++i) cells.push_back(&slab::allocate(&cache, 200));
    CHECK(slab::statistics().chunks >= before.chunks + 60);
    for (auto* const each : cells) slab::release(&cache, *each);
  }
  CHECK(slab::statistics().chunks <= before.chunks + spare_chunks);
}

TEST_CASE("What is too large for a chunk is counted, and goes back at once") {
  const auto before = slab::statistics();
  slab_cache cache;
  auto& cell = slab::allocate(&cache, std::size_t{1} << 20);
  std::memset(cell.object(), 1, std::size_t{1} << 20);
  CHECK(slab::statistics().large == before.large + 1);
  CHECK(slab::statistics().chunks == before.chunks);
  slab::release(&cache, cell);
  CHECK(slab::statistics().large == before.large);
}

TEST_CASE("for_each_live visits what has references, and holds it meanwhile") {
  slab_cache cache;
  std::vector<slab_cell*> cells;
  for (const std::size_t bytes : {100U, 100U, 1000U, 10'000U})
    cells.push_back(&slab::allocate(&cache, bytes));
  for (auto* const each : cells) each->refs.store(1, coir::relaxed);
  cells[1]->refs.store(0, coir::relaxed);
  struct visits {
    std::vector<slab_cell*> seen;
    bool all_were_held = true;
  } visited;
  slab::for_each_live(
      [](slab_cell& cell, void* argument) {
        auto& record = *static_cast<visits*>(argument);
        record.seen.push_back(&cell);
        record.all_were_held = cell.refs.fetch_sub(1, coir::relaxed) == 2 && record.all_were_held;
      },
      &visited);
  CHECK(visited.all_were_held);
  CHECK(visited.seen.size() == 3);
  for (auto* const each : cells) {
    each->refs.store(0, coir::relaxed);
    slab::release(&cache, *each);
  }
}

TEST_CASE("Cells may be released by other threads than they were taken by") {
  constexpr int threads = 4;
  constexpr int rounds = coir::test::is_sanitized ? 2'000 : 20'000;
  std::atomic<slab_cell*> exchanged[16]{};
  std::atomic<int> wrong{0};
  std::vector<std::thread> all;
  for (int i = 0; i < threads; ++i) {
    all.emplace_back([&, random = coir::base::random_sequence(coir::test::seed() + i)]() mutable {
      slab_cache cache;
      for (int round = 0; round < rounds; ++round) {
        const std::size_t bytes = 100 + random.below(400);
        auto& cell = slab::allocate(&cache, bytes);
        std::memset(cell.object(), 1, bytes);
        slab_cell* const old = exchanged[random.below(16)].exchange(&cell);
        if (old == nullptr) continue;
        if (*static_cast<const unsigned char*>(old->object()) != 1) ++wrong;
        slab::release(random.below(8) == 0 ? nullptr : &cache, *old);
      }
    });
  }
  for (auto& each : all) each.join();
  for (auto& each : exchanged) {
    if (auto* const left = each.load()) slab::release(nullptr, *left);
  }
  CHECK(wrong == 0);
}

#ifdef COIR_ADDRESS_SANITIZER
TEST_CASE("AddressSanitizer knows which cells are free") {
  const bool has_cache = GENERATE(true, false);
  auto cache = std::make_unique<slab_cache>();
  slab_cache* const used = has_cache ? cache.get() : nullptr;
  slab_cell& cell = slab::allocate(used, 100);
  char* const object = static_cast<char*>(cell.object());
  CHECK(__asan_address_is_poisoned(object) == 0);
  CHECK(__asan_address_is_poisoned(object + 99) == 0);
  slab::release(used, cell);
  CHECK(__asan_address_is_poisoned(object) != 0);
  CHECK(__asan_address_is_poisoned(object + 99) != 0);
  CHECK(__asan_address_is_poisoned(&cell) == 0); // its head may be read at any time
}
#endif
