// SPDX-License-Identifier: MIT
// The floor of the echo benchmark with io_uring: what one thread can do with it and nothing in between. Floor 7.
//
// Fair, because it uses what the kernel offers for this: one multishot accept and one multishot receive per connection,
// into a ring of provided buffers; direct descriptors; completions that are delivered only when the thread asks
// (DEFER_TASKRUN). A request costs a send and two completions, and system calls are shared by what is ready at a time.
// Not a server for the world: a peer that sends and never reads takes the buffers, and then all wait for it.
//
// Invariant: a connection has at most one send under way, of the first buffer in its queue; so answers keep their
// order.
#include "bench/echo/plain_server.hpp"

#include <liburing.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cstddef>
#include <memory>

namespace {

constexpr unsigned submissions = 4096;
constexpr unsigned completions = 32768;
constexpr unsigned buffer_count = 1024; ///< a power of two
constexpr unsigned buffer_bytes = 16 << 10;
constexpr int buffer_group = 0;
constexpr unsigned most_connections = 32768;
constexpr std::uint16_t no_buffer = UINT16_MAX;

int checked(int negative_errno, const char* what) {
  if (negative_errno < 0) {
    throw std::system_error(-negative_errno, std::system_category(), what);
  }
  return negative_errno;
}

/// What a completion belongs to, in the upper half of its user data; the connection is in the lower.
enum class operation : std::uint32_t { stop, accept, receive, send, close };

/// Buffers that wait to be sent are linked; the queue of a connection is a first and a last one.
struct buffer_link {
  std::uint32_t size = 0;
  std::uint16_t next = no_buffer;
};

struct connection {
  std::uint16_t first = no_buffer; ///< the buffer that is being sent
  std::uint16_t last = no_buffer;
  bool is_receiving = false; ///< its multishot receive is armed
  bool is_over = false;      ///< nothing will be received any more, or nobody takes what is sent
};

class echo_ring {
public:
  echo_ring(int listener, int signals);
  echo_ring(const echo_ring&) = delete;
  echo_ring& operator=(const echo_ring&) = delete;
  ~echo_ring();
  void run();

private:
  io_uring_sqe* next_submission(operation what, std::uint32_t index);
  void accept();
  void receive(std::uint32_t index);
  void send_first(std::uint32_t index);
  void complete(const io_uring_cqe& done);
  void on_received(std::uint32_t index, const io_uring_cqe& done);
  void on_sent(std::uint32_t index, int result);
  void give_back(std::uint16_t buffer);
  /// Once nothing is under way on a connection that is over.
  void close_if_idle(std::uint32_t index);

  std::byte* address_of(std::uint16_t buffer) const {
    return buffers_.get() + std::size_t{buffer} * buffer_bytes;
  }

  io_uring ring_{};
  int listener_;
  bool is_stopped_ = false;
  bool is_accepting_ = false;
  io_uring_buf_ring* free_buffers_ = nullptr;
  std::unique_ptr<std::byte[]> buffers_;
  buffer_link links_[buffer_count];
  std::vector<connection> connections_;
  std::vector<std::uint32_t> starved_; ///< connections that found no buffer
};

echo_ring::echo_ring(int listener, int signals)
    : listener_(listener),
      // Touched here, or they would be counted as memory of the connections that use them first.
      buffers_(std::make_unique<std::byte[]>(std::size_t{buffer_count} * buffer_bytes)) {
  io_uring_params parameters{};
  parameters.flags = IORING_SETUP_CQSIZE | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  parameters.cq_entries = completions;
  checked(io_uring_queue_init_params(submissions, &ring_, &parameters), "io_uring_setup");
  io_uring_register_ring_fd(&ring_);

  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const auto files = static_cast<unsigned>(std::min<rlim_t>(limit.rlim_cur, most_connections));
  checked(io_uring_register_files_sparse(&ring_, files), "table of direct descriptors");
  connections_.resize(files);

  void* const ring_memory = mmap(nullptr, buffer_count * sizeof(io_uring_buf),
                                 PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (ring_memory == MAP_FAILED) checked(-errno, "mmap");
  free_buffers_ = static_cast<io_uring_buf_ring*>(ring_memory);
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uintptr_t>(free_buffers_);
  registration.ring_entries = buffer_count;
  registration.bgid = buffer_group;
  checked(io_uring_register_buf_ring(&ring_, &registration, 0), "ring of buffers");
  io_uring_buf_ring_init(free_buffers_);
  for (unsigned i = 0; i < buffer_count; ++i) give_back(static_cast<std::uint16_t>(i));

  io_uring_prep_poll_add(next_submission(operation::stop, 0), signals, POLLIN);
  accept();
}

echo_ring::~echo_ring() {
  io_uring_queue_exit(&ring_);
  munmap(free_buffers_, buffer_count * sizeof(io_uring_buf));
}

void echo_ring::run() {
  while (!is_stopped_) {
    const int submitted = io_uring_submit_and_wait(&ring_, 1);
    if (submitted < 0 && submitted != -EINTR && submitted != -EBUSY) {
      checked(submitted, "io_uring_enter");
    }
    unsigned head = 0;
    unsigned count = 0;
    io_uring_cqe* done = nullptr;
    io_uring_for_each_cqe(&ring_, head, done) {
      complete(*done);
      ++count;
    }
    io_uring_cq_advance(&ring_, count);
  }
}

io_uring_sqe* echo_ring::next_submission(operation what, std::uint32_t index) {
  io_uring_sqe* submission = io_uring_get_sqe(&ring_);
  while (submission == nullptr) {
    checked(io_uring_submit(&ring_), "io_uring_enter");
    submission = io_uring_get_sqe(&ring_);
  }
  // The functions that fill it in do not touch the user data.
  io_uring_sqe_set_data64(submission,
                          std::uint64_t{static_cast<std::uint32_t>(what)} << 32 | index);
  return submission;
}

void echo_ring::accept() {
  io_uring_prep_multishot_accept_direct(next_submission(operation::accept, 0), listener_, nullptr,
                                        nullptr, 0);
  is_accepting_ = true;
}

void echo_ring::receive(std::uint32_t index) {
  io_uring_sqe* const submission = next_submission(operation::receive, index);
  io_uring_prep_recv_multishot(submission, static_cast<int>(index), nullptr, 0, 0);
  submission->flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
  submission->buf_group = buffer_group;
  connections_[index].is_receiving = true;
}

void echo_ring::send_first(std::uint32_t index) {
  const std::uint16_t buffer = connections_[index].first;
  io_uring_sqe* const submission = next_submission(operation::send, index);
  // All of it: the kernel goes on when the socket has room again.
  io_uring_prep_send(submission, static_cast<int>(index), address_of(buffer), links_[buffer].size,
                     MSG_NOSIGNAL | MSG_WAITALL);
  submission->flags |= IOSQE_FIXED_FILE;
}

void echo_ring::complete(const io_uring_cqe& done) {
  const auto index = static_cast<std::uint32_t>(done.user_data);
  switch (static_cast<operation>(done.user_data >> 32)) {
  case operation::stop: is_stopped_ = true; return;
  case operation::accept:
    if (done.res >= 0) receive(static_cast<std::uint32_t>(done.res));
    if ((done.flags & IORING_CQE_F_MORE) == 0) {
      is_accepting_ = false;
      // Else the table is full: when a connection closes.
      if (done.res >= 0) accept();
    }
    return;
  case operation::receive: on_received(index, done); return;
  case operation::send: on_sent(index, done.res); return;
  case operation::close:
    if (!is_accepting_) accept();
    return;
  }
}

void echo_ring::on_received(std::uint32_t index, const io_uring_cqe& done) {
  connection& one = connections_[index];
  if (done.res > 0) {
    const auto buffer = static_cast<std::uint16_t>(done.flags >> IORING_CQE_BUFFER_SHIFT);
    if (one.is_over) {
      give_back(buffer);
    } else {
      links_[buffer] = {static_cast<std::uint32_t>(done.res), no_buffer};
      const bool was_empty = one.first == no_buffer;
      (was_empty ? one.first : links_[one.last].next) = buffer;
      one.last = buffer;
      if (was_empty) send_first(index);
    }
  }
  if ((done.flags & IORING_CQE_F_MORE) != 0) return;
  one.is_receiving = false;
  if (done.res == -ENOBUFS) {
    starved_.push_back(index);
  } else if (done.res > 0 && !one.is_over) {
    receive(index);
  } else {
    one.is_over = true;
  }
  close_if_idle(index);
}

void echo_ring::on_sent(std::uint32_t index, int result) {
  connection& one = connections_[index];
  const std::uint16_t buffer = one.first;
  const bool is_whole = result == static_cast<int>(links_[buffer].size);
  one.first = links_[buffer].next;
  give_back(buffer);
  if (is_whole && one.first != no_buffer) {
    send_first(index);
    return;
  }
  if (!is_whole) {
    // The peer is gone, which its multishot receive will say too.
    one.is_over = true;
    for (; one.first != no_buffer; one.first = links_[one.first].next) give_back(one.first);
  }
  close_if_idle(index);
}

void echo_ring::give_back(std::uint16_t buffer) {
  io_uring_buf_ring_add(free_buffers_, address_of(buffer), buffer_bytes, buffer,
                        io_uring_buf_ring_mask(buffer_count), 0);
  io_uring_buf_ring_advance(free_buffers_, 1);
  if (starved_.empty()) return;
  const std::uint32_t index = starved_.back();
  starved_.pop_back();
  receive(index);
}

void echo_ring::close_if_idle(std::uint32_t index) {
  connection& one = connections_[index];
  if (!one.is_over || one.is_receiving || one.first != no_buffer) return;
  one = {};
  io_uring_prep_close_direct(next_submission(operation::close, index), index);
}

} // namespace

int main(int argc, char** argv) {
  return bench::run_plain_server<echo_ring>(
      argc, argv, "echo_raw_uring",
      "sends back what it receives: the hand-written io_uring loop.\n"
      "Without --workers it has one thread",
      0);
}
