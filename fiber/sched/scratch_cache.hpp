// SPDX-License-Identifier: MIT
// A worker's spare scratch buffers (io/scratch_buffer.hpp). Floor 2.
#pragma once

#include "fiber/context/sanitizer.hpp"

#include <cstddef>
#include <cstdint>
#include <new>

namespace coir {

/// Last in, first out: who takes one gets the one that its CPU has touched last. Only its worker may use it.
class scratch_cache {
public:
  static constexpr std::size_t buffer_bytes = 32 * 1024;

  scratch_cache() noexcept = default;
  scratch_cache(const scratch_cache&) = delete;
  scratch_cache& operator=(const scratch_cache&) = delete;
  ~scratch_cache() {
    while (size_ > 0) deallocate(kept_[--size_]);
  }

  /// Throws std::bad_alloc.
  [[nodiscard]] void* take() { return size_ > 0 ? kept_[--size_] : allocate(); }
  void give(void* buffer) noexcept {
    if (size_ < capacity) {
      kept_[size_++] = buffer;
    } else {
      deallocate(buffer);
    }
  }

  /// Without a cache, for plain threads. Throws std::bad_alloc.
  [[nodiscard]] static void* allocate() { return ::operator new(buffer_bytes); }
  static void deallocate(void* buffer) noexcept { ::operator delete(buffer); }

private:
  static constexpr std::uint32_t most = 16;
#ifdef COIR_ADDRESS_SANITIZER
  static constexpr std::uint32_t capacity = 0; // it shall see each use after the end
#else
  static constexpr std::uint32_t capacity = most;
#endif
  void* kept_[most] = {};
  std::uint32_t size_ = 0;
};

} // namespace coir
