// SPDX-License-Identifier: MIT
// Sends back what it receives: one C++20 coroutine per connection. It has no stack; an idle connection costs its frame.
#include "examples/tcp_server.hpp"

#include <io/scratch_buffer.hpp>

namespace {

coir::task<> echo(coir::tcp_stream& connection) {
  coir::scratch_buffer received; // holds memory only while there are bytes
  while (co_await connection.async_read(received) > 0) {
    co_await connection.async_write(received.bytes());
  }
}

} // namespace

int main(int argc, char** argv) {
  const auto parsed = examples::parse_server_options(
      argc, argv, "Sends back what it receives. One coroutine per connection.");
  if (const int* const status = std::get_if<int>(&parsed)) return *status;
  return examples::run_tcp_server("coro_echo_server", std::get<examples::server_options>(parsed),
                                  {.coroutine = echo});
}
