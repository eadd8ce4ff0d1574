// SPDX-License-Identifier: MIT
// Prints how many steps of a stall make a millisecond on this machine. Floor 7.
#include "bench/stalls/stall.hpp"

#include <cinttypes>

int main() {
  using clock = std::chrono::steady_clock;
  constexpr std::uint64_t steps = 1'000'000;
  clock::duration least = clock::duration::max();
  volatile std::uint64_t sink = 0;
  for (int round = 0; round < 20; ++round) {
    const clock::time_point start = clock::now();
    sink = bench::compute_stall(steps);
    least = std::min(least, clock::now() - start);
  }
  const std::chrono::duration<double, std::milli> milliseconds = least;
  std::printf("%" PRIu64 "\n",
              static_cast<std::uint64_t>(static_cast<double>(steps) / milliseconds.count()));
  return sink == 0;
}
