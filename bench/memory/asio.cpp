// SPDX-License-Identifier: MIT
// memory with Boost.Asio's C++20 coroutines, which wait at a channel. Fair: the channel is the one without a lock, and
// the frames come from Asio's own recycling allocator.
#include "bench/asio_workers.hpp"
#include "bench/memory/params.hpp"

#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace {

namespace asio = bench::asio;
using boost::system::error_code;
using channel = asio::experimental::channel<void(error_code)>;

struct gate {
  channel opened;
  std::uint64_t ready = 0;
  std::uint64_t sum = 0;
};

asio::awaitable<std::uint64_t> wait_at(gate& closed, std::uint64_t number) {
  ++closed.ready;
  co_await closed.opened.async_receive(asio::use_awaitable);
  co_return number;
}

asio::awaitable<void> measure(const bench::program& self, std::uint64_t count) {
  const auto executor = co_await asio::this_coro::executor;
  gate closed{channel(executor, 0)};
  std::uint64_t running = count;
  bench::memory::growth growth(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    asio::co_spawn(executor, wait_at(closed, i), [&](std::exception_ptr, std::uint64_t number) {
      closed.sum += number;
      --running;
    });
  }
  while (closed.ready < count) co_await asio::post(executor, asio::use_awaitable);
  growth.stop();

  for (std::uint64_t i = 0; i < count; ++i) closed.opened.try_send(error_code());
  while (running > 0) co_await asio::post(executor, asio::use_awaitable);
  bench::require(closed.sum == bench::memory::answer(count), "a coroutine's result was lost");
  growth.report(self);
}

} // namespace

int main(int argc, char** argv) {
  bench::program self("memory", "asio");
  self.parse(argc, argv);
  bench::asio_workers(1).run(measure(self, self.count(bench::memory::sizes)));
}
