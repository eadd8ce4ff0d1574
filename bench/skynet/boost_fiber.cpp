// SPDX-License-Identifier: MIT
// skynet with Boost.Fiber. Fair: each child writes its sum where its parent reads it after join, which spares the
// unbuffered channel of its own skynet example; launch::post, its default, lets other workers steal the children.
#include "bench/boost_workers.hpp"
#include "bench/skynet/params.hpp"

#include <boost/fiber/fiber.hpp>

#include <array>

namespace {

using bench::skynet::children;

void add_up(std::uint64_t first, std::uint64_t leaves, std::uint64_t& sum) {
  if (leaves == 1) {
    sum = first;
    return;
  }
  std::array<boost::fibers::fiber, children> below;
  std::array<std::uint64_t, children> sums{};
  const std::uint64_t each = leaves / children;
  for (std::uint64_t i = 0; i < children; ++i)
    below[i] = boost::fibers::fiber(add_up, first + i * each, each, std::ref(sums[i]));
  sum = 0;
  for (std::uint64_t i = 0; i < children; ++i) {
    below[i].join();
    sum += sums[i];
  }
}

double measure(std::uint64_t leaves) {
  bench::require(bench::skynet::is_possible(leaves), "no power of ten");
  std::uint64_t sum = 0;
  const double each = bench::time_each(
      leaves, [&] { boost::fibers::fiber(add_up, 0, leaves, std::ref(sum)).join(); });
  bench::require(sum == bench::skynet::answer(leaves), "the sum is not that of the leaves");
  return each;
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("skynet", "boost_fiber");
  self.parse(argc, argv);
  const bench::boost_workers workers(self.workers(), bench::boost_workers::when_idle::spin);
  self.measure("per_leaf", bench::skynet::sizes, measure);
}
