// SPDX-License-Identifier: MIT
// The closed-loop client of echo_load: one thread, one epoll, any number of connections. Floor 7.
//
// Phases, each bounded in time: connect (every connection exchanges one message, and few are under way at once, so the
// listener's backlog cannot overflow) -> warm-up -> measured window -> drain (nothing new is sent, every answer must
// come) -> close (the client ends first, the server must follow).
//
// It must not cost more per request than the server it measures. So a request is one send and one recv as in the
// server, the clock is read once per answer, and nothing is allocated after the connections are made.
#pragma once

#include "bench/echo/load_options.hpp"
#include "bench/echo/load_result.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bench {

inline constexpr std::size_t load_buffer_bytes = 64 << 10;

class load_generator {
public:
  /// Throws std::system_error if the address is not one, or if descriptors or the server's process are lacking.
  explicit load_generator(const load_options& options);
  load_generator(const load_generator&) = delete;
  load_generator& operator=(const load_generator&) = delete;
  ~load_generator();

  /// Once.
  load_result run();

private:
  enum class state : std::uint8_t { unused, connecting, greeting, ready, closing, closed, failed };
  enum class phase : std::uint8_t { connect, warmup, window, idle, drain, close };

  struct connection {
    int fd = -1;
    state now = state::unused;
    std::uint32_t sent_bytes = 0;     ///< of message number `sent`
    std::uint32_t received_bytes = 0; ///< of message number `received`
    std::uint64_t sent = 0;           ///< messages that the socket took whole
    std::uint64_t received = 0;       ///< messages that came back whole
    std::uint64_t due = 0;            ///< messages that --rate asked for so far

    /// Messages of which the socket took something.
    [[nodiscard]] std::uint64_t begun() const noexcept { return sent + (sent_bytes > 0 ? 1 : 0); }
  };

  void connect_all();
  void load_window();
  void drain();
  void close_all();

  void open_next();
  void open(connection& one);
  [[nodiscard]] bool start_connecting(connection& one);
  /// To a server on loopback, the connections come from several addresses. False: errno says why not.
  [[nodiscard]] bool bind_source(const connection& one);
  void serve(connection& one, std::uint32_t events);
  void receive(connection& one, bool until_empty);
  void check(connection& one, const std::byte* bytes, std::size_t size);
  void complete_message(connection& one);
  void fill(connection& one);
  /// Sends end of file; the server is to follow.
  void finish(connection& one);
  /// The server has followed. With --churn the next connection takes the place.
  void end_well(connection& one);
  /// Sends what --rate asks for until now.
  void send_due();
  std::size_t compose(const connection& one);
  void count_sent(connection& one, std::size_t size);
  void fail(connection& one, std::uint32_t& counter, const char* what, int error);
  void end(connection& one, state last);

  /// Serves events until `is_over()` or `limit` (of now_); reads the clock after each batch.
  template <class Predicate>
  void serve_until(std::uint64_t limit, Predicate is_over);
  void begin_phase(phase next) noexcept;
  [[nodiscard]] bool is_loading() const noexcept {
    return phase_ == phase::warmup || phase_ == phase::window;
  }
  void read_clock() noexcept;

  [[nodiscard]] std::uint32_t index_of(const connection& one) const noexcept {
    return static_cast<std::uint32_t>(&one - connections_.data());
  }
  /// When the message was sent, was due (--rate), or its connection begun (--churn): a ring of a power of two per
  /// connection.
  [[nodiscard]] std::uint64_t& sent_at(const connection& one, std::uint64_t sequence) noexcept {
    return sent_at_[index_of(one) * (ring_mask_ + 1) + (sequence & ring_mask_)];
  }

  const load_options options_;
  load_result result_;
  sockaddr_storage server_{};
  socklen_t server_length_ = 0;
  int epoll_ = -1;
  phase phase_ = phase::connect;
  std::uint64_t now_ = 0;         ///< steady clock, nanoseconds
  std::uint64_t outstanding_ = 0; ///< messages begun and not come back whole, on intact connections
  std::uint32_t next_ = 0;        ///< the connection to open next
  std::uint32_t under_way_ = 0;   ///< connections that are connecting or greeting
  std::uint32_t open_ = 0;        ///< connections that have a descriptor
  std::uint32_t opened_ = 0;      ///< with --churn
  std::uint32_t turn_ = 0;        ///< whose turn is next with --rate
  std::uint64_t interval_ = 0;    ///< nanoseconds between requests with --rate
  std::uint64_t next_due_ = 0;    ///< when the next of them is to be sent
  std::uint64_t ring_mask_ = 0;
  std::vector<std::uint64_t> sent_at_;
  std::vector<connection> connections_; ///< never resized: epoll holds pointers
  std::vector<std::byte> incoming_;
  std::vector<std::byte> outgoing_;
};

} // namespace bench
