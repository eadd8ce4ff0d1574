// SPDX-License-Identifier: MIT
// The fiber twin of <latch>. Umbrella over floor 3.
#pragma once

#include "fiber/sync/latch.hpp"
