// SPDX-License-Identifier: MIT
// Coroutines for tests of the async_ operations. Floor 7.
#pragma once

#include "tests/coro/expect.hpp"
#include "tests/io/loopback.hpp"

#include <fiber/coro/sleep.hpp>
#include <fiber/coro/spawn.hpp>

namespace coir::test {

/// `make()`, a coroutine whose closure lives as long as it. (A lambda's captures do not lie in its frame.)
template <class Make>
task<> kept(Make make) {
  co_await make();
}

/// Whatever `begin(error)`, which returns an awaitable, reports.
template <class Begin>
task<std::error_code> async_error_of(Begin begin) {
  std::error_code error;
  static_cast<void>(co_await begin(error));
  co_return error;
}

/// What is thrown by awaiting `begin()`.
template <class Begin>
task<std::error_code> async_thrown_by(Begin begin) {
  try {
    static_cast<void>(co_await begin());
  } catch (const std::system_error& thrown) {
    co_return thrown.code();
  }
  co_return std::error_code();
}

/// All bytes until the end of the stream.
inline task<std::string> async_read_to_end(tcp_stream& stream) {
  std::string all;
  char part[4096];
  while (const std::size_t count = co_await stream.async_read(part)) all.append(part, count);
  co_return all;
}

} // namespace coir::test
