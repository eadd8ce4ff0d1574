/* SPDX-License-Identifier: MIT */
/* What every assembly file of this folder needs from the ELF assembler. Floor 0. */
#ifndef COIR_ASM_MACROS_H
#define COIR_ASM_MACROS_H

/* clang-format off */

/* A function with C linkage, visible to the library's own C++ only, unwindable from its first byte to its last. */
.macro begin_function name
  .globl \name
  .hidden \name
  .type \name, @function
  .p2align 4
\name:
  .cfi_startproc
.endm

.macro end_function name
  .cfi_endproc
  .size \name, . - \name
.endm

/* Push and pop of a callee-saved register that keep the unwinder's idea of the frame exact at each instruction. */
.macro save_register register
  pushq \register
  .cfi_adjust_cfa_offset 8
  .cfi_rel_offset \register, 0
.endm

.macro load_register register
  popq \register
  .cfi_adjust_cfa_offset -8
  .cfi_restore \register
.endm

/* In the order of x86_64_frame.h; loading is the reverse. */
.macro for_each_saved do, r1=%rbp, r2=%rbx, r3=%r12, r4=%r13, r5=%r14, r6=%r15
  \do \r1
  \do \r2
  \do \r3
  \do \r4
  \do \r5
  \do \r6
.endm

/* Saves the running context, to be continued at .Lresume; afterwards rsp is the context. */
.macro save_context
  for_each_saved save_register
  leaq .Lresume(%rip), %rcx
  pushq %rcx
  .cfi_adjust_cfa_offset 8
.endm

/* An empty stack note: the linker need not make the stacks of the whole program executable. */
.macro mark_stack_not_executable
  .section .note.GNU-stack, "", @progbits
.endm

/* GNU property note (Linux Extensions to gABI, "Program Property"): a word of x86 features, 1 for branch tracking. */
.macro mark_x86_features features
  .section .note.gnu.property, "a", @note
  .p2align 3
  .long 4            /* size of the name */
  .long 16           /* size of the property */
  .long 5            /* NT_GNU_PROPERTY_TYPE_0 */
  .asciz "GNU"
  .long 0xc0000002   /* GNU_PROPERTY_X86_FEATURE_1_AND */
  .long 4            /* size of the feature word */
  .long \features
  .long 0            /* padding to 8 bytes */
.endm

/* clang-format on */

#endif
