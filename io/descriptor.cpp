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

fd_state& descriptor::record() const noexcept {
  // So that an operation on nothing ends like one on a closed object, without a check of its own.
  static constinit fd_state nothing;
  return record_ != nullptr ? *record_ : nothing;
}

void descriptor::destroy() noexcept {
  if (record_ == nullptr) return;
  record_->close();
  release_record(*std::exchange(record_, nullptr));
}

} // namespace coir
