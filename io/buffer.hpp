// SPDX-License-Identifier: MIT
// What read and write take: a stretch of bytes, or a sequence of them. Floor 5.
#pragma once

#include <concepts>
#include <cstddef>
#include <ranges>
#include <string_view>
#include <sys/uio.h>
#include <type_traits>

namespace coir {

/// Types whose objects are single bytes of a message.
template <class Value>
concept byte_like = sizeof(Value) == 1 && std::is_trivially_copyable_v<Value>;

/// Memory to read into; does not own it. Converts from arrays, spans, vectors and strings of bytes.
class mutable_buffer {
public:
  mutable_buffer() noexcept = default;
  mutable_buffer(void* data, std::size_t size_bytes) noexcept : data_(data), size_(size_bytes) {}
  template <class Range>
    requires std::ranges::contiguous_range<Range> && byte_like<std::ranges::range_value_t<Range>> &&
             (!std::is_const_v<std::remove_reference_t<std::ranges::range_reference_t<Range>>>)
  mutable_buffer(Range&& range) noexcept // NOLINT: meant to convert
      : data_(std::ranges::data(range)), size_(std::ranges::size(range)) {}

  [[nodiscard]] void* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Memory to write from; does not own it. Converts from whatever mutable_buffer does, and from constant bytes. Of
/// text: a constant array of characters, so a literal, without its terminator; a pointer up to the terminator;
/// another array, string or string_view whole.
class const_buffer {
public:
  const_buffer() noexcept = default;
  const_buffer(const void* data, std::size_t size_bytes) noexcept
      : data_(data), size_(size_bytes) {}
  const_buffer(const mutable_buffer& other) noexcept // NOLINT: meant to convert
      : data_(other.data()), size_(other.size()) {}
  // A template, so that an array is not taken for the pointer that it decays to.
  template <class Pointer>
    requires std::same_as<Pointer, const char*> || std::same_as<Pointer, char*>
  const_buffer(const Pointer& text) noexcept // NOLINT: meant to convert
      : const_buffer(std::string_view(text)) {}
  template <class Range>
    requires std::ranges::contiguous_range<Range> && byte_like<std::ranges::range_value_t<Range>>
  const_buffer(Range&& range) noexcept // NOLINT: meant to convert
      : data_(std::ranges::data(range)), size_(std::ranges::size(range)) {
    if constexpr (is_constant_text<std::remove_reference_t<Range>>) {
      if (range[size_ - 1] == 0) --size_;
    }
  }

  [[nodiscard]] const void* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
  template <class Range>
  static constexpr bool
      is_constant_text = std::is_array_v<Range>&& std::is_const_v<std::remove_extent_t<Range>> &&
                         (std::same_as<std::remove_cv_t<std::remove_extent_t<Range>>, char> ||
                          std::same_as<std::remove_cv_t<std::remove_extent_t<Range>>, char8_t>);

  const void* data_ = nullptr;
  std::size_t size_ = 0;
};

/// A single buffer, ours or Asio's: data() is an untyped pointer.
template <class Buffer>
concept single_buffer = requires(const Buffer& buffer) {
  { buffer.size() } -> std::convertible_to<std::size_t>;
  requires std::same_as<std::remove_cv_t<std::remove_pointer_t<decltype(buffer.data())>>, void>;
};

/// A buffer sequence as the kernel takes it; at most `capacity` buffers of it, which is a legal "some". Private.
struct gathered_buffers {
  static constexpr int capacity = 16;
  iovec parts[capacity];
  int count = 0;
  std::size_t bytes = 0;

  template <class Buffers>
  explicit gathered_buffers(const Buffers& buffers) noexcept {
    if constexpr (single_buffer<Buffers>) {
      add(buffers);
    } else {
      for (auto it = buffers.begin(); it != buffers.end() && count < capacity; ++it) add(*it);
    }
  }

private:
  template <class Buffer>
  void add(const Buffer& buffer) noexcept {
    if (buffer.size() == 0) return;
    parts[count++] = {const_cast<void*>(static_cast<const void*>(buffer.data())), buffer.size()};
    bytes += buffer.size();
  }
};

} // namespace coir
