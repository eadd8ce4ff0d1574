// SPDX-License-Identifier: MIT
#include "fiber/scope.hpp"

#include "fiber/sched/current.hpp"
#include "fiber/sched/stop.hpp"
#include "fiber/sched/wait_error.hpp"

#include <mutex>

namespace coir {

scope_member::~scope_member() { owner_.leave(*this); }

void scope_member::fail() noexcept { owner_.note_failure(*current_fiber()); }

scope::~scope() {
  request_stop();
  ended_.wait(clock::time_point::max(), wait_kind::plain, [this] { return size_ == 0; });
}

void scope::start(spawning_place& place, control_block& fiber, scope_member& member) noexcept {
  bool is_late = false;
  {
    const std::lock_guard held(ended_.lock());
    is_late = is_stopping_;
    scope_member*& head = is_late ? told_ : running_;
    member.fiber_ = &fiber;
    member.next_ = head;
    member.link_ = &head;
    if (head != nullptr) head->link_ = &member.next_;
    head = &member;
    ++size_;
  }
  if (is_late) coir::request_stop(fiber);
  place.start(fiber);
  drop_reference(fiber); // the handle's: the scope finds its children by their members
}

void scope::leave(scope_member& member) noexcept {
  if (member.fiber_ == nullptr) return; // was never started
  waiter* joiners = nullptr;
  {
    const std::lock_guard held(ended_.lock());
    *member.link_ = member.next_;
    if (member.next_ != nullptr) member.next_->link_ = member.link_;
    if (--size_ == 0) joiners = ended_.take_all();
  }
  wait_queue::resume_all(joiners); // the scope may be gone already
}

void scope::note_failure(const control_block& fiber) noexcept {
  const std::exception_ptr error = std::current_exception();
  if (is_clean_cancellation(fiber, error)) return;
  {
    const std::lock_guard held(ended_.lock());
    if (error_ == nullptr) error_ = error;
  }
  request_stop();
}

void scope::request_stop() noexcept {
  for (;;) {
    control_block* fiber = nullptr;
    {
      const std::lock_guard held(ended_.lock());
      is_stopping_ = true;
      scope_member* const member = running_;
      if (member == nullptr) return;
      running_ = member->next_;
      if (running_ != nullptr) running_->link_ = &running_;
      member->next_ = told_;
      member->link_ = &told_;
      if (told_ != nullptr) told_->link_ = &member->next_;
      told_ = member;
      // A linked member's fiber has not ended, so the scheduler's reference keeps it for us to add one.
      fiber = member->fiber_;
      add_reference(*fiber);
    }
    coir::request_stop(*fiber);
    drop_reference(*fiber);
  }
}

void scope::join() {
  const auto outcome = ended_.wait(clock::time_point::max(), wait_kind::interruptible,
                                   [this] { return size_ == 0; });
  if (outcome != wait_outcome::notified) {
    request_stop();
    ended_.wait(clock::time_point::max(), wait_kind::plain, [this] { return size_ == 0; });
  }
  throw_if_failed(outcome);
}

void scope::throw_if_failed(wait_outcome joining) {
  std::exception_ptr error;
  {
    const std::lock_guard held(ended_.lock());
    error.swap(error_);
  }
  if (error != nullptr) std::rethrow_exception(error);
  throw_if_interrupted(joining, "coir: scope::join");
}

std::size_t scope::size() noexcept {
  const std::lock_guard held(ended_.lock());
  return size_;
}

} // namespace coir
