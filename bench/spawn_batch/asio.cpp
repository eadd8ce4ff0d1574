// SPDX-License-Identifier: MIT
// spawn_batch with Boost.Asio's C++20 coroutines: co_spawn of each with a completion handler that takes its result.
// Fair: a handler is the least that co_spawn can be given; a future or a parallel_group of a million operations is
// more.
#include "bench/asio_countdown.hpp"
#include "bench/spawn_batch/params.hpp"

#include <vector>

namespace {

namespace asio = bench::asio;

asio::awaitable<std::uint64_t> number(std::uint64_t value) { co_return value; }

asio::awaitable<void> spawn_all(std::vector<std::uint64_t>& results) {
  const auto executor = co_await asio::this_coro::executor;
  bench::asio_countdown all(executor, results.size());
  for (std::uint64_t i = 0; i < results.size(); ++i) {
    asio::co_spawn(executor, number(i),
                   [&all, &result = results[i]](std::exception_ptr, std::uint64_t value) {
                     result = value;
                     all.count_down();
                   });
  }
  co_await all.wait();
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("spawn_batch", "asio");
  self.parse(argc, argv);
  bench::asio_workers workers(self.workers());
  self.measure("per_fiber", bench::spawn_batch::sizes, [&](std::uint64_t count) {
    std::uint64_t sum = 0;
    const double each = bench::time_each(count, [&] {
      std::vector<std::uint64_t> results(count);
      workers.run(spawn_all(results));
      for (const std::uint64_t result : results) sum += result;
    });
    bench::require(sum == bench::spawn_batch::answer(count), "a coroutine's result was lost");
    return each;
  });
}
