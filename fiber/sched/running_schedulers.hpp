// SPDX-License-Identifier: MIT
// The schedulers that are in run(), for threads that are no workers and want to spawn. Floor 2.
#pragma once

namespace coir {

class scheduler;

/// Registers a scheduler while it lives.
class running_entry {
public:
  explicit running_entry(scheduler& running);
  running_entry(const running_entry&) = delete;
  running_entry& operator=(const running_entry&) = delete;
  ~running_entry();

private:
  scheduler& running_;
};

} // namespace coir
