// SPDX-License-Identifier: MIT
#include "fiber/sched/slab.hpp"

#include "fiber/base/cache_line.hpp"

#include <cstdlib>
#include <mutex>
#include <new>
#include <vector>

extern "C" {
// Present only if the program has linked jemalloc; see jemalloc(3) for the non-standard interface.
[[gnu::weak]] void* mallocx(std::size_t size, int flags) noexcept;
[[gnu::weak]] void dallocx(void* memory, int flags) noexcept;
}

namespace coir {
namespace {

constexpr std::size_t chunk_bytes = std::size_t{64} << 10;
constexpr int chunk_alignment_log2 = 16; // MALLOCX_LG_ALIGN(16) is the number itself
constexpr std::uint32_t large_class = slab_class_count;
constexpr std::size_t spare_chunks = 4; // per class, so that a load that comes and goes does not churn
constexpr const auto& cell_bytes = slab_cell_bytes;

} // namespace

/// Head of a chunk, padded to a cache line. All fields but the cells are guarded by the depot's mutex.
struct alignas(base::cache_line_size) slab_chunk {
  slab_chunk* next; ///< in the depot's list of chunks with free cells, doubly linked
  slab_chunk* previous;
  slab_cell* free; ///< its cells that lie in the depot
  std::uint32_t free_count;
  std::uint32_t cell_count;
  std::uint32_t size_class;
  std::uint32_t index; ///< in depot::all

  [[nodiscard]] slab_cell* cell(std::size_t i) noexcept {
    auto* const first = reinterpret_cast<std::byte*>(this + 1);
    return reinterpret_cast<slab_cell*>(first + i * cell_bytes[size_class]);
  }
  static slab_chunk& of(slab_cell& cell) noexcept {
    return *reinterpret_cast<slab_chunk*>(reinterpret_cast<std::uintptr_t>(&cell) &
                                          ~(chunk_bytes - 1));
  }
};

namespace {

void* allocate_aligned(std::size_t bytes) {
  void* const memory = mallocx != nullptr ? mallocx(bytes, chunk_alignment_log2)
                                          : std::aligned_alloc(chunk_bytes, bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void free_aligned(void* memory) noexcept {
  if (dallocx != nullptr) {
    dallocx(memory, 0);
  } else {
    std::free(memory);
  }
}

class depot {
public:
  // Never destroyed: fibers' handles may be static objects of the program.
  static depot& instance() {
    static depot* const only = new depot;
    return *only;
  }

  slab_cell* take(unsigned size_class, std::uint32_t wanted, std::uint32_t& taken) {
    const std::lock_guard lock(mutex_);
    slab_cell* list = nullptr;
    for (taken = 0; taken < wanted; ++taken) {
      slab_chunk* chunk = with_free_[size_class];
      if (chunk == nullptr) {
        if (taken > 0) break;
        chunk = &grow(size_class);
      }
      slab_cell* const cell = chunk->free;
      chunk->free = cell->next_free;
      if (chunk->free_count == chunk->cell_count && spare_[size_class] > 0) --spare_[size_class];
      if (--chunk->free_count == 0) unlink(*chunk);
      cell->next_free = list;
      list = cell;
    }
    return list;
  }

  void give(slab_cell* list) noexcept {
    const std::lock_guard lock(mutex_);
    while (list != nullptr) {
      slab_cell* const cell = list;
      list = cell->next_free;
      slab_chunk& chunk = slab_chunk::of(*cell);
      cell->next_free = chunk.free;
      chunk.free = cell;
      if (chunk.free_count++ == 0) link(chunk);
      if (chunk.free_count == chunk.cell_count) retire(chunk);
    }
  }

  slab_cell& take_large(std::size_t bytes) {
    const std::size_t rounded =
        (bytes + sizeof(slab_chunk) + sizeof(slab_cell) + chunk_bytes - 1) & ~(chunk_bytes - 1);
    auto* const chunk = new (allocate_aligned(rounded)) slab_chunk{};
    chunk->size_class = large_class;
    auto* const cell = new (static_cast<void*>(chunk + 1)) slab_cell{};
    cell->size_class = large_class;
    chunk->cell_count = 1;
    const std::lock_guard lock(mutex_);
    try {
      enter(*chunk);
    } catch (...) {
      free_aligned(chunk);
      throw;
    }
    ++large_;
    return *cell;
  }

  void give_large(slab_cell& cell) noexcept {
    slab_chunk& chunk = slab_chunk::of(cell);
    const std::lock_guard lock(mutex_);
    leave(chunk);
    --large_;
    free_aligned(&chunk);
  }

  void for_each_live(void (*visit)(slab_cell&, void*), void* argument) {
    std::vector<slab_cell*> held;
    {
      const std::lock_guard lock(mutex_); // keeps the chunks, not what is in them
      std::size_t most = 0;
      for (const slab_chunk* const chunk : all_) most += chunk->cell_count;
      held.reserve(most); // what may throw comes before the first count is raised
      for (slab_chunk* const chunk : all_) {
        for (std::size_t i = 0; i < chunk->cell_count; ++i) {
          slab_cell* const cell = chunk->size_class == large_class
                                      ? reinterpret_cast<slab_cell*>(chunk + 1)
                                      : chunk->cell(i);
          if (try_hold(*cell)) held.push_back(cell);
        }
      }
    }
    for (slab_cell* const cell : held) visit(*cell, argument);
  }

  void enroll(slab_cache& cache) {
    const std::lock_guard lock(mutex_);
    caches_.push_back(&cache);
  }
  void dismiss(slab_cache& cache) noexcept {
    const std::lock_guard lock(mutex_);
    std::erase(caches_, &cache);
    count_frame(cache.frames());
  }
  void count_frame(std::int64_t change) noexcept {
    frames_elsewhere_.fetch_add(change, relaxed); // relaxed: a statistic
  }

  slab_statistics statistics() noexcept {
    const std::lock_guard lock(mutex_);
    std::int64_t frames = frames_elsewhere_.load(relaxed); // relaxed: a statistic
    for (const slab_cache* const cache : caches_) frames += cache->frames();
    return {all_.size() - large_, large_, frames, mallocx != nullptr};
  }

private:
  static bool try_hold(slab_cell& cell) noexcept {
    // relaxed: the exchange below has the acquire.
    std::uint32_t refs = cell.refs.load(relaxed);
    while (refs != 0) {
      // acquire: pairs with the release store of the count in control_block.cpp, which publishes the object.
      // relaxed: a failed try only looks again.
      if (cell.refs.compare_exchange_weak(refs, refs + 1, acquire, relaxed)) return true;
    }
    return false;
  }

  slab_chunk& grow(unsigned size_class) {
    auto* const chunk = new (allocate_aligned(chunk_bytes)) slab_chunk{};
    chunk->size_class = size_class;
    try {
      enter(*chunk);
    } catch (...) {
      free_aligned(chunk);
      throw;
    }
    chunk->cell_count =
        static_cast<std::uint32_t>((chunk_bytes - sizeof(slab_chunk)) / cell_bytes[size_class]);
    // From the end, so that cells are handed out in the order of their addresses.
    for (std::size_t i = chunk->cell_count; i-- > 0;) {
      auto* const cell = new (static_cast<void*>(chunk->cell(i))) slab_cell{};
      cell->size_class = size_class;
      cell->next_free = chunk->free;
      chunk->free = cell;
    }
    chunk->free_count = chunk->cell_count;
    ++spare_[size_class]; // until its first cell is taken, at once
    link(*chunk);
    return *chunk;
  }

  void retire(slab_chunk& chunk) noexcept {
    if (spare_[chunk.size_class] < spare_chunks) {
      ++spare_[chunk.size_class];
      return;
    }
    unlink(chunk);
    leave(chunk);
    free_aligned(&chunk);
  }

  void enter(slab_chunk& chunk) {
    chunk.index = static_cast<std::uint32_t>(all_.size());
    all_.push_back(&chunk);
  }
  void leave(slab_chunk& chunk) noexcept {
    all_[chunk.index] = all_.back();
    all_[chunk.index]->index = chunk.index;
    all_.pop_back();
  }
  void link(slab_chunk& chunk) noexcept {
    slab_chunk*& head = with_free_[chunk.size_class];
    chunk.previous = nullptr;
    chunk.next = head;
    if (head != nullptr) head->previous = &chunk;
    head = &chunk;
  }
  void unlink(slab_chunk& chunk) noexcept {
    if (chunk.previous != nullptr) {
      chunk.previous->next = chunk.next;
    } else {
      with_free_[chunk.size_class] = chunk.next;
    }
    if (chunk.next != nullptr) chunk.next->previous = chunk.previous;
  }

  std::mutex mutex_;
  std::vector<slab_chunk*> all_;
  std::vector<slab_cache*> caches_;
  atomic<std::int64_t> frames_elsewhere_{0}; ///< of plain threads, and of caches that are gone
  slab_chunk* with_free_[slab_class_count] = {};
  std::size_t spare_[slab_class_count] = {}; ///< wholly free chunks that were kept
  std::size_t large_ = 0;
};

} // namespace

namespace slab {

slab_cell& allocate(std::size_t bytes) {
  if (bytes > largest_slab_bytes) return depot::instance().take_large(bytes);
  std::uint32_t taken = 0;
  slab_cell& cell = *depot::instance().take(slab_class_for(bytes), 1, taken);
  begin_use(cell);
  return cell;
}

void release(slab_cache* cache, slab_cell& cell) noexcept {
  if (cell.size_class == large_class) {
    depot::instance().give_large(cell);
  } else if (cache != nullptr) {
    cache->give(cell);
  } else {
    end_use(cell);
    cell.next_free = nullptr;
    depot::instance().give(&cell);
  }
}

void for_each_live(void (*visit)(slab_cell&, void*), void* argument) {
  depot::instance().for_each_live(visit, argument);
}

void count_frame(slab_cache* cache, std::int64_t change) noexcept {
  if (cache != nullptr) {
    cache->count_frame(change);
  } else {
    depot::instance().count_frame(change);
  }
}

slab_statistics statistics() noexcept { return depot::instance().statistics(); }

} // namespace slab

slab_cache::slab_cache() { depot::instance().enroll(*this); }

void slab_cache::refill(unsigned size_class) {
  head_[size_class] = depot::instance().take(size_class, batch, size_[size_class]);
}

void slab_cache::give_surplus(unsigned size_class) noexcept {
  // The older half goes: what was freed last is hot in the cache.
  slab_cell* last_kept = head_[size_class];
  for (std::uint32_t kept = 1; kept < capacity / 2; ++kept) last_kept = last_kept->next_free;
  slab_cell* const surplus = last_kept->next_free;
  last_kept->next_free = nullptr;
  size_[size_class] = capacity / 2;
  depot::instance().give(surplus);
}

slab_cache::~slab_cache() {
  depot::instance().dismiss(*this);
  for (slab_cell* const list : head_) {
    if (list != nullptr) depot::instance().give(list);
  }
}

} // namespace coir
