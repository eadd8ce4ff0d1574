// SPDX-License-Identifier: MIT
// Boost.Asio as its manual advises for coroutines: an io_context that knows that it has one thread (no locks) for one
// worker, a thread_pool for several. Floor 7.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include <exception>
#include <optional>
#include <thread>

namespace bench {

namespace asio = boost::asio;

class asio_workers {
public:
  explicit asio_workers(unsigned workers) {
    if (workers == 1) {
      context_.emplace(1);
    } else {
      pool_.emplace(workers);
    }
  }

  /// Where coroutines are spawned.
  [[nodiscard]] asio::any_io_executor executor() {
    if (context_) return context_->get_executor();
    return pool_->get_executor();
  }

  /// Runs the coroutine, and whatever it spawns on executor(), to its end.
  void run(asio::awaitable<void> body) {
    if (!context_) {
      asio::co_spawn(*pool_, std::move(body), asio::use_future).get();
      return;
    }
    std::exception_ptr failure;
    asio::co_spawn(*context_, std::move(body), [&](std::exception_ptr error) { failure = error; });
    context_->run();
    context_->restart();
    if (failure) std::rethrow_exception(failure);
  }

private:
  std::optional<asio::io_context> context_;
  std::optional<asio::thread_pool> pool_;
};

} // namespace bench
