// SPDX-License-Identifier: MIT
// What the operations of a TCP connection attempt; see operation.hpp. Floor 5. Private.
#pragma once

#include "io/buffer.hpp"
#include "io/operation.hpp"
#include "io/scratch_buffer.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>

namespace coir {

/// Whose value is the number of bytes.
struct counting_attempt {
  fd_state& socket;

  [[nodiscard]] fd_state& record() const noexcept { return socket; }
  [[nodiscard]] static std::size_t value(std::int64_t result) noexcept {
    return result < 0 ? 0 : static_cast<std::size_t>(result);
  }
};

/// Reads what is there.
struct receive_attempt : counting_attempt {
  static constexpr direction way = direction::read;
  mutable_buffer into;

  template <single_buffer Buffer>
  receive_attempt(fd_state& from, const Buffer& buffer) noexcept
      : counting_attempt{from}, into(buffer.data(), buffer.size()) {}
  [[nodiscard]] bool is_empty() const noexcept { return into.size() == 0; }
  [[nodiscard]] std::optional<std::int64_t> prepare(clock::time_point) const noexcept {
    return is_empty() ? std::optional<std::int64_t>(0) : std::nullopt;
  }
  std::int64_t operator()(int fd) const noexcept;
  [[nodiscard]] static const char* what() noexcept { return "coir: read"; }
};

/// The same into memory that is taken only when there is something.
struct scratch_receive_attempt : counting_attempt {
  static constexpr direction way = direction::read;
  scratch_buffer& into;

  scratch_receive_attempt(fd_state& from, scratch_buffer& buffer) noexcept
      : counting_attempt{from}, into(buffer) {}
  [[nodiscard]] std::optional<std::int64_t> prepare(clock::time_point) const noexcept {
    into.clear();
    return std::nullopt;
  }
  std::int64_t operator()(int fd) const noexcept;
  [[nodiscard]] static const char* what() noexcept { return "coir: read"; }
};

/// Writes what the kernel takes.
struct send_attempt : counting_attempt {
  static constexpr direction way = direction::write;
  const_buffer from;

  template <single_buffer Buffer>
  send_attempt(fd_state& to, const Buffer& buffer) noexcept
      : counting_attempt{to}, from(buffer.data(), buffer.size()) {}
  [[nodiscard]] std::optional<std::int64_t> prepare(clock::time_point) const noexcept {
    return from.size() == 0 ? std::optional<std::int64_t>(0) : std::nullopt;
  }
  std::int64_t operator()(int fd) const noexcept;
  [[nodiscard]] static const char* what() noexcept { return "coir: write_some"; }
};

/// The two for a sequence of buffers.
template <direction Way>
struct gathered_attempt : counting_attempt {
  static constexpr direction way = Way;
  gathered_buffers buffers;

  template <class Buffers>
  gathered_attempt(fd_state& used, const Buffers& sequence) noexcept
      : counting_attempt{used}, buffers(sequence) {}
  [[nodiscard]] bool is_empty() const noexcept { return buffers.bytes == 0; }
  [[nodiscard]] std::optional<std::int64_t> prepare(clock::time_point) const noexcept {
    return is_empty() ? std::optional<std::int64_t>(0) : std::nullopt;
  }
  std::int64_t operator()(int fd) const noexcept;
  [[nodiscard]] static const char* what() noexcept {
    return Way == direction::read ? "coir: read_some" : "coir: write_some";
  }
};
template <>
std::int64_t gathered_attempt<direction::read>::operator()(int fd) const noexcept;
template <>
std::int64_t gathered_attempt<direction::write>::operator()(int fd) const noexcept;

/// A reading attempt as Asio has it: the end of the stream is an error.
template <class Attempt>
struct failing_at_end : Attempt {
  static constexpr bool fails_at_end = true;
  using Attempt::Attempt;
  [[nodiscard]] static const char* what() noexcept { return "coir: read_some"; }
};

/// Looks whether a read would find something.
struct readable_attempt : counting_attempt {
  static constexpr direction way = direction::read;
  static constexpr bool is_event_enough = true;

  explicit readable_attempt(fd_state& used) noexcept : counting_attempt{used} {}
  std::int64_t operator()(int fd) const noexcept;
  static void value(std::int64_t) noexcept {}
  [[nodiscard]] static const char* what() noexcept { return "coir: wait_readable"; }
};

/// A buffer, or a sequence of them, of ours or of Asio's.
template <class Buffers>
concept buffer_sequence = single_buffer<Buffers> || requires(const Buffers& buffers) {
  requires single_buffer<std::remove_cvref_t<decltype(*buffers.begin())>>;
};

/// What reads into, or writes from, so many buffers; one needs less room in a coroutine's frame.
template <class Buffers>
using some_receive_attempt = failing_at_end<
    std::conditional_t<single_buffer<Buffers>, receive_attempt, gathered_attempt<direction::read>>>;
template <class Buffers>
using some_send_attempt =
    std::conditional_t<single_buffer<Buffers>, send_attempt, gathered_attempt<direction::write>>;

} // namespace coir
