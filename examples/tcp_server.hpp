// SPDX-License-Identifier: MIT
// What the example servers share: listen, one fiber per connection, a clean end by signal. Floor 7.
#pragma once

#include "examples/options.hpp"

#include <io/tcp_stream.hpp>

namespace examples {

/// Serves one connection, until the peer ends it; may throw. Runs as a fiber of its own.
using connection_handler = void (*)(coir::tcp_stream& connection);

/// Listens, prints "listening on ADDRESS:PORT", serves until SIGINT or SIGTERM, and then ends all connections.
/// Returns the process's exit status; errors have been printed.
[[nodiscard]] int run_tcp_server(const char* name, const server_options& options,
                                 connection_handler handler);

} // namespace examples
