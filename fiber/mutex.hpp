// SPDX-License-Identifier: MIT
// The fiber twin of <mutex>. Umbrella over floor 3.
#pragma once

#include "fiber/sync/mutex.hpp"
