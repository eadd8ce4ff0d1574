// SPDX-License-Identifier: MIT
// The smallest program: two fibers, their results, and a channel-free way to wait for both.
#include <fiber/thread.hpp>

#include <chrono>
#include <cstdio>

using namespace std::chrono_literals;

int main() {
  return coir::run([] {
    auto slow = coir::spawn([] {
      coir::this_fiber::sleep_for(20ms); // suspends the fiber, not the thread
      return 40;
    });
    auto fast = coir::spawn([](int value) { return value; }, 2);
    std::printf("hello from fiber %llu: %d\n",
                static_cast<unsigned long long>(coir::this_fiber::id()), slow.join() + fast.join());
    return 0;
  });
}
