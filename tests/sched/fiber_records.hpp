// SPDX-License-Identifier: MIT
// Records of fibers that never run, for tests of queues. Floor 7.
#pragma once

#include "fiber/sched/control_block.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

namespace coir::test {

/// Told apart by their ids: 0, 1, …
class fiber_records {
public:
  explicit fiber_records(std::uint32_t count)
      : blocks_(std::make_unique<control_block[]>(count)), pops_(count) {
    for (std::uint32_t i = 0; i < count; ++i) blocks_[i].id = i;
  }
  control_block& operator[](std::uint32_t index) noexcept { return blocks_[index]; }

  /// By whoever has popped the fiber, and so owns its counter.
  void count_pop(const control_block& fiber) noexcept { ++pops_[fiber.id]; }
  [[nodiscard]] bool is_each_popped_once() const {
    return std::all_of(pops_.begin(), pops_.end(), [](int pops) { return pops == 1; });
  }

private:
  std::unique_ptr<control_block[]> blocks_;
  std::vector<int> pops_;
};

/// The ids of what `pop()` returns until it returns null.
template <class Pop>
std::vector<std::uint64_t> ids_of(Pop&& pop) {
  std::vector<std::uint64_t> ids;
  while (const control_block* const fiber = pop()) ids.push_back(fiber->id);
  return ids;
}

} // namespace coir::test
