// SPDX-License-Identifier: MIT
// context_switch with the kernel's: two threads that share one CPU and yield to each other. Fair: there is no cheaper
// way to make the kernel switch, and what counts is the number of switches that it says it made. Fewer round trips.
#include "bench/context_switch/params.hpp"

#include <sys/resource.h>

#include <sched.h>

#include <latch>
#include <thread>

namespace {

std::uint64_t switches_of_process() {
  rusage usage{};
  bench::require(getrusage(RUSAGE_SELF, &usage) == 0, "getrusage");
  return static_cast<std::uint64_t>(usage.ru_nvcsw + usage.ru_nivcsw);
}

void share_one_cpu() {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<unsigned>(sched_getcpu()), &one);
  bench::require(sched_setaffinity(0, sizeof one, &one) == 0, "sched_setaffinity");
}

double measure(std::uint64_t round_trips) {
  std::latch are_ready(2);
  const auto yield_often = [&] {
    are_ready.arrive_and_wait();
    for (std::uint64_t trip = 0; trip < round_trips; ++trip) std::this_thread::yield();
  };
  const std::uint64_t before = switches_of_process();
  const double total = bench::time_each(1, [&] {
    std::thread other(yield_often);
    yield_often();
    other.join();
  });
  const std::uint64_t switches = switches_of_process() - before;
  bench::require(switches >= round_trips, "the kernel did not switch between the threads");
  return total / static_cast<double>(switches);
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("context_switch", "std_thread", "switches as the kernel counts them");
  self.parse(argc, argv);
  share_one_cpu();
  self.measure("per_switch", bench::context_switch::thread_sizes, measure);
}
