// SPDX-License-Identifier: MIT
// Checks for coroutines. Floor 7.
//
// Catch2 names its expression twice, once unevaluated, where gcc 12 evaluates a co_await all the same; and its
// assertions are for one thread at a time.
#pragma once

#include "tests/catch.hpp"

#include <mutex>

namespace coir::test {

/// A CHECK that several workers may make at once.
inline void expect(bool is_right, const char* what) {
  static std::mutex one_at_a_time;
  const std::lock_guard held(one_at_a_time);
  INFO(what);
  CHECK(is_right);
}

} // namespace coir::test

/// CHECK for expressions with co_await, and for coroutines that run at the same time.
#define COIR_EXPECT(...)                                                                           \
  do {                                                                                             \
    const bool is_right = static_cast<bool>(__VA_ARGS__);                                          \
    ::coir::test::expect(is_right, #__VA_ARGS__);                                                  \
  } while (false)

/// The same for CHECK_THROWS_AS.
#define COIR_EXPECT_THROWS_AS(expression, type)                                                    \
  do {                                                                                             \
    bool has_thrown = false;                                                                       \
    try {                                                                                          \
      static_cast<void>(expression);                                                               \
    } catch (const type&) {                                                                        \
      has_thrown = true;                                                                           \
    }                                                                                              \
    ::coir::test::expect(has_thrown, #expression);                                                 \
  } while (false)
