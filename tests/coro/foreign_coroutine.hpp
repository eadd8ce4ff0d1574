// SPDX-License-Identifier: MIT
// A coroutine type and a source of resumptions that know nothing of coir, as another library's. Floor 7.
#pragma once

#include <condition_variable>
#include <coroutine>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace coir::test {

/// A lazy coroutine with symmetric transfer in both directions. Awaited once.
template <class Value>
class foreign_task {
public:
  struct promise_type {
    foreign_task get_return_object() {
      return foreign_task(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
    struct final_awaiter {
      [[nodiscard]] bool await_ready() const noexcept { return false; }
      std::coroutine_handle<>
      await_suspend(std::coroutine_handle<promise_type> ended) const noexcept {
        const auto next = ended.promise().continuation;
        return next ? next : std::noop_coroutine();
      }
      void await_resume() const noexcept {}
    };
    [[nodiscard]] final_awaiter final_suspend() const noexcept { return {}; }
    void return_value(Value given) { value = std::move(given); }
    void unhandled_exception() noexcept { error = std::current_exception(); }

    std::coroutine_handle<> continuation;
    std::optional<Value> value;
    std::exception_ptr error;
  };

  foreign_task(foreign_task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, {})) {}
  foreign_task& operator=(foreign_task&&) = delete;
  ~foreign_task() {
    if (coroutine_) coroutine_.destroy();
  }

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) noexcept {
    coroutine_.promise().continuation = awaiting;
    return coroutine_;
  }
  Value await_resume() {
    if (coroutine_.promise().error) std::rethrow_exception(coroutine_.promise().error);
    return *std::move(coroutine_.promise().value);
  }

  /// By hand, without a continuation.
  void resume() { coroutine_.resume(); }

private:
  explicit foreign_task(std::coroutine_handle<promise_type> coroutine) noexcept
      : coroutine_(coroutine) {}
  std::coroutine_handle<promise_type> coroutine_;
};

/// Runs one that ends without a foreign thread's doing.
template <class Value>
Value start_detached(foreign_task<Value>& started) {
  started.resume();
  return started.await_resume();
}

/// A thread that resumes what is awaited on it.
class resuming_thread {
public:
  resuming_thread() : thread_([this] { serve(); }) {}
  resuming_thread(const resuming_thread&) = delete;
  resuming_thread& operator=(const resuming_thread&) = delete;
  ~resuming_thread() {
    {
      const std::lock_guard held(mutex_);
      is_over_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

  struct awaitable {
    resuming_thread& server;
    int value;
    int written_by_thread = -1; ///< plain: the resumption must hand it over
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> awaiting) { server.push(awaiting, *this); }
    [[nodiscard]] int await_resume() const noexcept { return written_by_thread; }
  };
  /// Awaited, gives `value` after the thread has resumed.
  [[nodiscard]] awaitable resume_with(int value) noexcept { return {*this, value}; }

private:
  struct request {
    std::coroutine_handle<> awaiting;
    awaitable* from;
  };

  void push(std::coroutine_handle<> awaiting, awaitable& from) {
    const std::lock_guard held(mutex_);
    requests_.push_back({awaiting, &from});
    changed_.notify_one();
  }
  void serve() {
    std::unique_lock held(mutex_);
    for (;;) {
      changed_.wait(held, [this] { return is_over_ || !requests_.empty(); });
      if (requests_.empty()) return;
      const request next = requests_.front();
      requests_.pop_front();
      held.unlock();
      next.from->written_by_thread = next.from->value;
      next.awaiting.resume();
      held.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<request> requests_; ///< guarded by mutex_
  bool is_over_ = false;         ///< guarded by mutex_
  std::thread thread_;
};

} // namespace coir::test
