/* SPDX-License-Identifier: MIT
 *
 * The context switch for x86-64 ELF systems, in the shape that fiber/context/context.hpp declares. Floor 0.
 *
 *   context  coir_make_context(void* base, size_t size_bytes, void (*entry)(transfer));
 *   transfer coir_jump_context(context to, void* argument);
 *   transfer coir_ontop_context(context to, void* argument, transfer (*hook)(transfer));
 *
 * ABI: System V Application Binary Interface, AMD64 Architecture Processor Supplement 1.0, sections 3.2.1 (registers),
 * 3.2.2 (stack frame), 3.2.3 (passing). A transfer is two INTEGER words: returned in rax:rdx, passed in rdi:rsi.
 *
 * Registers:
 *             make                  jump                         ontop
 *   rdi   in  base                  context to continue          context to continue
 *   rsi   in  size, not needed      argument                     argument
 *   rdx   in  entry                 -                            hook
 *   rax   out context               transfer.from                transfer.from, as the hook returned it
 *   rdx   out -                     transfer.argument            transfer.argument, as the hook returned it
 *   saved     -                     rbx rbp rsp r12-r15          rbx rbp rsp r12-r15
 *   other     rax rcx rdi           r8, and what the far side    as jump, and what the hook clobbers
 *                                   did before it jumped back
 *
 * Frame of a suspended stack (offsets from the context, as in x86_64_frame.h):
 *
 *            +--------------------+  rsp at the call of jump and after the jump back. 16-byte aligned, as at each call.
 *     0x30   | rip                |  where to continue: after that call, or in the trampoline of a fresh stack
 *     0x28   | rbp                |  zero on a fresh stack: the chain of frame pointers ends there
 *     0x20   | rbx                |  entry on a fresh stack
 *     0x18   | r12                |
 *     0x10   | r13                |  r12-r15 of a fresh stack are whatever lay there
 *     0x08   | r14                |
 *     0x00   | r15                |  <- context = rsp while suspended
 *            +--------------------+
 *
 * On a fresh stack the frame ends at base, which is aligned to 16. The trampoline calls entry from there, so entry
 * finds rsp + 8 aligned to 16 as the ABI demands; so does a hook, whose return address is the frame's rip.
 *
 * Saved: the callee-saved integer registers. Not saved, on purpose:
 *   mxcsr and x87 control word   They belong to the kernel thread (see context.hpp). Saving them doubled the price of a
 *                                switch: 3.4 ns instead of 1.6 on an AMD EPYC.
 *   signal mask, TLS base        The thread's too; the mask would cost two system calls.
 *   shadow stack pointer         See hardening.
 *
 * Unwinding: the CFI is exact at each instruction. After rsp has been exchanged the same rules describe the far stack,
 * since its frame has the same shape. The trampoline declares its return address undefined and rbp is zero, so
 * unwinders, debuggers and frame-pointer profilers end at the entry function, without guessing.
 *
 * Hardening: landing pads (endbr64) wherever an indirect branch may arrive, and `notrack` where jump continues behind a
 * call, which is no landing pad. The object is marked for indirect branch tracking. It is not marked for shadow stacks:
 * it does not exchange them, so a process that switches fibers must run without, and the missing mark makes the
 * linker say so for the whole program. The stack is marked not executable.
 */
#if defined(__x86_64__) && defined(__ELF__) && !defined(__ILP32__)

#include "asm/macros.h"
#include "asm/x86_64_frame.h"

/* Saves the running context. Load order below is the reverse; both are the order of x86_64_frame.h. */
.macro save_frame
  save_register %rbp
  save_register %rbx
  save_register %r12
  save_register %r13
  save_register %r14
  save_register %r15
.endm

.macro load_frame
  load_register %r15
  load_register %r14
  load_register %r13
  load_register %r12
  load_register %rbx
  load_register %rbp
.endm

  .text

begin_function coir_jump_context
  endbr64
  save_frame

  /* The transfer for the far side, where a return value is expected. */
  movq %rsp, %rax
  movq %rsi, %rdx

  /* From here on we are on the far stack. Its owner left by a call, so there is no red zone below its rsp. */
  movq %rdi, %rsp
  load_frame

  /* A ret would be mispredicted each time, because the matching call was another fiber's: 8.2 ns instead of 1.6. */
  popq %r8
  .cfi_adjust_cfa_offset -8
  .cfi_register %rip, %r8
  notrack jmp *%r8
end_function coir_jump_context

begin_function coir_ontop_context
  endbr64
  save_frame

  /* The transfer for the hook, as its argument; rsi is in place. */
  movq %rsp, %rax
  movq %rdi, %rsp
  load_frame
  movq %rax, %rdi

  /* The hook returns to where the far side continues, with its result where that side expects the transfer. */
  jmp *%rdx
end_function coir_ontop_context

begin_function coir_make_context
  endbr64
  andq $-16, %rdi
  leaq -COIR_FRAME_BYTES(%rdi), %rax
  movq %rdx, COIR_FRAME_RBX(%rax)
  movq $0, COIR_FRAME_RBP(%rax)
  leaq .Ltrampoline(%rip), %rcx
  movq %rcx, COIR_FRAME_RIP(%rax)
  ret
end_function coir_make_context

/* First code on a fresh stack: rbx is entry, rax:rdx the transfer, rsp the base. */
  .type coir_context_base, @function
  .p2align 4
coir_context_base:
  .cfi_startproc
  .cfi_undefined %rip
  /* Unwinders look up a return address minus one: this byte makes them find these rules before the call, too. */
  nop
.Ltrampoline:
  endbr64
  movq %rax, %rdi
  movq %rdx, %rsi
  call *%rbx
  /* entry has returned, and there is nowhere to go. */
  ud2
end_function coir_context_base

mark_x86_features 1
mark_stack_not_executable

#else
/* Another target: an empty object, so that build systems may list every file. */
  .section .note.GNU-stack, "", %progbits
#endif
