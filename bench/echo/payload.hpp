// SPDX-License-Identifier: MIT
// What is in a message: a function of the connection, the sequence number and the position. Floor 7.
//
// So no message is kept for the comparison, and an answer that belongs to another connection or comes out of order
// differs in nearly all of its bytes. Words have the machine's byte order: sender and checker are one process.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace bench {

class payload {
public:
  payload(std::uint32_t connection, std::uint64_t sequence) noexcept
      : seed_(mix(mix(connection + 1) ^ sequence)) {}

  /// Writes `count` bytes of the message, from position `first` on.
  void write(std::byte* to, std::size_t first, std::size_t count) const noexcept {
    for_each_part(
        first, count,
        [&](word whole) {
          std::memcpy(to, &whole, sizeof whole);
          to += sizeof whole;
        },
        [&](const std::byte* part, std::size_t size) {
          std::memcpy(to, part, size);
          to += size;
        });
  }

  /// Whether these are the `count` bytes of the message from position `first` on.
  [[nodiscard]] bool matches(const std::byte* from, std::size_t first,
                             std::size_t count) const noexcept {
    word difference = 0;
    for_each_part(
        first, count,
        [&](word whole) {
          word found;
          std::memcpy(&found, from, sizeof found);
          difference |= found ^ whole;
          from += sizeof found;
        },
        [&](const std::byte* part, std::size_t size) {
          difference |= std::memcmp(from, part, size) != 0;
          from += size;
        });
    return difference == 0;
  }

private:
  using word = std::uint64_t;
  static constexpr word step =
      0x9e3779b97f4a7c15; ///< 2^64 over the golden ratio: odd, so that all words differ

  /// The finalizer of SplitMix64: every bit of the argument changes half of the bits of the result.
  static word mix(word value) noexcept {
    value += step;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
    value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
    return value ^ (value >> 31);
  }

  /// Goes through the range: on_word(word) where it covers a word, on_part(bytes, size) at its ends where it does not.
  template <class OnWord, class OnPart>
  void for_each_part(std::size_t first, std::size_t count, OnWord&& on_word,
                     OnPart&& on_part) const noexcept {
    std::size_t index = first / sizeof(word);
    const auto cut = [&](std::size_t skip, std::size_t size) {
      const word value = seed_ + step * index;
      std::byte bytes[sizeof(word)];
      std::memcpy(bytes, &value, sizeof value);
      on_part(bytes + skip, size);
    };
    if (const std::size_t skip = first % sizeof(word); skip != 0) {
      const std::size_t size = std::min(count, sizeof(word) - skip);
      cut(skip, size);
      count -= size;
      ++index;
    }
    for (const std::size_t end = index + count / sizeof(word); index < end; ++index) {
      on_word(seed_ + step * index);
    }
    if (count % sizeof(word) != 0) cut(0, count % sizeof(word));
  }

  word seed_;
};

} // namespace bench
