// SPDX-License-Identifier: MIT
// ping_pong with coir: two fibers and two counting_semaphores; --across pins each fiber to a worker.
#include "bench/ping_pong/params.hpp"

#include "fiber/latch.hpp"
#include "fiber/semaphore.hpp"
#include "fiber/thread.hpp"

namespace {

struct table {
  coir::counting_semaphore<> first{1};
  coir::counting_semaphore<> second{0};
  bench::ping_pong::turns turns;
};

void play(table& shared, bool begins, std::uint64_t round_trips) {
  auto& own = begins ? shared.first : shared.second;
  auto& other = begins ? shared.second : shared.first;
  for (std::uint64_t i = 0; i < round_trips; ++i) {
    own.acquire();
    shared.turns.take(2 * i + (begins ? 0 : 1));
    other.release();
  }
}

/// A pinned fiber stays on the worker of its spawner; so each is spawned by a fiber that keeps the worker it runs on
/// until both are known to be different ones.
double measure_across(std::uint64_t round_trips) {
  table shared;
  coir::latch on_both_workers(2);
  const auto start = [&](bool begins) {
    // Neither suspends here, so two workers are needed to pass.
    on_both_workers.count_down();
    while (!on_both_workers.try_wait()) {
    }
    return coir::spawn({.placement = coir::placement::pinned},
                       [&, begins] { play(shared, begins, round_trips); });
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
    auto first = coir::spawn(play, std::ref(shared), true, round_trips);
    auto second = coir::spawn(play, std::ref(shared), false, round_trips);
    first.join();
    second.join();
    bench::require(shared.turns.taken() == bench::ping_pong::answer(round_trips), "turns are lost");
  });
}

} // namespace

int main(int argc, char** argv) {
  bench::ping_pong::ping_pong_program self("ping_pong", "coir");
  self.parse(argc, argv);
  coir::run({.workers = self.workers()}, [&] {
    self.measure(self.metric(), self.sizes(), self.is_across() ? measure_across : measure);
  });
}
