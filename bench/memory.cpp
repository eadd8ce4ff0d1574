// SPDX-License-Identifier: MIT
// What a suspended fiber costs: resident memory and page tables, of many fibers that wait at a latch.
#include "bench/process_usage.hpp"
#include "bench/report.hpp"
#include "examples/options.hpp"

#include "fiber/runtime.hpp"
#include "fiber/sync/latch.hpp"

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <variant>
#include <vector>

namespace {

struct memory_options {
  std::uint32_t fibers = 100'000;
  std::uint64_t stack_bytes = coir::default_stack_bytes;
};

/// The options, or the status to exit with at once.
std::variant<memory_options, int> parse(int argc, const char* const* argv) {
  memory_options parsed;
  examples::option_reader options(argc, argv);
  try {
    while (options.next()) {
      if (options.is("--fibers")) {
        parsed.fibers = static_cast<std::uint32_t>(options.number(1, 10'000'000));
      } else if (options.is("--stack-bytes")) {
        parsed.stack_bytes = options.number(coir::smallest_stack_bytes, coir::largest_stack_bytes);
      } else if (options.is("--help")) {
        std::puts("--fibers N: how many (default 100000); --stack-bytes S: address space of each "
                  "(default 262144)");
        return 0;
      } else {
        options.reject();
      }
    }
  } catch (const examples::option_error& error) {
    std::fprintf(stderr, "memory: %s\n", error.what());
    return 2;
  }
  return parsed;
}

struct growth {
  double resident_bytes;   ///< per fiber
  double page_table_bytes; ///< per fiber
};

/// Runs as a fiber.
growth measure(const memory_options& options) {
  coir::latch are_ready(options.fibers);
  coir::latch go_on(1);
  // Made and touched before, so that the handles do not count.
  std::vector<coir::fiber<std::uint64_t>> fibers(options.fibers);

  const bench::memory_usage before = bench::memory_of(getpid());
  for (std::uint64_t i = 0; i < options.fibers; ++i) {
    fibers[i] = coir::spawn([&, i] {
      are_ready.count_down();
      go_on.wait();
      return i;
    });
  }
  // One worker: whoever counts down last suspends before this fiber goes on.
  are_ready.wait();
  const bench::memory_usage after = bench::memory_of(getpid());

  go_on.count_down();
  std::uint64_t sum = 0;
  for (auto& fiber : fibers) sum += fiber.join();
  const std::uint64_t count = options.fibers;
  bench::require(sum == count * (count - 1) / 2, "a fiber's result was lost");
  const auto each = [&](std::uint64_t less, std::uint64_t more) {
    return (static_cast<double>(more) - static_cast<double>(less)) / static_cast<double>(count);
  };
  return {each(before.resident_bytes, after.resident_bytes),
          each(before.page_table_bytes, after.page_table_bytes)};
}

} // namespace

int main(int argc, char** argv) {
  const auto parsed = parse(argc, argv);
  if (const int* status = std::get_if<int>(&parsed)) return *status;
  const auto& options = std::get<memory_options>(parsed);
  const coir::runtime_options runtime{.workers = 1, .stack_size = options.stack_bytes};
  const growth found = coir::run(runtime, [&] { return measure(options); });

  bench::measurement result{.workload = "memory",
                            .system = "coir",
                            .metric = "resident_per_fiber",
                            .unit = "bytes",
                            .value = found.resident_bytes,
                            .detail = std::to_string(options.fibers) +
                                      " suspended fibers, stacks of " +
                                      std::to_string(options.stack_bytes >> 10) + " KiB"};
  bench::report(result);
  result.metric = "page_tables_per_fiber";
  result.value = found.page_table_bytes;
  bench::report(result);
  result.metric = "total_per_fiber";
  result.value = found.resident_bytes + found.page_table_bytes;
  bench::report(result);
}
