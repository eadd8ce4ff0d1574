# SPDX-License-Identifier: MIT
# coir_use_allocator(target): links the allocator of COIR_ALLOCATOR into an executable of this tree. The libraries
# never link one: a user of libcoir_fiber.a keeps the global allocator of their choice.
if(NOT COIR_ALLOCATOR MATCHES "^(jemalloc|libc)$")
  message(FATAL_ERROR "COIR_ALLOCATOR must be jemalloc or libc, not '${COIR_ALLOCATOR}'")
endif()
if(COIR_ALLOCATOR STREQUAL "jemalloc" AND (COIR_BUILD_TESTS OR COIR_BUILD_BENCH OR COIR_BUILD_EXAMPLES))
  find_library(COIR_JEMALLOC_LIBRARY jemalloc REQUIRED)
endif()

function(coir_use_allocator target)
  # A sanitizer brings an allocator of its own.
  if(COIR_ALLOCATOR STREQUAL "jemalloc" AND NOT COIR_SANITIZE)
    target_link_libraries(${target} PRIVATE ${COIR_JEMALLOC_LIBRARY})
  endif()
endfunction()
