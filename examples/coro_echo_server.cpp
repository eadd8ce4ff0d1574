// SPDX-License-Identifier: MIT
// Sends back what it receives: one C++20 coroutine per connection. It has no stack; an idle connection costs its frame.
#include "examples/echo_once.hpp"
#include "examples/tcp_server.hpp"

namespace {

coir::task<> echo(coir::tcp_stream& connection) {
  for (;;) {
    co_await connection.async_wait_readable();
    // Not before, as in echo_once().
    const auto buffer = std::make_unique_for_overwrite<std::byte[]>(examples::echo_buffer_bytes);
    const std::size_t count =
        co_await connection.async_read({buffer.get(), examples::echo_buffer_bytes});
    if (count == 0) co_return;
    co_await connection.async_write({buffer.get(), count});
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
