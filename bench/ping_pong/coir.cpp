// SPDX-License-Identifier: MIT
// ping_pong with coir: two fibers and two counting_semaphores; --across pins each fiber to a worker.
#include "bench/ping_pong/coir_players.hpp"

namespace {

using bench::ping_pong::coir_table;

coir::fiber<> start(const coir::spawn_options& options, coir_table& shared, bool begins,
                    std::uint64_t round_trips) {
  return coir::spawn(options, [&shared, begins, round_trips] {
    bench::ping_pong::play(shared, begins, round_trips);
  });
}

} // namespace

int main(int argc, char** argv) { return bench::ping_pong::run_players(argc, argv, "coir", start); }
