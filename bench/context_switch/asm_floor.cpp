// SPDX-License-Identifier: MIT
// context_switch with the least that can be written: an asm statement that exchanges stack pointers and jumps. Fair as
// a floor, not as a rival: both sides are known here, so the compiler keeps in memory what is live and the jump goes
// always to the same place. There is no first entry, no unwinding and no sanitizer. x86-64.
#include "bench/context_switch/params.hpp"

#include <cstddef>
#include <vector>

namespace {

/// Two words on the top of a stack that is left: where to continue, and the frame pointer.
struct far_side {
  std::vector<std::byte> stack = std::vector<std::byte>(64 << 10);
  void* context;
};

/// Leaves for `to`, which becomes the context that was left. `carried` goes along, and comes back.
[[gnu::always_inline]] inline void exchange(void*& to, std::uint64_t& carried) {
  asm volatile("pushq %%rbp\n\t"
               "leaq 1f(%%rip), %%rax\n\t"
               "pushq %%rax\n\t"
               "xchgq %%rsp, %%rdi\n\t"
               "popq %%rax\n\t"
               "jmp *%%rax\n"
               "1:\n\t"
               "popq %%rbp"
               : "+D"(to), "+S"(carried)
               :
               : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
                 "cc", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
                 "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

/// Where the other stack begins: rdi is the context that was left, rsi the number.
[[noreturn]] void run_far_side(void* back, std::uint64_t carried) {
  for (;;) {
    ++carried;
    exchange(back, carried);
  }
}

void* first_context(far_side& side) {
  auto top = reinterpret_cast<std::uintptr_t>(side.stack.data() + side.stack.size());
  // At the entry of a function the stack is 8 off a multiple of 16: the return address, which nobody uses here.
  auto* words = reinterpret_cast<std::uintptr_t*>(top & ~std::uintptr_t{15}) - 2;
  words[0] = reinterpret_cast<std::uintptr_t>(run_far_side);
  words[1] = 0;
  return words;
}

} // namespace

int main(int argc, char** argv) {
  using namespace bench::context_switch;
  bench::program self("context_switch", "asm_floor");
  self.parse(argc, argv);
  far_side other;
  other.context = first_context(other);
  self.measure("per_switch", sizes, [&](std::uint64_t round_trips) {
    std::uint64_t carried = 0;
    const double each = bench::time_each(2 * round_trips, [&] {
      for (std::uint64_t trip = 0; trip < round_trips; ++trip) exchange(other.context, carried);
    });
    bench::require(carried == answer(round_trips), "a switch lost its argument");
    return each;
  });
}
