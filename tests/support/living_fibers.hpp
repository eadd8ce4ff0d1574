// SPDX-License-Identifier: MIT
// What of fibers is left in the process: for tests that nothing leaks. Floor 7.
#pragma once

#include "fiber/context/stack_pool.hpp"
#include "fiber/sched/control_block.hpp"
#include "fiber/sched/slab.hpp"

#include <cstddef>

namespace coir::test {

/// How many fibers' records are held by anybody. Nobody may make or drop any meanwhile.
inline std::size_t count_living_fibers() {
  std::size_t count = 0;
  slab::for_each_live(
      [](slab_cell& cell, void* counter) {
        ++*static_cast<std::size_t*>(counter);
        drop_reference(*static_cast<control_block*>(cell.object()));
      },
      &count);
  return count;
}

/// How many stacks are promised to fibers and workers, of all sizes together.
inline std::size_t count_promised_stacks() {
  std::size_t count = 0;
  for (unsigned size_class = 0; size_class < stack_class_count; ++size_class) {
    count += stack_pool::instance().statistics(size_class).promised;
  }
  return count;
}

} // namespace coir::test
