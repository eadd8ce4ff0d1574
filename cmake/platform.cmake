# SPDX-License-Identifier: MIT
# What the target can do: which switch there is, and how sanitizers are told.
if(COIR_CONTEXT STREQUAL "asm" AND NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  message(STATUS "coir: no asm switch for ${CMAKE_SYSTEM_PROCESSOR} yet, using Boost.Context")
  set(COIR_CONTEXT "boost")
endif()
if(NOT COIR_CONTEXT MATCHES "^(asm|boost)$")
  message(FATAL_ERROR "COIR_CONTEXT must be asm or boost, not '${COIR_CONTEXT}'")
endif()
if(COIR_CONTEXT STREQUAL "boost")
  find_package(Boost 1.74 REQUIRED COMPONENTS context)
endif()
find_package(Threads REQUIRED)
