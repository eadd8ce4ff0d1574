// SPDX-License-Identifier: MIT
// condition_variable: notification, time-outs, destruction; fibers and plain threads at once.
#include "fiber/condition_variable.hpp"

#include "fiber/mutex.hpp"
#include "fiber/thread.hpp"
#include "tests/catch.hpp"
#include "tests/support/forked_child.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/virtual_poller.hpp"
#include "tests/support/worker_counts.hpp"

#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using coir::cv_status;
using coir::test::on_virtual_clock;
using coir::test::shuffled;
using coir::test::until_others_wait;
using coir::test::virtual_clock;

namespace {
constexpr int rounds = coir::test::is_sanitized ? 100 : 1000;
} // namespace

TEST_CASE("notify_one wakes one, in the order in which they came; notify_all wakes the rest") {
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, 1), [] {
    coir::mutex mutex;
    coir::condition_variable changed;
    std::vector<int> woken;
    coir::scope scope;
    for (int i = 0; i < 5; ++i) {
      scope.spawn([&, i] {
        std::unique_lock held(mutex);
        changed.wait(held);
        woken.push_back(i);
      });
    }
    until_others_wait();
    changed.notify_one();
    until_others_wait();
    CHECK(woken == std::vector<int>{0});
    changed.notify_one();
    until_others_wait();
    CHECK(woken == std::vector<int>{0, 1});
    changed.notify_all();
    scope.join();
    CHECK(woken.size() == 5);
    changed.notify_one(); // nobody there
  });
}

TEST_CASE("A time-out is told, with the mutex locked") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, workers), [&] {
    coir::mutex mutex;
    coir::condition_variable changed;
    const auto before = clock.now();
    std::unique_lock held(mutex);
    CHECK(changed.wait_for(held, 2s) == cv_status::timeout);
    CHECK(held.owns_lock());
    CHECK_FALSE(mutex.try_lock());
    CHECK(clock.now() == before + 2s);
    CHECK(changed.wait_until(held, before) == cv_status::timeout);
    CHECK_FALSE(changed.wait_for(held, 1s, [] { return false; }));
    CHECK(changed.wait_for(held, 1s, [] { return true; }));
    CHECK(clock.now() == before + 3s);
    auto notifier = coir::spawn([&] {
      coir::this_fiber::sleep_for(1s);
      changed.notify_one();
    });
    CHECK(changed.wait_for(held, 1h) == cv_status::no_timeout);
    CHECK(clock.now() == before + 4s);
    notifier.join();
  });
  coir::mutex mutex; // a plain thread
  coir::condition_variable changed;
  std::unique_lock held(mutex);
  CHECK(changed.wait_for(held, 2ms) == cv_status::timeout);
}

TEST_CASE("A wait is no cancellation point") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, workers), [&] {
    coir::mutex mutex;
    coir::condition_variable changed;
    bool is_set = false;
    auto waiting = coir::spawn([&] {
      const coir::deadline_scope limit{1s};
      std::unique_lock held(mutex);
      changed.wait(held, [&] { return is_set; });
      return coir::this_fiber::stop_requested();
    });
    coir::this_fiber::sleep_for(2s);
    waiting.request_stop();
    coir::this_fiber::sleep_for(1s);
    CHECK_FALSE(waiting.has_ended());
    {
      const std::lock_guard held(mutex);
      is_set = true;
    }
    changed.notify_all();
    CHECK(waiting.join());
  });
}

TEST_CASE("A queue between fibers and plain threads delivers each item once") {
  const unsigned workers = GENERATE(1U, 8U);
  constexpr int producers = 3;
  constexpr int consumers = 3;
  coir::mutex mutex;
  coir::condition_variable has_items;
  coir::condition_variable has_room;
  std::deque<int> queue;
  std::atomic<long> sum{0};
  const auto produce = [&] {
    for (int item = 1; item <= rounds; ++item) {
      std::unique_lock held(mutex);
      has_room.wait(held, [&] { return queue.size() < 4; });
      queue.push_back(item);
      held.unlock();
      has_items.notify_one();
    }
  };
  const auto consume = [&] {
    for (int count = 0; count < rounds; ++count) {
      std::unique_lock held(mutex);
      has_items.wait(held, [&] { return !queue.empty(); });
      sum += queue.front();
      queue.pop_front();
      held.unlock();
      has_room.notify_one();
    }
  };
  std::thread producing_thread(produce);
  std::thread consuming_thread(consume);
  coir::run(shuffled(workers), [&] {
    coir::scope scope;
    for (int i = 1; i < producers; ++i) scope.spawn(produce);
    for (int i = 1; i < consumers; ++i) scope.spawn(consume);
    scope.join();
  });
  producing_thread.join();
  consuming_thread.join();
  CHECK(queue.empty());
  CHECK(sum == long{producers} * rounds * (rounds + 1) / 2);
}

TEST_CASE("It may be destroyed as soon as all have been notified") {
  const unsigned workers = GENERATE(1U, 8U);
  coir::run(shuffled(workers), [] {
    for (int round = 0; round < rounds; ++round) {
      coir::mutex mutex;
      auto changed = std::make_unique<coir::condition_variable>();
      int waiting = 0;
      bool is_set = false;
      coir::scope scope;
      for (int i = 0; i < 4; ++i) {
        scope.spawn([&, cv = changed.get(), has_time_out = i % 2 == 0] {
          std::unique_lock held(mutex);
          ++waiting;
          while (!is_set) {
            if (has_time_out) {
              static_cast<void>(cv->wait_for(held, 20us));
            } else {
              cv->wait(held);
            }
          }
        });
      }
      for (;;) {
        std::unique_lock held(mutex);
        if (waiting == 4) break;
        held.unlock();
        coir::this_fiber::yield();
      }
      {
        const std::lock_guard held(mutex);
        is_set = true;
        changed->notify_all();
        changed.reset(); // under the mutex: nobody comes back to it
      }
      scope.join();
    }
  });
  SUCCEED("nobody touched a condition variable that was gone");
}

TEST_CASE("Waiting without the mutex is a misuse, and is told") {
  const auto end = coir::test::run_in_child([] {
    coir::run([] {
      coir::mutex mutex;
      coir::condition_variable changed;
      std::unique_lock held(mutex, std::defer_lock);
      changed.wait(held);
    });
    return true;
  });
  INFO(end.error_output);
  CHECK(end.has_aborted_saying("without holding the mutex"));
}
