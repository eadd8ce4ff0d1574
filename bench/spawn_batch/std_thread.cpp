// SPDX-License-Identifier: MIT
// spawn_batch with std::thread. Fair: each writes its result to a place of its own, without a lock or an allocation.
// Fewer of them, since a process may not have a million threads.
#include "bench/spawn_batch/params.hpp"

#include <thread>
#include <vector>

namespace {

double measure(std::uint64_t count) {
  std::uint64_t sum = 0;
  const double each = bench::time_each(count, [&] {
    std::vector<std::uint64_t> results(count);
    std::vector<std::thread> threads;
    threads.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i)
      threads.emplace_back([&results, i] { results[i] = i; });
    for (std::uint64_t i = 0; i < count; ++i) {
      threads[i].join();
      sum += results[i];
    }
  });
  bench::require(sum == bench::spawn_batch::answer(count), "a thread did not run");
  return each;
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("spawn_batch", "std_thread");
  self.parse(argc, argv);
  self.measure("per_fiber", bench::spawn_batch::thread_sizes, measure);
}
