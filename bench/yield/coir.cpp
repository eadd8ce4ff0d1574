// SPDX-License-Identifier: MIT
// yield with coir: this_fiber::yield; beside it the bare switch in the same process, of which it is to be a small
// multiple.
#include "bench/context_switch/coir_switch.hpp"
#include "bench/yield/params.hpp"

#include "fiber/latch.hpp"
#include "fiber/thread.hpp"

namespace {

/// Nanoseconds per yield. All fibers are suspended at a latch before the clock starts.
double measure(std::uint64_t yields) {
  std::vector<std::uint64_t> done(bench::yield::fibers);
  coir::latch are_ready(bench::yield::fibers);
  coir::latch start(1);
  std::vector<coir::fiber<void>> fibers;
  for (std::uint64_t& count : done) {
    fibers.push_back(coir::spawn([&] {
      are_ready.count_down();
      start.wait();
      for (; count < yields; ++count) coir::this_fiber::yield();
    }));
  }
  are_ready.wait();
  const double each = bench::time_each(bench::yield::fibers * yields, [&] {
    start.count_down();
    for (auto& fiber : fibers) fiber.join();
  });
  bench::require(bench::yield::is_right(done, yields), "a fiber did not yield often enough");
  return each;
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("yield", "coir");
  self.parse(argc, argv);
  bench::context_switch::switch_pair<bench::context_switch::coir_switch> raw;
  coir::run({.workers = self.workers()}, [&] {
    self.measure("raw_switch", bench::context_switch::sizes,
                 [&](std::uint64_t round_trips) { return raw.measure(round_trips); });
    self.measure("per_yield", bench::yield::sizes, measure);
  });
}
