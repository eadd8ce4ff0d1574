// SPDX-License-Identifier: MIT
// skynet with coir: ten typed handles in an array.
#include "bench/skynet/params.hpp"

#include "fiber/thread.hpp"

#include <array>

namespace {

using bench::skynet::children;

std::uint64_t sum_of(std::uint64_t first, std::uint64_t leaves) {
  if (leaves == 1) return first;
  std::array<coir::fiber<std::uint64_t>, children> below;
  const std::uint64_t each = leaves / children;
  for (std::uint64_t i = 0; i < children; ++i)
    below[i] = coir::spawn(sum_of, first + i * each, each);
  std::uint64_t sum = 0;
  for (auto& child : below) sum += child.join();
  return sum;
}

double measure(std::uint64_t leaves) {
  bench::require(bench::skynet::is_possible(leaves), "no power of ten");
  std::uint64_t sum = 0;
  const double each =
      bench::time_each(leaves, [&] { sum = coir::spawn(sum_of, 0, leaves).join(); });
  bench::require(sum == bench::skynet::answer(leaves), "the sum is not that of the leaves");
  return each;
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("skynet", "coir");
  self.parse(argc, argv);
  coir::run({.workers = self.workers()},
            [&] { self.measure("per_leaf", bench::skynet::sizes, measure); });
}
