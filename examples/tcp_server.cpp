// SPDX-License-Identifier: MIT
#include "examples/tcp_server.hpp"

#include <fiber/thread.hpp>
#include <io/signal_set.hpp>
#include <io/tcp_listener.hpp>

#include <cstdio>
#include <exception>

namespace examples {
namespace {

void serve_one(coir::tcp_stream connection, connection_handler handler) {
  try {
    handler(connection);
  } catch (const std::exception&) {
    // The peer has reset the connection or was too slow, or we are shutting down: only this connection ends.
  }
}

/// Whether accepting can go on after this error.
bool is_passing(const std::error_code& error) {
  return error != std::errc::bad_file_descriptor && error != std::errc::operation_canceled;
}

void accept_all(const char* name, coir::tcp_listener& listener, coir::scope& connections,
                connection_handler handler) {
  for (bool has_complained = false;;) {
    std::error_code error;
    coir::tcp_stream connection = listener.accept(error);
    if (error) {
      if (!is_passing(error)) return;
      // Most likely there are no descriptors left; accept() slows down by itself until some return.
      if (!has_complained) std::fprintf(stderr, "%s: accept: %s\n", name, error.message().c_str());
      has_complained = true;
      continue;
    }
    has_complained = false;
    try {
      connections.spawn(serve_one, std::move(connection), handler);
    } catch (const std::exception& no_memory) {
      std::fprintf(stderr, "%s: a connection was dropped: %s\n", name, no_memory.what());
    }
  }
}

} // namespace

int run_tcp_server(const char* name, const server_options& options, connection_handler handler) {
  try {
    coir::signal_set stop_signals{SIGINT, SIGTERM}; // before other threads exist
    coir::run({.workers = options.workers}, [&] {
      auto listener = coir::tcp_listener::listen({options.address, options.port});
      std::printf("listening on %s\n", listener.local_endpoint().to_string().c_str());
      std::fflush(stdout);
      coir::scope connections;
      connections.spawn([&] { accept_all(name, listener, connections, handler); });
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
