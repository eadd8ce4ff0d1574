// SPDX-License-Identifier: MIT
// Primitives under fire: fibers on many workers and plain threads on the same objects, with time-outs and stop
// requests. What is checked is that sums come out right; a lost wake-up would hang the test.
#include "fiber/base/random.hpp"
#include "fiber/condition_variable.hpp"
#include "fiber/latch.hpp"
#include "fiber/mutex.hpp"
#include "fiber/semaphore.hpp"
#include "fiber/thread.hpp"
#include "tests/catch.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/seed.hpp"
#include "tests/support/worker_counts.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using coir::base::random_sequence;
using coir::test::migrating;
using coir::test::shuffled;

namespace {

constexpr int rounds = coir::test::is_sanitized ? 300 : 1'200;
constexpr int fibers = 12;
constexpr int threads = 2;

/// Runs `body(random)` in fibers and plain threads at once.
void run_everywhere(const coir::runtime_options& options,
                    const std::function<void(random_sequence)>& body) {
  random_sequence random(coir::test::seed());
  std::vector<std::thread> plain;
  for (int i = 0; i < threads; ++i) plain.emplace_back(body, random_sequence(random.next()));
  coir::run(options, [&] {
    coir::scope scope;
    for (int i = 0; i < fibers; ++i) scope.spawn(body, random_sequence(random.next()));
    scope.join();
  });
  for (auto& each : plain) each.join();
}

std::chrono::microseconds up_to(random_sequence& random, std::uint32_t microseconds) {
  return std::chrono::microseconds(random.below(microseconds));
}

} // namespace

TEST_CASE("One mutex in every way of taking it") {
  const auto options = GENERATE(shuffled(1), shuffled(8), migrating(8));
  coir::mutex mutex;
  long counter = 0;
  std::atomic<long> taken{0};
  run_everywhere(options, [&](random_sequence random) {
    for (int round = 0; round < rounds; ++round) {
      switch (random.below(3)) {
      case 0: mutex.lock(); break;
      case 1:
        if (!mutex.try_lock()) continue;
        break;
      default:
        if (!mutex.try_lock_for(up_to(random, 50))) continue;
      }
      const long before = counter;
      if (random.below(8) == 0) coir::this_fiber::yield();
      counter = before + 1;
      ++taken;
      mutex.unlock();
    }
  });
  CHECK(counter == taken);
}

TEST_CASE("A bounded buffer of mutex and condition variables, with time-outs") {
  const auto options = GENERATE(shuffled(1), shuffled(8), migrating(8));
  coir::mutex mutex;
  coir::condition_variable has_room;
  coir::condition_variable has_items;
  int stored = 0;
  // Everybody puts as many as he gets, so nobody waits for ever: whoever is not done puts or gets.
  run_everywhere(options, [&](random_sequence random) {
    for (int put = 0, got = 0; put < rounds || got < rounds;) {
      std::unique_lock held(mutex);
      if (put < rounds && (got == rounds || random.below(2) == 0)) {
        if (!has_room.wait_for(held, up_to(random, 200), [&] { return stored < 4; })) continue;
        ++stored;
        ++put;
        held.unlock();
        has_items.notify_one();
      } else {
        if (!has_items.wait_for(held, up_to(random, 200), [&] { return stored > 0; })) continue;
        --stored;
        ++got;
        held.unlock();
        has_room.notify_all();
      }
    }
  });
  CHECK(stored == 0);
}

TEST_CASE("Units of a semaphore, with time-outs and stop requests") {
  const auto options = GENERATE(shuffled(1), shuffled(8), migrating(8));
  constexpr int units = 3;
  coir::counting_semaphore<units> semaphore(units);
  std::atomic<int> inside{0};
  std::atomic<bool> was_crowded{false};
  std::atomic<int> cancelled{0};
  run_everywhere(options, [&](random_sequence random) {
    const auto visit = [&semaphore, &inside, &was_crowded](random_sequence pauses) {
      if (pauses.below(2) == 0) {
        semaphore.acquire();
      } else if (!semaphore.try_acquire_for(up_to(pauses, 50))) {
        return;
      }
      if (++inside > units) was_crowded = true;
      if (pauses.below(4) == 0) coir::this_fiber::yield();
      --inside;
      semaphore.release();
    };
    for (int round = 0; round < rounds / 2; ++round) {
      if (coir::this_fiber::id() == 0 || random.below(4) != 0) {
        visit(random_sequence(random.next()));
        continue;
      }
      auto child = coir::spawn(visit, random_sequence(random.next()));
      if (random.below(2) == 0) coir::this_fiber::yield();
      child.request_stop();
      try {
        child.join();
      } catch (const std::system_error&) {
        ++cancelled;
      }
    }
  });
  CHECK_FALSE(was_crowded);
  for (int i = 0; i < units; ++i) CHECK(semaphore.try_acquire());
  CHECK_FALSE(semaphore.try_acquire());
}

TEST_CASE("Latches that everybody meets at, one after another") {
  const auto options = GENERATE(shuffled(1), shuffled(8), migrating(8));
  std::vector<std::unique_ptr<coir::latch>> latches;
  for (int round = 0; round < rounds / 5; ++round) {
    latches.push_back(std::make_unique<coir::latch>(fibers + threads));
  }
  std::atomic<int> passed{0};
  run_everywhere(options, [&](random_sequence random) {
    for (auto& each : latches) {
      if (random.below(4) == 0) coir::this_fiber::yield();
      each->arrive_and_wait();
      ++passed;
    }
  });
  CHECK(passed == (fibers + threads) * (rounds / 5));
}
