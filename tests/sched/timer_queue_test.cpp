// SPDX-License-Identifier: MIT
// timer_queue alone, against a model: what is due fires, what is disarmed does not, and the next deadline is known.
#include "fiber/sched/timer_queue.hpp"

#include "fiber/base/random.hpp"
#include "fiber/sched/control_block.hpp"
#include "fiber/sched/wait_queue.hpp"
#include "tests/catch.hpp"
#include "tests/support/seed.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <vector>

using namespace std::chrono_literals;
using coir::timer_queue;
using coir::wait_outcome;
using coir::waiter;
using coir::base::time_point;

namespace {

constexpr time_point start{1h};

/// A fiber's waiter that does not wait yet: its timer fires by interrupting it in advance, so that nobody has to be
/// resumed.
using idle_waiter = std::unique_ptr<waiter>;
idle_waiter make_waiter() {
  static coir::control_block fiber;
  return std::make_unique<waiter>(&fiber);
}

bool has_fired(const idle_waiter& w) { return w->outcome() == wait_outcome::timed_out; }

void expire(timer_queue& queue, time_point now) {
  coir::fiber_list ready;
  queue.expire(now, ready);
  REQUIRE(ready.is_empty());
}

} // namespace

TEST_CASE("An empty queue has no deadline and nothing to expire") {
  timer_queue queue;
  CHECK(queue.next_deadline() == time_point::max());
  expire(queue, time_point::max());
}

TEST_CASE("A timer fires at its deadline, once, and not before") {
  timer_queue queue;
  const auto w = make_waiter();
  queue.arm(*w, start + 10ns);
  CHECK(queue.next_deadline() == start + 10ns);
  expire(queue, start + 9ns);
  CHECK_FALSE(has_fired(w));
  expire(queue, start + 10ns);
  CHECK(has_fired(w));
  CHECK(queue.next_deadline() == time_point::max());
  queue.disarm(*w); // too late, and harmless
}

TEST_CASE("A disarmed timer does not fire, and its place is used again") {
  timer_queue queue;
  const auto first = make_waiter();
  const auto second = make_waiter();
  queue.arm(*first, start + 1ns);
  queue.disarm(*first);
  CHECK(queue.next_deadline() == time_point::max());
  queue.arm(*second, start + 2ns);
  queue.disarm(*first); // its slot serves the second by now
  CHECK(queue.next_deadline() == start + 2ns);
  expire(queue, start + 2ns);
  CHECK_FALSE(has_fired(first));
  CHECK(has_fired(second));
}

TEST_CASE("Equal deadlines fire together") {
  timer_queue queue;
  std::vector<idle_waiter> all;
  for (int i = 0; i < 100; ++i) queue.arm(*all.emplace_back(make_waiter()), start);
  expire(queue, start);
  for (const auto& each : all) CHECK(has_fired(each));
}

TEST_CASE("A waiter that goes away takes its timer along") {
  timer_queue queue;
  auto kept = make_waiter();
  queue.arm(*kept, start + 2ns);
  {
    const auto gone = make_waiter();
    queue.arm(*gone, start + 1ns);
  }
  CHECK(queue.next_deadline() == start + 2ns);
  expire(queue, start + 5ns);
  CHECK(has_fired(kept));
}

TEST_CASE("Any sequence of arming, disarming and expiring is as in a sorted map") {
  coir::base::random_sequence random(coir::test::seed());
  for (int round = 0; round < 20; ++round) {
    timer_queue queue;
    std::multimap<time_point, idle_waiter> model;
    auto now = start;
    const auto spread = random.below(2) == 0 ? 50U : 1'000'000U;
    int wrong = 0;
    for (int step = 0; step < 2000; ++step) {
      const auto choice = random.below(10);
      if (choice < 6) {
        const auto when = now + std::chrono::nanoseconds(random.below(spread) + 1);
        queue.arm(*model.emplace(when, make_waiter())->second, when);
      } else if (choice < 8 && !model.empty()) {
        auto chosen = model.lower_bound(now + std::chrono::nanoseconds(random.below(spread)));
        if (chosen == model.end()) chosen = model.begin();
        queue.disarm(*chosen->second);
        wrong += has_fired(chosen->second) ? 1 : 0;
        model.erase(chosen);
      } else {
        now += std::chrono::nanoseconds(random.below(spread / 10));
        expire(queue, now);
        while (!model.empty() && model.begin()->first <= now) {
          wrong += has_fired(model.begin()->second) ? 0 : 1;
          model.erase(model.begin());
        }
        for (const auto& [when, w] : model) wrong += has_fired(w) ? 1 : 0;
      }
      const auto next = model.empty() ? time_point::max() : model.begin()->first;
      wrong += queue.next_deadline() == next ? 0 : 1;
    }
    CHECK(wrong == 0);
  }
}
