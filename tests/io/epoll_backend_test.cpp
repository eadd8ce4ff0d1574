// SPDX-License-Identifier: MIT
// The contract of fiber/sched/poller.hpp, kept by epoll_backend.
#include "tests/io/descriptor_pair.hpp"

#include <io/reactor/epoll_backend.hpp>
#include <io/reactor/fd_state.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>

using namespace std::chrono_literals;
using coir::direction;
using coir::fd_state;
using coir::base::time_point;
using coir::test::descriptor_pair;

namespace {

constexpr auto without_waiting = time_point::min();
constexpr auto for_ever = time_point::max();

void poll(coir::epoll_backend& poller, time_point deadline) {
  coir::fiber_list ready;
  REQUIRE(poller.poll(deadline, ready) == coir::poll_result::done);
  REQUIRE(ready.is_empty());
}

/// A record that is attached and has no edge.
class attached {
public:
  attached(coir::epoll_backend& to, int fd) : record_(coir::adopt_descriptor(fd)) {
    REQUIRE(to.attach(record_) == 0);
    poll(to, without_waiting); // writable
    clear();
  }
  attached(const attached&) = delete;
  attached& operator=(const attached&) = delete;
  ~attached() {
    record_.close();
    coir::release_record(record_);
  }
  fd_state& operator*() const noexcept { return record_; }
  fd_state* operator->() const noexcept { return &record_; }
  void clear() const {
    static_cast<void>(record_.take_edge(direction::read));
    static_cast<void>(record_.take_edge(direction::write));
  }

private:
  fd_state& record_;
};

/// The shortest of several polls for `wanted`; none may be too short.
std::chrono::nanoseconds shortest_poll(coir::epoll_backend& poller,
                                       std::chrono::nanoseconds wanted) {
  auto shortest = std::chrono::nanoseconds::max();
  for (int i = 0; i < 50; ++i) {
    const auto begin = poller.now();
    poll(poller, begin + wanted);
    const auto taken = poller.now() - begin;
    REQUIRE(taken >= wanted);
    shortest = std::min(shortest, taken);
  }
  return shortest;
}

} // namespace

TEST_CASE("a poll that does not wait returns with nothing") {
  coir::epoll_backend poller;
  poll(poller, without_waiting);
}

TEST_CASE("deadlines have nanoseconds") {
  coir::epoll_backend poller;
  CHECK(shortest_poll(poller, 200us) < 1ms);
}

TEST_CASE("without epoll_pwait2 deadlines are rounded up to milliseconds") {
  coir::epoll_backend poller(false);
  CHECK(shortest_poll(poller, 200us) < 20ms);
  CHECK(shortest_poll(poller, 200us) > 500us); // a whole millisecond, less what the kernel's clock is off
}

TEST_CASE("an interrupt ends the next poll that waits, once") {
  coir::epoll_backend poller;
  poller.interrupt();
  poller.interrupt();
  poll(poller, for_ever);
  const auto begin = poller.now();
  poll(poller, begin + 20ms);
  CHECK(poller.now() >= begin + 20ms);
}

TEST_CASE("an interrupt survives polls that do not wait") {
  coir::epoll_backend poller;
  poller.interrupt();
  poll(poller, without_waiting);
  poll(poller, for_ever);
}

TEST_CASE("an interrupt leaves errno alone") {
  coir::epoll_backend poller;
  errno = EXDEV;
  poller.interrupt();
  poll(poller, for_ever);
  poll(poller, poller.now() + 1us);
  CHECK(errno == EXDEV);
}

TEST_CASE("no interrupt is lost, even if a second thread polls") {
  constexpr int rounds = 5'000;
  coir::epoll_backend poller;
  std::atomic<int> wanted{0};
  std::atomic<int> seen{0};
  std::thread worker([&] {
    coir::fiber_list ready;
    while (seen < rounds) {
      poller.poll(for_ever, ready);
      seen = wanted.load();
    }
  });
  std::thread monitor([&] {
    coir::fiber_list ready;
    while (seen < rounds) poller.poll(without_waiting, ready);
  });
  for (int round = 1; round <= rounds; ++round) {
    wanted = round;
    poller.interrupt();
    while (seen < round) std::this_thread::yield();
  }
  worker.join();
  monitor.join();
  CHECK(seen == rounds);
}

TEST_CASE("bytes are an event for reading") {
  coir::epoll_backend poller;
  descriptor_pair pair;
  attached record(poller, pair.release_near());
  poll(poller, without_waiting);
  CHECK_FALSE(record->has_edge(direction::read));
  pair.send_from_far('x');
  poll(poller, for_ever);
  CHECK(record->take_edge(direction::read));
  CHECK_FALSE(record->take_edge(direction::read)); // an edge, not a hang-up
  poll(poller, without_waiting);
  CHECK_FALSE(record->has_edge(direction::read)); // once per event
}

TEST_CASE("the peer's half-close is a hang-up for reading only") {
  coir::epoll_backend poller;
  descriptor_pair pair;
  attached record(poller, pair.release_near());
  ::shutdown(pair.far(), SHUT_WR);
  poll(poller, for_ever);
  record.clear();
  CHECK(record->has_edge(direction::read));
  CHECK_FALSE(record->has_edge(direction::write));
}

TEST_CASE("the peer's close is a hang-up for both") {
  coir::epoll_backend poller;
  descriptor_pair pair;
  attached record(poller, pair.release_near());
  pair.close_far();
  poll(poller, for_ever);
  record.clear();
  CHECK(record->has_edge(direction::read));
  CHECK(record->has_edge(direction::write));
}

TEST_CASE("attaching what is attached tells again what is there") {
  coir::epoll_backend poller;
  descriptor_pair pair;
  attached record(poller, pair.release_near());
  pair.send_from_far('x');
  poll(poller, for_ever);
  record.clear();
  CHECK(poller.attach(*record) == 0);
  poll(poller, without_waiting);
  CHECK(record->has_edge(direction::read));
}

TEST_CASE("two pollers tell one record") {
  coir::epoll_backend first;
  coir::epoll_backend second;
  descriptor_pair pair;
  attached record(first, pair.release_near());
  REQUIRE(second.attach(*record) == 0);
  poll(second, without_waiting);
  record.clear();
  pair.send_from_far('x');
  poll(first, for_ever);
  CHECK(record->take_edge(direction::read));
  poll(second, for_ever);
  CHECK(record->take_edge(direction::read));
}

TEST_CASE("what is detached has no events") {
  coir::epoll_backend poller;
  descriptor_pair pair;
  attached record(poller, pair.release_near());
  poller.detach(*record);
  pair.send_from_far('x');
  poll(poller, without_waiting);
  CHECK_FALSE(record->has_edge(direction::read));
}

TEST_CASE("a descriptor that epoll cannot watch is refused") {
  coir::epoll_backend poller;
  const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  REQUIRE(file >= 0);
  fd_state& record = coir::adopt_descriptor(file);
  CHECK(poller.attach(record) == -EPERM);
  record.close();
  coir::release_record(record);
}
