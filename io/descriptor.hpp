// SPDX-License-Identifier: MIT
// descriptor: owns an open descriptor and its record in the reactor. Floor 5. Base of sockets.
#pragma once

#include "io/reactor/fd_state.hpp"

#include <utility>

namespace coir {

/// Move-only. **safety**: close() may be called by any fiber or thread while others are in operations;
/// everything else needs that the object is not moved or destroyed meanwhile.
class descriptor {
public:
  /// None.
  descriptor() noexcept = default;
  descriptor(descriptor&& other) noexcept : record_(std::exchange(other.record_, nullptr)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    if (this != &other) {
      destroy();
      record_ = std::exchange(other.record_, nullptr);
    }
    return *this;
  }
  ~descriptor() { destroy(); }

  /// False: none, or closed.
  [[nodiscard]] bool is_open() const noexcept {
    return record_ != nullptr && !record_->is_closed();
  }

  /// Ends present operations of other fibers and all later ones with std::errc::bad_file_descriptor. The
  /// kernel's descriptor is closed once they have left. No effect if it is not open. Never blocks.
  void close() noexcept {
    if (record_ != nullptr) record_->close();
  }

  /// The kernel's number, for ioctl and setsockopt; -1 if not open. It stays owned by this object and non-blocking.
  [[nodiscard]] int native_handle() const noexcept { return is_open() ? record_->fd : -1; }

protected:
  /// Takes over a non-blocking descriptor; it is closed if this throws (std::bad_alloc).
  explicit descriptor(int fd);

  /// The record of this object; of a closed descriptor if there is none.
  [[nodiscard]] fd_state& record() const noexcept {
    return record_ != nullptr ? *record_ : nothing();
  }

private:
  /// So that an operation on nothing ends like one on a closed object, without a check of its own.
  [[nodiscard]] static fd_state& nothing() noexcept;
  void destroy() noexcept;

  fd_state* record_ = nullptr;
};

} // namespace coir
