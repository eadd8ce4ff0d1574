// SPDX-License-Identifier: MIT
// mutex: exclusion between fibers and threads, time-outs, handing over, and what may happen to it right after.
#include "fiber/mutex.hpp"

#include "fiber/condition_variable.hpp"
#include "fiber/thread.hpp"
#include "tests/catch.hpp"
#include "tests/support/kernel_thread.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/virtual_poller.hpp"
#include "tests/support/worker_counts.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using coir::test::migrating;
using coir::test::on_virtual_clock;
using coir::test::shuffled;
using coir::test::virtual_clock;

namespace {
constexpr int rounds = coir::test::is_sanitized ? 200 : 2000;
} // namespace

TEST_CASE("A mutex excludes fibers and plain threads from each other") {
  const unsigned workers = GENERATE(1U, 8U);
  coir::mutex mutex;
  long counter = 0; // plain: exclusion is all that protects it
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < rounds; ++round) {
        const std::lock_guard held(mutex);
        ++counter;
      }
    });
  }
  coir::run(shuffled(workers), [&] {
    coir::scope scope;
    for (int i = 0; i < 8; ++i) {
      scope.spawn([&] {
        for (int round = 0; round < rounds; ++round) {
          const std::lock_guard held(mutex);
          const long before = counter;
          if (round % 16 == 0) coir::this_fiber::yield(); // while it is held
          counter = before + 1;
        }
      });
    }
    scope.join();
  });
  for (auto& each : threads) each.join();
  CHECK(counter == 10L * rounds);
}

TEST_CASE("try_lock takes a free mutex and never blocks") {
  coir::mutex mutex;
  REQUIRE(mutex.try_lock());
  CHECK_FALSE(mutex.try_lock());
  mutex.unlock();
  CHECK(mutex.try_lock());
  mutex.unlock();
  const std::unique_lock held(mutex, std::try_to_lock);
  CHECK(held.owns_lock());
}

TEST_CASE("try_lock_for gives up at its deadline, and not before") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, workers), [&] {
    coir::mutex mutex;
    const auto before = clock.now();
    auto holder = coir::spawn([&] {
      const std::lock_guard held(mutex);
      coir::this_fiber::sleep_for(10s);
    });
    coir::this_fiber::sleep_for(1s);
    CHECK_FALSE(mutex.try_lock_for(2s));
    CHECK(clock.now() == before + 3s);
    CHECK_FALSE(mutex.try_lock_until(clock.now()));
    CHECK_FALSE(mutex.try_lock_for(0s));
    CHECK(mutex.try_lock_for(1h));
    CHECK(clock.now() == before + 10s);
    mutex.unlock();
    holder.join();
  });
  coir::mutex mutex;
  mutex.lock();
  const auto before = std::chrono::steady_clock::now();
  CHECK_FALSE(mutex.try_lock_for(3ms)); // a plain thread
  CHECK(std::chrono::steady_clock::now() - before >= 3ms);
  mutex.unlock();
}

TEST_CASE("Those who gave up leave the mutex to others") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, workers), [&] {
    coir::mutex mutex;
    std::atomic<int> locked{0};
    mutex.lock();
    coir::scope scope;
    for (int i = 1; i <= 10; ++i) {
      scope.spawn([&, i] {
        if (!mutex.try_lock_for(std::chrono::seconds(i))) return;
        ++locked;
        mutex.unlock();
      });
    }
    coir::this_fiber::sleep_for(4500ms); // four of them have given up
    mutex.unlock();
    scope.join();
    CHECK(locked == 6);
    CHECK(mutex.try_lock());
    mutex.unlock();
  });
}

TEST_CASE("Neither a stop request nor a deadline_scope ends lock()") {
  const unsigned workers = GENERATE(1U, 8U);
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, workers), [&] {
    coir::mutex mutex;
    mutex.lock();
    bool has_locked = false;
    auto waiting = coir::spawn([&] {
      const coir::deadline_scope limit{1s};
      const std::lock_guard held(mutex);
      has_locked = true;
    });
    coir::this_fiber::sleep_for(2s);
    waiting.request_stop();
    coir::this_fiber::sleep_for(2s);
    CHECK_FALSE(has_locked);
    mutex.unlock();
    waiting.join();
    CHECK(has_locked);
  });
}

TEST_CASE("Nobody starves, however often others come first") {
  const unsigned workers = GENERATE(1U, 8U);
  coir::run(shuffled(workers), [] {
    coir::mutex mutex;
    std::atomic<bool> is_over{false};
    coir::scope greedy;
    for (int i = 0; i < 4; ++i) {
      greedy.spawn([&] {
        while (!is_over) {
          const std::lock_guard held(mutex);
          coir::this_fiber::yield();
        }
      });
    }
    for (int round = 0; round < rounds / 10; ++round) {
      const std::lock_guard held(mutex);
      coir::this_fiber::yield();
    }
    is_over = true;
    greedy.join();
  });
  SUCCEED("every lock() has returned");
}

TEST_CASE("A mutex may be unlocked on another thread than it was locked on") {
  coir::run(migrating(4), [] {
    coir::mutex mutex;
    int moved = 0;
    for (int round = 0; round < 100; ++round) {
      std::unique_lock held(mutex);
      const auto before = coir::test::kernel_thread();
      coir::this_fiber::sleep_for(1ms);
      moved += coir::test::kernel_thread() != before ? 1 : 0;
    }
    CHECK(moved >= 90);
  });
}

TEST_CASE("A mutex may be destroyed by whoever got it last") {
  const unsigned workers = GENERATE(1U, 8U);
  coir::run(shuffled(workers), [] {
    for (int round = 0; round < rounds; ++round) {
      struct guarded {
        coir::mutex mutex;
        bool is_done = false;
      };
      auto object = std::make_unique<guarded>();
      auto other = coir::spawn([&] {
        const std::lock_guard held(object->mutex);
        object->is_done = true;
      });
      for (;;) {
        std::unique_lock held(object->mutex);
        if (object->is_done) break;
        held.unlock();
        coir::this_fiber::yield();
      }
      object.reset(); // the other may still be inside of unlock()
      other.join();
    }
  });
  SUCCEED("nobody touched a mutex that was gone");
}

TEST_CASE("std::scoped_lock takes several in any order") {
  const unsigned workers = GENERATE(1U, 8U);
  coir::run(shuffled(workers), [] {
    coir::mutex first;
    coir::mutex second;
    int counter = 0;
    coir::scope scope;
    for (int i = 0; i < 8; ++i) {
      scope.spawn([&, is_reversed = i % 2 == 0] {
        for (int round = 0; round < rounds / 10; ++round) {
          const std::scoped_lock held(is_reversed ? second : first, is_reversed ? first : second);
          ++counter;
          if (round % 8 == 0) coir::this_fiber::yield();
        }
      });
    }
    scope.join();
    CHECK(counter == 8 * (rounds / 10));
  });
}

TEST_CASE(
    "A busy holder that locks again and again is left alone until somebody has waited too long") {
  const unsigned workers = GENERATE(1U, 4U);
  coir::run(shuffled(workers), [] {
    coir::mutex mutex;
    std::uint64_t counter = 0;
    std::atomic<int> turns{0};
    coir::scope all;
    for (int i = 0; i < 20; ++i) {
      all.spawn([&] {
        for (int round = 0; round < 2000; ++round) {
          const std::lock_guard held(mutex);
          ++counter;
        }
        ++turns;
      });
    }
    for (int i = 0; i < 4; ++i) { // give up while they have been woken, or before
      all.spawn([&] {
        for (int round = 0; round < 200; ++round) {
          if (!mutex.try_lock_for(std::chrono::microseconds(20))) continue;
          ++counter;
          --counter;
          mutex.unlock();
        }
        ++turns;
      });
    }
    std::thread plain([&] {
      for (int round = 0; round < 2000; ++round) {
        const std::lock_guard held(mutex);
        ++counter;
      }
    });
    all.join();
    plain.join();
    CHECK(turns == 24);
    CHECK(counter == 21 * 2000);
    CHECK(mutex.try_lock());
    mutex.unlock();
  });
}
