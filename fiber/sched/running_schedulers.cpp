// SPDX-License-Identifier: MIT
#include "fiber/sched/running_schedulers.hpp"

#include "fiber/sched/current.hpp"
#include "fiber/sched/worker.hpp"

#include <algorithm>
#include <mutex>
#include <vector>

namespace coir {
namespace {

struct registry {
  std::mutex mutex;
  std::vector<scheduler*> running; ///< guarded by mutex; oldest first
};

// Never destroyed: a thread may still ask at exit.
registry& the_registry() {
  static registry* const only = new registry;
  return *only;
}

} // namespace

running_entry::running_entry(scheduler& running) : running_(running) {
  const std::lock_guard held(the_registry().mutex);
  the_registry().running.push_back(&running);
}

running_entry::~running_entry() {
  const std::lock_guard held(the_registry().mutex);
  std::erase(the_registry().running, &running_);
}

scheduler* default_scheduler() noexcept {
  if (const worker* const here = current_worker()) return &here->owner();
  const std::lock_guard held(the_registry().mutex);
  return the_registry().running.empty() ? nullptr : the_registry().running.front();
}

} // namespace coir
