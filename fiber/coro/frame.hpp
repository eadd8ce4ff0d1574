// SPDX-License-Identifier: MIT
// Where coroutine frames live: in the slabs, as control blocks do. Floor 3. Private.
#pragma once

#include "fiber/sched/slab.hpp"

#include <cstddef>

namespace coir {

/// Memory for a frame that fits into cells of that class: from the calling worker's slab cache or, on a plain thread,
/// from the depot. Throws std::bad_alloc.
[[nodiscard]] void* allocate_frame(unsigned slab_class);
/// For a frame of more than largest_slab_bytes: from operator new. Throws std::bad_alloc.
[[nodiscard]] void* allocate_large_frame(std::size_t bytes);
/// Gives it back; any worker or thread may.
void free_frame(void* frame, std::size_t bytes) noexcept;

/// Base of promises whose coroutines' frames shall come from there. A compiler may still elide the allocation.
struct slab_frame {
  // The compiler knows how many bytes, so it knows the class.
  static void* operator new(std::size_t bytes) {
    return bytes <= largest_slab_bytes ? allocate_frame(slab_class_for(bytes))
                                       : allocate_large_frame(bytes);
  }
  static void operator delete(void* frame, std::size_t bytes) noexcept { free_frame(frame, bytes); }
};

} // namespace coir
