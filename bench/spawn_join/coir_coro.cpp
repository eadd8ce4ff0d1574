// SPDX-License-Identifier: MIT
// spawn_join with coroutines of coir: a coroutine spawns tasks on the scheduler and awaits their handles.
#include "bench/spawn_join/params.hpp"

#include "fiber/coro/spawn.hpp"
#include "fiber/thread.hpp"

namespace {

coir::task<std::uint64_t> number(std::uint64_t value) { co_return value; }

coir::task<std::uint64_t> spawn_one_by_one(std::uint64_t tasks) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < tasks; ++i) sum += co_await coir::spawn(number(i));
  co_return sum;
}

double measure(std::uint64_t tasks) {
  std::uint64_t sum = 0;
  const double each = bench::time_each(tasks, [&] { sum = coir::await(spawn_one_by_one(tasks)); });
  bench::require(sum == bench::spawn_join::answer(tasks), "a coroutine's result was lost");
  return each;
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("spawn_join", "coir_coro");
  self.parse(argc, argv);
  coir::run({.workers = self.workers()},
            [&] { self.measure("per_spawn_and_join", bench::spawn_join::sizes, measure); });
}
