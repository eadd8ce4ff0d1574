// SPDX-License-Identifier: MIT
// Addresses as text, both ways, and as the kernel has them.
#include "tests/catch.hpp"

#include <io/endpoint.hpp>

#include <cstring>
#include <net/if.h>
#include <string>

using coir::endpoint;

namespace {

static_assert(sizeof(endpoint) == 28);

std::error_code error_of_parsing(std::string_view text) {
  std::error_code error;
  static_cast<void>(endpoint::parse(text, error));
  return error;
}

std::error_code error_of_address(std::string_view address) {
  std::error_code error;
  const endpoint made(address, 1, error);
  return error;
}

} // namespace

TEST_CASE("text that parse() reads is what to_string() writes") {
  const auto* const text =
      GENERATE("127.0.0.1:80", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:80", "[::]:0",
               "[2001:db8::ff00:42:8329]:443", "[::ffff:10.0.0.1]:1", "[fe80::1%lo]:53",
               "[fe80::1%987654]:53");
  CAPTURE(text);
  const endpoint parsed = endpoint::parse(text);
  CHECK(parsed.to_string() == text);
  CHECK(endpoint::parse(parsed.to_string()) == parsed);
  CHECK(endpoint(parsed.address(), parsed.port()) == parsed);
  CHECK(parsed.is_v6() == (text[0] == '['));
}

TEST_CASE("other spellings are written in the usual one") {
  CHECK(endpoint::parse("[0:0:0:0:0:0:0:1]:080").to_string() == "[::1]:80");
  CHECK(endpoint::parse("[2001:DB8:0::1]:7").to_string() == "[2001:db8::1]:7");
  CHECK(endpoint::parse("[fe80::1%0]:7").to_string() == "[fe80::1]:7");
}

TEST_CASE("what is no address with a port is refused") {
  const auto* const text = GENERATE(
      "", ":", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1",
      "127.0.0.1: 1", "127.0.0.1:1 ", "127.0.0.1:0x50", "127.0.0.1:99999999999999999999",
      " 127.0.0.1:1", "127.0.0:1", "127.0.0.256:1", "127.0.0.01:1", "1.2.3.4.5:1", "localhost:80",
      "::1:80", "::1", "[::1]", "[::1]:", "[::1]80", "[::1:80", "::1]:80", "[]:80", "[[::1]]:80",
      "[127.0.0.1]:80", "[::g]:80", "[1::2::3]:80", "[::1%]:80", "[::1%no-such-interface]:80",
      "127.0.0.1%lo:80", "[fe80::1%4294967296]:80", "[fe80::1%lo%lo]:80");
  CAPTURE(text);
  CHECK(error_of_parsing(text) == std::errc::invalid_argument);
  CHECK_THROWS_AS(endpoint::parse(text), std::system_error);
}

TEST_CASE("text with a terminator inside, or far too long, is refused") {
  CHECK(error_of_parsing(std::string_view("127.0.0.1\0:80", 13)) == std::errc::invalid_argument);
  std::string endless(1000, '1');
  endless.append(":80");
  CHECK(error_of_parsing(endless) == std::errc::invalid_argument);
  CHECK(error_of_parsing("[" + std::string(100'000, ':') + "]:80") == std::errc::invalid_argument);
  CHECK(error_of_parsing("[fe80::1%" + std::string(100, 'x') + "]:80") ==
        std::errc::invalid_argument);
}

TEST_CASE("an address alone has no brackets and no port") {
  CHECK(endpoint("::1", 7).to_string() == "[::1]:7");
  CHECK(endpoint("10.1.2.3", 7).address() == "10.1.2.3");
  for (const auto* const bad : {"[::1]", "127.0.0.1:80", "", "here", "::1%"}) {
    CAPTURE(bad);
    CHECK(error_of_address(bad) == std::errc::invalid_argument);
    CHECK_THROWS_AS(endpoint(bad, 1), std::system_error);
  }
}

TEST_CASE("the error names the text") {
  try {
    static_cast<void>(endpoint::parse("nowhere:1"));
    FAIL("parsed");
  } catch (const std::system_error& error) {
    CHECK(std::string(error.what()).find("'nowhere:1'") != std::string::npos);
  }
}

TEST_CASE("success clears an old error") {
  auto error = std::make_error_code(std::errc::io_error);
  static_cast<void>(endpoint::parse("127.0.0.1:1", error));
  CHECK_FALSE(error);
}

TEST_CASE("well-known addresses") {
  CHECK(endpoint() == endpoint::any(0));
  CHECK(endpoint::any(5).to_string() == "0.0.0.0:5");
  CHECK(endpoint::loopback(5).to_string() == "127.0.0.1:5");
  CHECK(endpoint::any_v6(5).to_string() == "[::]:5");
  CHECK(endpoint::loopback_v6(65535).to_string() == "[::1]:65535");
}

TEST_CASE("equality is of address, port, family and zone") {
  const endpoint one = endpoint::loopback(1);
  CHECK(one == endpoint::parse("127.0.0.1:1"));
  CHECK(one != endpoint::loopback(2));
  CHECK(one != endpoint::any(1));
  CHECK(endpoint::any(0) != endpoint::any_v6(0));
  CHECK(endpoint::parse("[fe80::1%7]:1") != endpoint::parse("[fe80::1%8]:1"));
  CHECK(endpoint::parse("[fe80::1]:1") != endpoint::parse("[fe80::2]:1"));
}

TEST_CASE("the kernel's form is the same address") {
  const auto* const text = GENERATE("127.0.0.1:80", "[fe80::1%lo]:53");
  const endpoint made = endpoint::parse(text);
  sockaddr_storage native{};
  std::memcpy(&native, made.native(), made.native_size());
  CHECK(native.ss_family == (made.is_v6() ? AF_INET6 : AF_INET));
  CHECK(endpoint::from_native(native) == made);
  if (made.is_v6()) {
    CHECK(reinterpret_cast<const sockaddr_in6&>(native).sin6_scope_id == ::if_nametoindex("lo"));
  } else {
    CHECK(reinterpret_cast<const sockaddr_in&>(native).sin_port == htons(80));
  }
}
