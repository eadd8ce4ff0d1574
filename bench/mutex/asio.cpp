// SPDX-License-Identifier: MIT
// mutex with Boost.Asio's C++20 coroutines, which has none: a channel with one token in it. Fair: the token is taken
// without a wait if it is there; with one thread the channel is the one without a lock.
#include "bench/asio_countdown.hpp"
#include "bench/mutex/params.hpp"

#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace {

namespace asio = bench::asio;
using boost::system::error_code;

template <class Channel>
struct guarded {
  Channel token;
  std::uint64_t number = 0;
};

template <class Channel>
asio::awaitable<void> increase(guarded<Channel>& shared, std::uint64_t locks) {
  for (std::uint64_t lock = 0; lock < locks; ++lock) {
    if (!shared.token.try_receive([](error_code) {})) {
      co_await shared.token.async_receive(asio::use_awaitable);
    }
    ++shared.number;
    shared.token.try_send(error_code());
  }
}

template <class Channel>
asio::awaitable<void> increase_all(guarded<Channel>& shared, std::uint64_t locks) {
  const auto executor = co_await asio::this_coro::executor;
  bench::asio_countdown all(executor, bench::mutex::contenders);
  for (std::uint64_t i = 0; i < bench::mutex::contenders; ++i) {
    asio::co_spawn(executor, increase(shared, locks),
                   [&all](std::exception_ptr) { all.count_down(); });
  }
  co_await all.wait();
}

template <class Channel>
double measure(bench::asio_workers& workers, std::uint64_t locks) {
  guarded<Channel> shared{Channel(workers.executor(), 1)};
  shared.token.try_send(error_code());
  const double each = bench::time_each(bench::mutex::contenders * locks,
                                       [&] { workers.run(increase_all(shared, locks)); });
  bench::require(shared.number == bench::mutex::answer(locks), "two held the token at a time");
  return each;
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("mutex", "asio");
  self.parse(argc, argv);
  bench::asio_workers workers(self.workers());
  self.measure("per_lock_and_unlock", bench::mutex::sizes, [&](std::uint64_t locks) {
    using namespace asio::experimental;
    if (self.workers() > 1) return measure<concurrent_channel<void(error_code)>>(workers, locks);
    return measure<channel<void(error_code)>>(workers, locks);
  });
}
