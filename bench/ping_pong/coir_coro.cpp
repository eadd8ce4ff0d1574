// SPDX-License-Identifier: MIT
// ping_pong with coroutines of coir: two tasks and two counting_semaphores; --across pins each task to a worker.
#include "bench/ping_pong/params.hpp"

#include "fiber/coro/spawn.hpp"
#include "fiber/latch.hpp"
#include "fiber/semaphore.hpp"
#include "fiber/thread.hpp"

namespace {

struct table {
  coir::counting_semaphore<> first{1};
  coir::counting_semaphore<> second{0};
  bench::ping_pong::turns turns;
};

coir::task<> play(table& shared, bool begins, std::uint64_t round_trips) {
  auto& own = begins ? shared.first : shared.second;
  auto& other = begins ? shared.second : shared.first;
  for (std::uint64_t i = 0; i < round_trips; ++i) {
    co_await own.async_acquire();
    shared.turns.take(2 * i + (begins ? 0 : 1));
    other.release();
  }
}

/// As in coir.cpp.
double measure_across(std::uint64_t round_trips) {
  table shared;
  coir::latch on_both_workers(2);
  const auto start = [&](bool begins) {
    on_both_workers.count_down();
    while (!on_both_workers.try_wait()) {
    }
    return coir::spawn({.placement = coir::placement::pinned}, play(shared, begins, round_trips));
  };
  auto other_starter = coir::spawn(start, false);
  auto first = start(true);
  auto second = other_starter.join();
  return bench::time_each(round_trips, [&] {
    first.join();
    second.join();
    bench::require(shared.turns.taken() == bench::ping_pong::answer(round_trips), "turns are lost");
  });
}

double measure(std::uint64_t round_trips) {
  table shared;
  return bench::time_each(round_trips, [&] {
    auto first = coir::spawn(play(shared, true, round_trips));
    auto second = coir::spawn(play(shared, false, round_trips));
    first.join();
    second.join();
    bench::require(shared.turns.taken() == bench::ping_pong::answer(round_trips), "turns are lost");
  });
}

} // namespace

int main(int argc, char** argv) {
  bench::ping_pong::ping_pong_program self("ping_pong", "coir_coro");
  self.parse(argc, argv);
  coir::run({.workers = self.workers()}, [&] {
    self.measure(self.metric(), self.sizes(), self.is_across() ? measure_across : measure);
  });
}
