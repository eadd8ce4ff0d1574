// SPDX-License-Identifier: MIT
// Every pair of those who end a wait, racing: notifier, time-out, stop request. A waiter is notified if and only if a
// notifier has taken it, so that no notification is lost and none is spent on somebody who had given up.
#include "fiber/base/random.hpp"
#include "fiber/sched/wait_queue.hpp"
#include "fiber/thread.hpp"
#include "tests/catch.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/seed.hpp"
#include "tests/support/worker_counts.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using coir::wait_kind;
using coir::wait_outcome;
using coir::wait_queue;
using coir::base::random_sequence;
using coir::test::shuffled;

namespace {

constexpr int rounds = coir::test::is_sanitized ? 300 : 600;
constexpr auto longest_pause = 30us;

/// Who takes part in a race.
struct contest {
  bool has_notifier;
  bool has_time_out;
  bool has_stop;
};

/// Lets a random time pass, shorter than what it takes to fall asleep.
void linger(random_sequence& random) {
  const auto end =
      std::chrono::steady_clock::now() +
      std::chrono::nanoseconds(random.below(std::chrono::nanoseconds(longest_pause).count()));
  while (std::chrono::steady_clock::now() < end) coir::this_fiber::yield();
}

bool notify_one(wait_queue& queue) {
  coir::waiter* taken = nullptr;
  {
    const std::lock_guard held(queue.lock());
    taken = queue.take_first();
  }
  wait_queue::resume(taken);
  return taken != nullptr;
}

/// One race; false if the waiter's outcome is not what the others did. The queue goes as soon as all have returned.
bool run_race(const contest& who, random_sequence& random) {
  auto queue = std::make_unique<wait_queue>();
  std::atomic<bool> has_waited{false};
  const auto limit = who.has_time_out
                         ? coir::clock::now() + std::chrono::nanoseconds(random.below(60'000))
                         : coir::clock::time_point::max();
  auto waiting = coir::spawn([&, limit, pauses = random_sequence(random.next())]() mutable {
    linger(pauses);
    const auto outcome = queue->wait(limit, wait_kind::interruptible, [] { return false; });
    has_waited = true;
    return outcome;
  });
  auto notifying = coir::spawn([&, pauses = random_sequence(random.next())]() mutable {
    linger(pauses);
    bool is_taken = false;
    // Without another end, somebody has to notify the waiter for sure.
    while (who.has_notifier && !is_taken && !has_waited) {
      is_taken = notify_one(*queue);
      coir::this_fiber::yield();
    }
    return is_taken;
  });
  auto stopping = coir::spawn([&, pauses = random_sequence(random.next())]() mutable {
    linger(pauses);
    if (who.has_stop) waiting.request_stop();
  });
  stopping.join();
  const bool is_taken = notifying.join();
  const auto outcome = waiting.join();
  if (is_taken != (outcome == wait_outcome::notified)) return false;
  if (outcome == wait_outcome::timed_out) return who.has_time_out;
  return outcome != wait_outcome::stopped || who.has_stop;
}

} // namespace

TEST_CASE("Whoever ends a wait, it ends once and everybody knows by whom") {
  const unsigned workers = GENERATE(1U, 3U, 8U);
  const auto who = GENERATE(contest{true, true, false}, contest{true, false, true},
                            contest{false, true, true}, contest{true, true, true});
  const bool forces_migration = GENERATE(false, true);
  auto options = shuffled(workers);
  options.force_migration = forces_migration;
  const int wrong = coir::run(options, [&] {
    random_sequence random(coir::test::seed());
    int count = 0;
    for (int round = 0; round < rounds / 3; ++round) count += run_race(who, random) ? 0 : 1;
    return count;
  });
  CHECK(wrong == 0);
}

TEST_CASE("Threads that wait lose and steal no notification") {
  constexpr int waiters = 3;
  random_sequence random(coir::test::seed());
  wait_queue queue;
  std::atomic<int> notified{0};
  std::atomic<int> live{waiters};
  std::vector<std::thread> threads;
  for (int i = 0; i < waiters; ++i) {
    threads.emplace_back([&, pauses = random_sequence(random.next())]() mutable {
      for (int round = 0; round < rounds; ++round) {
        const auto limit =
            std::chrono::steady_clock::now() + std::chrono::nanoseconds(pauses.below(40'000));
        const auto outcome = queue.wait(limit, wait_kind::plain, [] { return false; });
        if (outcome == wait_outcome::notified) ++notified;
      }
      --live;
    });
  }
  int taken = 0;
  coir::run(shuffled(2), [&] {
    while (live > 0) taken += notify_one(queue) ? 1 : 0;
  });
  for (auto& thread : threads) thread.join();
  CHECK(taken == notified);
}

TEST_CASE("A queue may be destroyed right after notify_all, with time-outs under way") {
  const unsigned workers = GENERATE(1U, 8U);
  coir::run(shuffled(workers), [&] {
    random_sequence random(coir::test::seed());
    for (int round = 0; round < rounds / 5; ++round) {
      auto queue = std::make_unique<wait_queue>();
      std::atomic<int> entered{0};
      coir::scope waiters;
      for (int i = 0; i < 4; ++i) {
        const auto limit = coir::clock::now() + std::chrono::nanoseconds(random.below(50'000));
        waiters.spawn([&, limit, queue = queue.get()] {
          static_cast<void>(queue->wait(limit, wait_kind::plain, [&, looks = 0]() mutable {
            if (++looks == 2) ++entered; // under the lock: whoever takes the lock now finds the waiter
            return false;
          }));
        });
      }
      while (entered < 4) coir::this_fiber::yield();
      linger(random);
      queue->notify_all();
      queue.reset();
      waiters.join();
    }
  });
  SUCCEED("nobody touched a queue that was gone");
}
