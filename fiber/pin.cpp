// SPDX-License-Identifier: MIT
#include "fiber/pin.hpp"

#include "fiber/sched/control_block.hpp"
#include "fiber/sched/current.hpp"

namespace coir {

pin::pin() noexcept {
  control_block* const self = current_fiber();
  if (self == nullptr) return;
  outer_ = self->home;
  if (self->home == nullptr) self->home = current_worker();
}

pin::~pin() {
  control_block* const self = current_fiber();
  if (self != nullptr) self->home = outer_;
}

} // namespace coir
