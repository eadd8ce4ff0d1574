// SPDX-License-Identifier: MIT
// scratch_buffer: memory for bytes that are in hand. Floor 5.
#pragma once

#include "fiber/sched/scratch_cache.hpp"
#include "io/buffer.hpp"

#include <cstddef>

namespace coir {

/// What a stream has read last, in memory that is there only while there are bytes.
///
/// A read into it (tcp_stream::read) gives the memory back, waits, takes memory when bytes have come, at most 32 KiB,
/// and reads them. So a connection that waits holds none: neither a buffer of its own nor, for a fiber, one more page
/// of stack. The memory comes from a few buffers that each worker keeps at hand, mostly the one that it has used
/// last, which lies in the cache of its CPU; it costs a few instructions, where the allocator's way to as much is 300.
///
///     coir::scratch_buffer received;
///     while (connection.read(received) > 0) connection.write(received.bytes());
///
/// **blocks**: never. **safety**: as a std::string. It may live across suspensions, in fibers and coroutines; plain
/// threads may use it, too.
class scratch_buffer {
public:
  static constexpr std::size_t capacity_bytes = scratch_cache::buffer_bytes;

  /// Empty, without memory.
  scratch_buffer() noexcept = default;
  scratch_buffer(const scratch_buffer&) = delete;
  scratch_buffer& operator=(const scratch_buffer&) = delete;
  ~scratch_buffer() { clear(); }

  /// What has been read last; valid until the next read or clear().
  [[nodiscard]] const_buffer bytes() const noexcept { return {memory_, size_}; }
  /// Gives the memory back.
  void clear() noexcept {
    if (memory_ != nullptr) give_back();
  }

private:
  friend struct scratch_receive_attempt;

  /// False: there is no memory.
  [[nodiscard]] bool try_take() noexcept;
  void give_back() noexcept;

  void* memory_ = nullptr;
  std::size_t size_ = 0;
};

} // namespace coir
