// SPDX-License-Identifier: MIT
// timers with coir: this_fiber::sleep_until.
#include "bench/timers/sleepers.hpp"

#include "fiber/thread.hpp"

namespace {

void sleep_all(bench::timers::sleepers& all) {
  std::vector<coir::fiber<void>> fibers;
  fibers.reserve(all.count());
  for (std::uint64_t i = 0; i < all.count(); ++i) {
    fibers.push_back(coir::spawn([&all, i] {
      coir::this_fiber::sleep_until(all.due(i));
      all.woke(i);
    }));
  }
  for (auto& fiber : fibers) fiber.join();
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("timers", "coir");
  self.parse(argc, argv);
  coir::run({.workers = self.workers()},
            [&] { bench::timers::measure(self, bench::timers::sizes, sleep_all); });
}
