// SPDX-License-Identifier: MIT
// Which kernel thread runs this, asked anew at each call. Floor 7.
//
// std::this_thread::get_id() cannot tell a fiber that it has migrated: pthread_self() is declared const, so an
// optimizing compiler keeps its first answer.
#pragma once

#include <sys/types.h>
#include <unistd.h>

namespace coir::test {

inline pid_t kernel_thread() noexcept { return ::gettid(); }

} // namespace coir::test
