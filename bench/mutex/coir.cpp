// SPDX-License-Identifier: MIT
// mutex with coir: coir::mutex and std::lock_guard.
#include "bench/mutex/params.hpp"

#include "fiber/mutex.hpp"
#include "fiber/thread.hpp"

#include <mutex>
#include <vector>

namespace {

double measure(std::uint64_t locks) {
  coir::mutex mutex;
  std::uint64_t number = 0;
  const double each = bench::time_each(bench::mutex::contenders * locks, [&] {
    std::vector<coir::fiber<void>> fibers;
    for (std::uint64_t i = 0; i < bench::mutex::contenders; ++i) {
      fibers.push_back(coir::spawn([&] {
        for (std::uint64_t lock = 0; lock < locks; ++lock) {
          const std::lock_guard held(mutex);
          ++number;
        }
      }));
    }
    for (auto& fiber : fibers) fiber.join();
  });
  bench::require(number == bench::mutex::answer(locks), "two held the mutex at a time");
  return each;
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("mutex", "coir");
  self.parse(argc, argv);
  coir::run({.workers = self.workers()},
            [&] { self.measure("per_lock_and_unlock", bench::mutex::sizes, measure); });
}
