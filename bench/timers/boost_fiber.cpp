// SPDX-License-Identifier: MIT
// timers with Boost.Fiber: this_fiber::sleep_until. Fair: its default scheduler keeps sleepers in a tree of its own and
// sleeps until the first is due.
#include "bench/boost_workers.hpp"
#include "bench/timers/sleepers.hpp"

#include <boost/fiber/fiber.hpp>

namespace {

void sleep_all(bench::timers::sleepers& all) {
  std::vector<boost::fibers::fiber> fibers;
  fibers.reserve(all.count());
  for (std::uint64_t i = 0; i < all.count(); ++i) {
    fibers.emplace_back([&all, i] {
      boost::this_fiber::sleep_until(all.due(i));
      all.woke(i);
    });
  }
  for (auto& fiber : fibers) fiber.join();
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("timers", "boost_fiber");
  self.parse(argc, argv);
  const bench::boost_workers workers(self.workers(), bench::boost_workers::when_idle::sleep);
  bench::timers::measure(self, bench::timers::sizes, sleep_all);
}
