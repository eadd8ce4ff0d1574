// SPDX-License-Identifier: MIT
// Frames in the slabs do not hinder a compiler that needs none: clang puts the frame of a coroutine that ends in the
// function that begins it onto that one's stack. (gcc 12 never does.)
#include "fiber/coro/task.hpp"
#include "fiber/sched/slab.hpp"
#include "tests/catch.hpp"
#include "tests/support/sanitized.hpp"

#include <coroutine>
#include <exception>
#include <utility>

using coir::task;

namespace {

// Under sanitizers clang may elide or not.
#ifdef __clang__
constexpr int most_frames = coir::test::is_sanitized ? 1 : 0;
#else
constexpr int most_frames = 1;
#endif

/// A coroutine type of a user, with frames as a task's.
class value_of {
public:
  struct promise_type : coir::slab_frame {
    value_of get_return_object() noexcept {
      return value_of(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
    [[nodiscard]] std::suspend_always final_suspend() const noexcept { return {}; }
    void return_value(int given) noexcept { value = given; }
    void unhandled_exception() const noexcept { std::terminate(); }

    int value = 0;
  };

  // For clang 14, which moves what get_return_object() gives back.
  value_of(value_of&& other) noexcept : coroutine_(std::exchange(other.coroutine_, {})) {}
  value_of& operator=(value_of&&) = delete;
  ~value_of() {
    if (coroutine_) coroutine_.destroy();
  }
  int run() {
    coroutine_.resume();
    return coroutine_.promise().value;
  }

private:
  explicit value_of(std::coroutine_handle<promise_type> coroutine) noexcept
      : coroutine_(coroutine) {}

  std::coroutine_handle<promise_type> coroutine_;
};

value_of twice(int value) { co_return 2 * value; }
task<int> give(int value) { co_return value; }
[[gnu::noinline]] task<int>::handle make_elsewhere() { return give(1).release(); }

auto living_frames() { return coir::slab::statistics().frames; }

} // namespace

TEST_CASE("A frame is made where it has to be, and counted") {
  const auto before = living_frames();
  const auto escaped = make_elsewhere();
  CHECK(living_frames() == before + 1);
  escaped.destroy();
  CHECK(living_frames() == before);
}

TEST_CASE("A frame that need not outlive its caller's is elided") {
  const auto before = living_frames();
  {
    auto doubled = twice(21);
    CHECK(living_frames() <= before + most_frames);
    CHECK(doubled.run() == 42);
  }
  CHECK(living_frames() == before);
}

TEST_CASE("A task that is dropped costs no frame where its end is seen") {
  const auto before = living_frames();
  {
    const auto dropped = give(1);
    CHECK(living_frames() <= before + most_frames);
  }
  CHECK(living_frames() == before);
}
