// SPDX-License-Identifier: MIT
// yield with std::thread: std::this_thread::yield of as many threads. Fair: the driver lets all of them share as many
// CPUs as there are workers, and threads that wait at a std::latch do not run before the clock starts. Fewer yields.
#include "bench/yield/params.hpp"

#include <latch>
#include <thread>

namespace {

double measure(std::uint64_t yields) {
  std::vector<std::uint64_t> done(bench::yield::fibers);
  std::latch are_ready(bench::yield::fibers);
  std::latch start(1);
  std::vector<std::thread> threads;
  for (std::uint64_t& count : done) {
    threads.emplace_back([&] {
      are_ready.count_down();
      start.wait();
      for (std::uint64_t i = 0; i < yields; ++i) std::this_thread::yield();
      count = yields;
    });
  }
  are_ready.wait();
  const double each = bench::time_each(bench::yield::fibers * yields, [&] {
    start.count_down();
    for (auto& thread : threads) thread.join();
  });
  bench::require(bench::yield::is_right(done, yields), "a thread did not end");
  return each;
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("yield", "std_thread");
  self.parse(argc, argv);
  self.measure("per_yield", bench::yield::thread_sizes, measure);
}
