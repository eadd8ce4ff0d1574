// SPDX-License-Identifier: MIT
// wait_readable beside other readers of the same stream: it consumes no event that somebody else needs.
#include "tests/io/coroutines.hpp"
#include "tests/io/loopback.hpp"
#include "tests/support/seed.hpp"

#include "fiber/base/random.hpp"
#include "fiber/semaphore.hpp"

#include <atomic>
#include <chrono>

using namespace coir::test;
using namespace std::chrono_literals;

TEST_CASE("one event ends the waits of a peeker and of the reader behind it") {
  const unsigned workers = GENERATE(1u, 2u);
  coir::run(with_workers(workers), [] {
    connection ends = connect_over_loopback();
    auto peeker = coir::spawn([&] { ends.server.wait_readable(); });
    coir::this_fiber::yield();
    auto reader = coir::spawn([&] { return read_exactly(ends.server, 1); });
    auto second = coir::spawn([&] { ends.client.write("x"); });
    second.join();
    CHECK(reader.join() == "x");
    // The peeker has seen it, or the reader has been faster and more is needed.
    ends.client.write("y");
    peeker.join();
    CHECK(read_exactly(ends.server, 1) == "y");
  });
}

TEST_CASE("any number of peekers see one event, and a read finds it afterwards") {
  const unsigned workers = GENERATE(1u, 2u);
  coir::run(with_workers(workers), [] {
    connection ends = connect_over_loopback();
    std::vector<coir::fiber<>> peekers;
    for (int i = 0; i < 5; ++i) {
      peekers.push_back(coir::spawn([&] { ends.server.wait_readable(); }));
      peekers.push_back(coir::spawn([](coir::tcp_stream& stream) -> coir::task<> {
        co_await stream.async_wait_readable();
      }(ends.server)));
    }
    coir::this_fiber::yield();
    ends.client.write("seen by all");
    for (auto& each : peekers) each.join();
    CHECK(read_exactly(ends.server, 11) == "seen by all");
  });
}

TEST_CASE("what a reader leaves is seen by a peeker") {
  coir::run(only_one_worker(), [] {
    connection ends = connect_over_loopback();
    auto reader = coir::spawn([&] { return read_exactly(ends.server, 1); });
    auto peeker = coir::spawn([&] { ends.server.wait_readable(); });
    coir::this_fiber::yield();
    ends.client.write("xy");
    CHECK(reader.join() == "x");
    peeker.join();
    CHECK(read_exactly(ends.server, 1) == "y");
  });
}

TEST_CASE("readers and peekers of one stream lose no event") {
  const unsigned workers = GENERATE(1u, 4u);
  static constexpr int bytes = 2000;
  auto options = with_workers(workers);
  options.force_migration = true;
  coir::run(options, [] {
    connection ends = connect_over_loopback();
    std::atomic<int> received{0};
    coir::counting_semaphore<> arrived(0);
    std::vector<coir::fiber<>> fibers;
    for (int i = 0; i < 3; ++i) {
      fibers.push_back(coir::spawn([&] {
        char one = 0;
        while (ends.server.read({&one, 1}) == 1) {
          ++received;
          arrived.release();
        }
      }));
      fibers.push_back(coir::spawn([&] {
        while (received < bytes) ends.server.wait_readable();
      }));
    }
    coir::base::random_sequence random(seed());
    for (int sent = 0; sent < bytes;) {
      const int burst = std::min<int>(1 + static_cast<int>(random.below(4)), bytes - sent);
      ends.client.write(std::string(static_cast<std::size_t>(burst), 'x'));
      sent += burst;
      for (int i = 0; i < burst; ++i) arrived.acquire();
    }
    ends.client.shutdown_send();
    for (auto& each : fibers) each.join();
    CHECK(received == bytes);
  });
}
