// SPDX-License-Identifier: MIT
// fork_join with Boost.Fiber. Fair: the fiber writes its result where its spawner reads it after join, which spares a
// future; launch::dispatch runs the child at once, which keeps few fibers alive and is faster than post
// here.
#include "bench/boost_workers.hpp"
#include "bench/fork_join/params.hpp"

#include <boost/fiber/fiber.hpp>

namespace {

std::uint64_t fibonacci(std::uint64_t n) {
  if (n < 2) return n;
  std::uint64_t forked_value = 0;
  boost::fibers::fiber forked(boost::fibers::launch::dispatch,
                              [&forked_value, n] { forked_value = fibonacci(n - 1); });
  const std::uint64_t own = fibonacci(n - 2);
  forked.join();
  return own + forked_value;
}

double measure(std::uint64_t n) {
  std::uint64_t value = 0;
  const double each = bench::time_each(bench::fork_join::spawned(n), [&] { value = fibonacci(n); });
  bench::require(value == bench::fork_join::answer(n), "not the Fibonacci number");
  return each;
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("fork_join", "boost_fiber");
  self.parse(argc, argv);
  const bench::boost_workers workers(self.workers(), bench::boost_workers::when_idle::spin);
  self.measure("per_fork_and_join", bench::fork_join::sizes, measure);
}
