// SPDX-License-Identifier: MIT
#include "examples/tcp_server.hpp"

#include <fiber/coro/spawn.hpp>
#include <fiber/thread.hpp>
#include <io/signal_set.hpp>
#include <io/tcp_listener.hpp>

#include <chrono>
#include <cstdio>
#include <exception>

namespace examples {
namespace {

// In both: the peer has reset the connection or was too slow, or we are shutting down. Only this connection ends.
void serve_in_fiber(coir::tcp_stream connection, void (*handler)(coir::tcp_stream&)) {
  try {
    handler(connection);
  } catch (const std::exception&) {
  }
}

coir::task<> serve_in_coroutine(coir::tcp_stream connection,
                                coir::task<> (*handler)(coir::tcp_stream&)) {
  try {
    co_await handler(connection);
  } catch (const std::exception&) {
  }
}

/// One that accepts, whether it is a fiber or a coroutine.
class acceptor {
public:
  acceptor(const char* name, coir::tcp_listener& listener, connection_handlers handlers)
      : name_(name), listener_(listener), handlers_(handlers) {}

  /// It must outlive the scope, which it and the connections live in.
  void start(coir::scope& connections) {
    if (handlers_.coroutine != nullptr) {
      connections.spawn(accept_in_coroutine(connections));
    } else {
      connections.spawn([&] { accept_in_fiber(connections); });
    }
  }

private:
  /// A shortage lasts, and comes and goes; the log shall not be full of it.
  void complain(const std::error_code& error) {
    if (coir::clock::now() < silent_until_) return;
    silent_until_ = coir::clock::now() + std::chrono::seconds(10);
    std::fprintf(stderr, "%s: accept: %s\n", name_, error.message().c_str());
  }

  void accept_in_fiber(coir::scope& connections) {
    for (bool goes_on = true; goes_on;) {
      std::error_code error;
      coir::tcp_stream connection = listener_.accept(error);
      goes_on = serve(connections, std::move(connection), error);
    }
  }

  coir::task<> accept_in_coroutine(coir::scope& connections) {
    for (bool goes_on = true; goes_on;) {
      std::error_code error;
      coir::tcp_stream connection = co_await listener_.async_accept(error);
      goes_on = serve(connections, std::move(connection), error);
    }
  }

  /// False: no more is to be accepted.
  bool serve(coir::scope& connections, coir::tcp_stream connection, const std::error_code& error) {
    if (error == std::errc::bad_file_descriptor || error == std::errc::operation_canceled) {
      return false;
    }
    if (error) {
      // Most likely there are no descriptors left; accept slows down by itself until some return.
      complain(error);
      return true;
    }
    try {
      spawn(connections, std::move(connection));
    } catch (const std::exception& no_memory) {
      std::fprintf(stderr, "%s: a connection was dropped: %s\n", name_, no_memory.what());
    }
    return true;
  }

  void spawn(coir::scope& connections, coir::tcp_stream connection) {
    const bool has_both = handlers_.fiber != nullptr && handlers_.coroutine != nullptr;
    is_turn_of_fiber_ = has_both ? !is_turn_of_fiber_ : handlers_.fiber != nullptr;
    if (is_turn_of_fiber_) {
      connections.spawn(serve_in_fiber, std::move(connection), handlers_.fiber);
    } else {
      connections.spawn(serve_in_coroutine(std::move(connection), handlers_.coroutine));
    }
  }

  const char* name_;
  coir::tcp_listener& listener_;
  connection_handlers handlers_;
  coir::clock::time_point silent_until_ = coir::clock::time_point::min();
  bool is_turn_of_fiber_ = false;
};

} // namespace

int run_tcp_server(const char* name, const server_options& options, connection_handlers handlers) {
  try {
    coir::signal_set stop_signals{SIGINT, SIGTERM}; // before other threads exist
    coir::run({.workers = options.workers}, [&] {
      auto listener = coir::tcp_listener::listen({options.address, options.port});
      std::printf("listening on %s\n", listener.local_endpoint().to_string().c_str());
      std::fflush(stdout);
      acceptor accepting(name, listener, handlers);
      coir::scope connections;
      accepting.start(connections);
      stop_signals.wait();
      listener.close();
      connections.request_stop();
      connections.join();
    });
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
    return 1;
  }
}

} // namespace examples
