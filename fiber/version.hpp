// SPDX-License-Identifier: MIT
// The version of coir, read by CMakeLists.txt. Floor 2.
#pragma once

#define COIR_VERSION_MAJOR 0
#define COIR_VERSION_MINOR 1
#define COIR_VERSION_PATCH 0
