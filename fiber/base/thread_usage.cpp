// SPDX-License-Identifier: MIT
#include "fiber/base/thread_usage.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

namespace coir::base {

void thread_usage::watch_this_thread() noexcept {
  clockid_t clock = CLOCK_THREAD_CPUTIME_ID;
  ::pthread_getcpuclockid(::pthread_self(), &clock);
  clock_.store(clock, relaxed); // relaxed: each word is good on its own, and wrong answers are bearable
  id_.store(::gettid(), relaxed); // relaxed: the same
}

std::chrono::nanoseconds thread_usage::cpu_time() const noexcept {
  const int errno_before = errno;
  timespec used{};
  // relaxed: see watch_this_thread.
  if (::clock_gettime(clock_.load(relaxed), &used) != 0) used = {};
  errno = errno_before;
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

bool thread_usage::is_runnable() const noexcept {
  const int errno_before = errno;
  char path[64];
  std::snprintf(path, sizeof path, "/proc/self/task/%d/stat", id_.load(relaxed)); // relaxed: see watch_this_thread
  char text[128];
  ssize_t size = -1;
  if (const int file = ::open(path, O_RDONLY | O_CLOEXEC); file >= 0) {
    size = ::read(file, text, sizeof text - 1);
    ::close(file);
  }
  errno = errno_before;
  if (size <= 0) return false;
  text[size] = '\0';
  // id (name) state …, and the name may hold anything (proc(5)).
  const char* const name_end = std::strrchr(text, ')');
  return name_end != nullptr && name_end[1] == ' ' && name_end[2] == 'R';
}

} // namespace coir::base
