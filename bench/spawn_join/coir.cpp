// SPDX-License-Identifier: MIT
// spawn_join with coir: the typed handle of spawn, and its join.
#include "bench/spawn_join/params.hpp"

#include "fiber/thread.hpp"

namespace {

double measure(std::uint64_t fibers) {
  std::uint64_t sum = 0;
  const double each = bench::time_each(fibers, [&] {
    for (std::uint64_t i = 0; i < fibers; ++i) sum += coir::spawn([i] { return i; }).join();
  });
  bench::require(sum == bench::spawn_join::answer(fibers), "a fiber's result was lost");
  return each;
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("spawn_join", "coir");
  self.parse(argc, argv);
  coir::run({.workers = self.workers()},
            [&] { self.measure("per_spawn_and_join", bench::spawn_join::sizes, measure); });
}
