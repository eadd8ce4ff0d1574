// SPDX-License-Identifier: MIT
// spawn and join of an empty fiber, one at a time on one worker, against the same with std::thread, in turns.
#include "bench/report.hpp"

#include "fiber/runtime.hpp"

#include <cstdint>
#include <thread>

namespace {

constexpr std::uint64_t fibers_per_round = 100'000;
constexpr std::uint64_t threads_per_round = 2'000;

double measure_fibers() {
  std::uint64_t sum = 0;
  const double each = bench::time_each(static_cast<double>(fibers_per_round), [&] {
    for (std::uint64_t i = 0; i < fibers_per_round; ++i)
      sum += coir::spawn([i] { return i; }).join();
  });
  bench::require(sum == fibers_per_round * (fibers_per_round - 1) / 2, "a fiber's result was lost");
  return each;
}

double measure_threads() {
  std::uint64_t sum = 0;
  const double each = bench::time_each(static_cast<double>(threads_per_round), [&] {
    for (std::uint64_t i = 0; i < threads_per_round; ++i)
      std::thread([&sum, i] { sum += i; }).join();
  });
  bench::require(sum == threads_per_round * (threads_per_round - 1) / 2, "a thread did not run");
  return each;
}

} // namespace

int main(int argc, char** argv) {
  const unsigned rounds = bench::rounds_from(argc, argv, 9);
  bench::samples fibers;
  bench::samples threads;
  for (unsigned round = 0; round < rounds; ++round) {
    fibers.add(coir::run({.workers = 1}, measure_fibers));
    threads.add(measure_threads());
  }
  bench::measurement result{
      .workload = "spawn_join", .system = "coir", .metric = "per_spawn_and_join", .unit = "ns"};
  bench::report(result, fibers);
  result.system = "std_thread";
  bench::report(result, threads);
  result.system = "coir";
  result.metric = "times_faster_than_thread";
  result.unit = "x";
  result.value = threads.median() / fibers.median();
  bench::report(result);
}
