// SPDX-License-Identifier: MIT
// Promises, depots and caches: what is promised can be taken, nothing is handed out twice, and it is quick.
#include "fiber/base/random.hpp"
#include "fiber/context/stack_region.hpp"
#include "tests/catch.hpp"
#include "tests/context/child_death.hpp"
#include "tests/context/test_stack.hpp"
#include "tests/support/seed.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <set>
#include <thread>
#include <vector>

namespace coir::test {
namespace {

stack_pool& pool() { return stack_pool::instance(); }

std::vector<stack*> take_all(unsigned size_class, std::size_t count) {
  std::vector<stack*> taken;
  while (taken.size() < count) {
    stack* list = pool().take(size_class, count - taken.size());
    REQUIRE(list != nullptr);
    for (; list != nullptr; list = list->next) taken.push_back(list);
  }
  return taken;
}

void give_all(const std::vector<stack*>& taken) {
  stack* list = nullptr;
  for (stack* const one : taken) {
    one->next = list;
    list = one;
  }
  pool().give(list);
}

TEST_CASE("promises are counted and reserve slots", "[pool]") {
  constexpr unsigned size_class = 2;
  const stack_statistics before = pool().statistics(size_class);
  pool().promise(size_class, 5000);
  const stack_statistics promised = pool().statistics(size_class);
  CHECK(promised.promised == before.promised + 5000);
  CHECK(promised.reserved_slots >= 5000);
  pool().withdraw(size_class, 5000);
  const stack_statistics after = pool().statistics(size_class);
  CHECK(after.promised == before.promised);
  CHECK(after.reserved_slots == promised.reserved_slots);
}

TEST_CASE("a stack is laid out as its record says", "[pool]") {
  for (unsigned size_class = 0; size_class < stack_class_count; ++size_class) {
    pool().promise(size_class, 3);
    const std::vector<stack*> taken = take_all(size_class, 3);
    for (const stack* const one : taken) {
      REQUIRE(one->size_class == size_class);
      REQUIRE(one->slot_bytes() == smallest_stack_bytes << size_class);
      REQUIRE(one->limit == one->slot_begin + guard_bytes(size_class));
      REQUIRE(one->base == reinterpret_cast<const std::byte*>(one));
      REQUIRE(reinterpret_cast<std::uintptr_t>(one->base) % base::cache_line_size == 0);
      const auto above =
          static_cast<std::size_t>(one->slot_begin + one->stride_bytes() - one->base);
      REQUIRE(above >= sizeof(stack));
      REQUIRE(above <= 16 * base::cache_line_size);
    }
    give_all(taken);
    pool().withdraw(size_class, 3);
  }
}

TEST_CASE("tops of stacks lie on different cache lines of their pages", "[pool]") {
  constexpr unsigned size_class = 4;
  constexpr std::size_t count = 256;
  pool().promise(size_class, count);
  std::vector<stack*> taken = take_all(size_class, count);
  std::size_t used[16] = {};
  std::sort(taken.begin(), taken.end());
  std::size_t like_neighbour = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto offset = reinterpret_cast<std::uintptr_t>(taken[i]->base) % 4096;
    REQUIRE(offset >= 4096 - 16 * base::cache_line_size);
    ++used[(4095 - offset) / base::cache_line_size];
    const bool has_neighbour =
        i > 0 && taken[i - 1]->slot_begin + taken[i]->stride_bytes() == taken[i]->slot_begin;
    if (!has_neighbour) continue; // another region
    if (offset == reinterpret_cast<std::uintptr_t>(taken[i - 1]->base) % 4096) ++like_neighbour;
  }
  for (const std::size_t one : used) {
    CHECK(one >= count / 16 / 2);
    CHECK(one <= count / 16 * 2);
  }
  CHECK(like_neighbour == 0);
  give_all(taken);
  pool().withdraw(size_class, count);
}

TEST_CASE("a cache hands out the stack it got last", "[pool]") {
  constexpr unsigned size_class = 1;
  pool().promise(size_class, 2);
  stack_cache cache;
  stack* const a = cache.take(size_class);
  stack* const b = cache.take(size_class);
  CHECK(a != b);
  cache.give(a);
  CHECK(cache.take(size_class) == a);
  cache.give(b);
  cache.give(a);
  CHECK(cache.take(size_class) == a);
  CHECK(cache.take(size_class) == b);
  cache.give(a);
  cache.give(b);
  pool().withdraw(size_class, 2);
}

TEST_CASE("what idle caches hold back is missing to nobody", "[pool]") {
  constexpr unsigned size_class = stack_class_count - 1; // large slots: the reservation is tight
  const auto end = run_in_child([] {
    constexpr std::size_t count = 100;
    std::vector<std::unique_ptr<stack_cache>> idle;
    pool().promise(size_class, count);
    for (int i = 0; i < 50; ++i) {
      idle.push_back(std::make_unique<stack_cache>());
      stack* const first = idle.back()->take(size_class);
      stack* const second = idle.back()->take(size_class);
      idle.back()->give(first);
      idle.back()->give(second);
    }
    stack_cache busy;
    std::set<stack*> all;
    for (std::size_t i = 0; i < count; ++i) all.insert(busy.take(size_class));
    // A fiber that ends withdraws first and gives its stack back afterwards.
    pool().withdraw(size_class, 1);
    pool().promise(size_class, 1);
    all.insert(busy.take(size_class));
    return all.size() == count + 1;
  });
  INFO(end.error_output);
  CHECK(end.has_succeeded());
}

TEST_CASE("taking more than was promised ends the process with a message", "[pool]") {
  const auto end = run_in_child([] {
    pool().promise(stack_class_count - 1, 1);
    for (;;) pool().take(stack_class_count - 1, 1);
    return true;
  });
  CHECK(was_killed_by(end, SIGABRT));
  CHECK(says(end, "more stacks are taken than were promised"));
}

TEST_CASE("a hundred thousand stacks are made, given back and made again", "[pool]") {
#if defined(COIR_ADDRESS_SANITIZER) || defined(COIR_THREAD_SANITIZER)
  constexpr std::size_t count = 5'000;
#else
  constexpr std::size_t count = 100'000;
#endif
  constexpr unsigned size_class = 2;
  const auto begin = std::chrono::steady_clock::now();
  pool().promise(size_class, count);
  for (int round = 0; round < 2; ++round) {
    std::vector<stack*> taken = take_all(size_class, count);
    for (stack* const one : taken) {
      REQUIRE(one->has_guard);
      one->base[-1] = std::byte{1};
      one->limit[0] = std::byte{1};
    }
    std::sort(taken.begin(), taken.end());
    REQUIRE(std::adjacent_find(taken.begin(), taken.end()) == taken.end());
    give_all(taken);
    CHECK(pool().statistics(size_class).in_depot >= count);
  }
  pool().withdraw(size_class, count);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf("%zu stacks twice: %.2f s\n", count, took.count());
  CHECK(took.count() < 30); // about one, with room for a loaded machine
}

TEST_CASE("threads never hold the same stack", "[pool]") {
  constexpr unsigned size_class = 0;
  constexpr unsigned threads = 4;
  constexpr std::size_t per_thread = 300; // more than a cache's share
  pool().promise(size_class, threads * per_thread);
  atomic<std::uint64_t> strangers{0};
  const auto work = [&](unsigned index) {
    base::random_sequence random(seed() + index);
    stack_cache cache;
    std::vector<stack*> held;
    for (int step = 0; step < 20'000; ++step) {
      const bool is_taking = held.empty() || (held.size() < per_thread && (random.next() & 1) == 0);
      if (is_taking) {
        stack* const one = cache.take(size_class);
        reinterpret_cast<std::uint64_t*>(one->base)[-1] = index;
        held.push_back(one);
      } else {
        std::swap(held[random.below(static_cast<std::uint32_t>(held.size()))], held.back());
        stack* const one = held.back();
        held.pop_back();
        // relaxed: read after the threads have been joined.
        if (reinterpret_cast<std::uint64_t*>(one->base)[-1] != index)
          strangers.fetch_add(1, relaxed);
        cache.give(one);
      }
    }
    for (stack* const one : held) cache.give(one);
  };
  std::vector<std::thread> all;
  for (unsigned i = 0; i < threads; ++i) all.emplace_back(work, i);
  for (std::thread& one : all) one.join();
  CHECK(strangers.load(relaxed) == 0); // relaxed: joined
  pool().withdraw(size_class, threads * per_thread);
}

} // namespace
} // namespace coir::test
