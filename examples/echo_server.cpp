// SPDX-License-Identifier: MIT
// Sends back what it receives: one fiber per connection, plain blocking-style code.
#include "examples/tcp_server.hpp"

#include <io/scratch_buffer.hpp>

namespace {

void echo(coir::tcp_stream& connection) {
  coir::scratch_buffer received; // holds memory only while there are bytes
  while (connection.read(received) > 0) connection.write(received.bytes());
}

} // namespace

int main(int argc, char** argv) {
  const auto parsed = examples::parse_server_options(
      argc, argv, "Sends back what it receives. One fiber per connection.");
  if (const int* const status = std::get_if<int>(&parsed)) return *status;
  return examples::run_tcp_server("echo_server", std::get<examples::server_options>(parsed),
                                  {.fiber = echo});
}
