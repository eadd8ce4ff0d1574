// SPDX-License-Identifier: MIT
// spawn: options, who may call it, what happens if it fails.
#include "fiber/latch.hpp"
#include "fiber/semaphore.hpp"
#include "fiber/thread.hpp"
#include "tests/catch.hpp"
#include "tests/support/living_fibers.hpp"
#include "tests/support/worker_counts.hpp"

#include <alloca.h>
#include <atomic>
#include <cstring>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

using coir::test::shuffled;
using coir::test::with_workers;

namespace {

template <class Function>
std::error_code error_of(Function&& function) {
  try {
    function();
  } catch (const std::system_error& error) {
    return error.code();
  }
  return {};
}

/// Writes to that many bytes of stack.
[[gnu::noinline]] bool touch_stack(std::size_t bytes) {
  auto* const deep = static_cast<char*>(alloca(bytes));
  std::memset(deep, 1, bytes);
  return static_cast<const volatile char*>(deep)[bytes / 2] == 1;
}

} // namespace

TEST_CASE("A fiber's name is copied, and its id is its own") {
  const unsigned workers = GENERATE(1U, 8U);
  coir::run(shuffled(workers), [] {
    std::string name = "reader of a socket";
    auto fiber = coir::spawn({.name = name}, [] { return std::string(coir::this_fiber::name()); });
    name.clear();
    CHECK(fiber.name() == "reader of a socket");
    CHECK(fiber.join() == "reader of a socket");
    CHECK(coir::spawn([] { return coir::this_fiber::name().empty(); }).join());
    CHECK(coir::this_fiber::name() == "main");

    std::set<std::uint64_t> ids{coir::this_fiber::id()};
    std::vector<coir::fiber<std::uint64_t>> fibers;
    for (int i = 0; i < 3000; ++i)
      fibers.push_back(coir::spawn([] { return coir::this_fiber::id(); }));
    bool is_known_outside = true;
    for (auto& each : fibers) {
      const auto id = each.id();
      is_known_outside = ids.insert(id).second && each.join() == id && is_known_outside;
    }
    CHECK(is_known_outside);
    CHECK(ids.count(0) == 0);
  });
}

TEST_CASE("A stack has the size that was asked for") {
  const auto kib = GENERATE(16, 64, 256, 1024, 16 * 1024);
  const std::size_t bytes = std::size_t(kib) << 10;
  coir::run(with_workers(2), [bytes] {
    // Half, less some frames: the other half may be guard, record, colour.
    auto fiber =
        coir::spawn({.stack_size = bytes}, [bytes] { return touch_stack(bytes / 2 - 2048); });
    CHECK(fiber.join());
  });
  auto options = with_workers(2);
  options.stack_size = bytes;
  coir::run(options, [bytes] {
    CHECK(coir::spawn([bytes] { return touch_stack(bytes / 2 - 2048); }).join());
  });
}

TEST_CASE("A stack that is too large is refused") {
  coir::run(with_workers(1), [] {
    const auto spawn_with = [](std::size_t bytes) {
      return error_of([bytes] { coir::spawn({.stack_size = bytes}, [] {}).join(); });
    };
    CHECK_FALSE(spawn_with(1)); // rounded up
    CHECK_FALSE(spawn_with(std::size_t{64} << 20));
    CHECK(spawn_with((std::size_t{64} << 20) + 1) == std::errc::invalid_argument);
    CHECK(spawn_with(~std::size_t{0}) == std::errc::invalid_argument);
  });
}

TEST_CASE("spawn needs a runtime that runs") {
  CHECK(error_of([] { coir::spawn([] {}).join(); }) == std::errc::operation_not_permitted);
  const coir::runtime exists(with_workers(1));
  CHECK(error_of([] { coir::spawn([] {}).join(); }) == std::errc::operation_not_permitted);
  CHECK(error_of([] {
          coir::scope scope;
          scope.spawn([] {});
        }) == std::errc::operation_not_permitted);
}

TEST_CASE("A plain thread spawns on the runtime that has been running for longest") {
  const unsigned workers = GENERATE(1U, 8U);
  coir::runtime first(with_workers(workers));
  coir::runtime second(with_workers(1));
  coir::binary_semaphore let_go(0);
  coir::latch both_run(2);
  std::thread runs_first([&] {
    first.run([&] {
      both_run.count_down();
      let_go.acquire();
    });
  });
  while (first.statistics().spawned == 0) std::this_thread::yield();
  std::thread runs_second([&] {
    second.run([&] {
      both_run.count_down();
      let_go.acquire();
    });
  });
  both_run.wait();
  const auto before = second.statistics().spawned;
  CHECK(coir::spawn([] { return 42; }).join() == 42);
  CHECK(second.statistics().spawned == before);
  CHECK(second.spawn([] { return 42; }).join() == 42);
  CHECK(second.statistics().spawned == before + 1);
  let_go.release();
  runs_first.join();
  while (coir::test::count_living_fibers() > 1) std::this_thread::yield();
  CHECK(coir::spawn([] { return 42; }).join() == 42); // the other has been left
  let_go.release();
  runs_second.join();
}

TEST_CASE("Many threads spawn on one runtime") {
  const unsigned workers = GENERATE(1U, 8U);
  coir::runtime runtime(shuffled(workers));
  constexpr int threads = 4;
  constexpr int fibers = 200;
  std::atomic<int> sum{0};
  runtime.run([&] {
    std::vector<std::thread> spawners;
    coir::latch all_spawned(threads);
    for (int i = 0; i < threads; ++i) {
      spawners.emplace_back([&] {
        std::vector<coir::fiber<int>> spawned;
        for (int k = 0; k < fibers; ++k) {
          const auto placement = k % 2 == 0 ? coir::placement::any : coir::placement::pinned;
          spawned.push_back(runtime.spawn({.placement = placement}, [] {
            coir::this_fiber::yield();
            return 1;
          }));
        }
        for (auto& each : spawned) sum += each.join();
        all_spawned.count_down();
      });
    }
    all_spawned.wait();
    for (auto& each : spawners) each.join();
  });
  CHECK(sum == threads * fibers);
}

TEST_CASE("What is spawned before run() waits for it") {
  const unsigned workers = GENERATE(1U, 8U);
  coir::runtime runtime(with_workers(workers));
  auto fiber = runtime.spawn([] { return 42; });
  CHECK_FALSE(fiber.has_ended());
  CHECK(runtime.run([&] { return fiber.join(); }) == 42);
}

TEST_CASE("If a closure cannot be made there is no fiber, and nothing is lost") {
  struct refuses_copies {
    refuses_copies() = default;
    refuses_copies(const refuses_copies&) { throw std::length_error("no copy"); }
    void operator()() const {}
  };
  const unsigned workers = GENERATE(1U, 8U);
  const auto promised_before = coir::test::count_promised_stacks();
  coir::runtime_options options = with_workers(workers);
  {
    coir::runtime runtime(options);
    runtime.run([&] {
      const refuses_copies function;
      for (int i = 0; i < 100; ++i)
        CHECK_THROWS_AS(coir::spawn({.name = "x"}, function), std::length_error);
    });
    CHECK_THROWS_AS(runtime.spawn(refuses_copies()), std::length_error);
    CHECK(runtime.statistics().spawned == 1);
  }
  CHECK(coir::test::count_living_fibers() == 0);
  CHECK(coir::test::count_promised_stacks() == promised_before);
}
