// SPDX-License-Identifier: MIT
// A million suspended coroutines: what each costs, and that each is resumed.
#include "fiber/coro/sleep.hpp"
#include "fiber/coro/spawn.hpp"
#include "fiber/runtime.hpp"
#include "fiber/sched/slab.hpp"
#include "fiber/semaphore.hpp"
#include "fiber/this_fiber.hpp"
#include "tests/catch.hpp"
#include "tests/support/forked_child.hpp"
#include "tests/support/process_memory.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/virtual_poller.hpp"
#include "tests/support/worker_counts.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <limits>
#include <vector>

using namespace std::chrono_literals;
using coir::task;

namespace {

constexpr double most_bytes = 400;
constexpr double infinite = std::numeric_limits<double>::infinity();
#ifdef NDEBUG
constexpr bool is_measured = !coir::test::is_sanitized;
#else
constexpr bool is_measured = false; // frames are larger
#endif

/// Where sanitizers watch, and where memory is short, as many as there is room for.
std::size_t choose_count() {
  if (coir::test::is_sanitized) return 20'000;
  constexpr std::size_t wanted = 1'000'000;
  const std::size_t possible = coir::test::available_bytes() / 600;
  return std::min(wanted, possible);
}

task<> stay_asleep(coir::deadline until, std::atomic<std::size_t>& resumed) {
  co_await coir::this_fiber::async_sleep_until(until);
  ++resumed;
}

task<> acquire(coir::counting_semaphore<>& semaphore, std::atomic<std::size_t>& resumed) {
  co_await semaphore.async_acquire();
  ++resumed;
}

/// Has `count` coroutines suspended at once, and returns what each takes; then `resume_all` ends them.
double suspend_all(std::size_t count, const std::function<task<>()>& make,
                   const std::function<void()>& resume_all) {
  // Made and touched before, so that the handles do not count.
  std::vector<coir::fiber<>> handles(count);
  const auto before = coir::test::read_memory();
  for (std::size_t i = 0; i < count; ++i) {
    handles[i] = coir::spawn(make());
    if (i % 1000 == 999) coir::this_fiber::yield(); // they wait, and the run queue stays short
  }
  coir::this_fiber::yield();
  const auto after = coir::test::read_memory();
  resume_all();
  for (auto& each : handles) each.join();
  const auto bytes = static_cast<double>(after.resident_bytes + after.page_table_bytes) -
                     static_cast<double>(before.resident_bytes + before.page_table_bytes);
  return bytes / static_cast<double>(count);
}

/// In a process of its own, where no memory is at hand that others have used before.
void check_in_child(const std::function<double(std::size_t count)>& measure) {
  const auto end = coir::test::run_in_child([&] {
    const std::size_t count = choose_count();
    const auto frames = coir::slab::statistics().frames;
    const double bytes_each = measure(count);
    std::fprintf(stderr, "%.1f bytes each, of %zu", bytes_each, count);
    if (coir::slab::statistics().frames != frames) return false;
    return !is_measured || count < 100'000 || bytes_each <= most_bytes;
  });
  INFO(end.error_output);
  CHECK(end.has_succeeded());
}

} // namespace

TEST_CASE("A million coroutines wait for a semaphore") {
  check_in_child([](std::size_t count) {
    std::atomic<std::size_t> resumed{0};
    return coir::run(coir::test::only_one_worker(), [&] {
      coir::counting_semaphore<> semaphore(0);
      const double bytes_each = suspend_all(
          count, [&] { return acquire(semaphore, resumed); },
          [&] { semaphore.release(static_cast<std::ptrdiff_t>(count)); });
      return resumed == count ? bytes_each : infinite;
    });
  });
}

TEST_CASE("A million coroutines are asleep") {
  check_in_child([](std::size_t count) {
    coir::test::virtual_clock clock;
    std::atomic<std::size_t> resumed{0};
    return coir::run(coir::test::on_virtual_clock(clock, 1), [&] {
      const auto until = clock.now() + 1h;
      const double bytes_each = suspend_all(
          count, [&] { return stay_asleep(until, resumed); }, [] {});
      return resumed == count ? bytes_each : infinite;
    });
  });
}
