// SPDX-License-Identifier: MIT
// Awaitables and coroutines of another library: resumed inline, from foreign threads, by symmetric transfer; and ours
// awaited by theirs.
#include "fiber/coro/sleep.hpp"
#include "fiber/coro/spawn.hpp"
#include "fiber/latch.hpp"
#include "fiber/mutex.hpp"
#include "fiber/runtime.hpp"
#include "fiber/semaphore.hpp"
#include "fiber/this_fiber.hpp"
#include "tests/catch.hpp"
#include "tests/coro/expect.hpp"
#include "tests/coro/foreign_coroutine.hpp"
#include "tests/coro/living_frames.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/worker_counts.hpp"

#include <coroutine>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using coir::task;
using coir::test::foreign_task;
using coir::test::migrating;
using coir::test::no_leaks;
using coir::test::only_one_worker;
using coir::test::resuming_thread;
using coir::test::shuffled;
using coir::test::start_detached;

namespace {

constexpr int rounds = coir::test::is_sanitized ? 100 : 2000;

/// Resumes inside of await_suspend.
struct inline_awaitable {
  int value;
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) const { awaiting.resume(); }
  [[nodiscard]] int await_resume() const noexcept { return value; }
};

/// Does not suspend after all.
struct refusing_awaitable {
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<>) const noexcept { return false; }
  [[nodiscard]] std::string await_resume() const { return "refused"; }
};

struct ready_awaitable {
  [[nodiscard]] bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const { throw std::logic_error("it was ready"); }
  [[nodiscard]] int await_resume() const noexcept { return 1; }
};

/// Returns the handle that it is given.
struct returning_awaitable {
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) const noexcept {
    return awaiting;
  }
  [[nodiscard]] int await_resume() const noexcept { return 2; }
};

enum class stage { ready, suspend, resume };
struct throwing_awaitable {
  stage when;
  [[nodiscard]] bool await_ready() const {
    if (when == stage::ready) throw std::runtime_error("await_ready");
    return false;
  }
  bool await_suspend(std::coroutine_handle<>) const {
    if (when == stage::suspend) throw std::runtime_error("await_suspend");
    return false;
  }
  void await_resume() const {
    if (when == stage::resume) throw std::runtime_error("await_resume");
  }
};

/// Found through operator co_await, a member and a free one.
struct with_member {
  inline_awaitable operator co_await() const noexcept { return {10}; }
};
struct with_free {};
inline_awaitable operator co_await(with_free) noexcept { return {11}; }

foreign_task<int> foreign_sum(int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i) sum += co_await inline_awaitable{1};
  co_return sum;
}

} // namespace

TEST_CASE("An awaitable that resumes inline, refuses or is ready costs nothing but that") {
  const no_leaks watch;
  const auto body = []() -> task<> {
    for (int i = 0; i < rounds; ++i) {
      const int value = co_await inline_awaitable{i};
      COIR_EXPECT(value == i);
    }
    COIR_EXPECT(co_await refusing_awaitable{} == "refused");
    COIR_EXPECT(co_await ready_awaitable{} == 1);
    COIR_EXPECT(co_await returning_awaitable{} == 2);
    COIR_EXPECT(co_await with_member{} == 10);
    COIR_EXPECT(co_await with_free{} == 11);
    co_await std::suspend_never{};
    inline_awaitable kept{5};
    COIR_EXPECT(co_await kept == 5);
  };
  coir::run(shuffled(2), [&] {
    coir::await(body());
    CHECK(coir::await(inline_awaitable{3}) == 3);
    CHECK(coir::await(refusing_awaitable{}) == "refused");
    CHECK(coir::await(with_free{}) == 11);
  });
}

TEST_CASE("An awaitable that throws, wherever, throws in the coroutine") {
  const no_leaks watch;
  const auto body = [](stage when) -> task<std::string> {
    try {
      co_await throwing_awaitable{when};
    } catch (const std::runtime_error& caught) {
      co_return caught.what();
    }
    co_return "nothing";
  };
  coir::run(only_one_worker(), [&] {
    CHECK(coir::await(body(stage::ready)) == "await_ready");
    CHECK(coir::await(body(stage::suspend)) == "await_suspend");
    CHECK(coir::await(body(stage::resume)) == "await_resume");
    CHECK_THROWS_WITH(coir::await(throwing_awaitable{stage::suspend}), "await_suspend");
  });
}

TEST_CASE("An awaitable may resume from a foreign thread; the task continues on the scheduler") {
  const no_leaks watch;
  const unsigned workers = GENERATE(1U, 2U, 8U);
  resuming_thread foreign;
  const auto body = [&](int n) -> task<int> {
    int sum = 0;
    for (int i = 0; i < rounds / 10; ++i) {
      sum += co_await foreign.resume_with(n);
      COIR_EXPECT(coir::this_fiber::id() != 0);
      if (i % 4 == 0) co_await coir::this_fiber::async_yield();
    }
    co_return sum;
  };
  coir::run(migrating(workers), [&] {
    std::vector<coir::fiber<int>> handles;
    for (int i = 0; i < 4; ++i) handles.push_back(coir::spawn(body(i)));
    for (int i = 0; i < 4; ++i) {
      CHECK(handles[static_cast<std::size_t>(i)].join() == i * (rounds / 10));
    }
    for (int i = 0; i < rounds / 10; ++i) CHECK(coir::await(foreign.resume_with(i)) == i);
  });
}

TEST_CASE("A coroutine of another library is awaited by symmetric transfer") {
  const no_leaks watch;
  const auto body = []() -> task<> {
    for (int i = 0; i < rounds; ++i) {
      const int sum = co_await foreign_sum(3);
      COIR_EXPECT(sum == 3);
    }
  };
  coir::run(shuffled(2), [&] {
    coir::await(body());
    CHECK(coir::await(foreign_sum(2)) == 2);
  });
}

TEST_CASE("A coroutine of another library may await ours, and blocks like a fiber then") {
  const no_leaks watch;
  const unsigned workers = GENERATE(1U, 2U, 8U);
  coir::mutex mutex;
  coir::counting_semaphore<> semaphore(0);
  int counter = 0;
  const auto ours = [&](int n) -> task<int> {
    co_await coir::this_fiber::async_sleep_for(std::chrono::microseconds(1));
    co_await mutex.async_lock();
    const std::lock_guard held(mutex, std::adopt_lock);
    ++counter;
    co_await coir::this_fiber::async_yield();
    co_return n;
  };
  const auto theirs = [&](int n) -> foreign_task<int> {
    const int given = co_await ours(n);
    co_await semaphore.async_acquire();
    co_return given + co_await coir::spawn(ours(1));
  };
  const auto outer = [&](int n) -> task<int> {
    const int result = co_await theirs(n);
    co_return result;
  };
  coir::run(migrating(workers), [&] {
    std::vector<coir::fiber<int>> handles;
    for (int i = 0; i < 50; ++i) handles.push_back(coir::spawn(outer(i)));
    semaphore.release(50);
    for (int i = 0; i < 50; ++i) CHECK(handles[static_cast<std::size_t>(i)].join() == i + 1);
  });
  CHECK(counter == 100);
}

TEST_CASE("A coroutine that another resumes by hand keeps to itself") {
  // The foreign coroutine runs inside of a call that a spawned one makes: what it awaits must not suspend that one.
  const no_leaks watch;
  const auto theirs = [](coir::counting_semaphore<>& semaphore,
                         bool& is_done) -> foreign_task<int> {
    co_await semaphore.async_acquire();
    co_await coir::this_fiber::async_yield();
    is_done = true;
    co_return 1;
  };
  const auto outer = [&]() -> task<> {
    coir::counting_semaphore<> semaphore(0);
    bool is_done = false;
    auto releasing = coir::spawn([&] {
      coir::this_fiber::yield();
      semaphore.release();
    });
    auto started = theirs(semaphore, is_done);
    start_detached(started); // blocks in it
    CHECK(is_done);
    co_await releasing;
  };
  coir::run(migrating(3), [&] {
    for (int i = 0; i < 50; ++i) coir::await(outer());
  });
}

TEST_CASE("On a plain thread, without a runtime, ours block the thread under another library's") {
  const no_leaks watch;
  coir::latch latch(1);
  coir::mutex mutex;
  const auto ours = [&]() -> task<int> {
    co_await latch.async_wait();
    co_await mutex.async_lock();
    mutex.unlock();
    co_await coir::this_fiber::async_sleep_for(std::chrono::microseconds(10));
    co_return 4;
  };
  const auto theirs = [&]() -> foreign_task<int> { co_return co_await ours(); };
  std::thread other([&] { latch.count_down(); });
  auto started = theirs();
  CHECK(start_detached(started) == 4);
  other.join();
}
