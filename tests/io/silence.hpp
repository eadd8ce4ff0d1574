// SPDX-License-Identifier: MIT
// Objects that never become ready, for tests of what else ends an operation; and readers that are stopped. Floor 7.
#pragma once

#include "tests/io/loopback.hpp"

namespace coir::test {

struct silence {
  tcp_listener listener = tcp_listener::listen(endpoint::loopback(0));
  connection ends = connect_over_loopback(); ///< nobody writes, and the client cannot write more_than_fits()
  char byte[1] = {};

  silence() { make_narrow(ends); }
};

/// Stops readers at the moment when a byte comes, again and again, and checks that none is lost. `start(stream)` spawns
/// a fiber or coroutine that reads up to 64 bytes once and returns how many it got.
template <class Start>
void stop_readers_while_bytes_come(Start start) {
  coir::run({.workers = 2}, [&] {
    connection ends = connect_over_loopback();
    std::size_t received = 0;
    std::size_t sent = 0;
    for (int i = 0; i < 2000; ++i) {
      auto reader = start(ends.server);
      if (i % 3 == 0) this_fiber::yield();
      sent += ends.client.write("x");
      reader.request_stop();
      received += reader.join();
    }
    ends.client.shutdown_send();
    received += read_to_end(ends.server).size();
    CHECK(received == sent);
  });
}

} // namespace coir::test
