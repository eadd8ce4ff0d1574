// SPDX-License-Identifier: MIT
// Spawned coroutines: their handles, scopes, ends, and what is left of them.
#include "fiber/coro/spawn.hpp"

#include "fiber/coro/sleep.hpp"
#include "fiber/latch.hpp"
#include "fiber/pin.hpp"
#include "fiber/runtime.hpp"
#include "fiber/semaphore.hpp"
#include "fiber/this_fiber.hpp"
#include "tests/catch.hpp"
#include "tests/coro/expect.hpp"
#include "tests/coro/living_frames.hpp"
#include "tests/support/kernel_thread.hpp"
#include "tests/support/virtual_poller.hpp"
#include "tests/support/worker_counts.hpp"

#include <atomic>
#include <chrono>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using coir::task;
using coir::test::kernel_thread;
using coir::test::migrating;
using coir::test::no_leaks;
using coir::test::on_virtual_clock;
using coir::test::only_one_worker;
using coir::test::shuffled;
using coir::test::virtual_clock;
using coir::test::with_workers;

namespace {

task<> count(std::atomic<int>& counter) {
  ++counter;
  co_await coir::this_fiber::async_yield();
  ++counter;
}

task<int> sleep_and_give(int value, std::chrono::milliseconds duration) {
  co_await coir::this_fiber::async_sleep_for(duration);
  co_return value;
}

task<> fail(const char* what) {
  co_await coir::this_fiber::async_yield();
  throw std::runtime_error(what);
}

task<> wait_for_ever() { co_await coir::this_fiber::async_sleep_until(coir::deadline::never()); }

} // namespace

TEST_CASE("A coroutine's handle is a fiber's") {
  const no_leaks watch;
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, 2), [] {
    auto handle = coir::spawn({.name = "counter"}, sleep_and_give(5, 10ms));
    CHECK(handle.joinable());
    CHECK(handle.id() != 0);
    CHECK(handle.name() == "counter");
    CHECK_FALSE(handle.has_ended());
    CHECK_THROWS_AS(handle.wait(5ms), std::system_error);
    handle.wait();
    CHECK(handle.has_ended());
    CHECK(handle.join() == 5);
    CHECK_FALSE(handle.joinable());
  });
}

TEST_CASE("this_fiber answers for the coroutine") {
  const auto body = []() -> task<> {
    const auto id = coir::this_fiber::id();
    CHECK(id != 0);
    CHECK(coir::this_fiber::name() == "named");
    co_await coir::this_fiber::async_yield();
    CHECK(coir::this_fiber::id() == id);
    CHECK_FALSE(coir::this_fiber::stop_requested());
  };
  coir::run(shuffled(2), [&] { coir::spawn({.name = "named"}, body()).join(); });
}

TEST_CASE("Coroutines take turns with each other and with fibers") {
  const no_leaks watch;
  const unsigned workers = GENERATE(1U, 2U, 8U);
  std::atomic<int> counter{0};
  coir::run(shuffled(workers), [&] {
    coir::scope scope;
    for (int i = 0; i < 500; ++i) {
      scope.spawn(count(counter));
      scope.spawn([&] {
        ++counter;
        coir::this_fiber::yield();
        ++counter;
      });
    }
    scope.join();
  });
  CHECK(counter == 2000);
}

TEST_CASE("async_yield lets the others go first") {
  std::string order;
  const auto body = [&](char name) -> task<> {
    for (int i = 0; i < 3; ++i) {
      order += name;
      co_await coir::this_fiber::async_yield();
    }
  };
  coir::run(only_one_worker(), [&] {
    coir::scope scope;
    scope.spawn(body('a'));
    scope.spawn(body('b'));
    scope.join();
  });
  CHECK(order == "ababab");
}

TEST_CASE("Sleepers wake in the order of their deadlines") {
  virtual_clock clock;
  std::vector<int> woken;
  const auto body = [&](int n) -> task<> {
    co_await coir::this_fiber::async_sleep_for(std::chrono::seconds(n));
    woken.push_back(n);
  };
  const auto before = clock.now();
  coir::run(on_virtual_clock(clock, 1), [&] {
    coir::scope scope;
    for (const int n : {3, 1, 5, 2, 4}) scope.spawn(body(n));
    scope.join();
  });
  CHECK(woken == std::vector<int>{1, 2, 3, 4, 5});
  CHECK(clock.now() == before + 5s);
}

TEST_CASE("A detached coroutine is waited for by run()") {
  const no_leaks watch;
  std::atomic<int> counter{0};
  coir::run(shuffled(2), [&] {
    for (int i = 0; i < 100; ++i) coir::spawn(count(counter)).detach();
  });
  CHECK(counter == 200);
}

TEST_CASE("A coroutine that waits for ever ends by the stop request at shutdown") {
  const no_leaks watch;
  auto options = with_workers(2);
  options.shutdown_grace = 1ms;
  bool is_destroyed = false;
  struct marker {
    bool& mark;
    ~marker() { mark = true; }
  };
  const auto body = [&]() -> task<> {
    const marker on_end{is_destroyed};
    co_await wait_for_ever();
  };
  coir::run(options, [&] { coir::spawn(body()).detach(); });
  CHECK(is_destroyed);
}

TEST_CASE("A handle that is dropped requests the coroutine to stop and waits for it") {
  const no_leaks watch;
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, 2), [] { const auto dropped = coir::spawn(wait_for_ever()); });
  SUCCEED("it has ended");
}

TEST_CASE("A plain thread spawns and joins coroutines of a running runtime") {
  const no_leaks watch;
  coir::run(shuffled(2), [] {
    coir::latch is_done(1);
    int sum = 0;
    std::thread plain([&] {
      for (int i = 0; i < 50; ++i) sum += coir::spawn(sleep_and_give(i, 0ms)).join();
      sum += coir::await(sleep_and_give(1, 1ms));
      is_done.count_down();
    });
    is_done.wait();
    plain.join();
    CHECK(sum == 50 * 49 / 2 + 1);
  });
}

TEST_CASE("A scope's coroutines end before it, and the first error cancels the others") {
  const no_leaks watch;
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, 2), [] {
    coir::scope scope;
    scope.spawn(wait_for_ever());
    scope.spawn([] { coir::this_fiber::sleep_for(1h); });
    scope.spawn(sleep_and_give(3, 1ms)); // its result is dropped
    scope.spawn(fail("the first"));
    CHECK_THROWS_WITH(scope.join(), "the first");
    CHECK(scope.size() == 0);
  });
}

TEST_CASE("A coroutine awaits a scope") {
  const no_leaks watch;
  virtual_clock clock;
  const auto body = [&]() -> task<> {
    std::atomic<int> counter{0};
    {
      coir::scope scope;
      scope.spawn(count(counter));
      scope.spawn([&] { ++counter; });
      co_await scope.async_join();
      CHECK(counter == 3);
    }
    coir::scope scope;
    scope.spawn(wait_for_ever());
    scope.spawn(fail("a child"));
    bool is_caught = false;
    try {
      co_await scope.async_join();
    } catch (const std::runtime_error& caught) {
      is_caught = std::string(caught.what()) == "a child";
    }
    CHECK(is_caught);
  };
  coir::run(on_virtual_clock(clock, 2), [&] { coir::await(body()); });
}

TEST_CASE("A pinned coroutine stays on its worker") {
  const auto stay = [](int rounds) -> task<> {
    const auto home = kernel_thread();
    for (int i = 0; i < rounds; ++i) {
      co_await coir::this_fiber::async_sleep_for(1us);
      COIR_EXPECT(kernel_thread() == home);
      co_await coir::this_fiber::async_yield();
      COIR_EXPECT(kernel_thread() == home);
    }
  };
  const auto region = [](int rounds) -> task<> {
    const coir::pin here;
    const auto home = kernel_thread();
    for (int i = 0; i < rounds; ++i) {
      co_await coir::this_fiber::async_sleep_for(1us);
      COIR_EXPECT(kernel_thread() == home);
    }
  };
  coir::run(migrating(3), [&] {
    coir::spawn({.placement = coir::placement::pinned}, stay(50)).join();
    coir::spawn(region(50)).join();
  });
}

TEST_CASE("Coroutines migrate where they are forced to") {
  const auto body = []() -> task<int> {
    int moved = 0;
    for (int i = 0; i < 100; ++i) {
      const auto before = kernel_thread();
      // Long enough that it has not passed, in a slow build, before the coroutine comes to suspend.
      co_await coir::this_fiber::async_sleep_for(200us);
      moved += kernel_thread() != before ? 1 : 0;
    }
    co_return moved;
  };
  coir::run(migrating(4), [&] { CHECK(coir::await(body()) > 50); });
}

TEST_CASE("A runtime's statistics count coroutines as fibers, and their frames") {
  coir::runtime runtime(with_workers(2));
  const auto frames = runtime.statistics().frames;
  runtime.run([&] {
    std::vector<coir::fiber<>> handles;
    for (int i = 0; i < 10; ++i) handles.push_back(coir::spawn(wait_for_ever()));
    CHECK(runtime.statistics().frames == frames + 10);
    for (auto& each : handles) each.request_stop();
    for (auto& each : handles) each.wait();
  });
  CHECK(runtime.statistics().spawned == 11);
  CHECK(runtime.statistics().finished == 11);
  CHECK(runtime.statistics().frames == frames);
}

TEST_CASE("Frames of any size are counted, and given back on whatever worker the coroutine ends") {
  const no_leaks watch;
  struct large {
    char bytes[10'000];
  };
  const auto body = [](large held) -> task<char> {
    co_await coir::this_fiber::async_sleep_for(1us);
    co_return held.bytes[9'999];
  };
  const auto before = coir::slab::statistics();
  coir::run(migrating(4), [&] {
    std::vector<coir::fiber<char>> handles;
    for (int i = 0; i < 100; ++i) {
      large given{};
      given.bytes[9'999] = static_cast<char>(i);
      handles.push_back(coir::spawn(body(given)));
    }
    CHECK(coir::slab::statistics().frames >= before.frames);
    for (int i = 0; i < 100; ++i) CHECK(handles[static_cast<std::size_t>(i)].join() == i);
  });
  auto unstarted = body(large{});
  CHECK(coir::slab::statistics().frames == before.frames + 1);
  CHECK(coir::slab::statistics().large == before.large);
}
