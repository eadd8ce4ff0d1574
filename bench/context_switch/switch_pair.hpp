// SPDX-License-Identifier: MIT
// The caller and one other stack, which switch to and fro. Floor 7.
#pragma once

#include "bench/context_switch/params.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bench::context_switch {

/// `Switch` has: context make(base, size_bytes, entry), transfer jump(context, void*), context from(transfer),
/// void* argument(transfer).
template <class Switch>
class switch_pair {
public:
  switch_pair()
      : stack_(stack_bytes),
        other_(Switch::make(stack_.data() + stack_bytes, stack_bytes, far_side)) {}
  switch_pair(const switch_pair&) = delete;
  switch_pair& operator=(const switch_pair&) = delete;

  /// Nanoseconds per switch; a round trip is two.
  double measure(std::uint64_t round_trips) {
    std::uintptr_t count = 0;
    const double each = time_each(2 * round_trips, [&] {
      for (std::uint64_t trip = 0; trip < round_trips; ++trip) {
        const auto arrived = Switch::jump(other_, reinterpret_cast<void*>(count));
        other_ = Switch::from(arrived);
        count = reinterpret_cast<std::uintptr_t>(Switch::argument(arrived));
      }
    });
    require(count == answer(round_trips), "a switch lost its argument");
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

} // namespace bench::context_switch
