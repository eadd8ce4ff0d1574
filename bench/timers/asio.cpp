// SPDX-License-Identifier: MIT
// timers with Boost.Asio's C++20 coroutines: a steady_timer of each coroutine. Fair: its timers are the kind of thing
// that it was made for; one heap and one wait of the reactor serve all of them.
#include "bench/asio_countdown.hpp"
#include "bench/timers/sleepers.hpp"

#include <boost/asio/steady_timer.hpp>

namespace {

namespace asio = bench::asio;

asio::awaitable<void> sleep(bench::timers::sleepers& all, std::uint64_t sleeper) {
  asio::steady_timer timer(co_await asio::this_coro::executor, all.due(sleeper));
  co_await timer.async_wait(asio::use_awaitable);
  all.woke(sleeper);
}

asio::awaitable<void> sleep_all(bench::timers::sleepers& all) {
  const auto executor = co_await asio::this_coro::executor;
  bench::asio_countdown running(executor, all.count());
  for (std::uint64_t i = 0; i < all.count(); ++i) {
    asio::co_spawn(executor, sleep(all, i),
                   [&running](std::exception_ptr) { running.count_down(); });
  }
  co_await running.wait();
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("timers", "asio");
  self.parse(argc, argv);
  bench::asio_workers workers(self.workers());
  bench::timers::measure(self, bench::timers::sizes,
                         [&](bench::timers::sleepers& all) { workers.run(sleep_all(all)); });
}
