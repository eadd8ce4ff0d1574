// SPDX-License-Identifier: MIT
// Sends back what it receives, with both: every other connection is a fiber, the rest are coroutines that wait
// without a stack, and call the same blocking function once there is something to do.
#include "examples/tcp_server.hpp"

#include <io/scratch_buffer.hpp>

namespace {

void echo_in_fiber(coir::tcp_stream& connection) {
  coir::scratch_buffer received;
  while (connection.read(received) > 0) connection.write(received.bytes());
}

coir::task<> echo_in_coroutine(coir::tcp_stream& connection) {
  coir::scratch_buffer received;
  while (co_await connection.async_read(received) > 0) {
    // If it has to wait (the peer does not read), then with the stack that the coroutine runs on just now.
    connection.write(received.bytes());
  }
}

} // namespace

int main(int argc, char** argv) {
  const auto parsed = examples::parse_server_options(
      argc, argv, "Sends back what it receives. Connections are fibers and coroutines in turns.");
  if (const int* const status = std::get_if<int>(&parsed)) return *status;
  return examples::run_tcp_server("mixed_echo_server", std::get<examples::server_options>(parsed),
                                  {.fiber = echo_in_fiber, .coroutine = echo_in_coroutine});
}
