// SPDX-License-Identifier: MIT
// Catch2, in either of its two shapes. Floor 7.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
