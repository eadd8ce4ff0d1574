// SPDX-License-Identifier: MIT
#include "fiber/this_fiber.hpp"

#include "fiber/sched/control_block.hpp"
#include "fiber/sched/current.hpp"
#include "fiber/sched/stop.hpp"
#include "fiber/sched/suspend.hpp"
#include "fiber/sched/wait_error.hpp"

namespace coir::this_fiber {

void yield() noexcept { coir::yield(); }

void sleep_until(deadline when) {
  if (when.when() <= clock::now()) {
    coir::yield();
    return;
  }
  const auto scope_limit = current_limit();
  wait_queue nobody_notifies;
  const auto outcome =
      nobody_notifies.wait(when.when(), wait_kind::interruptible, [] { return false; });
  if (outcome == wait_outcome::timed_out && when.when() <= scope_limit) return;
  throw_if_interrupted(outcome, "coir: sleep");
}

std::uint64_t id() noexcept {
  const control_block* const self = current_fiber();
  return self != nullptr ? self->id : 0;
}

std::string_view name() noexcept {
  const control_block* const self = current_fiber();
  return self != nullptr && self->name != nullptr ? self->name : std::string_view{};
}

bool stop_requested() noexcept {
  const control_block* const self = current_fiber();
  return self != nullptr && is_stop_requested(*self);
}

std::stop_token get_stop_token() {
  control_block* const self = current_fiber();
  return self != nullptr ? stop_token_of(*self) : std::stop_token{};
}

} // namespace coir::this_fiber
