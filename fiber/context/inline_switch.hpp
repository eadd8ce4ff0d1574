// SPDX-License-Identifier: MIT
// The switch, inlined where it is hottest. Floor 1. Only fiber/sched/suspend.cpp includes it.
//
// The asm statement names every register as clobbered, so the compiler saves what is live at this place and nothing
// else, and the branch predictor gets an entry per place. (The idea is Photon's CACS, "stackful coroutine made
// fast", 2024.) The stack that is left looks to asm/x86_64_sysv.S like any other: its context points to the word
// that says where to continue.
//
//            +--------------------+  rsp of the function around it
//            | rbp                |  its frame pointer: the one register that a clobber list cannot name
//            | continuation       |  <- context
//            +--------------------+
//
// The file that inlines it must be compiled with -mno-red-zone, since the pushes would overwrite a leaf function's
// red zone, and with frame pointers, by which it can be unwound at each instruction.
//
// Measured on an AMD EPYC (Zen 4), one run: see docs/decisions.md, "The switch is inlined". Sanitized builds and
// COIR_CONTEXT=boost call coir_jump_context instead.
#pragma once

#include "fiber/context/context.hpp"
#include "fiber/context/sanitizer.hpp"

namespace coir {

#ifdef __AVX512F__ // -march=native: registers that plain x86-64 code does not use
#define COIR_AVX512_REGISTERS                                                                      \
  , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25",      \
      "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k1", "k2", "k3", "k4", "k5", "k6",    \
      "k7"
#else
#define COIR_AVX512_REGISTERS
#endif

#if defined(COIR_ASM_CONTEXT) && defined(__x86_64__) && !defined(COIR_ADDRESS_SANITIZER) &&        \
    !defined(COIR_THREAD_SANITIZER)

[[gnu::always_inline]] inline transfer switch_context(context to, void* argument) noexcept {
  transfer back;
  asm volatile("pushq %%rbp\n\t"
               "leaq 1f(%%rip), %%rax\n\t"
               "pushq %%rax\n\t"
               "movq %%rsp, %%rax\n\t"
               "movq %%rdi, %%rsp\n\t"
               "popq %%rcx\n\t"
               ".byte 0x3e\n\t" // notrack: what follows the jump is no landing pad
               "jmp *%%rcx\n"
               "1:\n\t"
               "popq %%rbp"
               : "=a"(back.from), "=d"(back.argument), "+D"(to)
               : "1"(argument)
               : "rbx", "rcx", "rsi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc",
                 "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                 "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
                 "xmm15" COIR_AVX512_REGISTERS);
  return back;
}

#else

[[gnu::always_inline]] inline transfer switch_context(context to, void* argument) noexcept {
  return coir_jump_context(to, argument);
}

#endif

} // namespace coir
