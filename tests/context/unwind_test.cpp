// SPDX-License-Identifier: MIT
// Backtraces of a fiber's stack are complete and end: by unwind information at each instruction of a switch, and by
// frame pointers. Boost.Context says nothing about the base, so there only the first is looked at.
#include "tests/catch.hpp"
#include "tests/context/test_stack.hpp"

#include <csignal>
#include <cstdint>
#include <ucontext.h>
#include <unwind.h>

namespace coir::test {
namespace {

constexpr int most_frames = 64;

struct walk {
  std::uintptr_t functions[most_frames];
  int count = 0;

  [[nodiscard]] bool reaches(void (*function)()) const noexcept {
    for (int i = 0; i < count; ++i) {
      if (functions[i] == reinterpret_cast<std::uintptr_t>(function)) return true;
    }
    return false;
  }
};

_Unwind_Reason_Code note_frame(_Unwind_Context* frame, void* argument) {
  auto& seen = *static_cast<walk*>(argument);
  if (seen.count == most_frames) return _URC_NORMAL_STOP;
  void* const ip = reinterpret_cast<void*>(_Unwind_GetIP(frame));
  seen.functions[seen.count++] =
      reinterpret_cast<std::uintptr_t>(_Unwind_FindEnclosingFunction(ip));
  return _URC_NO_REASON;
}

/// True: the unwinder came to an end by itself.
bool walk_here(walk& seen) { return _Unwind_Backtrace(note_frame, &seen) == _URC_END_OF_STACK; }

TEST_CASE("the unwinder ends at the base of a fiber's stack", "[unwind]") {
  coroutine one([](coroutine& self, void*) {
    for (int i = 0; i < 2; ++i) {
      walk seen;
      CHECK(walk_here(seen));
      CHECK(seen.count >= 3);
      CHECK(seen.count < 30);
      self.suspend();
    }
  });
  while (!one.has_ended()) one.resume();
}

#ifndef COIR_CONTEXT_BOOST

TEST_CASE("the chain of frame pointers of a fiber's stack ends with zero", "[unwind]") {
  coroutine one([](coroutine& self, void*) {
    const void* const* frame = static_cast<const void* const*>(__builtin_frame_address(0));
    int count = 0;
    while (frame != nullptr && count < most_frames) {
      REQUIRE(self.on().contains(frame));
      frame = static_cast<const void* const*>(*frame);
      ++count;
    }
    CHECK(frame == nullptr);
    CHECK(count >= 2);
  });
  one.resume();
  CHECK(one.has_ended());
}

#endif

#if defined(__x86_64__) && !defined(COIR_CONTEXT_BOOST) && !defined(COIR_ADDRESS_SANITIZER) &&     \
    !defined(COIR_THREAD_SANITIZER)

// A trap after each instruction while two stacks switch; the handler unwinds from there. It must come to an end,
// and on the way to the function that belongs to the stack pointer of that moment; between the exchange of the stack
// pointer and the jump, which are two instructions, to the one that is left.
struct stepping {
  const test_stack* far_stack = nullptr;
  int near_steps = 0;
  int far_steps = 0;
  int without_end = 0;
  int crossing =
      0; ///< the stack pointer is on one side and the unwinder still on the other, which is being left
  int near_lost = 0;
  int far_lost = 0;
};
stepping stepped;
context far_context;
context near_context;

void near_side();
void far_side();

void on_step(int, siginfo_t*, void* machine) {
  const auto* const state = static_cast<const ucontext_t*>(machine);
  walk seen;
  if (!walk_here(seen)) ++stepped.without_end;
  // Less one word: the stack pointer may be the base itself, which is past the end.
  const auto sp = reinterpret_cast<const std::byte*>(state->uc_mcontext.gregs[REG_RSP]);
  if (stepped.far_stack->contains(sp - sizeof(void*))) {
    ++stepped.far_steps;
    if (seen.reaches(near_side))
      ++stepped.crossing;
    else if (!seen.reaches(far_side))
      ++stepped.far_lost;
  } else {
    ++stepped.near_steps;
    if (seen.reaches(far_side))
      ++stepped.crossing;
    else if (!seen.reaches(near_side))
      ++stepped.near_lost;
  }
}

[[gnu::always_inline]] inline void start_trapping() {
  asm volatile(
      "subq $128, %%rsp\n pushfq\n orq $0x100, (%%rsp)\n popfq\n addq $128, %%rsp" // past the red zone
      ::
          : "cc", "memory");
}
[[gnu::always_inline]] inline void stop_trapping() {
  asm volatile("subq $128, %%rsp\n pushfq\n andq $-0x101, (%%rsp)\n popfq\n addq $128, %%rsp" ::
                   : "cc", "memory");
}

[[gnu::noinline]] void far_side() {
  for (;;) near_context = coir_jump_context(near_context, nullptr).from;
}

void far_entry(transfer first) {
  near_context = first.from;
  far_side();
}

constexpr int traced_jumps = 3;

[[gnu::noinline]] void near_side() {
  for (int i = 0; i < traced_jumps; ++i) {
    start_trapping();
    far_context = coir_jump_context(far_context, nullptr).from;
    stop_trapping();
  }
}

void trace(const test_stack& far_stack) {
  walk primed;
  walk_here(primed); // loads what the unwinder loads lazily
  stepped = {};
  stepped.far_stack = &far_stack;
  struct sigaction ours {};
  struct sigaction before {};
  ours.sa_sigaction = on_step;
  ours.sa_flags = SA_SIGINFO;
  REQUIRE(::sigaction(SIGTRAP, &ours, &before) == 0);
  near_side();
  ::sigaction(SIGTRAP, &before, nullptr);
}

/// Each way a switch has about ten instructions on either stack.
constexpr int least_steps = traced_jumps * 2 * 8;

TEST_CASE("unwind information is right at each instruction of a switch", "[unwind]") {
  const test_stack on;
  far_context = coir_make_context(on->base, on->usable_bytes(), far_entry);
  far_context = coir_jump_context(far_context, nullptr).from; // now far_side is on it
  trace(on);
  CHECK(stepped.near_steps > least_steps);
  CHECK(stepped.far_steps > least_steps);
  CHECK(stepped.without_end == 0);
  CHECK(stepped.near_lost == 0);
  CHECK(stepped.far_lost == 0);
  CHECK(stepped.crossing == 2 * 2 * traced_jumps);
}

TEST_CASE("unwind information is right while a fresh stack is entered", "[unwind]") {
  const test_stack on;
  far_context = coir_make_context(on->base, on->usable_bytes(), far_entry);
  trace(on);
  CHECK(stepped.without_end == 0);
  CHECK(stepped.near_lost == 0);
  CHECK(stepped.far_lost > 0); // on the way to far_side
  CHECK(stepped.far_lost < stepped.far_steps / 2);
}

#endif

} // namespace
} // namespace coir::test
