// SPDX-License-Identifier: MIT
// ping_pong with Boost.Asio's C++20 coroutines, which has no semaphore: channels carry the turn. Fair: a channel is its
// only means by which a coroutine waits for another; with one thread the one without a lock. --across: two io_contexts
// with a thread each.
#include "bench/asio_countdown.hpp"
#include "bench/ping_pong/params.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace {

namespace asio = bench::asio;
using boost::system::error_code;

template <class Channel>
struct table {
  Channel first;
  Channel second;
  bench::ping_pong::turns turns{};
};

template <class Channel>
asio::awaitable<void> play(table<Channel>& shared, bool begins, std::uint64_t round_trips) {
  auto& own = begins ? shared.first : shared.second;
  auto& other = begins ? shared.second : shared.first;
  for (std::uint64_t i = 0; i < round_trips; ++i) {
    co_await own.async_receive(asio::use_awaitable);
    shared.turns.take(2 * i + (begins ? 0 : 1));
    other.try_send(error_code());
  }
}

template <class Channel>
asio::awaitable<void> play_both(table<Channel>& shared, std::uint64_t round_trips) {
  const auto executor = co_await asio::this_coro::executor;
  bench::asio_countdown both(executor, 2);
  for (const bool begins : {true, false}) {
    asio::co_spawn(executor, play(shared, begins, round_trips),
                   [&both](std::exception_ptr) { both.count_down(); });
  }
  co_await both.wait();
}

using channel = asio::experimental::channel<void(error_code)>;
using concurrent_channel = asio::experimental::concurrent_channel<void(error_code)>;

template <class Channel>
double measure(bench::asio_workers& workers, std::uint64_t round_trips) {
  const auto executor = workers.executor();
  table<Channel> shared{Channel(executor, 1), Channel(executor, 1)};
  shared.first.try_send(error_code());
  const double each =
      bench::time_each(round_trips, [&] { workers.run(play_both(shared, round_trips)); });
  bench::require(shared.turns.taken() == bench::ping_pong::answer(round_trips), "turns are lost");
  return each;
}

double measure_across(std::uint64_t round_trips) {
  asio::thread_pool contexts[2]{asio::thread_pool(1), asio::thread_pool(1)};
  table<concurrent_channel> shared{concurrent_channel(contexts[0], 1),
                                   concurrent_channel(contexts[1], 1)};
  shared.first.try_send(error_code());
  const double each = bench::time_each(round_trips, [&] {
    auto first = asio::co_spawn(contexts[0], play(shared, true, round_trips), asio::use_future);
    auto second = asio::co_spawn(contexts[1], play(shared, false, round_trips), asio::use_future);
    first.get();
    second.get();
  });
  bench::require(shared.turns.taken() == bench::ping_pong::answer(round_trips), "turns are lost");
  return each;
}

} // namespace

int main(int argc, char** argv) {
  bench::ping_pong::ping_pong_program self("ping_pong", "asio");
  self.parse(argc, argv);
  bench::asio_workers workers(self.workers());
  self.measure(self.metric(), self.sizes(), [&](std::uint64_t trips) {
    if (self.is_across()) return measure_across(trips);
    if (self.workers() > 1) return measure<concurrent_channel>(workers, trips);
    return measure<channel>(workers, trips);
  });
}
