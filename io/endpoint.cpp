// SPDX-License-Identifier: MIT
#include "io/endpoint.hpp"

#include <arpa/inet.h>
#include <charconv>
#include <cstring>
#include <net/if.h>

namespace coir {
namespace {

constexpr std::size_t longest_zone = IF_NAMESIZE;

/// Copies with a terminator; false if it does not fit.
template <std::size_t Size>
bool to_c_string(std::string_view text, char (&out)[Size]) noexcept {
  if (text.size() >= Size || text.find('\0') != std::string_view::npos) return false;
  std::memcpy(out, text.data(), text.size());
  out[text.size()] = '\0';
  return true;
}

bool parse_number(std::string_view text, std::uint32_t most, std::uint32_t& number) noexcept {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc{} && stop == end && number <= most;
}

bool parse_zone(std::string_view zone, std::uint32_t& index) noexcept {
  char name[longest_zone];
  if (zone.empty() || !to_c_string(zone, name)) return false;
  index = ::if_nametoindex(name);
  return index != 0 || parse_number(zone, UINT32_MAX, index);
}

std::system_error unreadable(std::string_view text) {
  return {std::make_error_code(std::errc::invalid_argument),
          "coir: not an address: '" + std::string(text) + "'"};
}

} // namespace

endpoint::endpoint() noexcept : endpoint(any(0)) {}

endpoint::endpoint(std::string_view address, std::uint16_t port) {
  std::error_code error;
  *this = endpoint(address, port, error);
  if (error) throw unreadable(address);
}

endpoint::endpoint(std::string_view address, std::uint16_t port, std::error_code& error) noexcept
    : endpoint() {
  error.clear();
  char text[INET6_ADDRSTRLEN];
  if (to_c_string(address, text) && ::inet_pton(AF_INET, text, &storage_.v4.sin_addr) == 1) {
    storage_.v4.sin_port = htons(port);
    return;
  }
  const auto percent = address.find('%');
  const std::string_view host = address.substr(0, percent);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  const bool has_zone = percent != std::string_view::npos;
  if (to_c_string(host, text) && ::inet_pton(AF_INET6, text, &v6.sin6_addr) == 1 &&
      (!has_zone || parse_zone(address.substr(percent + 1), v6.sin6_scope_id))) {
    storage_.v6 = v6;
    return;
  }
  error = std::make_error_code(std::errc::invalid_argument);
}

endpoint endpoint::parse(std::string_view text) {
  std::error_code error;
  const endpoint parsed = parse(text, error);
  if (error) throw unreadable(text);
  return parsed;
}

endpoint endpoint::parse(std::string_view text, std::error_code& error) noexcept {
  const auto colon = text.rfind(':');
  std::uint32_t port = 0;
  if (colon == std::string_view::npos || !parse_number(text.substr(colon + 1), UINT16_MAX, port)) {
    error = std::make_error_code(std::errc::invalid_argument);
    return {};
  }
  std::string_view host = text.substr(0, colon);
  const bool is_bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (is_bracketed) host = host.substr(1, host.size() - 2);
  const endpoint parsed(host, static_cast<std::uint16_t>(port), error);
  // Brackets belong to IPv6 and only there, else "::1:80" could be read in two ways.
  if (!error && parsed.is_v6() != is_bracketed) {
    error = std::make_error_code(std::errc::invalid_argument);
  }
  return parsed;
}

endpoint endpoint::any(std::uint16_t port) noexcept {
  sockaddr_storage made{};
  auto& v4 = reinterpret_cast<sockaddr_in&>(made);
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  return from_native(made);
}

endpoint endpoint::loopback(std::uint16_t port) noexcept {
  endpoint made = any(port);
  made.storage_.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return made;
}

endpoint endpoint::any_v6(std::uint16_t port) noexcept {
  sockaddr_storage made{};
  auto& v6 = reinterpret_cast<sockaddr_in6&>(made);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  return from_native(made);
}

endpoint endpoint::loopback_v6(std::uint16_t port) noexcept {
  endpoint made = any_v6(port);
  made.storage_.v6.sin6_addr = in6addr_loopback;
  return made;
}

endpoint endpoint::from_native(const sockaddr_storage& address) noexcept {
  endpoint made(unset{});
  if (address.ss_family == AF_INET6) {
    std::memcpy(&made.storage_.v6, &address, sizeof made.storage_.v6);
  } else {
    std::memcpy(&made.storage_.v4, &address, sizeof made.storage_.v4);
  }
  return made;
}

std::uint16_t endpoint::port() const noexcept {
  return ntohs(is_v6() ? storage_.v6.sin6_port : storage_.v4.sin_port);
}

std::string endpoint::address() const {
  char text[INET6_ADDRSTRLEN];
  const void* const raw = is_v6() ? static_cast<const void*>(&storage_.v6.sin6_addr)
                                  : static_cast<const void*>(&storage_.v4.sin_addr);
  std::string written = ::inet_ntop(storage_.any.sa_family, raw, text, sizeof text);
  if (is_v6() && storage_.v6.sin6_scope_id != 0) {
    char zone[IF_NAMESIZE];
    written += '%';
    written += ::if_indextoname(storage_.v6.sin6_scope_id, zone) != nullptr
                   ? std::string(zone)
                   : std::to_string(storage_.v6.sin6_scope_id);
  }
  return written;
}

std::string endpoint::to_string() const {
  return (is_v6() ? '[' + address() + ']' : address()) + ':' + std::to_string(port());
}

bool operator==(const endpoint& left, const endpoint& right) noexcept {
  if (left.is_v6() != right.is_v6() || left.port() != right.port()) return false;
  if (!left.is_v6()) {
    return left.storage_.v4.sin_addr.s_addr == right.storage_.v4.sin_addr.s_addr;
  }
  return left.storage_.v6.sin6_scope_id == right.storage_.v6.sin6_scope_id &&
         std::memcmp(&left.storage_.v6.sin6_addr, &right.storage_.v6.sin6_addr,
                     sizeof left.storage_.v6.sin6_addr) == 0;
}

} // namespace coir
