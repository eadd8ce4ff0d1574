// SPDX-License-Identifier: MIT
#include "fiber/coro/frame.hpp"

#include "fiber/sched/current.hpp"
#include "fiber/sched/worker.hpp"

#include <new>

namespace coir {
namespace {

slab_cache* cache_here() noexcept {
  worker* const here = current_worker();
  return here != nullptr ? &here->slabs() : nullptr;
}

} // namespace

void* allocate_frame(std::size_t bytes) {
  slab_cache* const cache = cache_here();
  // The count of such a cell stays 0: for_each_live, which looks for control blocks, passes it by. A cell of its own,
  // what the slabs have for large objects, would be a chunk: too much for a frame with a buffer in it.
  void* const frame =
      bytes <= largest_slab_bytes ? slab::allocate(cache, bytes).object() : ::operator new(bytes);
  slab::count_frame(cache, 1);
  return frame;
}

void free_frame(void* frame, std::size_t bytes) noexcept {
  slab_cache* const cache = cache_here();
  slab::count_frame(cache, -1);
  if (bytes <= largest_slab_bytes) {
    slab::release(cache, slab_cell::of(frame));
  } else {
    ::operator delete(frame);
  }
}

} // namespace coir
