// SPDX-License-Identifier: MIT
// run_queue under fire: an owner and thieves at once, and an opener in the middle of the owner's pops. Each fiber must
// come out exactly once.
#include "fiber/base/pause.hpp"
#include "fiber/base/random.hpp"
#include "fiber/sched/run_queue.hpp"
#include "tests/catch.hpp"
#include "tests/sched/fiber_records.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/seed.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using coir::control_block;
using coir::run_queue;
using coir::base::random_sequence;
using coir::test::fiber_records;

namespace {

constexpr int scale = coir::test::is_sanitized ? 20 : 10;

void steal_until(const std::atomic<bool>& is_done, run_queue& victim, fiber_records& fibers) {
  run_queue own(false);
  for (;;) {
    const bool was_done = is_done; // read first: what comes after it is the last look
    const auto stolen = victim.steal_into(own);
    while (const control_block* const fiber = own.pop()) fibers.count_pop(*fiber);
    if (was_done && stolen == 0) return;
  }
}

} // namespace

TEST_CASE("An owner and thieves share each fiber out to exactly one of them") {
  const unsigned thieves = GENERATE(1U, 3U, 7U);
  constexpr std::uint32_t count = 1'000'000 / scale;
  random_sequence random(coir::test::seed());
  fiber_records fibers(count);
  run_queue queue(false);
  std::atomic<bool> is_done{false};
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < thieves; ++i) {
    threads.emplace_back([&] { steal_until(is_done, queue, fibers); });
  }
  const auto pop_some = [&](std::uint32_t most) {
    for (std::uint32_t i = 0; i < most; ++i) {
      const control_block* const fiber = queue.pop();
      if (fiber == nullptr) return;
      fibers.count_pop(*fiber);
    }
  };
  for (std::uint32_t next = 0; next < count;) {
    const auto burst = std::min(count - next, random.below(64) + 1);
    for (std::uint32_t i = 0; i < burst; ++i) {
      while (!queue.try_push(fibers[next])) pop_some(random.below(100) + 1);
      ++next;
    }
    pop_some(random.below(70));
    if (random.below(200) != 0) continue;
    control_block* each = nullptr;
    control_block* last = nullptr;
    queue.take_half(each, last);
    for (; each != nullptr; each = each->next) fibers.count_pop(*each);
  }
  is_done = true;
  pop_some(count);
  for (auto& thread : threads) thread.join();
  CHECK(fibers.is_each_popped_once());
}

namespace {

/// One exclusive queue that its owner empties while another thread opens it.
struct opening {
  explicit opening(std::uint32_t count) : fibers(count) {}
  fiber_records fibers;
  run_queue queue{true};
  std::atomic<bool> is_over{false};
};

} // namespace

TEST_CASE("A queue may be opened in the middle of a pop") {
  constexpr std::uint32_t count = 24;
  random_sequence random(coir::test::seed());
  std::atomic<opening*> offered{nullptr};
  std::atomic<bool> is_finished{false};
  std::thread thief([&] {
    random_sequence pauses(coir::test::seed() + 1);
    while (!is_finished) {
      opening* const taken = offered.load();
      if (taken == nullptr) {
        coir::base::pause();
        continue;
      }
      for (auto pause = pauses.below(30); pause > 0; --pause) coir::base::pause();
      taken->queue.open_to_thieves();
      steal_until(taken->is_over, taken->queue, taken->fibers);
      offered = nullptr;
    }
  });
  int wrong_rounds = 0;
  const auto end = std::chrono::steady_clock::now() + 400ms;
  do {
    opening round(count);
    // The owner's indices shall wrap in some rounds.
    for (auto turn = random.below(2) * (run_queue::capacity - 8); turn > 0; --turn) {
      static_cast<void>(round.queue.try_push(round.fibers[0]));
      static_cast<void>(round.queue.pop());
    }
    for (std::uint32_t i = 0; i < count; ++i) {
      static_cast<void>(round.queue.try_push(round.fibers[i]));
    }
    offered = &round;
    while (const control_block* const fiber = round.queue.pop()) round.fibers.count_pop(*fiber);
    round.is_over = true;
    coir::base::spin_wait wait;
    while (offered.load() != nullptr) wait.once();
    wrong_rounds += round.fibers.is_each_popped_once() ? 0 : 1;
  } while (std::chrono::steady_clock::now() < end);
  is_finished = true;
  thief.join();
  CHECK(wrong_rounds == 0);
}

TEST_CASE("A queue may be closed again at any time, and opened by whoever wants to steal") {
  const unsigned thieves = GENERATE(1U, 2U);
  constexpr std::uint32_t count = 2'000'000 / scale;
  random_sequence random(coir::test::seed());
  fiber_records fibers(count);
  run_queue queue(true);
  std::atomic<bool> is_done{false};
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < thieves; ++i) {
    threads.emplace_back([&] {
      run_queue own(false);
      while (!is_done) {
        queue.open_to_thieves();
        static_cast<void>(queue.steal_into(own));
        while (const control_block* const fiber = own.pop()) fibers.count_pop(*fiber);
      }
    });
  }
  const auto pop_some = [&](std::uint32_t most) {
    for (; most > 0; --most) {
      const control_block* const fiber = queue.pop();
      if (fiber == nullptr) return;
      fibers.count_pop(*fiber);
      if (random.below(8) == 0) queue.close_to_thieves();
    }
  };
  for (std::uint32_t next = 0; next < count; ++next) {
    while (!queue.try_push(fibers[next])) pop_some(random.below(100) + 1);
    if (random.below(16) == 0) pop_some(random.below(40));
  }
  pop_some(count);
  is_done = true;
  for (auto& thread : threads) thread.join();
  CHECK(fibers.is_each_popped_once());
}
