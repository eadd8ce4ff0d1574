// SPDX-License-Identifier: MIT
// skynet with std::thread, which has no result: each child writes it where its parent reads it after join. Fair: no
// future, no lock. A thousand leaves, since a process may not have a million threads.
#include "bench/skynet/params.hpp"

#include <array>
#include <thread>

namespace {

using bench::skynet::children;

void add_up(std::uint64_t first, std::uint64_t leaves, std::uint64_t& sum) {
  if (leaves == 1) {
    sum = first;
    return;
  }
  std::array<std::thread, children> below;
  std::array<std::uint64_t, children> sums{};
  const std::uint64_t each = leaves / children;
  for (std::uint64_t i = 0; i < children; ++i)
    below[i] = std::thread(add_up, first + i * each, each, std::ref(sums[i]));
  sum = 0;
  for (std::uint64_t i = 0; i < children; ++i) {
    below[i].join();
    sum += sums[i];
  }
}

double measure(std::uint64_t leaves) {
  bench::require(bench::skynet::is_possible(leaves), "no power of ten");
  std::uint64_t sum = 0;
  const double each = bench::time_each(leaves, [&] { add_up(0, leaves, sum); });
  bench::require(sum == bench::skynet::answer(leaves), "the sum is not that of the leaves");
  return each;
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("skynet", "std_thread");
  self.parse(argc, argv);
  self.measure("per_leaf", bench::skynet::thread_sizes, measure);
}
