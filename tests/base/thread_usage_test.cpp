// SPDX-License-Identifier: MIT
// thread_usage: threads that compute, block, and are gone, as seen from outside.
#include "fiber/base/thread_usage.hpp"

#include "tests/catch.hpp"
#include "tests/support/blocking_call.hpp"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>

using namespace std::chrono_literals;
using coir::base::thread_usage;

TEST_CASE("A thread that computes is runnable, and its CPU time grows") {
  thread_usage usage;
  std::atomic<bool> is_watched{false};
  std::atomic<bool> is_over{false};
  std::thread thread([&] {
    usage.watch_this_thread();
    is_watched = true;
    while (!is_over) {
    }
  });
  while (!is_watched) std::this_thread::yield();
  errno = 77;
  CHECK(usage.is_runnable());
  const auto before = usage.cpu_time();
  while (usage.cpu_time() < before + 5ms) std::this_thread::yield();
  CHECK(errno == 77);
  is_over = true;
  thread.join();
}

TEST_CASE("A thread that blocks is not runnable, and its CPU time stands still") {
  thread_usage usage;
  coir::test::blocking_call call;
  std::atomic<bool> is_watched{false};
  std::thread thread([&] {
    usage.watch_this_thread();
    is_watched = true;
    call.block();
  });
  while (!is_watched || usage.is_runnable()) std::this_thread::yield();
  const auto before = usage.cpu_time();
  CHECK(before > 0ns);
  CHECK_FALSE(usage.is_runnable());
  CHECK(usage.cpu_time() - before < 1ms);
  call.end_one();
  thread.join();
}

TEST_CASE("A thread that is gone is not runnable") {
  thread_usage usage;
  CHECK_FALSE(usage.is_runnable()); // watches nobody yet
  std::thread([&] { usage.watch_this_thread(); }).join();
  errno = 77;
  CHECK_FALSE(usage.is_runnable());
  CHECK(usage.cpu_time() == 0ns);
  CHECK(errno == 77);
}
