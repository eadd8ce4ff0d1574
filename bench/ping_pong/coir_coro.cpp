// SPDX-License-Identifier: MIT
// ping_pong with coroutines of coir: two tasks and two counting_semaphores; --across pins each task to a worker.
#include "bench/ping_pong/coir_players.hpp"

#include "fiber/coro/spawn.hpp"

namespace {

using bench::ping_pong::coir_table;

coir::task<> play(coir_table& shared, bool begins, std::uint64_t round_trips) {
  auto& own = shared.own(begins);
  auto& other = shared.other(begins);
  for (std::uint64_t i = 0; i < round_trips; ++i) {
    co_await own.async_acquire();
    shared.turns.take(2 * i + (begins ? 0 : 1));
    other.release();
  }
}

coir::fiber<> start(const coir::spawn_options& options, coir_table& shared, bool begins,
                    std::uint64_t round_trips) {
  return coir::spawn(options, play(shared, begins, round_trips));
}

} // namespace

int main(int argc, char** argv) {
  return bench::ping_pong::run_players(argc, argv, "coir_coro", start);
}
