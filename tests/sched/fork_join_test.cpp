// SPDX-License-Identifier: MIT
// In which order fibers begin: a recursion holds few of them begun at once, and yet nobody waits for ever.
#include "fiber/base/random.hpp"
#include "fiber/coro/spawn.hpp"
#include "fiber/thread.hpp"
#include "tests/catch.hpp"
#include "tests/support/seed.hpp"
#include "tests/support/worker_counts.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using coir::test::only_one_worker;
using coir::test::with_workers;

namespace {

/// How many have begun and not ended, and the most there ever were.
struct live_count {
  std::atomic<int> now{0};
  std::atomic<int> most{0};

  void begin() {
    const int seen = ++now;
    for (int before = most; before < seen && !most.compare_exchange_weak(before, seen);) {
    }
  }
  void end() { --now; }
};

std::uint64_t fibonacci(std::uint64_t n, live_count& live) {
  if (n < 2) return n;
  auto forked = coir::spawn([n, &live] {
    live.begin();
    const auto value = fibonacci(n - 1, live);
    live.end();
    return value;
  });
  const auto own = fibonacci(n - 2, live);
  return own + forked.join();
}

std::uint64_t leaves(std::uint64_t depth, live_count& live) {
  live.begin();
  std::uint64_t sum = 1;
  if (depth > 0) {
    std::vector<coir::fiber<std::uint64_t>> children;
    for (int i = 0; i < 6; ++i) children.push_back(coir::spawn(leaves, depth - 1, std::ref(live)));
    sum = 0;
    for (auto& child : children) sum += child.join();
  }
  live.end();
  return sum;
}

} // namespace

TEST_CASE("A recursive fork and join keeps as many fibers begun as it is deep") {
  const unsigned workers = GENERATE(1u, 2u, 4u);
  coir::run(with_workers(workers), [workers] {
    live_count live;
    CHECK(fibonacci(18, live) == 2584); // 4180 fibers
    CHECK(live.now == 0);
    if (workers == 1) CHECK(live.most <= 3 * 18);
    live_count wide;
    CHECK(leaves(5, wide) == 7776);
    if (workers == 1) CHECK(wide.most <= 10 * 5);
  });
}

TEST_CASE("What one fiber spawns begins in that order, before what others have spawned earlier") {
  coir::run(only_one_worker(), [] {
    std::string order;
    coir::scope all;
    for (const char outer : {'a', 'b', 'c'}) {
      all.spawn([&order, outer] {
        order += outer;
        coir::scope inner;
        for (const char each : {'1', '2', '3'}) inner.spawn([&order, each] { order += each; });
        inner.join();
        order += '.';
      });
    }
    all.join();
    CHECK(order == "a123.b123.c123.");
  });
}

TEST_CASE("Who yields lets those that it has spawned begin, and everybody else go on") {
  const bool is_coroutine = GENERATE(false, true);
  coir::run(only_one_worker(), [is_coroutine] {
    std::string order;
    coir::scope all;
    const auto child = [&order](char name) -> coir::task<> {
      order += name;
      co_return;
    };
    all.spawn([&] {
      for (int i = 0; i < 2; ++i) {
        order += 'x';
        coir::this_fiber::yield();
      }
    });
    all.spawn([&] {
      for (const char name : {'1', '2', '3'}) {
        if (is_coroutine) {
          all.spawn(child(name));
        } else {
          all.spawn([&order, name] { order += name; });
        }
      }
      coir::this_fiber::yield();
      order += 'y';
    });
    all.join();
    CHECK(order == "xx123y");
  });
}

TEST_CASE("One that was spawned long ago begins although newer ones keep coming") {
  const unsigned workers = GENERATE(1u, 2u);
  coir::run(with_workers(workers), [] {
    std::atomic<bool> has_begun{false};
    std::atomic<int> links{0};
    coir::scope all;
    struct chain {
      coir::scope& links_of;
      std::atomic<bool>& is_over;
      std::atomic<int>& count;
      void operator()() const {
        ++count;
        if (!is_over) links_of.spawn(*this);
      }
    };
    const auto end = coir::clock::now() + 20s;
    all.spawn([&] { // each link of the first would come before the second
      all.spawn(chain{all, has_begun, links});
      all.spawn([&] { has_begun = true; });
    });
    all.join();
    CHECK(links > 0);
    CHECK(coir::clock::now() < end);
  });
}

TEST_CASE("Any tree of spawns and waits comes to its end") {
  const unsigned workers = GENERATE(1u, 3u);
  coir::run(with_workers(workers), [] {
    std::atomic<std::uint64_t> ended{0};
    struct tree {
      std::atomic<std::uint64_t>& count;
      std::uint64_t grow(std::uint64_t seed, int depth) const {
        coir::base::random_sequence random(seed);
        std::uint64_t nodes = 1;
        std::vector<coir::fiber<std::uint64_t>> children;
        for (auto left = depth > 0 ? random.below(5) : 0; left > 0; --left) {
          const std::uint64_t seed_of_child = random.next();
          children.push_back(coir::spawn(
              [*this, seed_of_child, depth] { return grow(seed_of_child, depth - 1); }));
          if (random.below(3) == 0) coir::this_fiber::yield();
          if (random.below(4) == 0) nodes += children.back().join();
          if (!children.back().joinable()) children.pop_back();
        }
        for (auto& child : children) nodes += child.join();
        ++count;
        return nodes;
      }
    };
    std::uint64_t nodes = 0;
    for (std::uint32_t i = 0; i < 20; ++i) nodes += tree{ended}.grow(coir::test::seed() + i, 7);
    CHECK(nodes == ended);
  });
}
