// SPDX-License-Identifier: MIT
// Boost.Fiber as its manual sets it up: one worker keeps the default scheduling (round_robin, no locks), several steal
// work from each other. Idle ones spin, its default, or sleep: each program does what makes it faster. Floor 7.
#pragma once

#include <boost/fiber/algo/work_stealing.hpp>
#include <boost/fiber/condition_variable.hpp>
#include <boost/fiber/mutex.hpp>
#include <boost/fiber/operations.hpp>

#include <mutex>
#include <thread>
#include <vector>

namespace bench {

/// The calling thread and `workers` - 1 others run fibers while it lives.
class boost_workers {
public:
  enum class when_idle : bool { spin, sleep };

  boost_workers(unsigned workers, when_idle rest) {
    if (workers == 1) return;
    for (unsigned i = 1; i < workers; ++i) {
      threads_.emplace_back([this, workers, rest] {
        join_in(workers, rest);
        std::unique_lock held(mutex_);
        end_.wait(held, [this] { return has_ended_; }); // runs other fibers meanwhile
      });
    }
    join_in(workers, rest); // returns when all have joined
  }
  boost_workers(const boost_workers&) = delete;
  boost_workers& operator=(const boost_workers&) = delete;
  ~boost_workers() {
    {
      const std::lock_guard held(mutex_);
      has_ended_ = true;
    }
    end_.notify_all();
    for (auto& thread : threads_) thread.join();
  }

private:
  static void join_in(unsigned workers, when_idle rest) {
    boost::fibers::use_scheduling_algorithm<boost::fibers::algo::work_stealing>(
        workers, rest == when_idle::sleep);
  }

  boost::fibers::mutex mutex_;
  boost::fibers::condition_variable end_;
  bool has_ended_ = false; ///< guarded by mutex_
  std::vector<std::thread> threads_;
};

} // namespace bench
