// SPDX-License-Identifier: MIT
// Stop requests and deadlines reach coroutines as they reach fibers.
#include "fiber/condition_variable.hpp"
#include "fiber/coro/sleep.hpp"
#include "fiber/coro/spawn.hpp"
#include "fiber/coro/suspension.hpp"
#include "fiber/latch.hpp"
#include "fiber/mutex.hpp"
#include "fiber/runtime.hpp"
#include "fiber/semaphore.hpp"
#include "fiber/this_fiber.hpp"
#include "tests/catch.hpp"
#include "tests/coro/expect.hpp"
#include "tests/coro/living_frames.hpp"
#include "tests/support/virtual_poller.hpp"

#include <chrono>
#include <coroutine>
#include <functional>
#include <mutex>
#include <system_error>

using namespace std::chrono_literals;
using coir::task;
using coir::test::no_leaks;
using coir::test::on_virtual_clock;
using coir::test::virtual_clock;

namespace {

/// What coroutines may wait for in vain, and how.
struct world {
  coir::counting_semaphore<> semaphore{0};
  coir::latch latch{1};
  coir::fiber<> fiber;
};

task<> sleep_long(world&) { co_await coir::this_fiber::async_sleep_for(1h); }
task<> acquire(world& w) { co_await w.semaphore.async_acquire(); }
task<> wait_for_latch(world& w) { co_await w.latch.async_wait(); }
task<> join(world& w) { co_await w.fiber; }
task<> block(world& w) {
  w.semaphore.acquire();
  co_return;
}
/// A few tasks deep.
task<> nested(world& w) { co_await acquire(w); }
task<> async_join_scope(world& w) {
  coir::scope scope;
  scope.spawn(acquire(w));
  co_await scope.async_join();
}
task<> await_foreign_fiber(world& w) {
  co_await coir::spawn([&] { w.semaphore.acquire(); });
}

using way_to_wait = task<> (*)(world&);

/// The error that ends the wait; 0: none.
task<std::errc> error_of(way_to_wait wait, world& w) {
  try {
    co_await wait(w);
  } catch (const std::system_error& caught) {
    co_return static_cast<std::errc>(caught.code().value());
  }
  co_return std::errc{};
}

task<std::errc> error_within(way_to_wait wait, world& w, coir::deadline limit) {
  const coir::deadline_scope bound{limit};
  co_return co_await error_of(wait, w);
}

void release_all(world& w) {
  w.latch.count_down();
  w.semaphore.release(10);
}

} // namespace

TEST_CASE("A stop request ends every wait of a coroutine by operation_canceled") {
  const no_leaks watch;
  const unsigned workers = GENERATE(1U, 2U);
  const way_to_wait wait = GENERATE(as<way_to_wait>{}, sleep_long, acquire, wait_for_latch, join,
                                    block, nested, async_join_scope, await_foreign_fiber);
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, workers), [&] {
    world w;
    w.fiber = coir::spawn([&] { w.latch.wait(); });
    const auto before = clock.now();
    auto waiting = coir::spawn(error_of(wait, w));
    coir::this_fiber::sleep_for(1s);
    CHECK_FALSE(waiting.has_ended());
    CHECK(waiting.request_stop());
    CHECK(waiting.join() == std::errc::operation_canceled);
    CHECK(clock.now() == before + 1s);
    // And before the wait begins.
    auto late = coir::spawn(error_of(wait, w));
    late.request_stop();
    CHECK(late.join() == std::errc::operation_canceled);
    release_all(w);
  });
}

TEST_CASE("A deadline_scope in a coroutine ends every wait by timed_out") {
  const no_leaks watch;
  const unsigned workers = GENERATE(1U, 2U);
  const way_to_wait wait = GENERATE(as<way_to_wait>{}, sleep_long, acquire, wait_for_latch, join,
                                    block, nested, async_join_scope, await_foreign_fiber);
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, workers), [&] {
    world w;
    w.fiber = coir::spawn([&] { w.latch.wait(); });
    const auto before = clock.now();
    CHECK(coir::spawn(error_within(wait, w, 2s)).join() == std::errc::timed_out);
    CHECK(clock.now() == before + 2s);
    CHECK(coir::spawn(error_within(wait, w, 0s)).join() == std::errc::timed_out);
    release_all(w);
  });
}

TEST_CASE(
    "A sleep that ends before the deadline_scope is no error, and the scope ends with its block") {
  virtual_clock clock;
  const auto body = [&]() -> task<> {
    const auto before = clock.now();
    {
      const coir::deadline_scope outer{10s};
      {
        const coir::deadline_scope inner{5s};
        co_await coir::this_fiber::async_sleep_for(3s);
        co_await coir::this_fiber::async_sleep_for(2s);
        COIR_EXPECT_THROWS_AS(co_await coir::this_fiber::async_sleep_for(1ns), std::system_error);
      }
      co_await coir::this_fiber::async_sleep_for(5s);
    }
    co_await coir::this_fiber::async_sleep_for(1h);
    CHECK(clock.now() == before + 10s + 1h);
  };
  coir::run(on_virtual_clock(clock, 1), [&] { coir::await(body()); });
}

TEST_CASE("Who waits in vain leaves the object to others") {
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, 1), [] {
    world w;
    auto given_up = coir::spawn(error_within(acquire, w, 1s));
    auto patient = coir::spawn(error_of(acquire, w));
    coir::this_fiber::sleep_for(2s);
    CHECK(given_up.join() == std::errc::timed_out);
    w.semaphore.release();
    CHECK(patient.join() == std::errc{});
    CHECK_FALSE(w.semaphore.try_acquire());
  });
}

TEST_CASE("Neither a stop request nor a deadline_scope ends the wait for a mutex or a condition") {
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, 1), [] {
    coir::mutex mutex;
    coir::condition_variable changed;
    bool is_set = false;
    const auto body = [&]() -> task<> {
      const coir::deadline_scope limit{1s};
      co_await mutex.async_lock();
      std::unique_lock held(mutex, std::adopt_lock);
      co_await changed.async_wait(held, [&] { return is_set; });
    };
    mutex.lock();
    auto waiting = coir::spawn(body());
    coir::this_fiber::sleep_for(2s);
    waiting.request_stop();
    coir::this_fiber::sleep_for(1s);
    mutex.unlock();
    coir::this_fiber::sleep_for(1s);
    CHECK_FALSE(waiting.has_ended());
    {
      const std::lock_guard held(mutex);
      is_set = true;
    }
    changed.notify_all();
    waiting.join();
  });
}

TEST_CASE("A fiber that is interrupted in await requests the task to stop, and waits for it") {
  const no_leaks watch;
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, 2), [] {
    world w;
    bool has_ended = false;
    const auto body = [&]() -> task<> {
      const auto error = co_await error_of(acquire, w);
      CHECK(error == std::errc::operation_canceled);
      has_ended = true;
    };
    auto fiber = coir::spawn([&] { coir::await(body()); });
    coir::this_fiber::sleep_for(1s);
    fiber.request_stop();
    CHECK_THROWS_AS(fiber.join(), std::system_error);
    CHECK(has_ended);

    has_ended = false;
    {
      const coir::deadline_scope limit{1s};
      CHECK_THROWS_AS(coir::await(body()), std::system_error);
    }
    CHECK(has_ended);
  });
}

TEST_CASE("A stop_token tells of a coroutine's requests") {
  virtual_clock clock;
  const auto body = [](bool& is_told) -> task<> {
    const std::stop_callback on_stop(coir::this_fiber::get_stop_token(), [&] { is_told = true; });
    try {
      co_await coir::this_fiber::async_sleep_for(1h);
    } catch (const std::system_error&) {
      CHECK(coir::this_fiber::stop_requested());
    }
  };
  coir::run(on_virtual_clock(clock, 1), [&] {
    bool is_told = false;
    auto waiting = coir::spawn(body(is_told));
    coir::this_fiber::sleep_for(1s);
    waiting.request_stop();
    waiting.join();
    CHECK(is_told);
  });
}

namespace {

/// Finds what it waits for only when it is about to suspend.
struct ready_at_last : coir::suspension {
  explicit ready_at_last(coir::wait_queue& used) : queue(used) {}
  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> waiting) {
    return begin(queue, coir::clock::time_point::max(), coir::wait_kind::interruptible, waiting,
                 [] { return true; });
  }
  coir::wait_outcome await_resume() { return outcome(); }
  coir::wait_queue& queue;
};

task<coir::wait_outcome> wait_for_what_is_there(coir::wait_queue& queue) {
  const coir::deadline_scope limit{0s}; // has passed too
  co_return co_await ready_at_last(queue);
}

} // namespace

TEST_CASE("What a wait has found before it began is not lost to a stop request or a deadline") {
  const bool is_stopped = GENERATE(false, true);
  const no_leaks watch;
  coir::wait_queue queue;
  coir::run({.workers = 1}, [&] {
    auto waiting = coir::spawn(wait_for_what_is_there(queue));
    if (is_stopped) waiting.request_stop();
    CHECK(waiting.join() == coir::wait_outcome::notified);
  });
}
