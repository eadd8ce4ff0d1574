// SPDX-License-Identifier: MIT
// The one door to atomics. Floor 0.
//
// `coir::atomic<T>` is `std::atomic<T>` without default orders: every access spells its order, so that a reader
// (and the tidy test) finds the reason beside it. All shared words of the library are of this type, which makes it
// the one place where a model checker or a tracing build can take over.
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

namespace coir {

inline constexpr auto relaxed = std::memory_order_relaxed;
inline constexpr auto acquire = std::memory_order_acquire;
inline constexpr auto release = std::memory_order_release;
inline constexpr auto acq_rel = std::memory_order_acq_rel;
inline constexpr auto seq_cst = std::memory_order_seq_cst;

template <class T>
class atomic {
public:
  constexpr atomic() noexcept = default;
  constexpr explicit atomic(T value) noexcept : word_(value) {}
  atomic(const atomic&) = delete;
  atomic& operator=(const atomic&) = delete;

  [[nodiscard]] T load(std::memory_order order) const noexcept { return word_.load(order); }
  void store(T value, std::memory_order order) noexcept { word_.store(value, order); }
  T exchange(T value, std::memory_order order) noexcept { return word_.exchange(value, order); }

  bool compare_exchange(T& expected, T desired, std::memory_order success,
                        std::memory_order failure) noexcept {
    return word_.compare_exchange_strong(expected, desired, success, failure);
  }
  bool compare_exchange_weak(T& expected, T desired, std::memory_order success,
                             std::memory_order failure) noexcept {
    return word_.compare_exchange_weak(expected, desired, success, failure);
  }

  T fetch_add(T value, std::memory_order order) noexcept
    requires std::is_integral_v<T>
  {
    return word_.fetch_add(value, order);
  }
  T fetch_sub(T value, std::memory_order order) noexcept
    requires std::is_integral_v<T>
  {
    return word_.fetch_sub(value, order);
  }
  T fetch_or(T value, std::memory_order order) noexcept
    requires std::is_integral_v<T>
  {
    return word_.fetch_or(value, order);
  }
  T fetch_and(T value, std::memory_order order) noexcept
    requires std::is_integral_v<T>
  {
    return word_.fetch_and(value, order);
  }

  /// The address of the word, for futex(2) only.
  [[nodiscard]] std::atomic<T>* native() noexcept { return &word_; }

private:
  std::atomic<T> word_{};
};

#if defined(__SANITIZE_THREAD__)
#define COIR_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define COIR_THREAD_SANITIZER 1
#endif
#endif

/// Store-load barrier: what this thread wrote before it is visible to whoever reads after a full_fence of its own.
/// Each use names its partner. ThreadSanitizer knows no fences, so there a read-modify-write stands in for it.
inline void full_fence() noexcept {
#ifdef COIR_THREAD_SANITIZER
  static atomic<int> order{0};
  order.fetch_add(1, seq_cst); // seq_cst: pairs with every other full_fence
#else
  std::atomic_thread_fence(seq_cst); // seq_cst: pairs with the full_fence that the caller names
#endif
}

/// Stops the compiler, not the CPU, from moving memory accesses across it; pairs with a heavy fence of the other side.
inline void light_fence() noexcept {
  std::atomic_signal_fence(seq_cst); // seq_cst: pairs with heavy_fence() of asymmetric_fence.hpp
}

} // namespace coir
