// SPDX-License-Identifier: MIT
// What converts to a buffer, what must not, and how many bytes it then is.
#include "tests/catch.hpp"

#include <io/buffer.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

using coir::const_buffer;
using coir::gathered_buffers;
using coir::mutable_buffer;

namespace {

template <class From>
constexpr bool reads_into = std::is_convertible_v<From, mutable_buffer>;
template <class From>
constexpr bool writes_from = std::is_convertible_v<From, const_buffer>;

// Into whatever bytes can be put.
static_assert(reads_into<char (&)[4]> && reads_into<unsigned char (&)[4]>);
static_assert(reads_into<std::byte (&)[4]> && reads_into<std::uint8_t (&)[4]>);
static_assert(reads_into<std::array<char, 4>&> && reads_into<std::vector<std::byte>&>);
static_assert(reads_into<std::string&> && reads_into<std::span<char>>);
static_assert(reads_into<const std::span<std::byte, 8>&>); // a span's constness is not its bytes'

// Not into what is constant, no bytes, or a pointer without a size.
static_assert(!reads_into<const char (&)[4]> && !reads_into<const std::string&>);
static_assert(!reads_into<const std::vector<char>&> && !reads_into<std::span<const char>>);
static_assert(!reads_into<std::string_view> && !reads_into<const_buffer>);
static_assert(!reads_into<int (&)[4]> && !reads_into<std::vector<short>&> && !reads_into<char*>);
static_assert(!reads_into<std::vector<std::string>&> && !reads_into<std::list<char>&>);
static_assert(!reads_into<std::vector<bool>&>);

// From all of these, and from what is constant.
static_assert(writes_from<char (&)[4]> && writes_from<const char (&)[4]>);
static_assert(writes_from<std::byte (&)[4]> && writes_from<const std::byte (&)[4]>);
static_assert(writes_from<const char*> && writes_from<char*> && writes_from<std::string_view>);
static_assert(writes_from<const std::string&> && writes_from<std::string>);
static_assert(writes_from<const std::vector<std::uint8_t>&> && writes_from<std::span<const char>>);
static_assert(writes_from<mutable_buffer> && writes_from<const std::array<std::byte, 2>&>);
static_assert(!writes_from<int (&)[4]> && !writes_from<std::vector<int>> && !writes_from<int*>);
static_assert(!writes_from<const unsigned char*> && !writes_from<std::nullptr_t>);

static_assert(std::is_trivially_copyable_v<mutable_buffer> &&
              std::is_trivially_copyable_v<const_buffer>);

std::size_t size_of(const_buffer buffer) { return buffer.size(); }
std::size_t room_of(mutable_buffer buffer) { return buffer.size(); }

} // namespace

TEST_CASE("a buffer is the bytes of what it was made from") {
  std::string text = "abcdef";
  const mutable_buffer into(text);
  CHECK(into.data() == text.data());
  CHECK(into.size() == 6);
  const const_buffer from(into);
  CHECK(from.data() == text.data());
  CHECK(from.size() == 6);
  CHECK(const_buffer(text.data(), 2).size() == 2);
  CHECK(mutable_buffer().size() == 0);
  CHECK(const_buffer().size() == 0);
}

TEST_CASE("containers give all their elements") {
  std::array<std::byte, 7> bytes{};
  std::vector<unsigned char> octets(9);
  std::span<std::byte> part = std::span(bytes).first(3);
  CHECK(room_of(bytes) == 7);
  CHECK(room_of(octets) == 9);
  CHECK(room_of(part) == 3);
  CHECK(size_of(std::as_const(bytes)) == 7);
  CHECK(size_of(std::string_view("abc")) == 3);
  CHECK(size_of(std::string("a\0b", 3)) == 3);
  CHECK(size_of(std::vector<char>()) == 0);
}

TEST_CASE("a string literal is its characters, without the terminator") {
  CHECK(size_of("") == 0);
  CHECK(size_of("ping") == 4);
  CHECK(size_of("a\0b") == 3);
  CHECK(size_of(u8"ping") == 4);
  const char* const pointer = "pong!";
  CHECK(size_of(pointer) == 5);
}

TEST_CASE("an array of characters is all of it, whatever is in it") {
  char reply[8] = {'a', 'b', '\0', 'c', 'd', 'e', 'f', 'g'};
  CHECK(room_of(reply) == 8);
  CHECK(size_of(reply) == 8);
  char zeros[8] = {};
  CHECK(size_of(zeros) == 8);
  const char no_terminator[3] = {'x', 'y', 'z'};
  CHECK(size_of(no_terminator) == 3);
  const std::byte constants[2] = {};
  CHECK(size_of(constants) == 2);
}

TEST_CASE("a sequence is gathered without its empty buffers") {
  std::string first = "abc";
  std::string second = "de";
  const std::array<mutable_buffer, 3> sequence{mutable_buffer(first), mutable_buffer(),
                                               mutable_buffer(second)};
  const gathered_buffers gathered(sequence);
  REQUIRE(gathered.count == 2);
  CHECK(gathered.bytes == 5);
  CHECK(gathered.parts[0].iov_base == first.data());
  CHECK(gathered.parts[1].iov_base == second.data());
  CHECK(gathered.parts[1].iov_len == 2);
}

TEST_CASE("a single buffer is a sequence of one, an empty one of none") {
  std::string text = "abc";
  CHECK(gathered_buffers(const_buffer(text)).count == 1);
  CHECK(gathered_buffers(const_buffer()).count == 0);
  CHECK(gathered_buffers(std::list<const_buffer>()).bytes == 0);
}

TEST_CASE("of a long sequence the first buffers are taken") {
  std::string text = "x";
  const std::list<const_buffer> sequence(100, const_buffer(text));
  const gathered_buffers gathered(sequence);
  CHECK(gathered.count == gathered_buffers::capacity);
  CHECK(gathered.bytes == gathered_buffers::capacity);
}
