# SPDX-License-Identifier: MIT
# Private compile options of every target in this tree; a consumer inherits none of them.
function(coir_private_options target)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wshadow
    $<$<BOOL:${COIR_WERROR}>:-Werror>
    -fno-omit-frame-pointer -fstack-clash-protection
    $<$<STREQUAL:${CMAKE_SYSTEM_PROCESSOR},x86_64>:-momit-leaf-frame-pointer>)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
endfunction()
