// SPDX-License-Identifier: MIT
// mutex with std::thread and std::mutex. Fair: all the work, by as many threads, on as many CPUs as there are workers.
#include "bench/mutex/params.hpp"

#include <mutex>
#include <thread>
#include <vector>

namespace {

double measure(std::uint64_t locks) {
  std::mutex mutex;
  std::uint64_t number = 0;
  const double each = bench::time_each(bench::mutex::contenders * locks, [&] {
    std::vector<std::thread> threads;
    for (std::uint64_t i = 0; i < bench::mutex::contenders; ++i) {
      threads.emplace_back([&] {
        for (std::uint64_t lock = 0; lock < locks; ++lock) {
          const std::lock_guard held(mutex);
          ++number;
        }
      });
    }
    for (auto& thread : threads) thread.join();
  });
  bench::require(number == bench::mutex::answer(locks), "two held the mutex at a time");
  return each;
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("mutex", "std_thread");
  self.parse(argc, argv);
  self.measure("per_lock_and_unlock", bench::mutex::sizes, measure);
}
