// SPDX-License-Identifier: MIT
// Fibers, coroutines and plain threads share a mutex, a semaphore, a condition variable and a latch.
#include "fiber/condition_variable.hpp"
#include "fiber/coro/sleep.hpp"
#include "fiber/coro/spawn.hpp"
#include "fiber/latch.hpp"
#include "fiber/mutex.hpp"
#include "fiber/runtime.hpp"
#include "fiber/sched/current.hpp"
#include "fiber/sched/worker.hpp"
#include "fiber/semaphore.hpp"
#include "fiber/this_fiber.hpp"
#include "tests/catch.hpp"
#include "tests/coro/expect.hpp"
#include "tests/coro/living_frames.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/virtual_poller.hpp"
#include "tests/support/worker_counts.hpp"

#include <chrono>
#include <memory>
#include <mutex>
#include <thread>
#include <variant>
#include <vector>

using namespace std::chrono_literals;
using coir::task;
using coir::test::migrating;
using coir::test::no_leaks;
using coir::test::on_virtual_clock;
using coir::test::only_one_worker;
using coir::test::shuffled;
using coir::test::virtual_clock;

namespace {

constexpr int rounds = coir::test::is_sanitized ? 200 : 2000;
constexpr int of_each = 4; ///< fibers, and as many coroutines

} // namespace

TEST_CASE("A mutex excludes fibers, coroutines and plain threads from each other") {
  const no_leaks watch;
  const unsigned workers = GENERATE(1U, 2U, 8U);
  coir::mutex mutex;
  long counter = 0; // plain: exclusion is all that protects it
  const auto increment = [&]() -> task<> {
    for (int round = 0; round < rounds; ++round) {
      co_await mutex.async_lock();
      const std::lock_guard held(mutex, std::adopt_lock);
      const long before = counter;
      if (round % 16 == 0) co_await coir::this_fiber::async_yield(); // while it is held
      if (round % 64 == 0) coir::this_fiber::yield();
      counter = before + 1;
    }
  };
  std::thread plain([&] {
    for (int round = 0; round < rounds; ++round) {
      const std::lock_guard held(mutex);
      ++counter;
    }
  });
  coir::run(migrating(workers), [&] {
    coir::scope scope;
    for (int i = 0; i < of_each; ++i) {
      scope.spawn(increment());
      scope.spawn([&] {
        for (int round = 0; round < rounds; ++round) {
          const std::lock_guard held(mutex);
          const long before = counter;
          if (round % 16 == 0) coir::this_fiber::yield();
          counter = before + 1;
        }
      });
    }
    scope.join();
  });
  plain.join();
  CHECK(counter == (2L * of_each + 1) * rounds);
}

TEST_CASE("A semaphore's units are neither lost nor made by who waits for them") {
  const no_leaks watch;
  const unsigned workers = GENERATE(1U, 2U, 8U);
  coir::counting_semaphore<> items(0);
  coir::counting_semaphore<> room(3);
  const auto produce = [&]() -> task<> {
    for (int i = 0; i < rounds; ++i) {
      co_await room.async_acquire();
      items.release();
    }
  };
  const auto consume = [&]() -> task<> {
    for (int i = 0; i < rounds; ++i) {
      co_await items.async_acquire();
      room.release();
    }
  };
  std::thread plain([&] {
    for (int i = 0; i < rounds; ++i) {
      room.acquire();
      items.release();
    }
  });
  coir::run(migrating(workers), [&] {
    coir::scope scope;
    for (int i = 0; i < of_each; ++i) {
      scope.spawn(produce());
      scope.spawn(consume());
      scope.spawn([&] {
        for (int n = 0; n < rounds; ++n) {
          items.acquire();
          room.release();
        }
      });
      if (i > 0) scope.spawn(produce());
    }
    scope.join();
  });
  plain.join();
  CHECK_FALSE(items.try_acquire());
  for (int i = 0; i < 3; ++i) CHECK(room.try_acquire());
  CHECK_FALSE(room.try_acquire());
}

TEST_CASE("A condition variable passes turns between a fiber, a coroutine and a plain thread") {
  const no_leaks watch;
  const unsigned workers = GENERATE(1U, 2U, 8U);
  constexpr int turns = rounds / 4;
  coir::mutex mutex;
  coir::condition_variable changed;
  int turn = 0; // whose: of turn % 3
  const auto as_coroutine = [&]() -> task<> {
    for (int i = 0; i < turns; ++i) {
      co_await mutex.async_lock();
      std::unique_lock held(mutex, std::adopt_lock);
      if (i % 2 == 0) {
        co_await changed.async_wait(held, [&] { return turn % 3 == 0; });
      } else {
        while (turn % 3 != 0) co_await changed.async_wait(held);
      }
      COIR_EXPECT(held.owns_lock());
      ++turn;
      changed.notify_all();
    }
  };
  const auto blocking = [&](int mine) {
    for (int i = 0; i < turns; ++i) {
      std::unique_lock held(mutex);
      changed.wait(held, [&] { return turn % 3 == mine; });
      ++turn;
      changed.notify_all();
    }
  };
  std::thread plain([&] { blocking(2); });
  coir::run(migrating(workers), [&] {
    auto coroutine = coir::spawn(as_coroutine());
    auto fiber = coir::spawn([&] { blocking(1); });
    coroutine.join();
    fiber.join();
  });
  plain.join();
  CHECK(turn == 3 * turns);
}

TEST_CASE("A timed wait for a condition ends at its deadline, with the mutex locked") {
  virtual_clock clock;
  const auto body = [&]() -> task<> {
    coir::mutex mutex;
    coir::condition_variable changed;
    std::unique_lock held(mutex);
    const auto before = clock.now();
    COIR_EXPECT(co_await changed.async_wait_until(held, 2s) == coir::cv_status::timeout);
    CHECK(clock.now() == before + 2s);
    COIR_EXPECT(held.owns_lock());
    CHECK_FALSE(mutex.try_lock());
    COIR_EXPECT(co_await changed.async_wait_until(held, clock.now()) == coir::cv_status::timeout);
    auto notifier = coir::spawn([&] {
      coir::this_fiber::sleep_for(1s);
      changed.notify_one();
    });
    COIR_EXPECT(co_await changed.async_wait_until(held, 5s) == coir::cv_status::no_timeout);
    CHECK(clock.now() == before + 3s);
    co_await notifier;
  };
  coir::run(on_virtual_clock(clock, 1), [&] { coir::await(body()); });
}

TEST_CASE("A latch opens for all who wait") {
  const no_leaks watch;
  const unsigned workers = GENERATE(1U, 2U, 8U);
  for (int round = 0; round < rounds / 20; ++round) {
    coir::latch arrived(9);
    coir::latch go_on(1);
    std::thread plain([&] {
      arrived.count_down();
      go_on.wait();
    });
    const auto body = [&]() -> task<> {
      arrived.count_down();
      co_await go_on.async_wait();
      co_await go_on.async_wait(); // open
    };
    coir::run(shuffled(workers), [&] {
      coir::scope scope;
      for (int i = 0; i < of_each; ++i) {
        scope.spawn(body());
        scope.spawn([&] {
          arrived.count_down();
          go_on.wait();
        });
      }
      arrived.wait();
      go_on.count_down();
      scope.join();
    });
    plain.join();
  }
  SUCCEED("nobody was left behind");
}

TEST_CASE("A mutex is handed over to a coroutine that waits") {
  coir::run(only_one_worker(), [] {
    coir::mutex mutex;
    bool has_locked = false;
    const auto body = [&]() -> task<> {
      co_await mutex.async_lock();
      has_locked = true;
      mutex.unlock();
    };
    mutex.lock();
    auto waiting = coir::spawn(body());
    coir::this_fiber::yield();
    mutex.unlock();
    CHECK_FALSE(mutex.try_lock()); // it has it already, though it has not run
    CHECK_FALSE(has_locked);
    waiting.join();
    CHECK(mutex.try_lock());
    mutex.unlock();
  });
}

TEST_CASE("A mutex may be destroyed by the coroutine that got it last") {
  const no_leaks watch;
  const unsigned workers = GENERATE(1U, 8U);
  struct guarded {
    coir::mutex mutex;
    bool is_done = false;
  };
  const auto finish = [](guarded& object) -> task<> {
    co_await object.mutex.async_lock();
    const std::lock_guard held(object.mutex, std::adopt_lock);
    object.is_done = true;
  };
  const auto body = [&]() -> task<> {
    auto object = std::make_unique<guarded>();
    auto other = coir::spawn(finish(*object));
    for (bool is_done = false; !is_done;) {
      co_await object->mutex.async_lock();
      is_done = object->is_done;
      object->mutex.unlock();
      if (!is_done) co_await coir::this_fiber::async_yield();
    }
    object.reset(); // the other may still be inside of unlock()
    co_await other;
  };
  coir::run(shuffled(workers), [&] {
    for (int round = 0; round < rounds / 4; ++round) coir::await(body());
  });
  SUCCEED("nobody touched a mutex that was gone");
}

TEST_CASE("What need not be waited for costs no trip to the scheduler") {
  const auto body = []() -> task<> {
    coir::worker& here = *coir::current_worker();
    coir::mutex mutex;
    coir::counting_semaphore<> semaphore(1000);
    coir::latch open(0);
    auto ended = coir::spawn([] {});
    co_await coir::this_fiber::async_yield();
    const std::uint64_t before = here.passes();
    for (int i = 0; i < 1000; ++i) {
      co_await mutex.async_lock();
      mutex.unlock();
      co_await semaphore.async_acquire();
      co_await open.async_wait();
    }
    co_await ended;
    CHECK(here.passes() == before);
  };
  coir::run(only_one_worker(), [&] { coir::await(body()); });
}

TEST_CASE("Several waits may stand in one expression") {
  // The awaiters live until its end; the first must not stand in the way of the second.
  virtual_clock clock;
  const auto body = []() -> task<> {
    coir::counting_semaphore<> semaphore(0);
    auto releasing = coir::spawn([&] {
      for (int i = 0; i < 2; ++i) {
        coir::this_fiber::sleep_for(1s);
        semaphore.release();
      }
    });
    const auto pair = [](std::monostate, std::monostate, int sum) { return sum; };
    const auto one = [](auto& awaited) -> task<std::monostate> {
      co_await awaited.async_acquire();
      co_return std::monostate{};
    };
    const int sum = pair((co_await semaphore.async_acquire(), std::monostate{}),
                         (co_await semaphore.async_acquire(), std::monostate{}), 5);
    CHECK(sum == 5);
    semaphore.release();
    co_await one(semaphore);
    co_await releasing;
  };
  coir::run(on_virtual_clock(clock, 1), [&] { coir::await(body()); });
}

TEST_CASE("An awaiter may be made in one fiber and awaited in another") {
  virtual_clock clock;
  const auto body = [](auto& awaiter) -> task<> { co_await awaiter; };
  coir::run(on_virtual_clock(clock, 1), [&] {
    const auto before = clock.now();
    coir::counting_semaphore<> semaphore(0);
    auto sleeping = coir::this_fiber::async_sleep_for(3s);
    auto moved = std::move(sleeping);
    auto acquiring = semaphore.async_acquire();
    auto first = coir::spawn(body(moved));
    auto second = coir::spawn(body(acquiring));
    coir::this_fiber::yield();
    semaphore.release();
    second.join();
    CHECK(clock.now() == before);
    first.join();
    CHECK(clock.now() == before + 3s);
  });
}
