// SPDX-License-Identifier: MIT
// fresh_deque under fire: an owner that pushes, pops and pops batches while it grows, and thieves at once. Each fiber
// must come out exactly once.
#include "fiber/base/random.hpp"
#include "fiber/sched/fresh_deque.hpp"
#include "tests/catch.hpp"
#include "tests/sched/fiber_records.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/seed.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

using coir::control_block;
using coir::fresh_deque;
using coir::base::random_sequence;
using coir::test::fiber_records;

namespace {

constexpr std::uint32_t count = 1'000'000 / (coir::test::is_sanitized ? 20 : 10);

/// Like a monitor that finds the owner stuck all the time.
void open_and_steal_until(const std::atomic<bool>& is_done, fresh_deque& victim,
                          fiber_records& fibers) {
  while (!is_done) {
    victim.open_to_thieves();
    if (const control_block* const stolen = victim.steal()) fibers.count_pop(*stolen);
  }
}

void steal_until(const std::atomic<bool>& is_done, fresh_deque& victim, fiber_records& fibers) {
  for (;;) {
    const bool was_done = is_done; // read first: what comes after it is the last look
    const control_block* const stolen = victim.steal();
    if (stolen != nullptr) fibers.count_pop(*stolen);
    if (was_done && stolen == nullptr && victim.is_empty()) return;
  }
}

/// Pops at most so many.
void pop_some(fresh_deque& deque, fiber_records& fibers, std::uint32_t most) {
  for (std::uint32_t i = 0; i < most; ++i) {
    const control_block* const fiber = deque.pop();
    if (fiber == nullptr) return;
    fibers.count_pop(*fiber);
  }
}

} // namespace

TEST_CASE("An owner and thieves share each fresh fiber out to exactly one of them") {
  const unsigned thieves = GENERATE(1u, 3u, 7u);
  const std::uint32_t longest_burst = GENERATE(2u, 40u, 3000u); // nearly empty, in between, growing
  random_sequence random(coir::test::seed());
  fiber_records fibers(count);
  fresh_deque deque(false);
  std::atomic<bool> is_done{false};
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < thieves; ++i) {
    threads.emplace_back([&] { steal_until(is_done, deque, fibers); });
  }
  for (std::uint32_t next = 0; next < count;) {
    const auto burst = std::min(count - next, random.below(longest_burst) + 1);
    for (std::uint32_t i = 0; i < burst; ++i) {
      while (!deque.try_push(fibers[next])) pop_some(deque, fibers, 100);
      ++next;
    }
    if (random.below(2) == 0) {
      const control_block* const first = deque.pop_batch(burst);
      if (first != nullptr) fibers.count_pop(*first);
    }
    pop_some(deque, fibers, random.below(longest_burst + 2));
  }
  is_done = true;
  pop_some(deque, fibers, count);
  for (auto& thread : threads) thread.join();
  CHECK(deque.pop() == nullptr);
  CHECK(fibers.is_each_popped_once());
}

TEST_CASE("A deque may be closed again at any time, and opened by whoever wants to steal") {
  const unsigned thieves = GENERATE(1u, 2u);
  const std::uint32_t longest_burst = GENERATE(1u, 3u, 400u);
  random_sequence random(coir::test::seed());
  fiber_records fibers(count);
  fresh_deque deque(true);
  std::atomic<bool> is_done{false};
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < thieves; ++i) {
    threads.emplace_back([&] { open_and_steal_until(is_done, deque, fibers); });
  }
  for (std::uint32_t next = 0; next < count;) {
    const auto burst = std::min(count - next, random.below(longest_burst) + 1);
    for (std::uint32_t i = 0; i < burst; ++i) {
      while (!deque.try_push(fibers[next])) pop_some(deque, fibers, 100);
      ++next;
    }
    if (random.below(8) == 0) {
      const control_block* const first = deque.pop_batch(burst);
      if (first != nullptr) fibers.count_pop(*first);
    }
    for (auto pops = random.below(longest_burst + 2); pops > 0; --pops) {
      pop_some(deque, fibers, 1);
      if (random.below(4) == 0) deque.close_to_thieves();
    }
  }
  pop_some(deque, fibers, count);
  is_done = true;
  for (auto& thread : threads) thread.join();
  CHECK(deque.pop() == nullptr);
  CHECK(fibers.is_each_popped_once());
}
