// SPDX-License-Identifier: MIT
// fresh_deque under fire: an owner that pushes, pops and pops batches while it grows, and thieves at once. Each fiber
// must come out exactly once.
#include "fiber/base/random.hpp"
#include "fiber/sched/fresh_deque.hpp"
#include "tests/catch.hpp"
#include "tests/sched/fiber_records.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/seed.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

using coir::control_block;
using coir::fresh_deque;
using coir::base::random_sequence;
using coir::test::fiber_records;

namespace {

constexpr std::uint32_t count = 1'000'000 / (coir::test::is_sanitized ? 20 : 10);

/// Like a monitor that finds the owner stuck all the time.
void open_and_steal_until(const std::atomic<bool>& is_done, fresh_deque& victim,
                          fiber_records& fibers) {
  while (!is_done) {
    victim.open_to_thieves();
    if (const control_block* const stolen = victim.steal()) fibers.count_pop(*stolen);
  }
}

void steal_until(const std::atomic<bool>& is_done, fresh_deque& victim, fiber_records& fibers) {
  for (;;) {
    const bool was_done = is_done; // read first: what comes after it is the last look
    const control_block* const stolen = victim.steal();
    if (stolen != nullptr) fibers.count_pop(*stolen);
    if (was_done && stolen == nullptr && victim.is_empty()) return;
  }
}

/// What an owner does: pushes all the fibers in bursts, and pops most of them meanwhile, some as batches, while
/// `thieves` threads run `steal`. Each fiber must come out exactly once.
class owner {
public:
  owner(fresh_deque& deque, std::uint32_t longest_burst)
      : deque_(deque), longest_burst_(longest_burst) {}

  /// `after_pop`: called after each.
  template <class Steal, class AfterPop>
  void share_with(unsigned thieves, Steal steal, AfterPop after_pop) {
    std::atomic<bool> is_done{false};
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < thieves; ++i) {
      threads.emplace_back([&] { steal(is_done, deque_, fibers_); });
    }
    for (std::uint32_t next = 0; next < count;) {
      const auto burst = std::min(count - next, random_.below(longest_burst_) + 1);
      for (const auto end = next + burst; next < end; ++next) {
        while (!deque_.try_push(fibers_[next])) pop_some(100, after_pop);
      }
      if (random_.below(2) == 0) count_pop(deque_.pop_batch(burst));
      pop_some(random_.below(longest_burst_ + 2), after_pop);
    }
    is_done = true;
    pop_some(count, after_pop);
    for (auto& thread : threads) thread.join();
    CHECK(deque_.pop() == nullptr);
    CHECK(fibers_.is_each_popped_once());
  }

private:
  bool count_pop(const control_block* fiber) {
    if (fiber != nullptr) fibers_.count_pop(*fiber);
    return fiber != nullptr;
  }
  template <class AfterPop>
  void pop_some(std::uint32_t most, AfterPop after_pop) {
    for (std::uint32_t i = 0; i < most && count_pop(deque_.pop()); ++i) after_pop();
  }

  fresh_deque& deque_;
  std::uint32_t longest_burst_;
  random_sequence random_{coir::test::seed()};
  fiber_records fibers_{count};
};

} // namespace

TEST_CASE("An owner and thieves share each fresh fiber out to exactly one of them") {
  const unsigned thieves = GENERATE(1u, 3u, 7u);
  const std::uint32_t longest_burst = GENERATE(2u, 40u, 3000u); // nearly empty, in between, growing
  fresh_deque deque(false);
  owner(deque, longest_burst).share_with(thieves, steal_until, [] {});
}

TEST_CASE("A deque may be closed again at any time, and opened by whoever wants to steal") {
  const unsigned thieves = GENERATE(1u, 2u);
  const std::uint32_t longest_burst = GENERATE(1u, 3u, 400u);
  fresh_deque deque(true);
  random_sequence random(coir::test::seed());
  owner(deque, longest_burst).share_with(thieves, open_and_steal_until, [&] {
    if (random.below(4) == 0) deque.close_to_thieves();
  });
}
