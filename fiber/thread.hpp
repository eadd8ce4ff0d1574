// SPDX-License-Identifier: MIT
// The fiber twin of <thread>: runtime, run, spawn, fiber, scope, this_fiber, pin. Umbrella over floors 2 and 3.
#pragma once

#include "fiber/fiber.hpp"
#include "fiber/options.hpp"
#include "fiber/pin.hpp"
#include "fiber/runtime.hpp"
#include "fiber/scope.hpp"
#include "fiber/spawn.hpp"
#include "fiber/this_fiber.hpp"
