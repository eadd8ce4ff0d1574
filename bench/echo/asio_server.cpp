// SPDX-License-Identifier: MIT
// A rival of the echo benchmark: Boost.Asio with C++20 coroutines, as its users write it when they care for speed.
// Floor 7.
//
// Made to be as fast as it can without leaving the documented ways:
//   * one io_context; with one worker its concurrency hint of 1 saves most locking
//   * sockets and awaitables of its own executor type, not of any_io_executor, so that nothing is type-erased
//   * `as_tuple(deferred)`: no frame per operation, no exceptions for errors
//   * the same allocator as coir's servers, 16 KiB buffers, no Nagle, no try that is bound to fail where Asio lets us
// The buffer lies in the connection's frame. Waiting for bytes first and taking a shared buffer then, as coir's servers
// do, is slower with Asio: each async_wait() costs an epoll_ctl(2).
#include "examples/options.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

namespace {

namespace asio = boost::asio;
using executor = asio::io_context::executor_type;
using tcp = asio::ip::tcp;
using stream = asio::basic_stream_socket<tcp, executor>;
using listener = asio::basic_socket_acceptor<tcp, executor>;
template <class Value = void>
using awaitable = asio::awaitable<Value, executor>;

constexpr auto results = asio::as_tuple(asio::deferred);
constexpr std::size_t buffer_bytes = 16 * 1024;
constexpr std::chrono::milliseconds pause_when_short{50};

awaitable<> echo(stream connection) {
  std::array<std::byte, buffer_bytes> buffer; // NOLINT: not initialized, each byte would be touched
  for (;;) {
    const auto [read_error, count] =
        co_await connection.async_read_some(asio::buffer(buffer), results);
    if (read_error) co_return;
    const auto [write_error, sent] =
        co_await asio::async_write(connection, asio::buffer(buffer.data(), count), results);
    if (write_error) co_return;
  }
}

awaitable<> accept_all(listener accepting) {
  const executor here = accepting.get_executor();
  for (;;) {
    auto [error, connection] = co_await accepting.async_accept(results);
    if (error) {
      asio::basic_waitable_timer<std::chrono::steady_clock,
                                 asio::wait_traits<std::chrono::steady_clock>, executor>
          pause(here, pause_when_short);
      co_await pause.async_wait(results);
      continue;
    }
    boost::system::error_code ignored; // the peer may have gone
    connection.set_option(tcp::no_delay(true), ignored);
    asio::co_spawn(here, echo(std::move(connection)), asio::detached);
  }
}

void serve(const examples::server_options& options) {
  const unsigned workers = options.workers == 0 ? 1 : options.workers;
  asio::io_context context(static_cast<int>(workers));
  asio::signal_set stop_signals(context, SIGINT, SIGTERM);
  stop_signals.async_wait([&](const boost::system::error_code&, int) { context.stop(); });

  const tcp::endpoint where(asio::ip::make_address(options.address), options.port);
  listener accepting(context.get_executor(), where.protocol());
  accepting.set_option(asio::socket_base::reuse_address(true));
  accepting.bind(where);
  accepting.listen(4096);
  const std::string host = options.address.find(':') != std::string::npos
                               ? '[' + options.address + ']'
                               : options.address;
  std::printf("listening on %s:%u\n", host.c_str(), accepting.local_endpoint().port());
  std::fflush(stdout);
  asio::co_spawn(context, accept_all(std::move(accepting)), asio::detached);

  std::vector<std::jthread> threads;
  for (unsigned i = 1; i < workers; ++i) threads.emplace_back([&] { context.run(); });
  context.run();
}

} // namespace

int main(int argc, char** argv) {
  const auto parsed =
      examples::parse_server_options(argc, argv,
                                     "sends back what it receives: Boost.Asio with coroutines.\n"
                                     "Without --workers it has one thread");
  if (const int* status = std::get_if<int>(&parsed)) return *status;
  try {
    serve(std::get<examples::server_options>(parsed));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "asio_server: %s\n", error.what());
    return 1;
  }
  return 0;
}
