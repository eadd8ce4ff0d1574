// SPDX-License-Identifier: MIT
// The scheduler under fire: thieves, bursts, foreign threads, short-lived runtimes. What is checked is that every fiber
// ran once, that all wake-ups arrived (else the test would hang), and that nothing is left.
#include "fiber/base/random.hpp"
#include "fiber/latch.hpp"
#include "fiber/semaphore.hpp"
#include "fiber/thread.hpp"
#include "tests/catch.hpp"
#include "tests/support/living_fibers.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/seed.hpp"
#include "tests/support/worker_counts.hpp"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using coir::base::random_sequence;
using coir::test::migrating;
using coir::test::shuffled;
using coir::test::with_workers;

namespace {

constexpr int scale = coir::test::is_sanitized ? 20 : 10;

/// A tree of fibers; returns how many there were.
int count_tree(random_sequence random, int depth) {
  if (depth == 0) return 1;
  std::vector<coir::fiber<int>> children;
  const auto count = 1 + random.below(4);
  for (std::uint32_t i = 0; i < count; ++i) {
    children.push_back(coir::spawn(count_tree, random_sequence(random.next()), depth - 1));
    if (random.below(3) == 0) coir::this_fiber::yield();
  }
  int sum = 1;
  for (auto& each : children) sum += each.join();
  return sum;
}

int count_tree_in_place(random_sequence random, int depth) {
  if (depth == 0) return 1;
  std::vector<random_sequence> children;
  const auto count = 1 + random.below(4);
  for (std::uint32_t i = 0; i < count; ++i) {
    children.emplace_back(random.next());
    static_cast<void>(random.below(3));
  }
  int sum = 1;
  for (const auto& each : children) sum += count_tree_in_place(each, depth - 1);
  return sum;
}

} // namespace

TEST_CASE("A storm of spawns, joins and thefts loses no fiber") {
  const auto options =
      GENERATE(with_workers(1), with_workers(8), shuffled(1), shuffled(8), migrating(8));
  const int depth = coir::test::is_sanitized ? 6 : 9;
  coir::runtime runtime(options);
  for (int round = 0; round < 5; ++round) {
    const random_sequence random(coir::test::seed() + static_cast<std::uint64_t>(round));
    CHECK(runtime.run(count_tree, random, depth) == count_tree_in_place(random, depth));
  }
  const auto counts = runtime.statistics();
  CHECK(counts.spawned == counts.finished);
  CHECK(coir::test::count_living_fibers() == 0);
}

TEST_CASE("More fibers than a run queue holds") {
  const unsigned workers = GENERATE(1U, 8U);
  const int fibers = coir::test::has_thread_sanitizer ? 3'000 : 5'000;
  std::atomic<int> ran{0};
  coir::run(shuffled(workers), [&] {
    coir::scope scope;
    for (int i = 0; i < fibers; ++i) {
      scope.spawn([&] {
        coir::this_fiber::yield();
        ++ran;
      });
    }
    scope.join();
  });
  CHECK(ran == fibers);
}

TEST_CASE("Workers that keep falling asleep are woken every time") {
  const unsigned workers = GENERATE(2U, 8U);
  auto options = with_workers(workers);
  options.monitor = false; // would hide a lost wake-up
  coir::run(options, [] {
    random_sequence random(coir::test::seed());
    for (int round = 0; round < 20'000 / scale; ++round) {
      const auto fibers = 1 + random.below(6);
      coir::latch all_ran(fibers);
      for (std::uint32_t i = 0; i < fibers; ++i)
        coir::spawn([&] { all_ran.count_down(); }).detach();
      if (random.below(2) == 0)
        coir::this_fiber::sleep_for(std::chrono::microseconds(random.below(20)));
      all_ran.wait();
    }
  });
  SUCCEED("no wake-up was lost");
}

TEST_CASE("Foreign threads spawn, resume and join all at once") {
  const unsigned workers = GENERATE(1U, 8U);
  auto options = shuffled(workers);
  options.monitor = false;
  coir::runtime runtime(options);
  std::atomic<int> sum{0};
  runtime.run([&] {
    constexpr int threads = 3;
    coir::latch all_done(threads);
    std::vector<std::thread> foreign;
    for (int i = 0; i < threads; ++i) {
      foreign.emplace_back([&] {
        for (int round = 0; round < 3'000 / scale; ++round) {
          coir::binary_semaphore to_fiber(0);
          coir::binary_semaphore from_fiber(0);
          auto fiber = runtime.spawn([&] {
            to_fiber.acquire();
            from_fiber.release();
            return 1;
          });
          to_fiber.release();
          from_fiber.acquire();
          sum += fiber.join();
        }
        all_done.count_down();
      });
    }
    all_done.wait();
    for (auto& each : foreign) each.join();
    return 0;
  });
  CHECK(sum == 3 * (3'000 / scale));
}

TEST_CASE("Runtimes come and go, with threads that still resume their fibers") {
  const unsigned workers = GENERATE(1U, 4U);
  for (int round = 0; round < 300 / scale; ++round) {
    coir::binary_semaphore go_on(0);
    coir::binary_semaphore came(0);
    std::thread foreign([&] {
      came.acquire();
      go_on.release(); // the runtime may be gone before this returns
    });
    coir::run(with_workers(workers), [&] {
      came.release();
      go_on.acquire();
    });
    foreign.join();
  }
  CHECK(coir::test::count_living_fibers() == 0);
}

TEST_CASE("Several runtimes side by side pass a ball around") {
  constexpr int runtimes = 3;
  constexpr int rounds = 3'000 / scale;
  coir::counting_semaphore<> gates[runtimes]{
      coir::counting_semaphore<>(1), coir::counting_semaphore<>(0), coir::counting_semaphore<>(0)};
  std::vector<std::thread> threads;
  std::atomic<int> passes{0};
  for (int i = 0; i < runtimes; ++i) {
    threads.emplace_back([&, i] {
      coir::run(shuffled(static_cast<unsigned>(i) + 1), [&, i] {
        for (int round = 0; round < rounds; ++round) {
          gates[i].acquire();
          ++passes;
          gates[(i + 1) % runtimes].release();
        }
      });
    });
  }
  for (auto& each : threads) each.join();
  CHECK(passes == runtimes * rounds);
}

TEST_CASE("Stop requests meet fibers in every state") {
  const auto options = GENERATE(with_workers(1), shuffled(8), migrating(8));
  coir::run(options, [] {
    random_sequence random(coir::test::seed());
    std::atomic<int> ended{0};
    constexpr int fibers = 20'000 / scale;
    coir::counting_semaphore<> never(0);
    for (int i = 0; i < fibers; ++i) {
      auto fiber = coir::spawn([&, pauses = random.below(4)]() mutable {
        while (pauses-- > 0) coir::this_fiber::yield();
        try {
          static_cast<void>(never.try_acquire_for(std::chrono::microseconds(50)));
          never.acquire();
        } catch (const std::system_error&) {
          ++ended;
        }
      });
      for (auto pauses = random.below(4); pauses > 0; --pauses) coir::this_fiber::yield();
      if (random.below(2) == 0) fiber.request_stop();
    } // the handle requests it in any case, and waits
    CHECK(ended == fibers);
  });
}
