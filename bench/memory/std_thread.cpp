// SPDX-License-Identifier: MIT
// memory with std::thread: threads that wait at a std::latch, with the default stacks. Fewer of them. What the kernel
// keeps for each, 16 KiB of stack and more, is not in the figure.
#include "bench/memory/params.hpp"

#include <latch>
#include <thread>
#include <vector>

int main(int argc, char** argv) {
  bench::program self("memory", "std_thread", "and 16 KiB in the kernel");
  self.parse(argc, argv);
  const std::uint64_t count = self.count(bench::memory::thread_sizes);
  std::latch are_ready(static_cast<std::ptrdiff_t>(count));
  std::latch gate(1);
  std::vector<std::thread> threads(count);
  std::vector<std::uint64_t> results(count, 1);
  bench::memory::growth growth(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    threads[i] = std::thread([&, i] {
      are_ready.count_down();
      gate.wait();
      results[i] = i;
    });
  }
  are_ready.wait();
  growth.stop();

  gate.count_down();
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    threads[i].join();
    sum += results[i];
  }
  bench::require(sum == bench::memory::answer(count), "a thread's result was lost");
  growth.report(self);
}
