// SPDX-License-Identifier: MIT
// A server with Boost.Asio and C++20 coroutines, as its users write it when they care for speed: what the rivals on
// Asio have in common. Floor 7.
//
// Made to be as fast as it can without leaving the documented ways:
//   * one io_context; with one worker its concurrency hint of 1 saves most locking
//   * sockets and awaitables of its own executor type, not of any_io_executor, so that nothing is type-erased
//   * `as_tuple(deferred)`: no frame per operation, no exceptions for errors
//   * the same allocator as coir's servers, no Nagle
#pragma once

#include "bench/echo/plain_listener.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <thread>
#include <utility>
#include <vector>

namespace bench::on_asio {

namespace asio = boost::asio;
using executor = asio::io_context::executor_type;
using tcp = asio::ip::tcp;
using stream = asio::basic_stream_socket<tcp, executor>;
using listener = asio::basic_socket_acceptor<tcp, executor>;
using timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, executor>;
template <class Value = void>
using awaitable = asio::awaitable<Value, executor>;

inline constexpr auto results = asio::as_tuple(asio::deferred);
inline constexpr std::chrono::milliseconds pause_when_short{50};

using connection_handler = awaitable<> (*)(stream connection);

inline awaitable<> accept_all(listener accepting, connection_handler handler) {
  const executor here = accepting.get_executor();
  for (;;) {
    auto [error, connection] = co_await accepting.async_accept(results);
    if (error) {
      timer pause(here, pause_when_short);
      co_await pause.async_wait(results);
      continue;
    }
    // TCP_NODELAY comes from the listener.
    asio::co_spawn(here, handler(std::move(connection)), asio::detached);
  }
}

/// Until SIGINT or SIGTERM. `and_also`: called with the executor before the threads run.
template <class Function>
void serve(const examples::server_options& options, connection_handler handler, Function and_also) {
  const unsigned workers = options.workers == 0 ? 1 : options.workers;
  asio::io_context context(static_cast<int>(workers));
  asio::signal_set stop_signals(context, SIGINT, SIGTERM);
  stop_signals.async_wait([&](const boost::system::error_code&, int) { context.stop(); });

  const bool is_v6 = options.address.find(':') != std::string::npos;
  listener accepting(context.get_executor(), is_v6 ? tcp::v6() : tcp::v4(),
                     bind_plain_listener(options, SOCK_NONBLOCK, false));
  print_listening(options, accepting.native_handle());
  asio::co_spawn(context, accept_all(std::move(accepting), handler), asio::detached);
  and_also(context.get_executor());

  std::vector<std::jthread> threads;
  for (unsigned i = 1; i < workers; ++i) threads.emplace_back([&] { context.run(); });
  context.run();
}

} // namespace bench::on_asio
