// SPDX-License-Identifier: MIT
// A list of fibers, first in first out, linked by control_block::next. Floor 2. Not synchronized.
#pragma once

#include "fiber/sched/control_block.hpp"

#include <cstdint>

namespace coir {

class fiber_list {
public:
  void push_back(control_block& fiber) noexcept {
    fiber.next = nullptr;
    append(&fiber, &fiber, 1);
  }
  /// Appends a chain of `count` fibers, `last->next` being null.
  void append(control_block* first, control_block* last, std::uint32_t count) noexcept {
    if (count == 0) return;
    (last_ == nullptr ? first_ : last_->next) = first;
    last_ = last;
    size_ += count;
  }
  control_block* pop_front() noexcept {
    control_block* const front = first_;
    if (front == nullptr) return nullptr;
    first_ = front->next;
    if (first_ == nullptr) last_ = nullptr;
    --size_;
    return front;
  }
  [[nodiscard]] control_block* front() const noexcept { return first_; }
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  [[nodiscard]] bool is_empty() const noexcept { return first_ == nullptr; }

private:
  control_block* first_ = nullptr;
  control_block* last_ = nullptr;
  std::uint32_t size_ = 0;
};

} // namespace coir
