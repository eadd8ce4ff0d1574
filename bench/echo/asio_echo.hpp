// SPDX-License-Identifier: MIT
// Echo with Boost.Asio: one coroutine per connection. Floor 7.
//
// The buffer lies in the connection's frame. Waiting for bytes first and taking a shared buffer then, as coir's servers
// do, is slower with Asio: each async_wait() costs an epoll_ctl(2).
#pragma once

#include "bench/echo/asio_server.hpp"

#include <boost/asio/write.hpp>

#include <array>
#include <cstddef>

namespace bench::on_asio {

inline awaitable<> echo(stream connection) {
  constexpr std::size_t buffer_bytes = 16 * 1024;
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

} // namespace bench::on_asio
