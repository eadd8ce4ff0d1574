# SPDX-License-Identifier: MIT
# Installs the build into <stage>/first, and again into <stage>/origin, which is then moved to <stage>/moved: whatever
# still points to where it was installed finds nothing there.
#   cmake -DBUILD=<build tree> -DSTAGE=<stage> -P install_twice.cmake
file(REMOVE_RECURSE ${STAGE})
foreach(prefix first origin)
  execute_process(
    COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${STAGE}/${prefix}
    OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
endforeach()
file(RENAME ${STAGE}/origin ${STAGE}/moved)
