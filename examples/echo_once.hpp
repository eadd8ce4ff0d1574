// SPDX-License-Identifier: MIT
// One turn of the echo servers, in plain blocking style. Floor 7.
#pragma once

#include <io/tcp_stream.hpp>

#include <cstddef>
#include <memory>

namespace examples {

inline constexpr std::size_t echo_buffer_bytes = 16 * 1024;

/// Sends back what has come. False: the peer has sent all it wanted to.
inline bool echo_once(coir::tcp_stream& connection) {
  // Taken only now that bytes are there: an idle connection holds no buffer, and a busy one gets the one that
  // is hot in the cache.
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(echo_buffer_bytes);
  const std::size_t count = connection.read({buffer.get(), echo_buffer_bytes});
  connection.write({buffer.get(), count});
  return count > 0;
}

} // namespace examples
