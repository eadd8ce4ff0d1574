// SPDX-License-Identifier: MIT
// What a bare switch between two stacks costs, with no scheduler: the floor under every fiber operation. Floor 7.
#pragma once

#include "bench/report.hpp"
#include "fiber/context/context.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bench {

/// The switch that the library is built with.
struct coir_switch {
  using transfer = coir::transfer;
  static coir::context make(void* base, std::size_t size_bytes, void (*entry)(transfer)) {
    return coir::coir_make_context(base, size_bytes, entry);
  }
  static transfer jump(coir::context to, void* argument) {
    return coir::coir_jump_context(to, argument);
  }
  static coir::context from(transfer arrived) { return arrived.from; }
  static void* argument(transfer arrived) { return arrived.argument; }
};

/// The caller and one other stack, which adds one to what it is given and jumps back.
template <class Switch>
class switch_pair {
public:
  switch_pair()
      : stack_(stack_bytes),
        other_(Switch::make(stack_.data() + stack_bytes, stack_bytes, far_side)) {}
  switch_pair(const switch_pair&) = delete;
  switch_pair& operator=(const switch_pair&) = delete;

  /// Nanoseconds per switch; a round trip is two.
  double measure(std::uintptr_t round_trips) {
    std::uintptr_t count = 0;
    const double each = time_each(2.0 * static_cast<double>(round_trips), [&] {
      for (std::uintptr_t trip = 0; trip < round_trips; ++trip) {
        const auto arrived = Switch::jump(other_, reinterpret_cast<void*>(count));
        other_ = Switch::from(arrived);
        count = reinterpret_cast<std::uintptr_t>(Switch::argument(arrived));
      }
    });
    require(count == round_trips, "a switch lost its argument");
    return each;
  }

private:
  static constexpr std::size_t stack_bytes = 64 << 10;

  static void far_side(typename Switch::transfer arrived) {
    for (;;) {
      const auto count = reinterpret_cast<std::uintptr_t>(Switch::argument(arrived));
      arrived = Switch::jump(Switch::from(arrived), reinterpret_cast<void*>(count + 1));
    }
  }

  std::vector<std::byte> stack_;
  decltype(Switch::from(typename Switch::transfer{})) other_;
};

} // namespace bench
