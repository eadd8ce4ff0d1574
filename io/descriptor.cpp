// SPDX-License-Identifier: MIT
#include "io/descriptor.hpp"

#include <unistd.h>

namespace coir {

descriptor::descriptor(int fd) {
  try {
    record_ = &adopt_descriptor(fd);
  } catch (...) {
    ::close(fd);
    throw;
  }
}

fd_state& descriptor::nothing() noexcept {
  static constinit fd_state closed;
  return closed;
}

void descriptor::destroy() noexcept {
  if (record_ == nullptr) return;
  record_->close();
  release_record(*std::exchange(record_, nullptr));
}

} // namespace coir
