// SPDX-License-Identifier: MIT
// ping_pong with Boost.Fiber, which has no semaphore: buffered channels carry the turn. Fair: a channel is its fastest
// means to hand something over (a mutex with a condition variable takes two locks more). --across: two threads with a
// default scheduler each.
#include "bench/boost_workers.hpp"
#include "bench/ping_pong/params.hpp"

#include <boost/fiber/buffered_channel.hpp>
#include <boost/fiber/fiber.hpp>

namespace {

struct table {
  boost::fibers::buffered_channel<char> first{2};
  boost::fibers::buffered_channel<char> second{2};
  bench::ping_pong::turns turns;
};

void play(table& shared, bool begins, std::uint64_t round_trips) {
  auto& own = begins ? shared.first : shared.second;
  auto& other = begins ? shared.second : shared.first;
  for (std::uint64_t i = 0; i < round_trips; ++i) {
    own.value_pop();
    shared.turns.take(2 * i + (begins ? 0 : 1));
    other.push(0);
  }
}

double measure(std::uint64_t round_trips, bool is_across) {
  table shared;
  shared.first.push(0);
  return bench::time_each(round_trips, [&] {
    if (is_across) {
      std::thread second([&] { play(shared, false, round_trips); });
      play(shared, true, round_trips);
      second.join();
    } else {
      boost::fibers::fiber first([&] { play(shared, true, round_trips); });
      boost::fibers::fiber second([&] { play(shared, false, round_trips); });
      first.join();
      second.join();
    }
    bench::require(shared.turns.taken() == bench::ping_pong::answer(round_trips), "turns are lost");
  });
}

} // namespace

int main(int argc, char** argv) {
  bench::ping_pong::ping_pong_program self("ping_pong", "boost_fiber");
  self.parse(argc, argv);
  const bench::boost_workers workers(self.is_across() ? 1 : self.workers(),
                                     bench::boost_workers::when_idle::sleep);
  self.measure(self.metric(), self.sizes(),
               [&](std::uint64_t trips) { return measure(trips, self.is_across()); });
}
