// SPDX-License-Identifier: MIT
// What a jump carries and where it lands: values, hooks, alignment, stacks on either side of each other, exceptions.
#include "tests/catch.hpp"
#include "tests/context/test_stack.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

namespace coir::test {
namespace {

void* word(std::uintptr_t value) { return reinterpret_cast<void*>(value); }
std::uintptr_t number(void* value) { return reinterpret_cast<std::uintptr_t>(value); }

TEST_CASE("values go in and out of a switch", "[switch]") {
  std::uintptr_t seen = 0;
  coroutine doubler([&](coroutine& self, void* first) {
    for (seen = number(first); seen != 0; seen = number(self.suspend(word(2 * seen)))) {
    }
  });
  for (std::uintptr_t value = 1; value < 1000; ++value) {
    REQUIRE(number(doubler.resume(word(value))) == 2 * value);
    REQUIRE(seen == value);
  }
  CHECK_FALSE(doubler.has_ended());
  CHECK(doubler.resume(nullptr) == nullptr);
  CHECK(doubler.has_ended());
}

TEST_CASE("a context changes with each jump and lies on its stack", "[switch]") {
  coroutine one([](coroutine& self, void*) {
    self.suspend();
    char deeper[512];
    self.suspend(deeper); // the address keeps it in memory
  });
  one.resume();
  const context shallow = one.suspended_at();
  CHECK(one.on().contains(shallow));
  one.resume();
  CHECK(one.on().contains(one.suspended_at()));
  one.resume();
  CHECK(one.has_ended());
}

TEST_CASE("locals survive while others run", "[switch]") {
  const auto counting = [](coroutine& self, void* first) {
    std::string text = "a string that is too long for the small buffer, ";
    double sum = 0;
    for (std::uintptr_t i = number(first); i != 0; i = number(self.suspend(&text))) {
      text += static_cast<char>('a' + i % 26);
      sum += static_cast<double>(i);
    }
    CHECK(sum == 2.0 * (1 + 2 + 3));
  };
  coroutine a(counting);
  coroutine b(counting);
  for (std::uintptr_t i = 1; i <= 3; ++i) {
    for (int twice = 0; twice < 2; ++twice) {
      a.resume(word(i));
      b.resume(word(i));
    }
  }
  a.resume();
  b.resume();
  CHECK(a.has_ended());
  CHECK(b.has_ended());
}

const void* hook_frame = nullptr;

transfer add_one(transfer t) {
  hook_frame = __builtin_frame_address(0);
  return {t.from, word(number(t.argument) + 1)};
}

TEST_CASE("ontop runs the hook on the far stack and delivers its result", "[switch]") {
  std::uintptr_t seen = 0;
  coroutine one([&](coroutine& self, void*) {
    seen = number(self.suspend());
    seen = number(self.suspend());
  });
  one.resume();
  hook_frame = nullptr;
  one.resume_on_top(word(41), add_one);
  CHECK(seen == 42);
  CHECK(one.on().contains(hook_frame));
  one.resume(word(7));
  CHECK(seen == 7);
  CHECK(one.has_ended());
}

struct fresh_hook {
  context back;
  sanitizer::stack_bounds home;
  std::uintptr_t seen;
  std::uintptr_t misaligned_by;
};

COIR_STACK_ROOT void entry_after_hook(transfer t) {
  sanitizer::after_first_switch();
  auto& state = *static_cast<fresh_hook*>(t.argument);
  state.seen += 1;
  sanitizer::before_last_switch(state.home);
  coir_jump_context(t.from, nullptr);
}

// Runs before the entry has told the sanitizers of its arrival, so they may not look at it.
COIR_STACK_ROOT transfer mark_fresh(transfer t) {
  static_cast<fresh_hook*>(t.argument)->seen = 41;
  static_cast<fresh_hook*>(t.argument)->misaligned_by =
      reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) % 16;
  return t;
}

TEST_CASE("ontop of a fresh stack runs the hook, then the entry", "[switch]") {
  const test_stack on;
  const context fresh = coir_make_context(on->base, on->usable_bytes(), entry_after_hook);
  fresh_hook state{nullptr, sanitizer::bounds_of_this_thread(), 0, 99};
  jump_on_top(fresh, sanitizer::bounds_of(*on), &state, mark_fresh);
  CHECK(state.seen == 42);
  CHECK(state.misaligned_by == 0);
}

struct alignment_probe {
  sanitizer::stack_bounds home;
  std::uintptr_t frame;
};

COIR_STACK_ROOT void entry_aligned(transfer t) {
  sanitizer::after_first_switch();
  auto& probe = *static_cast<alignment_probe*>(t.argument);
  alignas(16) float lanes[4] = {1, 2, 3, 4};
#if defined(__x86_64__)
  asm volatile("movaps %0, %%xmm0" : : "m"(lanes) : "xmm0"); // faults on an address that is not aligned
#endif
  probe.frame = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  asm volatile("" : : "r"(lanes) : "memory");
  sanitizer::before_last_switch(probe.home);
  coir_jump_context(t.from, nullptr);
}

TEST_CASE("the entry function finds an aligned stack, whatever the base", "[switch]") {
  const test_stack on;
  for (std::size_t off = 0; off < 32; ++off) {
    std::byte* const base = on->base - off;
    const context fresh =
        coir_make_context(base, static_cast<std::size_t>(base - on->limit), entry_aligned);
    alignment_probe probe{sanitizer::bounds_of_this_thread(), 1};
    jump(fresh, sanitizer::bounds_of(*on), &probe);
    REQUIRE(probe.frame % 16 == 0);
    REQUIRE(probe.frame < reinterpret_cast<std::uintptr_t>(base));
  }
}

struct visit {
  coroutine* inner;
  int hits;
};

TEST_CASE("stacks may lie above and below each other", "[switch]") {
  const auto visited = [](coroutine& self, void* first) {
    for (auto* one = static_cast<visit*>(first); one != nullptr;
         one = static_cast<visit*>(self.suspend())) {
      ++one->hits;
      if (one->inner == nullptr) continue;
      visit nested{nullptr, 0};
      one->inner->resume(&nested);
      one->hits += nested.hits;
    }
  };
  // Each of the three enters each of the others, so one in the middle of them enters one below and one above.
  std::array<std::unique_ptr<coroutine>, 3> all;
  for (auto& one : all) one = std::make_unique<coroutine>(visited);
  for (const auto& outer : all) {
    for (const auto& inner : all) {
      if (outer == inner) continue;
      REQUIRE(outer->on()->base != inner->on()->base);
      visit one{inner.get(), 0};
      outer->resume(&one);
      REQUIRE(one.hits == 2);
    }
  }
  for (auto& one : all) {
    one->resume(nullptr);
    CHECK(one->has_ended());
  }
}

// Under ThreadSanitizer this overflows its shadow call stack if the seam leaves a frame behind at a stack's last
// switch.
TEST_CASE("a stack is entered and ended a hundred thousand times", "[switch]") {
  int ended = 0;
  for (int i = 0; i < 100'000; ++i) {
    coroutine one([](coroutine& self, void*) { self.suspend(); });
    one.resume();
    one.resume();
    ended += one.has_ended() ? 1 : 0;
  }
  CHECK(ended == 100'000);
}

int depth_of_throw(int levels) {
  if (levels == 0) throw std::runtime_error("from the deep");
  return depth_of_throw(levels - 1) + 1;
}

TEST_CASE("exceptions pass through frames of a fiber's stack", "[switch]") {
  coroutine one([](coroutine& self, void*) {
    for (int round = 0; round < 3; ++round) {
      CHECK_THROWS_AS(depth_of_throw(20), std::runtime_error);
      self.suspend();
    }
    std::string caught;
    try {
      try {
        self.suspend();
        throw std::logic_error("inner");
      } catch (const std::logic_error& error) {
        caught = error.what();
        throw;
      }
    } catch (const std::exception& error) {
      caught += error.what();
    }
    CHECK(caught == "innerinner");
  });
  while (!one.has_ended()) {
    CHECK_THROWS_AS(depth_of_throw(3), std::runtime_error); // on this stack, in between
    one.resume();
  }
}

} // namespace
} // namespace coir::test
