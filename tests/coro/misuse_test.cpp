// SPDX-License-Identifier: MIT
// What must not be done with coroutines ends the process with a message that says so.
#include "fiber/condition_variable.hpp"
#include "fiber/coro/sleep.hpp"
#include "fiber/coro/spawn.hpp"
#include "fiber/mutex.hpp"
#include "fiber/runtime.hpp"
#include "fiber/semaphore.hpp"
#include "fiber/this_fiber.hpp"
#include "tests/catch.hpp"
#include "tests/coro/expect.hpp"
#include "tests/support/forked_child.hpp"
#include "tests/support/worker_counts.hpp"

#include <coroutine>
#include <mutex>
#include <optional>

using coir::task;
using coir::test::only_one_worker;
using coir::test::run_in_child;

namespace {

task<> nothing() { co_return; }
task<> acquire(coir::counting_semaphore<>& semaphore) { co_await semaphore.async_acquire(); }

/// Runs `body` as a coroutine in a child.
template <class Body>
coir::test::child_end end_of(Body body) {
  return run_in_child([&] {
    coir::run(only_one_worker(), [&] { coir::await(body()); });
    return true;
  });
}

/// Keeps the handle that it is given, for others to resume.
struct keeping_awaitable {
  std::coroutine_handle<>& kept;
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) const noexcept { kept = awaiting; }
  void await_resume() const noexcept {}
};

struct twice_inline_awaitable {
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) const {
    awaiting.resume();
    awaiting.resume();
  }
  void await_resume() const noexcept {}
};

} // namespace

TEST_CASE("To await an empty task, or one twice") {
  const auto empty = []() -> task<> { co_await task<>(); };
  CHECK(end_of(empty).has_aborted_saying("an empty task is awaited"));
  const auto twice = []() -> task<> {
    auto once = nothing();
    co_await std::move(once);
    co_await std::move(once); // NOLINT: the subject
  };
  CHECK(end_of(twice).has_aborted_saying("a task is awaited or spawned twice"));
  const auto spawned = []() -> task<> {
    auto once = nothing();
    co_await std::move(once);
    co_await coir::spawn(std::move(once)); // NOLINT: the subject
  };
  CHECK(end_of(spawned).has_aborted_saying("a task is awaited or spawned twice"));
}

TEST_CASE("To await from two coroutines what both refer to") {
  const auto body = []() -> task<> {
    coir::counting_semaphore<> semaphore(0);
    auto shared = acquire(semaphore);
    const auto await_it = [&]() -> task<> { co_await std::move(shared); };
    auto first = coir::spawn(await_it());
    auto second = coir::spawn(await_it());
    co_await coir::this_fiber::async_yield();
    semaphore.release(2);
    co_await first;
    co_await second;
  };
  CHECK(end_of(body).has_aborted_saying("a task is awaited or spawned twice"));
}

TEST_CASE("To resume a coroutine twice, inline or later") {
  const auto in_suspend = []() -> task<> { co_await twice_inline_awaitable{}; };
  CHECK(end_of(in_suspend).has_aborted_saying("an awaiter has resumed a coroutine twice"));
  const auto later = []() -> task<> {
    std::coroutine_handle<> kept;
    const auto keep = [](std::coroutine_handle<>& handle) -> task<> {
      co_await keeping_awaitable{handle};
    };
    auto waiting = coir::spawn(keep(kept));
    co_await coir::this_fiber::async_yield();
    kept.resume();
    kept.resume();
    co_await waiting;
  };
  CHECK(end_of(later).has_aborted_saying("an awaiter has resumed a coroutine twice"));
}

TEST_CASE("To destroy a coroutine that waits") {
  // Somebody else destroys what a coroutine awaits.
  const auto destroy_awaited = [](auto make_task) {
    return [=]() -> task<> {
      auto awaited = std::make_optional(make_task());
      const auto await_it = [&]() -> task<> { co_await std::move(*awaited); };
      auto waiting = coir::spawn(await_it());
      co_await coir::this_fiber::async_yield();
      awaited.reset();
      co_await waiting;
    };
  };
  static coir::counting_semaphore<> semaphore(0);
  CHECK(end_of(destroy_awaited([] {
          return acquire(semaphore);
        })).has_aborted_saying("a task is destroyed that runs or waits"));
}

TEST_CASE("To destroy a coroutine of one's own that waits, or has been resumed and did not run") {
  // A coroutine type that is not a task and awaits as one by hand.
  const auto wait_and_destroy = [](bool is_released) {
    return [is_released]() -> task<> {
      coir::counting_semaphore<> free(0);
      coir::mutex held;
      held.lock();
      auto awaiter = std::make_optional(free.async_acquire());
      const auto wait = [&]() -> task<> { co_await *awaiter; };
      auto waiting = coir::spawn(wait());
      co_await coir::this_fiber::async_yield();
      if (is_released) free.release();
      awaiter.reset();
      co_await waiting;
    };
  };
  CHECK(end_of(wait_and_destroy(false))
            .has_aborted_saying("a coroutine is destroyed while it waits"));
  CHECK(
      end_of(wait_and_destroy(true)).has_aborted_saying("a coroutine is destroyed while it waits"));
  const auto mutex = []() -> task<> {
    coir::mutex held;
    held.lock();
    auto awaiter = std::make_optional(held.async_lock());
    const auto wait = [&]() -> task<> { co_await *awaiter; };
    auto waiting = coir::spawn(wait());
    co_await coir::this_fiber::async_yield();
    awaiter.reset();
    co_await waiting;
  };
  CHECK(end_of(mutex).has_aborted_saying("a coroutine is destroyed while it waits for a mutex"));
}

TEST_CASE("To destroy a task from within") {
  const auto body = []() -> task<> {
    std::optional<task<>> inner;
    const auto destroy_self = [&]() -> task<> {
      inner.reset();
      co_return;
    };
    inner = destroy_self();
    co_await std::move(*inner);
  };
  CHECK(end_of(body).has_aborted_saying("a task is destroyed that runs or waits"));
}

TEST_CASE("To await one awaiter from two coroutines at once") {
  const auto body = []() -> task<> {
    coir::counting_semaphore<> semaphore(0);
    auto awaiter = semaphore.async_acquire();
    const auto wait = [&]() -> task<> { co_await awaiter; };
    auto first = coir::spawn(wait());
    auto second = coir::spawn(wait());
    co_await coir::this_fiber::async_yield();
    semaphore.release(2);
    co_await first;
    co_await second;
  };
  CHECK(end_of(body).has_aborted_saying("an awaiter is awaited twice at once"));
}

TEST_CASE("To destroy an object that a coroutine waits on") {
  const auto body = []() -> task<> {
    auto semaphore = std::make_optional<coir::counting_semaphore<>>(0);
    auto waiting = coir::spawn(acquire(*semaphore));
    co_await coir::this_fiber::async_yield();
    semaphore.reset();
    co_await waiting;
  };
  CHECK(end_of(body).has_aborted_saying(
      "a synchronization object or stream is destroyed while somebody waits on it"));
}

TEST_CASE("To wait for a condition without the mutex") {
  const auto body = []() -> task<> {
    coir::mutex mutex;
    coir::condition_variable changed;
    std::unique_lock held(mutex, std::defer_lock);
    co_await changed.async_wait(held);
  };
  CHECK(end_of(body).has_aborted_saying("without holding the mutex"));
}

TEST_CASE("An error that leaves a detached coroutine ends the process") {
  const auto end = run_in_child([] {
    coir::run(only_one_worker(), [] {
      coir::spawn([]() -> task<> {
        co_await coir::this_fiber::async_yield();
        throw std::runtime_error("nobody takes it");
      }())
          .detach();
    });
    return true;
  });
  CHECK(end.has_aborted_saying("nobody takes it"));
}

TEST_CASE("A coroutine that joins itself is told so") {
  const auto body = []() -> task<> {
    coir::fiber<> self;
    const auto join_self = [&]() -> task<> {
      co_await coir::this_fiber::async_yield();
      COIR_EXPECT_THROWS_AS(co_await self, std::system_error);
    };
    self = coir::spawn(join_self());
    co_await self.async_join();
  };
  coir::run(only_one_worker(), [&] { coir::await(body()); });
}
