// SPDX-License-Identifier: MIT
#include "fiber/sched/control_block.hpp"

#include "fiber/sched/current.hpp"
#include "fiber/sched/stop.hpp"
#include "fiber/sched/worker.hpp"

#include <cstdlib>

namespace coir {

void add_reference(control_block& fiber) noexcept {
  // relaxed: the caller's own reference keeps the fiber.
  slab_cell::of(&fiber).refs.fetch_add(1, relaxed);
}

void destroy_block(control_block& fiber) noexcept {
  fiber.operations->destroy(fiber);
  if (fiber.bridge != nullptr) destroy_stop_bridge(fiber);
  if (fiber.name != nullptr) std::free(fiber.name);
  fiber.~control_block();
  worker* const here = current_worker();
  slab::release(here != nullptr ? &here->slabs() : nullptr, slab_cell::of(&fiber));
}

} // namespace coir
