// SPDX-License-Identifier: MIT
// endpoint: an IP address and a port. Floor 5.
#pragma once

#include <cstdint>
#include <netinet/in.h>
#include <string>
#include <string_view>
#include <system_error>

namespace coir {

/// An IPv4 or IPv6 address with a port: a regular value of 28 bytes. Names are not resolved here.
class endpoint {
public:
  /// 0.0.0.0:0.
  endpoint() noexcept;
  /// `address` as inet_pton(3) reads it, IPv6 also with a zone ("fe80::1%eth0"), without brackets.
  /// Throws std::system_error(invalid_argument).
  endpoint(std::string_view address, std::uint16_t port);
  endpoint(std::string_view address, std::uint16_t port, std::error_code& error) noexcept;

  /// "127.0.0.1:80" or "[::1]:80" (RFC 3986 3.2.2); the port must be there. Throws
  /// std::system_error(invalid_argument).
  [[nodiscard]] static endpoint parse(std::string_view text);
  [[nodiscard]] static endpoint parse(std::string_view text, std::error_code& error) noexcept;

  [[nodiscard]] static endpoint loopback(std::uint16_t port) noexcept;    ///< 127.0.0.1
  [[nodiscard]] static endpoint loopback_v6(std::uint16_t port) noexcept; ///< ::1
  [[nodiscard]] static endpoint any(std::uint16_t port) noexcept;         ///< 0.0.0.0
  [[nodiscard]] static endpoint any_v6(std::uint16_t port) noexcept; ///< ::, takes IPv4 too unless told otherwise

  [[nodiscard]] std::uint16_t port() const noexcept;
  /// Without brackets.
  [[nodiscard]] std::string address() const;
  /// As parse() reads it.
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] bool is_v6() const noexcept { return storage_.any.sa_family == AF_INET6; }

  /// For system calls.
  [[nodiscard]] const sockaddr* native() const noexcept { return &storage_.any; }
  [[nodiscard]] socklen_t native_size() const noexcept {
    return is_v6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  }
  /// From a system call's answer of family AF_INET or AF_INET6.
  [[nodiscard]] static endpoint from_native(const sockaddr_storage& address) noexcept;

  friend bool operator==(const endpoint& left, const endpoint& right) noexcept;

private:
  struct unset {};
  explicit endpoint(unset) noexcept : storage_{} {}

  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  } storage_;
};

} // namespace coir
