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
 *   other     rax rcx rdi           all the others: the far side runs before jump returns
 *
 * A context is the address of a word that says where to continue; what lies above it is known to that code alone: a
 * stack may have been left by jump, which saves all callee-saved registers, or by inline_switch.hpp, where the
 * compiler saves what is live. To continue: rsp = context, pop the word, jump there with the transfer in rax:rdx.
 *
 * Frame of a stack that was left by jump or ontop (offsets from the context, as in x86_64_frame.h):
 *
 *            +--------------------+  rsp at the call of jump and after the jump back: 16-byte aligned
 *     0x38   | rip                |  return address of that call
 *     0x30   | rbp                |
 *     0x28   | rbx                |
 *     0x20   | r12                |
 *     0x18   | r13                |
 *     0x10   | r14                |
 *     0x08   | r15                |
 *     0x00   | continuation       |  <- context. Here: .Lresume, which restores the above
 *            +--------------------+
 *
 * A fresh stack: 0x08 entry, 0x00 .Ltrampoline, ending at base, which is aligned to 16. The trampoline calls entry from
 * there, so entry finds rsp + 8 aligned to 16 as the ABI demands. For a hook ontop aligns by itself.
 *
 * Saved: the callee-saved integer registers. Not saved, on purpose:
 *   mxcsr and x87 control word   They belong to the kernel thread (see context.hpp). Saving them doubled the price of a
 *                                switch: 3.4 ns instead of 1.6 on an AMD EPYC.
 *   signal mask, TLS base        The thread's too; the mask would cost two system calls.
 *   shadow stack pointer         See hardening.
 *
 * Unwinding: the CFI is exact at each instruction. Only the far side's code knows its frame, so between the exchange of
 * rsp and the jump an unwinder still sees the stack that is left, through rax; under a hook it comes to an end. A fresh
 * stack has no caller and rbp is zero: unwinders, debuggers and frame-pointer profilers end at the entry function.
 *
 * Hardening: landing pads (endbr64) wherever an indirect branch may arrive, and `notrack` where jump continues behind a
 * call, which is no landing pad. The object is marked for indirect branch tracking. It is not marked for shadow stacks:
 * it does not exchange them, so a process that switches fibers must run without, and the missing mark makes the
 * linker say so for the whole program. The stack is marked not executable.
 */
#if defined(__x86_64__) && defined(__ELF__) && !defined(__ILP32__)

#include "asm/macros.h"
#include "asm/x86_64_frame.h"

  .text

begin_function coir_jump_context
  endbr64
  save_context

  /* The transfer for the far side. */
  movq %rsp, %rax
  movq %rsi, %rdx

  /* From here on we are on the far stack. Nothing lies below its rsp: its owner left by a call, so has no red zone. */
  .cfi_remember_state
  .cfi_def_cfa %rax, COIR_FRAME_BYTES
  movq %rdi, %rsp

  /* A ret would be mispredicted each time, because the matching call was another fiber's: 8.2 ns instead of 1.6. */
  popq %r8
  notrack jmp *%r8

  /* Somebody continues us, having popped the continuation. */
  .cfi_restore_state
  .cfi_adjust_cfa_offset -8
.Lresume:
  for_each_saved load_register, %r15, %r14, %r13, %r12, %rbx, %rbp
  popq %r8
  .cfi_adjust_cfa_offset -8
  .cfi_register %rip, %r8
  notrack jmp *%r8
end_function coir_jump_context

begin_function coir_ontop_context
  endbr64
  save_context

  movq %rsp, %rax
  .cfi_undefined %rip
  movq %rdi, %rsp

  /* The hook, called on the far stack. What continues afterwards restores its own registers: rbx, rbp are free. */
  popq %rbx
  movq %rsp, %rbp
  andq $-16, %rsp
  movq %rax, %rdi
  call *%rdx
  movq %rbp, %rsp
  notrack jmp *%rbx
end_function coir_ontop_context

begin_function coir_make_context
  endbr64
  andq $-16, %rdi
  leaq -COIR_FRESH_BYTES(%rdi), %rax
  movq %rdx, COIR_FRESH_ENTRY(%rax)
  leaq .Ltrampoline(%rip), %rcx
  movq %rcx, COIR_FRAME_CONTINUATION(%rax)
  ret
end_function coir_make_context

/* First code on a fresh stack: rax:rdx is the transfer, rsp points to entry. */
  .type coir_context_base, @function
  .p2align 4
coir_context_base:
  .cfi_startproc
  .cfi_undefined %rip
  /* Unwinders look up a return address minus one: by this byte they find the rules above before the first call, too. */
  nop
.Ltrampoline:
  popq %rbx
  xorl %ebp, %ebp
  movq %rax, %rdi
  movq %rdx, %rsi
  call *%rbx
  /* entry has returned, and there is nowhere to go. */
  ud2
  .cfi_endproc
  .size coir_context_base, . - coir_context_base

mark_x86_features 1
mark_stack_not_executable

#else
/* Another target: an empty object, so that build systems may list every file. */
  .section .note.GNU-stack, "", %progbits
#endif
