// SPDX-License-Identifier: MIT
// What a suspended coroutine costs: resident memory and page tables, of many that sleep or wait for a semaphore.
// Floor 7.
#include "bench/process_usage.hpp"
#include "bench/report.hpp"
#include "examples/options.hpp"

#include "fiber/coro/sleep.hpp"
#include "fiber/coro/spawn.hpp"
#include "fiber/latch.hpp"
#include "fiber/semaphore.hpp"
#include "fiber/thread.hpp"

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <variant>
#include <vector>

namespace {

/// What they wait for.
struct gate {
  coir::latch are_ready;
  coir::counting_semaphore<> opened{0};

  explicit gate(std::uint64_t count) : are_ready(static_cast<std::ptrdiff_t>(count)) {}
};

coir::task<> wait_for_semaphore(gate& closed) {
  closed.are_ready.count_down();
  co_await closed.opened.async_acquire();
}

coir::task<> sleep(gate& closed) {
  closed.are_ready.count_down();
  co_await coir::this_fiber::async_sleep_for(std::chrono::hours(1));
}

/// Whether it has been stopped.
bool join(coir::fiber<void>& waiting) {
  try {
    waiting.join();
    return false;
  } catch (const std::system_error& error) {
    bench::require(error.code() == std::errc::operation_canceled, "a coroutine failed");
    return true;
  }
}

/// Runs as a fiber. Bytes per coroutine. `asleep`: how many of them, all or none, sleep.
double measure(std::uint64_t count, bool asleep) {
  gate closed(count);
  std::vector<coir::fiber<void>> all(count); // touched before, so that the handles do not count
  const bench::memory_usage before = bench::memory_of(getpid());
  for (auto& each : all) each = coir::spawn(asleep ? sleep(closed) : wait_for_semaphore(closed));
  closed.are_ready.wait(); // the last one suspends before this fiber goes on, or nearly so
  const bench::memory_usage after = bench::memory_of(getpid());

  if (asleep) {
    for (auto& each : all) each.request_stop();
  } else {
    closed.opened.release(static_cast<std::ptrdiff_t>(count));
  }
  std::uint64_t stopped = 0;
  for (auto& each : all) stopped += join(each) ? 1 : 0;
  bench::require(stopped == (asleep ? count : 0), "a coroutine has waited for something else");
  const auto total = [](const bench::memory_usage& usage) {
    return static_cast<double>(usage.resident_bytes) + static_cast<double>(usage.page_table_bytes);
  };
  return (total(after) - total(before)) / static_cast<double>(count);
}

struct memory_options {
  std::uint64_t coroutines = 1'000'000;
  bool asleep = false;
};

/// The options, or the status to exit with at once.
std::variant<memory_options, int> parse(int argc, const char* const* argv) {
  memory_options parsed;
  examples::option_reader options(argc, argv);
  try {
    while (options.next()) {
      if (options.is("--coroutines")) {
        parsed.coroutines = options.number(1, 10'000'000);
      } else if (options.is("--asleep")) {
        options.flag();
        parsed.asleep = true;
      } else if (options.is("--help")) {
        std::puts("--coroutines N: how many (default 1000000); --asleep: they sleep instead of "
                  "waiting for a semaphore");
        return 0;
      } else {
        options.reject();
      }
    }
  } catch (const examples::option_error& error) {
    std::fprintf(stderr, "coro_memory: %s\n", error.what());
    return 2;
  }
  return parsed;
}

} // namespace

int main(int argc, char** argv) {
  const auto parsed = parse(argc, argv);
  if (const int* status = std::get_if<int>(&parsed)) return *status;
  const auto& options = std::get<memory_options>(parsed);
  const double bytes =
      coir::run({.workers = 1}, [&] { return measure(options.coroutines, options.asleep); });
  bench::report({.workload = "memory",
                 .system = "coir",
                 .metric = "total_per_coroutine",
                 .unit = "bytes",
                 .value = bytes,
                 .detail = std::to_string(options.coroutines) + " coroutines that " +
                           (options.asleep ? "sleep" : "wait for a semaphore")});
}
