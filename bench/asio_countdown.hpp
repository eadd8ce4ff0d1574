// SPDX-License-Identifier: MIT
// How a coroutine of Boost.Asio waits for many others: a count of those that run, and a channel into which the last one
// puts a token. Floor 7.
#pragma once

#include "bench/asio_workers.hpp"

#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <cstdint>

namespace bench {

class asio_countdown {
public:
  asio_countdown(asio::any_io_executor executor, std::uint64_t expected)
      : running_(expected), end_(std::move(executor), 1) {}

  /// By each of the others, once.
  void count_down() {
    // acq_rel: publishes what each has done; pairs with that of the last one, and the channel's lock with the waiter
    if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      end_.try_send(boost::system::error_code());
  }
  /// Until all have counted down.
  [[nodiscard]] auto wait() { return end_.async_receive(asio::use_awaitable); }

private:
  std::atomic<std::uint64_t> running_;
  asio::experimental::concurrent_channel<void(boost::system::error_code)> end_;
};

} // namespace bench
