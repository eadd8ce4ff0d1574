// SPDX-License-Identifier: MIT
// A million tasks that complete synchronously need no more stack than one, at any level of optimization.
#include "fiber/coro/sleep.hpp"
#include "fiber/coro/spawn.hpp"
#include "fiber/mutex.hpp"
#include "fiber/runtime.hpp"
#include "fiber/this_fiber.hpp"
#include "tests/catch.hpp"
#include "tests/coro/expect.hpp"
#include "tests/coro/living_frames.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/worker_counts.hpp"

#include <stdexcept>

using coir::task;
using coir::test::migrating;
using coir::test::no_leaks;
using coir::test::only_one_worker;

namespace {

constexpr int many = coir::test::is_sanitized ? 100'000 : 1'000'000;

task<int> one() { co_return 1; }

task<int> sum_of(int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i) sum += co_await one();
  co_return sum;
}

task<int> depth_of(int depth) {
  if (depth == 0) co_return 0;
  co_return 1 + co_await depth_of(depth - 1);
}

/// Suspends at the bottom.
task<int> depth_over_yield(int depth) {
  if (depth == 0) {
    co_await coir::this_fiber::async_yield();
    co_return 0;
  }
  co_return 1 + co_await depth_over_yield(depth - 1);
}

task<int> fail_at(int depth) {
  if (depth == 0) throw std::runtime_error("the bottom");
  co_return co_await fail_at(depth - 1);
}

/// On a stack that was suspended by a call that blocks.
task<int> sum_after_blocking(int count) {
  coir::this_fiber::yield();
  const int first = co_await sum_of(count);
  coir::this_fiber::sleep_for(std::chrono::microseconds(1));
  co_return first + co_await sum_of(count);
}

constexpr std::size_t small_stack = 64 << 10;

} // namespace

TEST_CASE("A loop over ready tasks does not grow the stack") {
  const no_leaks watch;
  coir::run(only_one_worker(), [] {
    CHECK(coir::spawn({.stack_size = small_stack}, sum_of(many)).join() == many);
    CHECK(coir::await(sum_of(many)) == many);
  });
}

TEST_CASE("Recursive tasks grow the heap, and not the stack") {
  const no_leaks watch;
  coir::run(only_one_worker(), [] {
    CHECK(coir::spawn({.stack_size = small_stack}, depth_of(many)).join() == many);
    CHECK(coir::spawn({.stack_size = small_stack}, depth_over_yield(many)).join() == many);
  });
}

TEST_CASE("An exception travels up a deep recursion") {
  const no_leaks watch;
  constexpr int depth = many / 100;
  coir::run(only_one_worker(), [] {
    CHECK_THROWS_WITH(coir::spawn({.stack_size = small_stack}, fail_at(depth)).join(),
                      "the bottom");
  });
}

TEST_CASE("The bound holds on a stack that has been suspended, also after it has migrated") {
  const no_leaks watch;
  coir::run(migrating(3), [] {
    coir::scope scope;
    for (int i = 0; i < 4; ++i) {
      scope.spawn({.stack_size = small_stack}, [](int count) -> task<> {
        const int sum = co_await sum_after_blocking(count);
        COIR_EXPECT(sum == 2 * count);
      }(many / 20));
    }
    scope.join();
  });
}
