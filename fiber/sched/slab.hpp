// SPDX-License-Identifier: MIT
// Slabs: where control blocks (and coroutine frames) live. Floor 2.
//
// A chunk of 64 KiB is cut into cells of one size. Cells are taken from and given to per-worker caches without atomics;
// caches trade batches with the depot under its mutex; a chunk whose cells are all free goes back to the allocator.
// Chunks come from jemalloc's mallocx(3) where the program has linked jemalloc, else from aligned_alloc(3).
//
// A cell's reference count lives outside of the object in it and is never constructed anew, so that for_each_live()
// may look at any cell of any chunk at any time: a count of zero means there is nothing to see.
#pragma once

#include "fiber/base/atomic.hpp"
#include "fiber/context/sanitizer.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace coir {

struct slab_chunk;

/// Head of every cell; the object follows it. 16 bytes, so that it and the hot 48 bytes of a control block share a
/// line.
struct slab_cell {
  atomic<std::uint32_t> refs; ///< 0: free. Written by whoever holds a reference.
  std::uint32_t size_class;   ///< fixed when the chunk is made
  slab_cell* next_free;       ///< link of the free list that holds it; meaningless in use

  [[nodiscard]] void* object() noexcept { return this + 1; }
  static slab_cell& of(void* object) noexcept { return static_cast<slab_cell*>(object)[-1]; }
};
static_assert(sizeof(slab_cell) == 16);

inline constexpr unsigned slab_class_count = 14;
inline constexpr std::size_t slab_cell_bytes[slab_class_count] = {
    128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 1024, 1536, 2048};
inline constexpr std::size_t largest_slab_bytes = 2048 - sizeof(slab_cell);

/// All cells are multiples of it; by so many bytes, rounded up, goes slab_classes.
inline constexpr std::size_t slab_step_bytes = 32;
inline constexpr auto slab_classes = [] {
  std::array<std::uint8_t, 2048 / slab_step_bytes + 1> by_steps{};
  std::uint8_t found = 0;
  for (std::size_t i = 0; i < by_steps.size(); ++i) {
    if (slab_cell_bytes[found] < i * slab_step_bytes) ++found;
    by_steps[i] = found;
  }
  return by_steps;
}();

/// The class of the cells that hold an object of `bytes`, at most largest_slab_bytes.
[[nodiscard]] constexpr unsigned slab_class_for(std::size_t bytes) noexcept {
  return slab_classes[(bytes + sizeof(slab_cell) + slab_step_bytes - 1) / slab_step_bytes];
}
static_assert(slab_class_for(largest_slab_bytes) == slab_class_count - 1);
static_assert(slab_class_for(112) == 0 && slab_class_for(113) == 1);

/// A cell of a chunk changes hands: its object may be used from now on, or no longer.
inline void begin_use(slab_cell& cell) noexcept {
  sanitizer::allow(cell.object(), slab_cell_bytes[cell.size_class] - sizeof(slab_cell));
}
inline void end_use(slab_cell& cell) noexcept {
  sanitizer::forbid(cell.object(), slab_cell_bytes[cell.size_class] - sizeof(slab_cell));
}

struct slab_statistics {
  std::size_t chunks;  ///< chunks held, each 64 KiB
  std::size_t large;   ///< objects too large for a chunk
  std::int64_t frames; ///< coroutine frames that live now, or did a moment ago
  bool from_jemalloc;  ///< whether chunks come from jemalloc
};

class slab_cache;

/// The process-wide depot. All functions may be called from any thread; the mutex inside is never held over a
/// suspension.
namespace slab {
/// A cell for an object of `bytes` with a count of 0, from the depot; a large object gets a chunk of its own. Throws
/// std::bad_alloc.
slab_cell& allocate(std::size_t bytes);
/// The same, from `cache` if that is not null and the object is not large.
inline slab_cell& allocate(slab_cache* cache, std::size_t bytes);
/// Gives a cell back whose count is 0.
void release(slab_cache* cache, slab_cell& cell) noexcept;
/// Calls `visit` with each cell whose count is not 0, having raised that count; the visitor must lower it. Cells that
/// come to life meanwhile may be missed.
void for_each_live(void (*visit)(slab_cell&, void* argument), void* argument);
/// A coroutine frame has been made (1) or destroyed (-1) in a cell of `cache`, as for allocate().
void count_frame(slab_cache* cache, std::int64_t change) noexcept;
[[nodiscard]] slab_statistics statistics() noexcept;
} // namespace slab

/// A worker's own free cells, LIFO. Only its worker may use it.
class slab_cache {
public:
  slab_cache();
  slab_cache(const slab_cache&) = delete;
  slab_cache& operator=(const slab_cache&) = delete;
  ~slab_cache();

  /// Throws std::bad_alloc.
  slab_cell& take(unsigned size_class) {
    if (head_[size_class] == nullptr) [[unlikely]]
      refill(size_class);
    slab_cell& cell = *head_[size_class];
    head_[size_class] = cell.next_free;
    --size_[size_class];
    begin_use(cell);
    return cell;
  }
  void give(slab_cell& cell) noexcept {
    end_use(cell);
    slab_cell*& head = head_[cell.size_class];
    cell.next_free = head;
    head = &cell;
    if (++size_[cell.size_class] >= capacity) [[unlikely]]
      give_surplus(cell.size_class);
  }

  void count_frame(std::int64_t change) noexcept {
    frames_.store(frames_.load(relaxed) + change, relaxed); // relaxed: a statistic that only we write
  }
  /// Made here less destroyed here: only the sum over all caches means something. Any thread.
  [[nodiscard]] std::int64_t frames() const noexcept {
    return frames_.load(relaxed); // relaxed: a statistic
  }

private:
  void refill(unsigned size_class);
  void give_surplus(unsigned size_class) noexcept;

  static constexpr std::uint32_t batch = 32;
  static constexpr std::uint32_t capacity = 4 * batch;

  slab_cell* head_[slab_class_count] = {};
  std::uint32_t size_[slab_class_count] = {};
  atomic<std::int64_t> frames_{0};
};

inline slab_cell& slab::allocate(slab_cache* cache, std::size_t bytes) {
  if (cache != nullptr && bytes <= largest_slab_bytes) [[likely]]
    return cache->take(slab_class_for(bytes));
  return allocate(bytes);
}

} // namespace coir
