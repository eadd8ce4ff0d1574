// SPDX-License-Identifier: MIT
// ping_pong with std::thread and std::counting_semaphore. Fair: --across gives each thread a CPU of its own, otherwise
// the kernel places them. Fewer round trips.
#include "bench/ping_pong/players.hpp"

#include <sched.h>

#include <semaphore>
#include <thread>

namespace {

using table = bench::ping_pong::table<std::counting_semaphore<>>;

/// On the first or the last of the CPUs that the process may use.
void take_cpu(bool is_first) {
  cpu_set_t usable;
  bench::require(sched_getaffinity(0, sizeof usable, &usable) == 0, "sched_getaffinity");
  bench::require(CPU_COUNT(&usable) > 1, "--across needs two CPUs");
  std::size_t cpu = is_first ? 0 : CPU_SETSIZE - 1;
  while (!CPU_ISSET(cpu, &usable)) cpu += is_first ? 1 : std::size_t(-1);
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  bench::require(sched_setaffinity(0, sizeof one, &one) == 0, "sched_setaffinity");
}

double measure(std::uint64_t round_trips, bool is_across) {
  table shared;
  const auto run = [&](bool begins) {
    if (is_across) take_cpu(begins);
    bench::ping_pong::play(shared, begins, round_trips);
  };
  return bench::time_each(round_trips, [&] {
    std::thread first(run, true);
    std::thread second(run, false);
    first.join();
    second.join();
    shared.check(round_trips);
  });
}

} // namespace

int main(int argc, char** argv) {
  bench::ping_pong::ping_pong_program self("ping_pong", "std_thread");
  self.parse(argc, argv);
  self.measure(self.metric(), bench::ping_pong::ping_pong_program::thread_sizes(),
               [&](std::uint64_t trips) { return measure(trips, self.is_across()); });
}
