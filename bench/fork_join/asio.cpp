// SPDX-License-Identifier: MIT
// fork_join with Boost.Asio's C++20 coroutines: operator&& of awaitable_operators, its documented way to run two
// coroutines at the same time and to have both results. Counted as one fork, though it starts both.
#include "bench/asio_workers.hpp"
#include "bench/fork_join/params.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>

namespace {

namespace asio = bench::asio;

asio::awaitable<std::uint64_t> fibonacci(std::uint64_t n) {
  using namespace asio::experimental::awaitable_operators;
  if (n < 2) co_return n;
  const auto [left, right] = co_await (fibonacci(n - 1) && fibonacci(n - 2));
  co_return left + right;
}

asio::awaitable<void> keep(std::uint64_t& value, std::uint64_t n) { value = co_await fibonacci(n); }

} // namespace

int main(int argc, char** argv) {
  bench::program self("fork_join", "asio");
  self.parse(argc, argv);
  bench::asio_workers workers(self.workers());
  self.measure("per_fork_and_join", bench::fork_join::sizes, [&](std::uint64_t n) {
    std::uint64_t value = 0;
    const double each =
        bench::time_each(bench::fork_join::spawned(n), [&] { workers.run(keep(value, n)); });
    bench::require(value == bench::fork_join::answer(n), "not the Fibonacci number");
    return each;
  });
}
