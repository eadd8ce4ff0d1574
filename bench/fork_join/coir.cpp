// SPDX-License-Identifier: MIT
// fork_join with coir: the typed handle of spawn, and its join.
#include "bench/fork_join/params.hpp"

#include "fiber/thread.hpp"

namespace {

std::uint64_t fibonacci(std::uint64_t n) {
  if (n < 2) return n;
  auto forked = coir::spawn(fibonacci, n - 1);
  const std::uint64_t own = fibonacci(n - 2);
  return own + forked.join();
}

double measure(std::uint64_t n) {
  std::uint64_t value = 0;
  const double each = bench::time_each(bench::fork_join::spawned(n), [&] { value = fibonacci(n); });
  bench::require(value == bench::fork_join::answer(n), "not the Fibonacci number");
  return each;
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("fork_join", "coir");
  self.parse(argc, argv);
  coir::run({.workers = self.workers()},
            [&] { self.measure("per_fork_and_join", bench::fork_join::sizes, measure); });
}
