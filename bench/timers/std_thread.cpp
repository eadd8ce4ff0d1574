// SPDX-License-Identifier: MIT
// timers with std::thread: std::this_thread::sleep_until, by a high-resolution timer of the kernel each. Fewer of them.
#include "bench/timers/sleepers.hpp"

#include <thread>

namespace {

void sleep_all(bench::timers::sleepers& all) {
  std::vector<std::thread> threads;
  threads.reserve(all.count());
  for (std::uint64_t i = 0; i < all.count(); ++i) {
    threads.emplace_back([&all, i] {
      std::this_thread::sleep_until(all.due(i));
      all.woke(i);
    });
  }
  for (auto& thread : threads) thread.join();
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("timers", "std_thread");
  self.parse(argc, argv);
  bench::timers::measure(self, bench::timers::thread_sizes, sleep_all);
}
