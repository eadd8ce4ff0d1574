// SPDX-License-Identifier: MIT
// timers with coroutines of coir: co_await async_sleep_until.
#include "bench/timers/sleepers.hpp"

#include "fiber/coro/sleep.hpp"
#include "fiber/coro/spawn.hpp"
#include "fiber/thread.hpp"

namespace {

coir::task<> sleep(bench::timers::sleepers& all, std::uint64_t sleeper) {
  co_await coir::this_fiber::async_sleep_until(all.due(sleeper));
  all.woke(sleeper);
}

void sleep_all(bench::timers::sleepers& all) {
  std::vector<coir::fiber<void>> tasks;
  tasks.reserve(all.count());
  for (std::uint64_t i = 0; i < all.count(); ++i) tasks.push_back(coir::spawn(sleep(all, i)));
  for (auto& each : tasks) each.join();
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("timers", "coir_coro");
  self.parse(argc, argv);
  coir::run({.workers = self.workers()},
            [&] { bench::timers::measure(self, bench::timers::sizes, sleep_all); });
}
