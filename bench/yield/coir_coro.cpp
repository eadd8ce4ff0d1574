// SPDX-License-Identifier: MIT
// yield with coroutines of coir: co_await async_yield().
#include "bench/yield/params.hpp"

#include "fiber/coro/sleep.hpp"
#include "fiber/coro/spawn.hpp"
#include "fiber/latch.hpp"
#include "fiber/thread.hpp"

namespace {

coir::task<> yield_often(coir::latch& are_ready, coir::latch& start, std::uint64_t& count,
                         std::uint64_t yields) {
  are_ready.count_down();
  co_await start.async_wait();
  for (; count < yields; ++count) co_await coir::this_fiber::async_yield();
}

double measure(std::uint64_t yields) {
  std::vector<std::uint64_t> done(bench::yield::fibers);
  coir::latch are_ready(bench::yield::fibers);
  coir::latch start(1);
  std::vector<coir::fiber<void>> all;
  for (std::uint64_t& count : done)
    all.push_back(coir::spawn(yield_often(are_ready, start, count, yields)));
  are_ready.wait();
  const double each = bench::time_each(bench::yield::fibers * yields, [&] {
    start.count_down();
    for (auto& coroutine : all) coroutine.join();
  });
  bench::require(bench::yield::is_right(done, yields), "a coroutine did not yield often enough");
  return each;
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("yield", "coir_coro");
  self.parse(argc, argv);
  coir::run({.workers = self.workers()},
            [&] { self.measure("per_yield", bench::yield::sizes, measure); });
}
