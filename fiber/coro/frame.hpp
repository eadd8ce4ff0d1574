// SPDX-License-Identifier: MIT
// Where coroutine frames live: in the slabs, as control blocks do. Floor 3. Private.
#pragma once

#include <cstddef>

namespace coir {

/// Memory for a frame from the calling worker's slab cache or, on a plain thread, from the depot; a large one from
/// operator new. Throws std::bad_alloc.
[[nodiscard]] void* allocate_frame(std::size_t bytes);
/// Gives it back; any worker or thread may.
void free_frame(void* frame, std::size_t bytes) noexcept;

/// Base of promises whose coroutines' frames shall come from there. A compiler may still elide the allocation.
struct slab_frame {
  static void* operator new(std::size_t bytes) { return allocate_frame(bytes); }
  static void operator delete(void* frame, std::size_t bytes) noexcept { free_frame(frame, bytes); }
};

} // namespace coir
