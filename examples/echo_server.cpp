// SPDX-License-Identifier: MIT
// Sends back what it receives: one fiber per connection, plain blocking-style code.
#include "examples/tcp_server.hpp"

#include <cstddef>
#include <memory>

namespace {

constexpr std::size_t buffer_bytes = 16 * 1024;

/// False: the peer has sent all it wanted to.
bool echo_once(coir::tcp_stream& connection) {
  // Taken only now that bytes are there: an idle connection holds no buffer, and a busy one gets the one that
  // is hot in the cache.
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(buffer_bytes);
  const std::size_t count = connection.read({buffer.get(), buffer_bytes});
  connection.write({buffer.get(), count});
  return count > 0;
}

void echo(coir::tcp_stream& connection) {
  do {
    connection.wait_readable();
  } while (echo_once(connection));
}

} // namespace

int main(int argc, char** argv) {
  const auto parsed = examples::parse_server_options(
      argc, argv, "Sends back what it receives. One fiber per connection.");
  if (const int* const status = std::get_if<int>(&parsed)) return *status;
  return examples::run_tcp_server("echo_server", std::get<examples::server_options>(parsed), echo);
}
