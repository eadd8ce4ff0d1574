// SPDX-License-Identifier: MIT
// yield with Boost.Fiber: this_fiber::yield under its default scheduler. Fair: round_robin is its fastest, for one
// thread; its default stacks, whose memory jemalloc provides as for coir.
#include "bench/boost_workers.hpp"
#include "bench/yield/params.hpp"

#include <boost/fiber/barrier.hpp>
#include <boost/fiber/fiber.hpp>

namespace {

double measure(std::uint64_t yields) {
  std::vector<std::uint64_t> done(bench::yield::fibers);
  boost::fibers::barrier start(bench::yield::fibers + 1);
  std::vector<boost::fibers::fiber> fibers;
  for (std::uint64_t& count : done) {
    fibers.emplace_back([&] {
      start.wait();
      for (; count < yields; ++count) boost::this_fiber::yield();
    });
  }
  boost::this_fiber::yield(); // all of them reach the barrier
  const double each = bench::time_each(bench::yield::fibers * yields, [&] {
    start.wait();
    for (auto& fiber : fibers) fiber.join();
  });
  bench::require(bench::yield::is_right(done, yields), "a fiber did not yield often enough");
  return each;
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("yield", "boost_fiber");
  self.parse(argc, argv);
  const bench::boost_workers workers(self.workers(), bench::boost_workers::when_idle::sleep);
  self.measure("per_yield", bench::yield::sizes, measure);
}
