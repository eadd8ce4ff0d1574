// SPDX-License-Identifier: MIT
// spawn_batch with coir: a vector of typed handles.
#include "bench/spawn_batch/params.hpp"

#include "fiber/thread.hpp"

#include <vector>

namespace {

double measure(std::uint64_t count) {
  std::uint64_t sum = 0;
  const double each = bench::time_each(count, [&] {
    std::vector<coir::fiber<std::uint64_t>> fibers;
    fibers.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) fibers.push_back(coir::spawn([i] { return i; }));
    for (auto& fiber : fibers) sum += fiber.join();
  });
  bench::require(sum == bench::spawn_batch::answer(count), "a fiber's result was lost");
  return each;
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("spawn_batch", "coir");
  self.parse(argc, argv);
  coir::run({.workers = self.workers()},
            [&] { self.measure("per_fiber", bench::spawn_batch::sizes, measure); });
}
