// SPDX-License-Identifier: MIT
// Running what ends its process, or needs limits of its own, in a forked child. Floor 7.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace coir::test {

/// How a child ended.
struct child_end {
  int status;               ///< as waitpid(2) tells
  std::string error_output; ///< what it wrote to standard error

  [[nodiscard]] bool has_succeeded() const;
  /// Ended by abort(), after a message that contains `text`.
  [[nodiscard]] bool has_aborted_saying(std::string_view text) const;
};

/// Runs `body` in a child and waits for its end: success if it returns true. The caller must be the only thread of its
/// process. The child dumps no core, and every signal has its default action there.
[[nodiscard]] child_end run_in_child(const std::function<bool()>& body);

} // namespace coir::test
