// SPDX-License-Identifier: MIT
// spawn_join with Boost.Fiber: fiber and join; the result is written where its spawner reads it after join. Fair: its
// fibers::async would add a shared state, and launch::dispatch, which runs the fiber at once, is faster here than post.
#include "bench/boost_workers.hpp"
#include "bench/spawn_join/params.hpp"

#include <boost/fiber/fiber.hpp>

namespace {

double measure(std::uint64_t fibers) {
  std::uint64_t sum = 0;
  const double each = bench::time_each(fibers, [&] {
    for (std::uint64_t i = 0; i < fibers; ++i)
      boost::fibers::fiber(boost::fibers::launch::dispatch, [&sum, i] { sum += i; }).join();
  });
  bench::require(sum == bench::spawn_join::answer(fibers), "a fiber did not run");
  return each;
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("spawn_join", "boost_fiber");
  self.parse(argc, argv);
  const bench::boost_workers workers(self.workers(), bench::boost_workers::when_idle::sleep);
  self.measure("per_spawn_and_join", bench::spawn_join::sizes, measure);
}
