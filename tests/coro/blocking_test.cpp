// SPDX-License-Identifier: MIT
// Fibers and coroutines wait for each other, and coroutines call functions that block like a fiber's.
#include "fiber/condition_variable.hpp"
#include "fiber/coro/sleep.hpp"
#include "fiber/coro/spawn.hpp"
#include "fiber/latch.hpp"
#include "fiber/mutex.hpp"
#include "fiber/runtime.hpp"
#include "fiber/semaphore.hpp"
#include "fiber/this_fiber.hpp"
#include "tests/catch.hpp"
#include "tests/coro/expect.hpp"
#include "tests/coro/living_frames.hpp"
#include "tests/support/kernel_thread.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/worker_counts.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using coir::task;
using coir::test::kernel_thread;
using coir::test::migrating;
using coir::test::no_leaks;
using coir::test::only_one_worker;
using coir::test::shuffled;

namespace {

constexpr int rounds = coir::test::is_sanitized ? 50 : 500;

task<int> give(int value) {
  co_await coir::this_fiber::async_yield();
  co_return value;
}

/// Alternates between ways to wait.
task<int> block_and_suspend(coir::mutex& mutex, int& counter) {
  int moved = 0;
  for (int i = 0; i < rounds; ++i) {
    const auto before = kernel_thread();
    {
      const std::lock_guard held(mutex); // blocks like a fiber
      ++counter;
      if (i % 8 == 0) coir::this_fiber::sleep_for(100us); // and migrates
    }
    moved += kernel_thread() != before ? 1 : 0;
    co_await coir::this_fiber::async_yield();
    coir::this_fiber::yield();
    co_await coir::this_fiber::async_sleep_for(i % 8 == 0 ? 1us : 0us);
    const int difference = co_await coir::spawn(give(1)) - coir::spawn([] { return 1; }).join();
    COIR_EXPECT(difference == 0);
  }
  co_return moved;
}

} // namespace

TEST_CASE("A coroutine may call what blocks a fiber, and goes on, also on another worker") {
  const no_leaks watch;
  const unsigned workers = GENERATE(1U, 2U, 8U);
  coir::mutex mutex;
  int counter = 0;
  int moved = 0;
  coir::run(migrating(workers), [&] {
    std::vector<coir::fiber<int>> handles;
    for (int i = 0; i < 4; ++i) handles.push_back(coir::spawn(block_and_suspend(mutex, counter)));
    for (auto& each : handles) moved += each.join();
  });
  CHECK(counter == 4 * rounds);
  if (workers > 1) CHECK(moved > 0);
}

TEST_CASE("While a coroutine blocks, its worker runs others") {
  std::string order;
  const auto body = [&](char name, coir::latch& go_on) -> task<> {
    order += name;
    go_on.wait(); // blocks like a fiber
    order += name;
    co_await coir::this_fiber::async_yield();
    order += name;
  };
  coir::run(only_one_worker(), [&] {
    coir::latch go_on(1);
    coir::scope scope;
    scope.spawn(body('a', go_on));
    scope.spawn(body('b', go_on));
    scope.spawn([&] {
      order += 'f';
      go_on.count_down();
    });
    scope.join();
  });
  CHECK(order.substr(0, 3) == "abf");
  CHECK(std::count(order.begin(), order.end(), 'a') == 3);
  CHECK(std::count(order.begin(), order.end(), 'b') == 3);
}

TEST_CASE("A fiber awaits a coroutine, and a coroutine a fiber") {
  const no_leaks watch;
  const unsigned workers = GENERATE(1U, 2U, 8U);
  const auto outer = []() -> task<int> {
    auto fiber = coir::spawn([] { return coir::await(give(20)) + 1; });
    auto temporary = co_await coir::spawn([] { return std::string("kept"); });
    CHECK(temporary == "kept");
    const int sum = co_await fiber + co_await coir::spawn(give(21));
    CHECK_FALSE(fiber.joinable());
    auto other = coir::spawn(give(0));
    co_await other.async_join();
    CHECK_FALSE(other.joinable());
    co_return sum;
  };
  coir::run(shuffled(workers), [&] {
    for (int i = 0; i < rounds; ++i) CHECK(coir::await(outer()) == 42);
  });
}

TEST_CASE("A result that cannot be copied, a reference and nothing come through a handle") {
  const no_leaks watch;
  const auto body = []() -> task<> {
    const auto made = co_await coir::spawn([] { return std::make_unique<int>(3); });
    CHECK(*made == 3);
    int target = 0;
    int& reference = co_await coir::spawn([&]() -> int& { return target; });
    CHECK(&reference == &target);
    co_await coir::spawn([&] { target = 1; });
    CHECK(target == 1);
    coir::fiber<> none;
    COIR_EXPECT_THROWS_AS(co_await none, std::system_error);
  };
  coir::run(shuffled(2), [&] { coir::await(body()); });
}

TEST_CASE("An exception crosses three levels: coroutine, fiber, coroutine") {
  const no_leaks watch;
  const unsigned workers = GENERATE(1U, 2U, 8U);
  const auto inner = [](int n) -> task<int> {
    co_await coir::this_fiber::async_yield();
    throw std::out_of_range("level " + std::to_string(n));
  };
  const auto outer = [&](int n) -> task<std::string> {
    auto middle = coir::spawn([&inner, n] { return coir::await(inner(n)); });
    try {
      co_await middle;
    } catch (const std::out_of_range& caught) {
      co_return caught.what();
    }
    co_return "nothing was thrown";
  };
  coir::run(migrating(workers), [&] {
    for (int i = 0; i < rounds / 5; ++i)
      CHECK(coir::await(outer(i)) == "level " + std::to_string(i));
  });
}

TEST_CASE("A coroutine may block inside of a catch") {
  const no_leaks watch;
  const auto body = [](int n) -> task<int> {
    int kept = 0;
    for (int i = 0; i < 20; ++i) {
      try {
        throw n;
      } catch (int caught) {
        coir::this_fiber::yield();
        coir::this_fiber::sleep_for(1us);
        kept = caught;
        COIR_EXPECT(std::current_exception() != nullptr);
      }
      COIR_EXPECT(std::current_exception() == nullptr);
      co_await coir::this_fiber::async_yield();
      COIR_EXPECT(std::current_exception() == nullptr);
    }
    co_return kept;
  };
  coir::run(migrating(3), [&] {
    std::vector<coir::fiber<int>> handles;
    for (int i = 0; i < 8; ++i) handles.push_back(coir::spawn(body(i)));
    for (int i = 0; i < 8; ++i) CHECK(handles[static_cast<std::size_t>(i)].join() == i);
  });
}

TEST_CASE("Blocking keeps errno, and no coroutine sees another's") {
  const auto body = [](int n) -> task<> {
    for (int i = 0; i < 50; ++i) {
      errno = n;
      coir::this_fiber::yield();
      COIR_EXPECT(errno == n);
      co_await coir::this_fiber::async_yield();
    }
  };
  coir::run(only_one_worker(), [&] {
    coir::scope scope;
    for (int i = 1; i < 5; ++i) scope.spawn(body(i));
    scope.join();
  });
}

TEST_CASE("What lives in a frame may block when it is destroyed") {
  const no_leaks watch;
  struct slow {
    explicit slow(int& counter) : counter_(&counter) {}
    slow(slow&& other) noexcept : counter_(std::exchange(other.counter_, nullptr)) {}
    slow& operator=(slow&&) = delete;
    ~slow() {
      if (counter_ == nullptr) return;
      coir::this_fiber::sleep_for(1us);
      ++*counter_;
    }
    int* counter_;
  };
  const auto body = [](slow argument) -> task<slow> {
    co_await coir::this_fiber::async_yield();
    slow local(*argument.counter_);
    co_return slow(*argument.counter_);
  };
  coir::run(migrating(3), [&] {
    for (int i = 0; i < rounds / 5; ++i) {
      int counter = 0;
      coir::spawn(body(slow(counter))).join();
      CHECK(counter == 3);
    }
  });
}
