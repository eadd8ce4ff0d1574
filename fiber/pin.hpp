// SPDX-License-Identifier: MIT
// pin: keeps the calling fiber on its worker for a region. Floor 2.
#pragma once

namespace coir {

class worker;

/// While it lives, the calling fiber stays on the worker (so: the kernel thread) that it runs on. For code that
/// keeps the address of a thread_local or of errno across calls that may suspend. Scopes may nest. No effect on a
/// plain thread.
///
///     { coir::pin here; legacy_library_call(); }
class pin {
public:
  pin() noexcept;
  pin(const pin&) = delete;
  pin& operator=(const pin&) = delete;
  ~pin();

private:
  worker* outer_ = nullptr;
};

} // namespace coir
