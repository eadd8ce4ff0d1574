// SPDX-License-Identifier: MIT
// The fiber twin of <condition_variable>. Umbrella over floor 3.
#pragma once

#include "fiber/sync/condition_variable.hpp"
