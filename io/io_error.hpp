// SPDX-License-Identifier: MIT
// Errors of io/. Floor 5.
//
// Policy: what the operating system reports comes as std::error_code of std::system_category, so that comparing
// with std::errc works. A time-out is std::errc::timed_out, a stop request std::errc::operation_canceled, an
// operation on a closed object (also if it is closed while the operation waits) std::errc::bad_file_descriptor.
// Each function throws std::system_error, or has an overload with an error code that does not throw.
#pragma once

#include <cstdint>
#include <system_error>

namespace coir {

/// Errors that the operating system has no number for.
enum class io_errc {
  end_of_stream = 1, ///< read_some: the peer has shut down its sending side
};

} // namespace coir

template <>
struct std::is_error_code_enum<coir::io_errc> : std::true_type {};

namespace coir {

[[nodiscard]] const std::error_category& io_category() noexcept;
[[nodiscard]] inline std::error_code make_error_code(io_errc code) noexcept {
  return {static_cast<int>(code), io_category()};
}

/// How io/ makes error codes of a type. Specialized for Boost's in io/asio.hpp.
template <class ErrorCode>
struct error_code_traits;

template <>
struct error_code_traits<std::error_code> {
  static std::error_code from_errno(int number) noexcept {
    return {number, std::system_category()};
  }
  static std::error_code end_of_stream() noexcept { return io_errc::end_of_stream; }
};

/// Splits what the reactor returns, a count or -errno. Private.
template <class ErrorCode>
std::size_t unpack(std::int64_t result, ErrorCode& error) noexcept {
  if (result < 0) {
    error = error_code_traits<ErrorCode>::from_errno(static_cast<int>(-result));
    return 0;
  }
  error = ErrorCode();
  return static_cast<std::size_t>(result);
}

/// Throws std::system_error if `result` is -errno. Private.
std::size_t unpack_or_throw(std::int64_t result, const char* what);

} // namespace coir
