// SPDX-License-Identifier: MIT
// Floor 1. `line`, `report` and `on_fault` run in a signal handler: no allocation, no locks, no stdio.
#include "fiber/context/overflow_report.hpp"

#include "fiber/base/atomic.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <execinfo.h>
#include <mutex>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

namespace coir {
namespace {

constexpr int signals[] = {SIGSEGV, SIGBUS};
constexpr int frames_shown = 48;
/// The unwinder's frames and those of the handler; more on CPUs with large vector state.
constexpr std::size_t alternate_stack_bytes = std::size_t{64} << 10;

/// Guards the two below.
std::mutex install_lock;
unsigned installs = 0;
bool is_ours[std::size(signals)] = {};

atomic<running_fiber_source> ask_running{nullptr};

/// A line of text of bounded length.
class line {
public:
  line& operator<<(const char* text) noexcept {
    const std::size_t length = std::min(std::strlen(text), sizeof text_ - length_);
    std::memcpy(text_ + length_, text, length);
    length_ += length;
    return *this;
  }
  line& operator<<(std::uint64_t number) noexcept {
    char digits[21] = {};
    char* first = digits + sizeof digits - 1;
    do {
      *--first = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number > 0);
    return *this << first;
  }
  void print() const noexcept {
    for (std::size_t done = 0; done < length_;) {
      const auto written = ::write(STDERR_FILENO, text_ + done, length_ - done);
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return;
      done += static_cast<std::size_t>(written);
    }
  }

private:
  char text_[512];
  std::size_t length_ = 0;
};

/// The stack pointer at the fault; where it is not known, the address that faulted is close enough.
const std::byte* stack_pointer([[maybe_unused]] const void* machine,
                               [[maybe_unused]] const std::byte* fault) noexcept {
#if defined(__x86_64__)
  const auto* const state = static_cast<const ucontext_t*>(machine);
  const auto value = static_cast<std::uintptr_t>(state->uc_mcontext.gregs[REG_RSP]);
  return reinterpret_cast<const std::byte*>(value);
#else
  return fault;
#endif
}

[[noreturn]] void report(const running_fiber& running, const std::byte* fault,
                         const void* machine) noexcept {
  const stack& overflowed = *running.bound;
  const std::byte* const lowest = std::min(stack_pointer(machine, fault), fault);
  line text;
  text << "coir: stack overflow in fiber " << running.id;
  if (running.name != nullptr) text << " \"" << running.name << "\"";
  text << ": stack of " << overflowed.slot_bytes() << " bytes, " << overflowed.usable_bytes()
       << " of them usable, used " << static_cast<std::uint64_t>(overflowed.base - lowest)
       << "; raise spawn_options::stack_size or runtime_options::stack_size\n";
  text.print();
  void* frames[frames_shown];
  ::backtrace_symbols_fd(frames, ::backtrace(frames, frames_shown), STDERR_FILENO);
  std::abort();
}

bool is_in_guard(const stack& running, const std::byte* fault) noexcept {
  return running.has_guard && fault >= running.slot_begin && fault < running.limit;
}

void on_fault(int signal, siginfo_t* details, void* machine) {
  const int error = errno;
  const auto* const fault = static_cast<const std::byte*>(details->si_addr);
  const bool is_fault = details->si_code > 0; // else somebody sent it
  // acquire: pairs with the release in install_overflow_report.
  const running_fiber_source ask = ask_running.load(acquire);
  if (is_fault && ask != nullptr) {
    const running_fiber running = ask();
    if (running.bound != nullptr && is_in_guard(*running.bound, fault))
      report(running, fault, machine);
  }
  // Not for us: the default action, at the instruction that faulted.
  struct sigaction plain {};
  plain.sa_handler = SIG_DFL;
  ::sigaction(signal, &plain, nullptr);
  if (!is_fault) ::raise(signal); // blocked until we return
  errno = error;
}

} // namespace

void install_overflow_report(running_fiber_source source) {
  const std::lock_guard held(install_lock);
  ask_running.store(source, release); // pairs with the acquire in on_fault
  if (installs++ > 0) return;
  // The first call of backtrace loads the unwinder, which the handler may not.
  void* frame = nullptr;
  ::backtrace(&frame, 1);
  for (std::size_t i = 0; i < std::size(signals); ++i) {
    struct sigaction present {};
    if (::sigaction(signals[i], nullptr, &present) != 0) continue;
    if ((present.sa_flags & SA_SIGINFO) != 0 || present.sa_handler != SIG_DFL) continue;
    struct sigaction ours {};
    ours.sa_sigaction = on_fault;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ::sigemptyset(&ours.sa_mask);
    is_ours[i] = ::sigaction(signals[i], &ours, nullptr) == 0;
  }
}

void uninstall_overflow_report() noexcept {
  const std::lock_guard held(install_lock);
  if (--installs > 0) return;
  for (std::size_t i = 0; i < std::size(signals); ++i) {
    if (!is_ours[i]) continue;
    is_ours[i] = false;
    struct sigaction present {};
    if (::sigaction(signals[i], nullptr, &present) != 0 || present.sa_sigaction != on_fault)
      continue;
    struct sigaction plain {};
    plain.sa_handler = SIG_DFL;
    ::sigaction(signals[i], &plain, nullptr);
  }
}

overflow_report_thread::overflow_report_thread() noexcept {
  {
    const std::lock_guard held(install_lock);
    if (installs == 0) return;
  }
  stack_t present{};
  if (::sigaltstack(nullptr, &present) != 0 || (present.ss_flags & SS_DISABLE) == 0) return;
  const long page = ::sysconf(_SC_PAGESIZE);
  const long needed = ::sysconf(_SC_SIGSTKSZ); // what the CPU's state needs, or -1
  const auto guard = static_cast<std::size_t>(page);
  bytes_ = guard + std::max(alternate_stack_bytes, static_cast<std::size_t>(std::max(needed, 0L)));
  void* const mapping =
      ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) return; // an overflow will be a plain SIGSEGV
  mapping_ = static_cast<std::byte*>(mapping);
  ::mprotect(mapping_, guard, PROT_NONE);
  stack_t ours{};
  ours.ss_sp = mapping_ + guard;
  ours.ss_size = bytes_ - guard;
  if (::sigaltstack(&ours, nullptr) == 0) return;
  ::munmap(mapping_, bytes_);
  mapping_ = nullptr;
}

overflow_report_thread::~overflow_report_thread() {
  if (mapping_ == nullptr) return;
  stack_t none{};
  none.ss_flags = SS_DISABLE;
  ::sigaltstack(&none, nullptr);
  ::munmap(mapping_, bytes_);
}

} // namespace coir
