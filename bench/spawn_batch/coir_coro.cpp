// SPDX-License-Identifier: MIT
// spawn_batch with coroutines of coir: a coroutine spawns tasks on the scheduler, then awaits their handles.
#include "bench/spawn_batch/params.hpp"

#include "fiber/coro/spawn.hpp"
#include "fiber/thread.hpp"

#include <vector>

namespace {

coir::task<std::uint64_t> number(std::uint64_t value) { co_return value; }

coir::task<std::uint64_t> spawn_all(std::uint64_t count) {
  std::vector<coir::fiber<std::uint64_t>> tasks;
  tasks.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) tasks.push_back(coir::spawn(number(i)));
  std::uint64_t sum = 0;
  for (auto& each : tasks) sum += co_await each;
  co_return sum;
}

double measure(std::uint64_t count) {
  std::uint64_t sum = 0;
  const double each = bench::time_each(count, [&] { sum = coir::await(spawn_all(count)); });
  bench::require(sum == bench::spawn_batch::answer(count), "a coroutine's result was lost");
  return each;
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("spawn_batch", "coir_coro");
  self.parse(argc, argv);
  coir::run({.workers = self.workers()},
            [&] { self.measure("per_fiber", bench::spawn_batch::sizes, measure); });
}
