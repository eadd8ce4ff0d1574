# SPDX-License-Identifier: MIT
# What `cmake --install` copies: the libraries, their headers, the CMake package and the pkg-config files. The headers
# go to <includedir>/coir, so that `#include <fiber/sync/mutex.hpp>` is spelled the same in the tree and installed.
include(CMakePackageConfigHelpers)

set(coir_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/coir)
set(coir_include_dir ${CMAKE_INSTALL_INCLUDEDIR}/coir)
install(TARGETS coir_fiber
  EXPORT coirTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  FILE_SET HEADERS DESTINATION ${coir_include_dir})
install(TARGETS coir_io
  EXPORT coirTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  FILE_SET HEADERS DESTINATION ${coir_include_dir}
  FILE_SET asio DESTINATION ${coir_include_dir})
install(EXPORT coirTargets NAMESPACE coir:: DESTINATION ${coir_package_dir})

configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/coirConfig.cmake.in ${PROJECT_BINARY_DIR}/coirConfig.cmake
  INSTALL_DESTINATION ${coir_package_dir}
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/coirConfigVersion.cmake COMPATIBILITY SameMajorVersion)
install(
  FILES ${PROJECT_BINARY_DIR}/coirConfig.cmake ${PROJECT_BINARY_DIR}/coirConfigVersion.cmake
  DESTINATION ${coir_package_dir})

# From the folder of the .pc files up to the prefix, so that they stay true when the prefix is moved. How far that is
# depends on the libdir (lib, lib64, lib/x86_64-linux-gnu).
file(RELATIVE_PATH coir_prefix_from_pc ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" coir_prefix_from_pc "${coir_prefix_from_pc}")
# The libraries are archives only, so what they need is needed by every link: in Libs, where --static is not asked for.
set(coir_pc_flags "-pthread")
if(COIR_SANITIZE)
  string(APPEND coir_pc_flags " -fsanitize=${COIR_SANITIZE}")
endif()
set(coir_pc_libraries "")
if(COIR_CONTEXT STREQUAL "boost")
  set(coir_pc_libraries "-lboost_context")
endif()
foreach(part fiber io)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/coir-${part}.pc.in ${PROJECT_BINARY_DIR}/coir-${part}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/coir-${part}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
