// SPDX-License-Identifier: MIT
// Where stacks come from: per-worker caches over one depot over the kernel. Floor 1.
//
// Address space is promised when a fiber is spawned and a stack is taken when it first runs. So a lack of address
// space is an exception of spawn(), where it can be handled, and never a failure in the scheduler.
//
// Invariant per size class: slots reserved >= stacks promised + what idle caches may hold back + one for each
// cache, because a fiber that ends withdraws its promise just before its worker gets the stack back. A cache that
// cannot be granted its share holds nothing back.
#pragma once

#include "fiber/context/stack.hpp"

#include <cstddef>
#include <cstdint>

namespace coir {

/// What the pool holds, for statistics and tests.
struct stack_statistics {
  std::size_t reserved_slots; ///< slots of address space
  std::size_t promised;       ///< stacks that living fibers may take
  std::size_t held_back;      ///< free stacks that caches may keep to themselves
  std::size_t in_depot;       ///< free stacks in the depot
  std::size_t unguarded;      ///< stacks that only a canary protects
  std::size_t trims;          ///< times that pages were given back to the kernel
};

/// The process-wide depot. All functions may be called from any thread.
class stack_pool {
public:
  static stack_pool& instance() noexcept;

  /// Makes sure that `count` more stacks of the class can be taken. Throws std::system_error(ENOMEM) and changes
  /// nothing if there is no address space. System calls: one mmap per region.
  void promise(unsigned size_class, std::size_t count);
  /// Takes back `count` promises.
  void withdraw(unsigned size_class, std::size_t count) noexcept;

  /// Takes up to `wanted` stacks as a list linked by `next`; at least one while promises are kept.
  stack* take(unsigned size_class, std::size_t wanted) noexcept;
  /// Gives a list of free stacks of one class back; their pages go back to the kernel beyond a small warm reserve.
  void give(stack* list) noexcept;

  [[nodiscard]] stack_statistics statistics(unsigned size_class) const noexcept;

  /// Called once per stack that could not be guarded for lack of mappings, from the thread that made it, with a
  /// message that names the sysctl to raise. Null: nobody is told. The library itself never prints.
  void set_warning_handler(void (*handler)(const char* message) noexcept) noexcept;

private:
  friend class stack_cache;
  stack_pool() = default;

  /// A cache is made: reserves its one stack in every class in use. Throws as promise().
  void add_cache();
  void remove_cache() noexcept;
  /// Lets a cache hold `count` stacks back. False if there is no address space for that.
  bool grant_share(unsigned size_class, std::size_t count) noexcept;
  void return_share(unsigned size_class, std::size_t count) noexcept;
  void note_trim(unsigned size_class) noexcept;
};

/// A worker's own free stacks: LIFO, so that the hottest is taken first; no atomics. Only its worker may call it.
class stack_cache {
public:
  /// Throws std::system_error(ENOMEM) if a promise could be broken for lack of one more stack.
  stack_cache();
  stack_cache(const stack_cache&) = delete;
  stack_cache& operator=(const stack_cache&) = delete;
  ~stack_cache();

  /// A free stack, its pages as its last user left them. Cannot fail while promises are kept.
  stack* take(unsigned size_class) noexcept;
  /// Gives a stack back. Checks the canary; trims it if its watermark was overwritten.
  void give(stack* free) noexcept;
  /// Returns everything to the depot.
  void clear() noexcept;

private:
  void refill(unsigned size_class) noexcept;
  /// False: the cache may not hold stacks of the class back.
  bool make_room(unsigned size_class) noexcept;
  bool ask_for_share(unsigned size_class) noexcept;

  stack* head_[stack_class_count] = {};
  std::uint32_t size_[stack_class_count] = {};
  std::uint32_t share_[stack_class_count] = {}; ///< stacks that it may hold; 0: not asked yet, or refused
};

} // namespace coir
