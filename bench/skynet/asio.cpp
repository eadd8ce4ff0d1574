// SPDX-License-Identifier: MIT
// skynet with Boost.Asio's C++20 coroutines: a parent spawns ten children with completion handlers that take their
// results and count down. Fair: a parallel_group of ten allocates more.
#include "bench/asio_countdown.hpp"
#include "bench/skynet/params.hpp"

#include <array>
#include <numeric>

namespace {

namespace asio = bench::asio;
using bench::skynet::children;

asio::awaitable<std::uint64_t> sum_of(std::uint64_t first, std::uint64_t leaves) {
  if (leaves == 1) co_return first;
  const auto executor = co_await asio::this_coro::executor;
  std::array<std::uint64_t, children> sums{};
  bench::asio_countdown all(executor, children);
  const std::uint64_t each = leaves / children;
  for (std::uint64_t i = 0; i < children; ++i) {
    asio::co_spawn(executor, sum_of(first + i * each, each),
                   [&all, &sum = sums[i]](std::exception_ptr, std::uint64_t value) {
                     sum = value;
                     all.count_down();
                   });
  }
  co_await all.wait();
  co_return std::accumulate(sums.begin(), sums.end(), std::uint64_t{0});
}

asio::awaitable<void> keep(std::uint64_t& sum, std::uint64_t leaves) {
  sum = co_await sum_of(0, leaves);
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("skynet", "asio");
  self.parse(argc, argv);
  bench::asio_workers workers(self.workers());
  self.measure("per_leaf", bench::skynet::sizes, [&](std::uint64_t leaves) {
    bench::require(bench::skynet::is_possible(leaves), "no power of ten");
    std::uint64_t sum = 0;
    const double each = bench::time_each(leaves, [&] { workers.run(keep(sum, leaves)); });
    bench::require(sum == bench::skynet::answer(leaves), "the sum is not that of the leaves");
    return each;
  });
}
