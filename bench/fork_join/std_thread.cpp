// SPDX-License-Identifier: MIT
// fork_join with std::thread, which has no result: it writes it where its spawner reads it after join. A smaller n,
// since a process may not have 300,000 threads.
#include "bench/fork_join/params.hpp"

#include <thread>

namespace {

std::uint64_t fibonacci(std::uint64_t n) {
  if (n < 2) return n;
  std::uint64_t forked_value = 0;
  std::thread forked([&forked_value, n] { forked_value = fibonacci(n - 1); });
  const std::uint64_t own = fibonacci(n - 2);
  forked.join();
  return own + forked_value;
}

double measure(std::uint64_t n) {
  std::uint64_t value = 0;
  const double each = bench::time_each(bench::fork_join::spawned(n), [&] { value = fibonacci(n); });
  bench::require(value == bench::fork_join::answer(n), "not the Fibonacci number");
  return each;
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("fork_join", "std_thread");
  self.parse(argc, argv);
  self.measure("per_fork_and_join", bench::fork_join::thread_sizes, measure);
}
