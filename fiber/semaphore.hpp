// SPDX-License-Identifier: MIT
// The fiber twin of <semaphore>. Umbrella over floor 3.
#pragma once

#include "fiber/sync/counting_semaphore.hpp"
