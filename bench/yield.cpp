// SPDX-License-Identifier: MIT
// yield between 1,000 fibers on one worker: the scheduled switch, against the bare one of the same process.
#include "bench/raw_switch.hpp"
#include "bench/report.hpp"

#include "fiber/runtime.hpp"
#include "fiber/sync/latch.hpp"
#include "fiber/this_fiber.hpp"

#include <cstdint>
#include <numeric>
#include <vector>

namespace {

constexpr std::size_t fiber_count = 1000;
constexpr std::uint64_t yields_per_fiber = 1000;
constexpr std::uintptr_t raw_round_trips = 500'000;

/// Nanoseconds per yield. All fibers are suspended at a latch before the clock starts.
double measure_yields() {
  std::vector<std::uint64_t> done(fiber_count);
  coir::latch are_ready(fiber_count);
  coir::latch start(1);
  std::vector<coir::fiber<void>> fibers;
  for (std::uint64_t& count : done) {
    fibers.push_back(coir::spawn([&] {
      are_ready.count_down();
      start.wait();
      for (; count < yields_per_fiber; ++count) coir::this_fiber::yield();
    }));
  }
  are_ready.wait();
  constexpr std::uint64_t total = fiber_count * yields_per_fiber;
  const double each = bench::time_each(static_cast<double>(total), [&] {
    start.count_down();
    for (auto& fiber : fibers) fiber.join();
  });
  bench::require(std::accumulate(done.begin(), done.end(), std::uint64_t{0}) == total,
                 "a fiber did not yield as often as it should");
  return each;
}

} // namespace

int main(int argc, char** argv) {
  const unsigned rounds = bench::rounds_from(argc, argv, 9);
  bench::switch_pair<bench::coir_switch> raw;
  bench::samples yields;
  bench::samples switches;
  coir::run({.workers = 1}, [&] {
    for (unsigned round = 0; round < rounds; ++round) {
      switches.add(raw.measure(raw_round_trips));
      yields.add(measure_yields());
    }
  });
  bench::measurement result{.workload = "yield",
                            .system = "coir",
                            .metric = "per_yield",
                            .unit = "ns",
                            .detail = "1000 fibers"};
  bench::report(result, yields);
  result.metric = "raw_switch";
  result.detail = "";
  bench::report(result, switches);
  result.metric = "ratio_to_raw_switch";
  result.unit = "x";
  result.value = yields.median() / switches.median();
  bench::report(result);
}
