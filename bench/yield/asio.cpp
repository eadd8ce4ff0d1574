// SPDX-License-Identifier: MIT
// yield with Boost.Asio's C++20 coroutines: co_await asio::post, which goes to the end of the context's queue. Fair: it
// is how its documentation lets others run, and the context knows that it has one thread.
#include "bench/asio_workers.hpp"
#include "bench/yield/params.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace {

namespace asio = bench::asio;

asio::awaitable<void> yield_often(std::uint64_t& count, std::uint64_t yields) {
  const auto executor = co_await asio::this_coro::executor;
  for (; count < yields; ++count) co_await asio::post(executor, asio::use_awaitable);
}

asio::awaitable<void> spawn_all(std::vector<std::uint64_t>& done, std::uint64_t yields) {
  const auto executor = co_await asio::this_coro::executor;
  for (std::uint64_t& count : done)
    asio::co_spawn(executor, yield_often(count, yields), asio::detached);
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("yield", "asio");
  self.parse(argc, argv);
  bench::asio_workers workers(1);
  self.measure("per_yield", bench::yield::sizes, [&](std::uint64_t yields) {
    std::vector<std::uint64_t> done(bench::yield::fibers);
    // The 1,000 spawns are in the measured time, and make less than a thousandth of it.
    const double each = bench::time_each(bench::yield::fibers * yields,
                                         [&] { workers.run(spawn_all(done, yields)); });
    bench::require(bench::yield::is_right(done, yields), "a coroutine did not yield often enough");
    return each;
  });
}
