// SPDX-License-Identifier: MIT
// spawn_join with Boost.Asio's C++20 coroutines: a coroutine awaits co_spawn of another. Fair: it is the documented way
// to start a coroutine on an executor and to have its result.
#include "bench/asio_workers.hpp"
#include "bench/spawn_join/params.hpp"

#include <boost/asio/use_awaitable.hpp>

namespace {

namespace asio = bench::asio;

asio::awaitable<std::uint64_t> number(std::uint64_t value) { co_return value; }

asio::awaitable<void> spawn_one_by_one(std::uint64_t coroutines, std::uint64_t& sum) {
  const auto executor = co_await asio::this_coro::executor;
  for (std::uint64_t i = 0; i < coroutines; ++i)
    sum += co_await asio::co_spawn(executor, number(i), asio::use_awaitable);
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("spawn_join", "asio");
  self.parse(argc, argv);
  bench::asio_workers workers(self.workers());
  self.measure("per_spawn_and_join", bench::spawn_join::sizes, [&](std::uint64_t coroutines) {
    std::uint64_t sum = 0;
    const double each =
        bench::time_each(coroutines, [&] { workers.run(spawn_one_by_one(coroutines, sum)); });
    bench::require(sum == bench::spawn_join::answer(coroutines), "a coroutine's result was lost");
    return each;
  });
}
