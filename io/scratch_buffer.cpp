// SPDX-License-Identifier: MIT
#include "io/scratch_buffer.hpp"

#include "fiber/sched/current.hpp"
#include "fiber/sched/worker.hpp"

#include <new>
#include <utility>

namespace coir {

bool scratch_buffer::try_take() noexcept {
  try {
    worker* const here = current_worker();
    memory_ = here != nullptr ? here->scratch().take() : scratch_cache::allocate();
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

void scratch_buffer::give_back() noexcept {
  size_ = 0;
  void* const memory = std::exchange(memory_, nullptr);
  if (worker* const here = current_worker()) {
    here->scratch().give(memory);
  } else {
    scratch_cache::deallocate(memory);
  }
}

} // namespace coir
