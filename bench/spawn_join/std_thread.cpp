// SPDX-License-Identifier: MIT
// spawn_join with std::thread, which has no result of its own, so the thread writes it where its spawner reads it after
// join. Fair: a std::future would cost an allocation and a lock more. Fewer of them.
#include "bench/spawn_join/params.hpp"

#include <thread>

namespace {

double measure(std::uint64_t threads) {
  std::uint64_t sum = 0;
  const double each = bench::time_each(threads, [&] {
    for (std::uint64_t i = 0; i < threads; ++i) std::thread([&sum, i] { sum += i; }).join();
  });
  bench::require(sum == bench::spawn_join::answer(threads), "a thread did not run");
  return each;
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("spawn_join", "std_thread");
  self.parse(argc, argv);
  self.measure("per_spawn_and_join", bench::spawn_join::thread_sizes, measure);
}
