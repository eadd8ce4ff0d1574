// SPDX-License-Identifier: MIT
// mutex with Boost.Fiber: fibers::mutex and std::lock_guard. Fair: its only mutex, and work stealing spreads the
// contenders over the workers.
#include "bench/boost_workers.hpp"
#include "bench/mutex/params.hpp"

#include <boost/fiber/fiber.hpp>
#include <boost/fiber/mutex.hpp>

namespace {

double measure(std::uint64_t locks) {
  boost::fibers::mutex mutex;
  std::uint64_t number = 0;
  const double each = bench::time_each(bench::mutex::contenders * locks, [&] {
    std::vector<boost::fibers::fiber> fibers;
    for (std::uint64_t i = 0; i < bench::mutex::contenders; ++i) {
      fibers.emplace_back([&] {
        for (std::uint64_t lock = 0; lock < locks; ++lock) {
          const std::lock_guard held(mutex);
          ++number;
        }
      });
    }
    for (auto& fiber : fibers) fiber.join();
  });
  bench::require(number == bench::mutex::answer(locks), "two held the mutex at a time");
  return each;
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("mutex", "boost_fiber");
  self.parse(argc, argv);
  const bench::boost_workers workers(self.workers(), bench::boost_workers::when_idle::sleep);
  self.measure("per_lock_and_unlock", bench::mutex::sizes, measure);
}
