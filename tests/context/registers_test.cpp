// SPDX-License-Identifier: MIT
// What a jump saves: the callee-saved registers, and not the floating-point control words.
#include "tests/catch.hpp"
#include "tests/context/test_stack.hpp"

#include <array>
#include <cfenv>
#include <cstdint>

#if defined(__x86_64__)

extern "C" {
/// Loads rbx, rbp, r12-r15 from `in`, jumps, and stores what they are afterwards to `out`. Returns the transfer.
coir::transfer coir_test_jump_with(coir::context to, void* argument, const std::uint64_t* in,
                                   std::uint64_t* out);
}

asm(R"(
  .text
  .p2align 4
  .type coir_test_jump_with, @function
coir_test_jump_with:
  endbr64
  pushq %rbx
  pushq %rbp
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  pushq %rcx
  movq 0(%rdx), %rbx
  movq 8(%rdx), %rbp
  movq 16(%rdx), %r12
  movq 24(%rdx), %r13
  movq 32(%rdx), %r14
  movq 40(%rdx), %r15
  call coir_jump_context
  popq %rcx
  movq %rbx, 0(%rcx)
  movq %rbp, 8(%rcx)
  movq %r12, 16(%rcx)
  movq %r13, 24(%rcx)
  movq %r14, 32(%rcx)
  movq %r15, 40(%rcx)
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbp
  popq %rbx
  ret
  .size coir_test_jump_with, . - coir_test_jump_with
)");

namespace coir::test {
namespace {

using registers = std::array<std::uint64_t, 6>;

registers pattern(std::uint64_t seed) {
  registers made{};
  for (auto& one : made) one = seed = seed * 6364136223846793005U + 1442695040888963407U;
  return made;
}

transfer jump_with(context to, const sanitizer::stack_bounds& bounds, void* argument,
                   const registers& in, registers& out) {
  sanitizer::switch_record left;
  sanitizer::before_switch(left, bounds);
  const transfer back = coir_test_jump_with(to, argument, in.data(), out.data());
  sanitizer::after_switch(left);
  return back;
}

constexpr int rounds = 100;

struct both_sides {
  sanitizer::stack_bounds home;
  int far_kept = 0;
};

void far_rounds(both_sides& sides, context caller) {
  for (int i = 0; i < rounds; ++i) {
    const registers in = pattern(1000U + static_cast<unsigned>(i));
    registers out{};
    caller = jump_with(caller, sides.home, nullptr, in, out).from;
    if (in == out) ++sides.far_kept;
  }
  sanitizer::switch_record left;
  sanitizer::before_switch(left, sides.home);
  coir_jump_context(caller, nullptr);
}

COIR_STACK_ROOT void far_side(transfer first) {
  sanitizer::after_first_switch();
  far_rounds(*static_cast<both_sides*>(first.argument), first.from);
}

TEST_CASE("both sides of a switch keep the callee-saved registers", "[registers]") {
  const test_stack on;
  both_sides sides{sanitizer::bounds_of_this_thread()};
  context far = coir_make_context(on->base, on->usable_bytes(), far_side);
  for (int i = 0; i <= rounds; ++i) {
    const registers in = pattern(static_cast<unsigned>(i));
    registers out{};
    far = jump_with(far, sanitizer::bounds_of(*on), &sides, in, out).from;
    REQUIRE(in == out);
  }
  CHECK(sides.far_kept == rounds);
}

} // namespace
} // namespace coir::test

#endif

namespace coir::test {
namespace {

TEST_CASE("a fiber that restores the rounding mode before it suspends disturbs nobody",
          "[registers]") {
  const int before = std::fegetround();
  coroutine careful([](coroutine& self, void*) {
    for (int i = 0; i < 3; ++i) {
      const int own = std::fegetround();
      std::fesetround(FE_UPWARD);
      volatile double one = 1.0;
      volatile double three = 3.0;
      const double up = one / three;
      std::fesetround(FE_DOWNWARD);
      CHECK(one / three < up);
      std::fesetround(own);
      self.suspend();
    }
  });
  while (!careful.has_ended()) {
    careful.resume();
    CHECK(std::fegetround() == before);
  }
}

TEST_CASE("the floating-point control words belong to the thread, not to the context",
          "[registers]") {
  const int before = std::fegetround();
  coroutine careless([](coroutine& self, void*) {
    std::fesetround(FE_UPWARD);
    self.suspend();
  });
  careless.resume();
  const int seen = std::fegetround();
  std::fesetround(before);
#ifdef COIR_CONTEXT_BOOST
  CHECK(seen == before); // saves them
#else
  CHECK(seen == FE_UPWARD);
#endif
  careless.resume();
  std::fesetround(before);
}

} // namespace
} // namespace coir::test
