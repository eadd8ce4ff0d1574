// SPDX-License-Identifier: MIT
#include "fiber/coro/frame.hpp"

#include "fiber/sched/current.hpp"
#include "fiber/sched/worker.hpp"

#include <new>

namespace coir {
namespace {

slab_cache* cache_of(worker* here) noexcept { return here != nullptr ? &here->slabs() : nullptr; }

void* allocate_outside(unsigned slab_class) {
  void* const frame = slab::allocate(slab_cell_bytes[slab_class] - sizeof(slab_cell)).object();
  slab::count_frame(nullptr, 1);
  return frame;
}

void free_uncommon(worker* here, void* frame, std::size_t bytes) noexcept {
  slab::count_frame(cache_of(here), -1);
  if (bytes <= largest_slab_bytes) {
    slab::release(nullptr, slab_cell::of(frame));
  } else {
    ::operator delete(frame);
  }
}

} // namespace

void* allocate_frame(unsigned slab_class) {
  // The count of such a cell stays 0: for_each_live, which looks for control blocks, passes it by. A cell of its own,
  // what the slabs have for large objects, would be a chunk: too much for a frame with a buffer in it.
  worker* const here = current_worker();
  if (here == nullptr) [[unlikely]]
    return allocate_outside(slab_class);
  void* const frame = here->slabs().take(slab_class).object();
  here->slabs().count_frame(1);
  return frame;
}

void* allocate_large_frame(std::size_t bytes) {
  void* const frame = ::operator new(bytes);
  slab::count_frame(cache_of(current_worker()), 1);
  return frame;
}

void free_frame(void* frame, std::size_t bytes) noexcept {
  worker* const here = current_worker();
  if (here == nullptr || bytes > largest_slab_bytes) [[unlikely]]
    return free_uncommon(here, frame, bytes);
  here->slabs().count_frame(-1);
  here->slabs().give(slab_cell::of(frame));
}

} // namespace coir
