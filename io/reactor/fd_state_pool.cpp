// SPDX-License-Identifier: MIT Where fd_states come from: chunks that are never freed, so that a late event may
// look at any record. Their number is bounded by the most descriptors that were ever open at once; each costs
// 64 bytes.
#include "fiber/base/check.hpp"
#include "io/reactor/fd_state.hpp"

#include <memory>
#include <mutex>
#include <vector>

namespace coir {
namespace {

constexpr std::size_t records_per_chunk = 64;

class fd_state_pool {
public:
  // Never destroyed: streams may be static objects of the program.
  static fd_state_pool& instance() {
    static fd_state_pool* const only = new fd_state_pool;
    return *only;
  }

  fd_state& take() {
    const std::lock_guard held(mutex_);
    if (free_ == nullptr) grow();
    fd_state* const taken = free_;
    free_ = taken->next_free;
    return *taken;
  }

  void give(fd_state& record) noexcept {
    const std::lock_guard held(mutex_);
    record.next_free = free_;
    free_ = &record;
  }

private:
  void grow() {
    chunks_.reserve(chunks_.size() + 1);
    chunks_.emplace_back(new fd_state[records_per_chunk]);
    for (std::size_t i = records_per_chunk; i-- > 0;) {
      chunks_.back()[i].next_free = free_;
      free_ = &chunks_.back()[i];
    }
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<fd_state[]>> chunks_;
  fd_state* free_ = nullptr;
};

} // namespace

fd_state& adopt_descriptor(int fd) {
  fd_state& record = fd_state_pool::instance().take();
  record.fd = fd;
  // relaxed: nobody else knows the record yet; a late event only sets `edge`, which costs one try.
  record.attached.store(0, relaxed);
  record.ready[0].store(fd_state::edge, relaxed); // relaxed: as above
  record.ready[1].store(fd_state::edge, relaxed); // relaxed: as above
  record.users.store(0, release);                 // pairs with the acquire in enter
  return record;
}

void release_record(fd_state& record) noexcept {
  COIR_CHECK(record.is_closed(), "the record of an open descriptor is released");
  // relaxed: the owner's destructor runs after all operations; the pool's mutex orders the next use.
  COIR_CHECK(record.users.load(relaxed) == 1,
             "a stream or listener is destroyed while another fiber uses it");
  // relaxed: a late event that still sees the old one only sets `edge`.
  record.generation.fetch_add(1, relaxed);
  fd_state_pool::instance().give(record);
}

} // namespace coir
