// SPDX-License-Identifier: MIT
// ping_pong on coir's scheduler, whether the players are fibers or coroutines. Floor 7.
#pragma once

#include "bench/ping_pong/players.hpp"

#include "fiber/latch.hpp"
#include "fiber/semaphore.hpp"
#include "fiber/thread.hpp"

namespace bench::ping_pong {

using coir_table = table<coir::counting_semaphore<>>;

/// Spawns a player with the options.
using start_player = coir::fiber<> (*)(const coir::spawn_options& options, coir_table& shared,
                                       bool begins, std::uint64_t round_trips);

/// Both wherever the scheduler has them. Nanoseconds per round trip.
inline double measure_anywhere(start_player start, std::uint64_t round_trips) {
  coir_table shared;
  return time_each(round_trips, [&] {
    auto first = start({}, shared, true, round_trips);
    auto second = start({}, shared, false, round_trips);
    first.join();
    second.join();
    shared.check(round_trips);
  });
}

/// Each on a worker of its own. A pinned one stays on the worker of its spawner; so each is spawned by a fiber that
/// keeps the worker it runs on until both are known to be different ones.
inline double measure_across(start_player start, std::uint64_t round_trips) {
  coir_table shared;
  coir::latch on_both_workers(2);
  const auto start_here = [&](bool begins) {
    // Neither suspends here, so two workers are needed to pass.
    on_both_workers.count_down();
    while (!on_both_workers.try_wait()) {
    }
    return start({.placement = coir::placement::pinned}, shared, begins, round_trips);
  };
  auto other_starter = coir::spawn(start_here, false);
  auto first = start_here(true);
  auto second = other_starter.join();
  return time_each(round_trips, [&] {
    first.join();
    second.join();
    shared.check(round_trips);
  });
}

/// The main function.
inline int run_players(int argc, char** argv, const char* system, start_player start) {
  ping_pong_program self("ping_pong", system);
  self.parse(argc, argv);
  coir::run({.workers = self.workers()}, [&] {
    self.measure(self.metric(), self.sizes(), [&](std::uint64_t round_trips) {
      return self.is_across() ? measure_across(start, round_trips)
                              : measure_anywhere(start, round_trips);
    });
  });
  return 0;
}

} // namespace bench::ping_pong
