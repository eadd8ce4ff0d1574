// SPDX-License-Identifier: MIT
#include "fiber/coro/frame.hpp"

#include "fiber/sched/current.hpp"
#include "fiber/sched/worker.hpp"

namespace coir {
namespace {

slab_cache* cache_of(worker* here) noexcept { return here != nullptr ? &here->slabs() : nullptr; }

} // namespace

void* allocate_frame(std::size_t bytes) {
  // The count of such a cell stays 0: for_each_live, which looks for control blocks, passes it by.
  worker* const here = current_worker();
  void* const frame = slab::allocate(cache_of(here), bytes).object();
  slab::count_frame(cache_of(here), 1);
  return frame;
}

void free_frame(void* frame) noexcept {
  worker* const here = current_worker();
  slab::count_frame(cache_of(here), -1);
  slab::release(cache_of(here), slab_cell::of(frame));
}

} // namespace coir
