// SPDX-License-Identifier: MIT
// memory with Boost.Fiber: fibers that wait at a barrier. Fair: default stacks (fixedsize_stack, without a guard page),
// of which only what was touched is resident.
#include "bench/boost_workers.hpp"
#include "bench/memory/params.hpp"

#include <boost/fiber/barrier.hpp>
#include <boost/fiber/fiber.hpp>

#include <vector>

int main(int argc, char** argv) {
  bench::program self("memory", "boost_fiber");
  self.parse(argc, argv);
  const std::uint64_t count = self.count(bench::memory::sizes);
  std::uint64_t ready = 0;
  boost::fibers::barrier gate(count + 1);
  std::vector<boost::fibers::fiber> fibers(count);
  std::vector<std::uint64_t> results(count, 1);
  bench::memory::growth growth(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    fibers[i] = boost::fibers::fiber(boost::fibers::launch::dispatch, [&, i] {
      ++ready;
      gate.wait();
      results[i] = i;
    });
  }
  bench::require(ready == count, "a fiber has not come to the gate");
  growth.stop();

  gate.wait();
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    fibers[i].join();
    sum += results[i];
  }
  bench::require(sum == bench::memory::answer(count), "a fiber's result was lost");
  growth.report(self);
}
