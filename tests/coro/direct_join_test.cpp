// SPDX-License-Identifier: MIT
// A join that begins the coroutine it waits for: it is as any other join, whatever the coroutine does.
#include "fiber/coro/sleep.hpp"
#include "fiber/coro/spawn.hpp"
#include "fiber/latch.hpp"
#include "fiber/pin.hpp"
#include "fiber/runtime.hpp"
#include "fiber/sched/current.hpp"
#include "fiber/sched/worker.hpp"
#include "fiber/semaphore.hpp"
#include "fiber/this_fiber.hpp"
#include "tests/catch.hpp"
#include "tests/coro/expect.hpp"
#include "tests/coro/living_frames.hpp"
#include "tests/support/kernel_thread.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/virtual_poller.hpp"
#include "tests/support/worker_counts.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <system_error>

using namespace std::chrono_literals;
using coir::task;
using coir::test::no_leaks;
using coir::test::on_virtual_clock;
using coir::test::only_one_worker;
using coir::test::virtual_clock;
using coir::test::with_workers;

namespace {

/// Whether the running coroutine was begun by a join.
bool is_direct() { return coir::current_worker()->direct().joiner != nullptr; }

task<bool> tell_directness() { co_return is_direct(); }
task<int> give(int value) { co_return value; }
task<> fail() {
  throw std::runtime_error("direct");
  co_return;
}

/// Waits for a permit, in each of the ways that a coroutine can.
using way_to_wait = task<> (*)(coir::counting_semaphore<>&);
task<> suspend(coir::counting_semaphore<>& permits) { co_await permits.async_acquire(); }
task<> block(coir::counting_semaphore<>& permits) {
  permits.acquire();
  co_return;
}
task<> yield_and_suspend(coir::counting_semaphore<>& permits) {
  co_await coir::this_fiber::async_yield();
  co_await permits.async_acquire();
}
task<> yield_and_block(coir::counting_semaphore<>& permits) {
  coir::this_fiber::yield();
  permits.acquire();
  co_return;
}
task<> join_and_suspend(coir::counting_semaphore<>& permits) {
  COIR_EXPECT(co_await coir::spawn(give(3)) == 3);
  co_await permits.async_acquire();
}
task<> await_and_block(coir::counting_semaphore<>& permits) {
  COIR_EXPECT(coir::await(give(3)) == 3);
  permits.acquire();
  co_return;
}

/// By which error a join ends; none: by the end of what is joined.
task<std::errc> error_of(coir::fiber<>& handle) {
  try {
    co_await handle;
  } catch (const std::system_error& caught) {
    co_return static_cast<std::errc>(caught.code().value());
  }
  co_return std::errc{};
}
std::errc error_of_blocking(coir::fiber<>& handle) {
  try {
    handle.join();
  } catch (const std::system_error& caught) {
    return static_cast<std::errc>(caught.code().value());
  }
  return std::errc{};
}

/// Starts a coroutine or a fiber that spawns a coroutine, joins it at once and tells how that ended.
using joiner = coir::fiber<std::errc> (*)(coir::fiber<>& spawned, std::function<task<>()> body);
coir::fiber<std::errc> start_coroutine(coir::fiber<>& spawned, std::function<task<>()> body) {
  const auto join = [](coir::fiber<>& handle, std::function<task<>()> make) -> task<std::errc> {
    handle = coir::spawn(make());
    co_return co_await error_of(handle);
  };
  return coir::spawn(join(spawned, std::move(body)));
}
coir::fiber<std::errc> start_fiber(coir::fiber<>& spawned, std::function<task<>()> body) {
  return coir::spawn([&spawned, make = std::move(body)] {
    spawned = coir::spawn(make());
    return error_of_blocking(spawned);
  });
}

} // namespace

TEST_CASE("A coroutine that is joined before it has begun is begun by the join") {
  const no_leaks watch;
  coir::run(only_one_worker(), [] {
    CHECK(coir::spawn(tell_directness()).join());
    CHECK(coir::await(tell_directness()));
    const auto body = []() -> task<> {
      COIR_EXPECT(co_await coir::spawn(tell_directness()));
      auto first = coir::spawn(tell_directness());
      auto second = coir::spawn(tell_directness());
      COIR_EXPECT(!co_await first); // two in a batch: in the order of their birth
      COIR_EXPECT(co_await second);
    };
    coir::await(body());
  });
}

TEST_CASE("A coroutine that is begun by a join gets a stack of the size that it asks for") {
  const no_leaks watch;
  constexpr std::size_t bytes = std::size_t{1} << 20;
  coir::run(only_one_worker(), [&] {
    const auto stack_bytes = []() -> task<std::size_t> {
      co_return coir::current_fiber()->bound->slot_bytes();
    };
    CHECK(coir::spawn({.stack_size = bytes}, stack_bytes()).join() == bytes);
    const auto body = [&]() -> task<> {
      COIR_EXPECT(co_await coir::spawn({.stack_size = bytes}, stack_bytes()) == bytes);
      COIR_EXPECT(co_await coir::spawn(stack_bytes()) == coir::default_stack_bytes);
    };
    coir::await(body());
  });
}

TEST_CASE("Results and exceptions come back from a direct join") {
  const no_leaks watch;
  coir::run(only_one_worker(), [] {
    int here = 0;
    const auto refer = [](int& to) -> task<int&> { co_return to; };
    const auto name = []() -> task<std::string> { co_return std::string(100, 'x'); };
    CHECK(coir::spawn(give(4)).join() == 4);
    CHECK(&coir::spawn(refer(here)).join() == &here);
    CHECK(coir::spawn(name()).join() == std::string(100, 'x'));
    CHECK_THROWS_AS(coir::spawn(fail()).join(), std::runtime_error);
    try {
      throw std::logic_error("outer");
    } catch (const std::logic_error&) {
      CHECK_THROWS_AS(coir::spawn(fail()).join(), std::runtime_error);
      CHECK_THROWS_AS(throw, std::logic_error);
    }
    const auto body = [&]() -> task<> {
      COIR_EXPECT(co_await coir::spawn(give(5)) == 5);
      COIR_EXPECT(&co_await coir::spawn(refer(here)) == &here);
      COIR_EXPECT((co_await coir::spawn(name())).size() == 100);
      COIR_EXPECT_THROWS_AS(co_await coir::spawn(fail()), std::runtime_error);
    };
    coir::await(body());
  });
}

TEST_CASE("A handle that has been waited for directly is let go in any way") {
  const no_leaks watch;
  coir::run(only_one_worker(), [] {
    for (int way = 0; way < 4; ++way) {
      auto handle = coir::spawn(give(7));
      handle.wait();
      CHECK(handle.has_ended());
      switch (way) {
      case 0: CHECK(handle.join() == 7); break;
      case 1: handle.detach(); break;
      case 2: handle = {}; break;
      default: break; // its destructor
      }
    }
  });
}

TEST_CASE("A stop request ends a direct join, however the coroutine waits") {
  const no_leaks watch;
  const unsigned workers = GENERATE(1U, 2U);
  const way_to_wait wait = GENERATE(as<way_to_wait>{}, suspend, block, yield_and_suspend,
                                    yield_and_block, join_and_suspend, await_and_block);
  const joiner start = GENERATE(as<joiner>{}, start_coroutine, start_fiber);
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, workers), [&] {
    coir::counting_semaphore<> permits(0);
    coir::fiber<> waiting;
    auto joining = start(waiting, [&] { return wait(permits); });
    coir::this_fiber::sleep_for(1s);
    CHECK_FALSE(joining.has_ended());
    CHECK(joining.request_stop());
    CHECK(joining.join() == std::errc::operation_canceled);
    CHECK_FALSE(waiting.has_ended());
    permits.release();
    waiting.join();
  });
}

TEST_CASE("A joiner that is requested to stop while the coroutine runs is told when it suspends") {
  const no_leaks watch;
  const joiner start = GENERATE(as<joiner>{}, start_coroutine, start_fiber);
  const bool ends_at_once = GENERATE(true, false);
  coir::run(only_one_worker(), [&] {
    coir::counting_semaphore<> permits(0);
    coir::fiber<std::errc> joining;
    coir::fiber<> stopping;
    const auto stop_joiner = [&]() -> task<> {
      COIR_EXPECT(is_direct());
      joining.request_stop();
      if (!ends_at_once) co_await permits.async_acquire();
    };
    joining = start(stopping, stop_joiner);
    // What has ended is taken in spite of the request.
    CHECK(joining.join() == (ends_at_once ? std::errc{} : std::errc::operation_canceled));
    CHECK(stopping.joinable() != ends_at_once);
    permits.release();
    if (stopping.joinable()) stopping.join();
  });
}

TEST_CASE("A join with a limit ends by it") {
  const no_leaks watch;
  const way_to_wait wait = GENERATE(as<way_to_wait>{}, suspend, block);
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, 1), [&] {
    coir::counting_semaphore<> permits(0);
    const auto before = clock.now();
    auto first = coir::spawn(wait(permits));
    CHECK_THROWS_AS(first.wait(1s), std::system_error);
    auto second = coir::spawn(wait(permits));
    {
      const coir::deadline_scope limit(1s);
      CHECK(error_of_blocking(second) == std::errc::timed_out);
    }
    const auto limited = [&]() -> task<std::errc> {
      auto third = coir::spawn(wait(permits));
      const coir::deadline_scope limit(1s);
      const std::errc error = co_await error_of(third);
      third.detach();
      co_return error;
    };
    CHECK(coir::await(limited()) == std::errc::timed_out);
    CHECK(clock.now() == before + 3s);
    permits.release(3);
    first.join();
    second.join();
  });
}

TEST_CASE("Others run while a coroutine joins one after the other") {
  const no_leaks watch;
  const bool has_yielders = GENERATE(true, false);
  constexpr int joins = 20'000;
  coir::run(only_one_worker(), [&] {
    std::atomic<bool> is_over{false};
    int turns = 0;
    coir::scope scope;
    if (has_yielders) {
      scope.spawn([&] {
        for (; !is_over; ++turns) coir::this_fiber::yield();
      });
    } else {
      scope.spawn([&] {
        for (; !is_over; ++turns) coir::this_fiber::sleep_for(10us);
      });
    }
    coir::this_fiber::yield();
    const auto loop = []() -> task<> {
      for (int i = 0; i < joins; ++i) COIR_EXPECT(co_await coir::spawn(give(i)) == i);
    };
    coir::await(loop());
    is_over = true;
    scope.join();
    CHECK(turns >= (has_yielders ? joins / 256 : 5));
  });
}

TEST_CASE("Direct joins nest as deep as memory goes") {
  const no_leaks watch;
  constexpr int levels = coir::test::is_sanitized ? 2'000 : 50'000;
  coir::run(only_one_worker(), [&] {
    const std::function<task<int>(int)> descend = [&](int left) -> task<int> {
      if (left == 0) co_return 0;
      co_return 1 + co_await coir::spawn(descend(left - 1));
    };
    CHECK(coir::await(descend(levels)) == levels);
  });
}

TEST_CASE("A pinned joiner stays where it is, and a coroutine may run another runtime") {
  const no_leaks watch;
  coir::run(with_workers(2), [] {
    const coir::pin here;
    const auto thread = coir::test::kernel_thread();
    for (int i = 0; i < 200; ++i) {
      coir::counting_semaphore<> permits(1);
      coir::spawn(i % 2 == 0 ? yield_and_suspend(permits) : yield_and_block(permits)).join();
      CHECK(coir::test::kernel_thread() == thread);
    }
    const auto nested = []() -> task<int> {
      int result = 0;
      coir::run(only_one_worker(), [&] { result = coir::spawn(give(9)).join(); });
      co_return result;
    };
    CHECK(coir::spawn(nested()).join() == 9);
  });
}
