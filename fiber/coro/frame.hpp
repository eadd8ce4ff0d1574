// SPDX-License-Identifier: MIT
// Where coroutine frames live: in the slabs, as control blocks do. Floor 3. Private.
#pragma once

#include "fiber/sched/slab.hpp"

#include <cstddef>

namespace coir {

/// Memory for a frame from the calling worker's slab cache or, on a plain thread, from the depot; a large one from
/// operator new. Throws std::bad_alloc.
[[nodiscard]] void* allocate_frame(std::size_t bytes);
/// The same for at most largest_slab_bytes, which fit into cells of that class.
[[nodiscard]] void* allocate_frame_in(unsigned slab_class);
/// Gives it back; any worker or thread may.
void free_frame(void* frame, std::size_t bytes) noexcept;

/// Base of promises whose coroutines' frames shall come from there. A compiler may still elide the allocation.
struct slab_frame {
  // The compiler knows how many bytes, so it knows the class.
  static void* operator new(std::size_t bytes) {
    return bytes <= largest_slab_bytes ? allocate_frame_in(slab_class_for(bytes))
                                       : allocate_frame(bytes);
  }
  static void operator delete(void* frame, std::size_t bytes) noexcept { free_frame(frame, bytes); }
};

} // namespace coir
