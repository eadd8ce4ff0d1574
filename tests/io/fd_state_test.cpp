// SPDX-License-Identifier: MIT
// The protocols of fd_state.hpp, step by step on one thread: users, readiness, reuse of records.
#include "tests/io/descriptor_pair.hpp"

#include <io/operation.hpp>
#include <io/reactor/epoll_backend.hpp>

#include <cerrno>

using coir::direction;
using coir::fd_state;
using coir::test::descriptor_pair;
using coir::test::is_open;

namespace {

constexpr auto expired = coir::clock::time_point{};

/// A record that is closed and given back at the end.
class adopted {
public:
  explicit adopted(int fd) : record_(coir::adopt_descriptor(fd)) {}
  adopted(const adopted&) = delete;
  adopted& operator=(const adopted&) = delete;
  ~adopted() {
    record_.close();
    coir::release_record(record_);
  }
  fd_state& operator*() const noexcept { return record_; }
  fd_state* operator->() const noexcept { return &record_; }

private:
  fd_state& record_;
};

void clear(fd_state& record) {
  static_cast<void>(record.take_edge(direction::read));
  static_cast<void>(record.take_edge(direction::write));
}

void notify(fd_state& record, direction d, bool has_hung_up) {
  coir::fiber_list resumed;
  record.notify(d, has_hung_up, resumed);
  REQUIRE(resumed.is_empty());
}

/// A function as what an operation attempts.
template <direction Way, class Function>
struct called {
  static constexpr direction way = Way;
  fd_state& used;
  Function& function;

  [[nodiscard]] fd_state& record() const noexcept { return used; }
  std::int64_t operator()(int fd) const { return function(fd); }
};

template <class Function>
std::int64_t perform(fd_state& record, direction d, coir::clock::time_point limit,
                     Function&& function) {
  called<direction::read, Function> read{record, function};
  called<direction::write, Function> write{record, function};
  return d == direction::read ? coir::perform(read, limit) : coir::perform(write, limit);
}

std::int64_t fail_with(int number) {
  return coir::kernel_call([number] {
    errno = number;
    return -1;
  });
}

} // namespace

TEST_CASE("the descriptor is closed at once if no operation is inside") {
  descriptor_pair pair;
  const int fd = pair.near();
  adopted record(pair.release_near());
  CHECK(record->close());
  CHECK_FALSE(is_open(fd));
  CHECK(record->is_closed());
  CHECK_FALSE(record->close());
}

TEST_CASE("the last operation to leave closes the descriptor") {
  descriptor_pair pair;
  const int fd = pair.near();
  adopted record(pair.release_near());
  REQUIRE(record->enter());
  REQUIRE(record->enter());
  CHECK(record->close());
  CHECK(is_open(fd));
  CHECK_FALSE(record->enter());
  record->leave();
  CHECK(is_open(fd));
  record->leave();
  CHECK_FALSE(is_open(fd));
}

TEST_CASE("an operation on a closed record does not close the number again") {
  descriptor_pair pair;
  const int fd = pair.near();
  adopted record(pair.release_near());
  record->close();
  const int reused = ::fcntl(pair.far(), F_DUPFD_CLOEXEC, fd);
  REQUIRE(reused == fd);
  CHECK_FALSE(record->enter());
  CHECK(perform(*record, direction::read, expired, [](int) -> ssize_t { return 0; }) == -EBADF);
  CHECK(is_open(fd));
  ::close(reused);
}

TEST_CASE("closing and being refused leave errno alone") {
  descriptor_pair pair;
  adopted record(pair.release_near());
  REQUIRE(record->enter());
  errno = EXDEV;
  record->close();
  CHECK(errno == EXDEV);
  record->leave();
  CHECK_FALSE(record->enter());
  CHECK(errno == EXDEV);
}

TEST_CASE("a new record makes both directions try") {
  descriptor_pair pair;
  adopted record(pair.release_near());
  for (const auto d : {direction::read, direction::write}) {
    CHECK(record->take_edge(d));
    CHECK_FALSE(record->take_edge(d));
    record->leave_edge(d);
    CHECK(record->has_edge(d));
    CHECK(record->take_edge(d));
  }
}

TEST_CASE("an event is for its direction") {
  descriptor_pair pair;
  adopted record(pair.release_near());
  clear(*record);
  notify(*record, direction::write, false);
  CHECK_FALSE(record->has_edge(direction::read));
  CHECK(record->take_edge(direction::write));
  CHECK_FALSE(record->take_edge(direction::write));
}

TEST_CASE("after a hang-up every read tries, until one finds nothing") {
  descriptor_pair pair;
  adopted record(pair.release_near());
  clear(*record);
  notify(*record, direction::read, true);
  CHECK(record->take_edge(direction::read));
  CHECK(record->take_edge(direction::read));
  int tries = 0;
  const auto result = perform(*record, direction::read, expired, [&](int) {
    ++tries;
    return fail_with(EAGAIN);
  });
  CHECK(result == -ETIMEDOUT);
  CHECK(tries >= 1);
  CHECK_FALSE(record->take_edge(direction::read));
}

TEST_CASE("a hang-up that comes while a try finds nothing is not forgotten") {
  descriptor_pair pair;
  adopted record(pair.release_near());
  int tries = 0;
  const auto read_short = [&](int) {
    if (++tries > 1) return std::int64_t{3};
    notify(*record, direction::read, true); // three bytes and the end of the stream, in one event
    return fail_with(EAGAIN);
  };
  CHECK(perform(*record, direction::read, expired, read_short) == 3);
  const auto read_end = [&](int) { return std::int64_t{0}; };
  CHECK(perform(*record, direction::read, expired, read_end) == 0);
}

TEST_CASE("a write that took the edge and then found room leaves it") {
  descriptor_pair pair;
  adopted record(pair.release_near());
  int tries = 0;
  const auto write_late = [&](int) { return ++tries > 1 ? std::int64_t{1} : fail_with(EAGAIN); };
  CHECK(perform(*record, direction::write, expired, write_late) == 1);
  CHECK(tries == 2);
  CHECK(record->has_edge(direction::write));
}

TEST_CASE("an error does not use up the edge") {
  descriptor_pair pair;
  adopted record(pair.release_near());
  for (const auto d : {direction::read, direction::write}) {
    const auto result = perform(*record, d, expired, [](int) { return fail_with(ENOBUFS); });
    CHECK(result == -ENOBUFS);
    CHECK(record->has_edge(d));
  }
}

TEST_CASE("an operation with an expired limit tries once") {
  descriptor_pair pair;
  const char zeros[4096] = {};
  while (::send(pair.near(), zeros, sizeof zeros, MSG_NOSIGNAL) > 0) {
  }
  adopted record(pair.release_near());
  clear(*record);
  for (const auto d : {direction::read, direction::write}) {
    int tries = 0;
    const auto find_nothing = [&](int) {
      ++tries;
      return fail_with(EAGAIN);
    };
    CHECK(perform(*record, d, expired, find_nothing) == -ETIMEDOUT);
    CHECK(tries >= 1);
    const auto find_something = [](int) { return std::int64_t{7}; };
    CHECK(perform(*record, d, expired, find_something) == 7);
  }
}

TEST_CASE("a try that is interrupted by a signal is repeated, and errno is left alone") {
  descriptor_pair pair;
  adopted record(pair.release_near());
  int tries = 0;
  errno = EXDEV;
  const auto result = perform(*record, direction::read, expired, [&](int) {
    return ++tries < 3 ? fail_with(EINTR) : std::int64_t{9};
  });
  CHECK(result == 9);
  CHECK(errno == EXDEV);
}

TEST_CASE("an operation that fails because of close() says so") {
  descriptor_pair pair;
  adopted record(pair.release_near());
  const auto result = perform(*record, direction::read, expired, [&](int) {
    record->close();
    return fail_with(EINVAL); // as accept(2) after the shutdown
  });
  CHECK(result == -EBADF);
}

TEST_CASE("a record's next descriptor does not get the events of its last") {
  coir::epoll_backend poller;
  coir::fiber_list resumed;
  descriptor_pair pair;
  // The copy keeps the open file, and with it the registration, alive.
  const int copy = ::dup(pair.near());
  fd_state& first = coir::adopt_descriptor(pair.release_near());
  REQUIRE(poller.attach(first) == 0);
  clear(first);
  pair.send_from_far('x');
  poller.poll(coir::base::time_point::min(), resumed);
  CHECK(first.has_edge(direction::read));
  first.close();
  coir::release_record(first);

  descriptor_pair other;
  adopted second(other.release_near());
  REQUIRE(&*second == &first);
  REQUIRE(poller.attach(*second) == 0);
  poller.poll(coir::base::time_point::min(), resumed); // the new one is writable
  clear(*second);
  pair.send_from_far('y');
  poller.poll(coir::base::time_point::min(), resumed);
  CHECK_FALSE(second->has_edge(direction::read));
  other.send_from_far('z');
  poller.poll(coir::base::time_point::min(), resumed);
  CHECK(second->has_edge(direction::read));
  ::close(copy);
}
