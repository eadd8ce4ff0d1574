// SPDX-License-Identifier: MIT
// Echo with Boost.Asio: one coroutine per connection. Floor 7.
//
// Each connection keeps a buffer: beside its frame, so that an idle one has touched one page of it and no more. Waiting
// for bytes first and taking a buffer then, as coir's servers do, is slower with Asio: each async_wait() costs an
// epoll_ctl(2).
#pragma once

#include "bench/echo/asio_server.hpp"

#include <boost/asio/write.hpp>

#include <cstddef>
#include <memory>

namespace bench::on_asio {

inline awaitable<> echo(stream connection) {
  constexpr std::size_t buffer_bytes = 16 * 1024;
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(buffer_bytes);
  for (;;) {
    const auto [read_error, count] =
        co_await connection.async_read_some(asio::buffer(buffer.get(), buffer_bytes), results);
    if (read_error) co_return;
    const auto [write_error, sent] =
        co_await asio::async_write(connection, asio::buffer(buffer.get(), count), results);
    if (write_error) co_return;
  }
}

} // namespace bench::on_asio
