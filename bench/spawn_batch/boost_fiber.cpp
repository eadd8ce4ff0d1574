// SPDX-License-Identifier: MIT
// spawn_batch with Boost.Fiber. Fair: each fiber writes its result to a place of its own; launch::post, its default,
// queues the fibers so that other workers can steal them.
#include "bench/boost_workers.hpp"
#include "bench/spawn_batch/params.hpp"

#include <boost/fiber/fiber.hpp>

namespace {

double measure(std::uint64_t count) {
  std::uint64_t sum = 0;
  const double each = bench::time_each(count, [&] {
    std::vector<std::uint64_t> results(count);
    std::vector<boost::fibers::fiber> fibers;
    fibers.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i)
      fibers.emplace_back([&results, i] { results[i] = i; });
    for (std::uint64_t i = 0; i < count; ++i) {
      fibers[i].join();
      sum += results[i];
    }
  });
  bench::require(sum == bench::spawn_batch::answer(count), "a fiber did not run");
  return each;
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("spawn_batch", "boost_fiber");
  self.parse(argc, argv);
  const bench::boost_workers workers(self.workers(), bench::boost_workers::when_idle::spin);
  self.measure("per_fiber", bench::spawn_batch::sizes, measure);
}
