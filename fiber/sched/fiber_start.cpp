// SPDX-License-Identifier: MIT
// What a fiber needs before it runs, and how it is made runnable for the first time. Floor 2. Its end: fiber_end.cpp.
#include "fiber/sched/control_block.hpp"
#include "fiber/sched/scheduler.hpp"

#include <cstdlib>
#include <cstring>
#include <new>

namespace coir {

prepared_fiber scheduler::prepare(worker* here, const spawn_options& options, std::size_t bytes) {
  prepared_fiber made{};
  made.is_pinned = options.placement == placement::pinned;
  made.size_class = options.stack_size == 0
                        ? default_class_
                        : static_cast<std::uint8_t>(stack_class_for(options.stack_size));
  if (here != nullptr) {
    here->take_stack_promise(made.size_class);
  } else {
    stack_pool::instance().promise(made.size_class, 1);
  }
  try {
    if (!options.name.empty()) {
      made.name = ::strndup(options.name.data(), options.name.size());
      if (made.name == nullptr) throw std::bad_alloc();
    }
    made.cell = &slab::allocate(here != nullptr ? &here->slabs() : nullptr, bytes);
  } catch (...) {
    std::free(made.name);
    return_stack_promise(made.size_class);
    throw;
  }
  return made;
}

void scheduler::return_stack_promise(unsigned size_class) noexcept {
  if (worker* const here = own_worker()) {
    here->give_stack_promise(size_class);
  } else {
    stack_pool::instance().withdraw(size_class, 1);
  }
}

void scheduler::abandon(prepared_fiber& prepared) noexcept {
  worker* const here = own_worker();
  return_stack_promise(prepared.size_class);
  std::free(prepared.name);
  slab::release(here != nullptr ? &here->slabs() : nullptr, *prepared.cell);
}

void scheduler::adopt(worker* here, control_block& fiber, prepared_fiber& prepared,
                      const fiber_operations& operations) noexcept {
  fiber.owner = this;
  fiber.operations = &operations;
  fiber.size_class = prepared.size_class;
  fiber.name = prepared.name;
  fiber.id = here != nullptr ? here->take_id() : fresh_ids(1);
  if (prepared.is_pinned) fiber.home = here != nullptr ? here : workers_[0].get();
  // release: pairs with the acquire in slab.cpp, for whoever finds the fiber by for_each_live.
  prepared.cell->refs.store(2, release);
}

void scheduler::discard(control_block& fiber) noexcept {
  return_stack_promise(fiber.size_class);
  drop_reference(fiber);
  drop_reference(fiber);
}

void scheduler::start(worker* here, control_block& fiber) noexcept {
  if (here == nullptr) {
    foreign_spawned_.fetch_add(1, release); // pairs with the acquire in has_living_fibers
    resume_from_outside(fiber);
    return;
  }
  here->count_spawn();
  if (fiber.home != nullptr) {
    fiber.home->push_pinned(fiber);
  } else {
    here->push_fresh(fiber);
  }
}

} // namespace coir
