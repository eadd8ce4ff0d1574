// SPDX-License-Identifier: MIT
#include "fiber/base/spin_lock.hpp"

#include "fiber/base/pause.hpp"

namespace coir::base {

void spin_lock::lock_contended() noexcept {
  spin_wait wait;
  // relaxed: only a hint when to try; try_lock() has the acquire.
  while (held_.load(relaxed) != 0 || !try_lock()) wait.once();
}

} // namespace coir::base
