// SPDX-License-Identifier: MIT
// For programs that use Boost.Asio's or Boost.Beast's algorithms on coir's streams. Floor 5. Needs Boost's headers.
//
// Include it before the first call that passes a boost::system::error_code. tcp_stream then models Asio's
// SyncReadStream and SyncWriteStream: http::read(stream, …), http::write(stream, …), asio::read(stream, …)
// suspend the fiber instead of blocking the thread.
#pragma once

#include "io/io_error.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

namespace coir {

template <>
struct error_code_traits<boost::system::error_code> {
  static boost::system::error_code from_errno(int number) noexcept {
    return {number, boost::system::system_category()};
  }
  static boost::system::error_code end_of_stream() noexcept {
    return boost::asio::error::make_error_code(boost::asio::error::eof);
  }
};

} // namespace coir
