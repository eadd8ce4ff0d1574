// SPDX-License-Identifier: MIT
// A server that does not answer: connecting to it takes as long as it may. Floor 7.
#pragma once

#include "tests/io/loopback.hpp"

#include <chrono>

namespace coir::test {

/// A server whose backlog is full, so that connecting to it takes long.
class deaf_server {
public:
  deaf_server() : listener_(tcp_listener::listen(endpoint::loopback(0), {.backlog = 1})) {
    std::error_code error;
    while (!error)
      queued_.push_back(tcp_stream::connect(address(), error, std::chrono::milliseconds(50)));
    REQUIRE(error == std::errc::timed_out);
    queued_.pop_back();
  }
  [[nodiscard]] endpoint address() const { return listener_.local_endpoint(); }

  /// From now on it answers.
  void accept_all() {
    for (std::size_t i = queued_.size(); i-- > 0;) static_cast<void>(listener_.accept());
  }

private:
  tcp_listener listener_;
  std::vector<tcp_stream> queued_;
};

} // namespace coir::test
