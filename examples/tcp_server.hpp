// SPDX-License-Identifier: MIT
// What the example servers share: listen, a fiber or coroutine per connection, a clean end by signal. Floor 7.
#pragma once

#include "examples/options.hpp"

#include <fiber/coro/task.hpp>
#include <io/tcp_stream.hpp>

namespace examples {

/// What serves a connection until the peer ends it; may throw. If there are both, they take turns.
struct connection_handlers {
  void (*fiber)(coir::tcp_stream& connection) = nullptr;             ///< runs as a fiber of its own
  coir::task<> (*coroutine)(coir::tcp_stream& connection) = nullptr; ///< runs as a coroutine
};

/// Listens, prints "listening on ADDRESS:PORT", serves until SIGINT or SIGTERM, and then ends all connections.
/// Returns the process's exit status; errors have been printed. If there are coroutines, one accepts.
[[nodiscard]] int run_tcp_server(const char* name, const server_options& options,
                                 connection_handlers handlers);

} // namespace examples
