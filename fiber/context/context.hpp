// SPDX-License-Identifier: MIT
// The context ABI between C++ and assembly. Floor 1.
//
// It is the shape of Boost.Context's fcontext, so that either implementation can stand behind it
// (COIR_CONTEXT=asm|boost). A context is a suspended stack's stack pointer; it is valid for exactly one jump.
// Only fiber/sched/suspend.cpp, tests and bench/ call these, with the calls of sanitizer.hpp around each jump.
//
// A jump keeps the callee-saved integer registers of each side and nothing else. In particular the floating-point
// control words (mxcsr, x87 control word: rounding, exception masks, flush to zero) belong to the kernel thread,
// as do its signal mask and alternate signal stack. A fiber that changes the rounding mode must restore it before
// it suspends: otherwise the next fiber of that thread computes with it, and the fiber itself may continue on a
// thread that has another. Saving them would double the price of every switch for the sake of a few programs.
// Boost.Context does save the two control words; portable code does not count on that.
#pragma once

#include <cstddef>

namespace coir {

/// Saved machine state: the stack pointer of a suspended stack, on which the saved registers lie.
using context = void*;

/// What a jump delivers on the far side.
struct transfer {
  context from;   ///< the context just left; worthless if that stack has ended
  void* argument; ///< what the jumper passed
};

using context_entry = void (*)(transfer);
using context_hook = transfer (*)(transfer);

extern "C" {
/// Prepares a context that calls `entry` on the stack that ends at `base` (its highest address, exclusive; aligned
/// down to 16) when it is first jumped to. `entry` must not return: if it does, the process ends, by a trap with our
/// assembly and by _exit with Boost.Context.
context coir_make_context(void* base, std::size_t size_bytes, context_entry entry) noexcept;

/// Saves the running context and continues `to`. Returns when somebody jumps back.
transfer coir_jump_context(context to, void* argument);

/// As coir_jump_context, but first calls `hook` on the far stack; what it returns is delivered there instead.
transfer coir_ontop_context(context to, void* argument, context_hook hook);
}

} // namespace coir
