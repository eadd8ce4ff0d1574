# SPDX-License-Identifier: MIT
# Builds the rivals that are written in Go and in Rust with Tokio, without a network.
#
#   coir_go_program(TARGET SOURCE [DEPENDS FILE...])
#   coir_tokio_program(TARGET SOURCE [DEPENDS FILE...])
#
# make TARGET in the current binary directory out of one source file of the current source directory. DEPENDS: files
# that it embeds or imports. They are part of the target `bench`, not of `all`. Where the tool chain is missing nothing
# is built, and one line says so.

# A stamp stands for the program, since Ninja takes a target's name and its file of the same name for one thing.
find_program(COIR_GO go)
# The distribution's own first: the packaged sources go with it.
find_program(COIR_CARGO cargo PATHS /usr/bin NO_DEFAULT_PATH)
find_program(COIR_CARGO cargo)
set(COIR_CARGO_SOURCES /usr/share/cargo/registry CACHE PATH
  "Sources of Rust packages, as the distribution packages them")
file(GLOB coir_tokio_sources ${COIR_CARGO_SOURCES}/tokio-1.*)
if(NOT COIR_GO)
  message(STATUS "coir: no Go (Debian: golang-go), its programs are not built")
endif()
if(NOT COIR_CARGO OR NOT coir_tokio_sources)
  message(STATUS "coir: no cargo or no packaged Tokio (Debian: cargo, librust-tokio-dev), its programs are not built")
  set(COIR_HAS_TOKIO OFF)
else()
  set(COIR_HAS_TOKIO ON)
endif()

function(coir_go_program target source)
  if(NOT COIR_GO)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 2 go "" "" "DEPENDS")
  set(program ${CMAKE_CURRENT_BINARY_DIR}/${target})
  # Without modules: nothing is looked up, and a file is built by its name beside files of other languages.
  add_custom_command(OUTPUT ${program}.stamp
    COMMAND ${CMAKE_COMMAND} -E env --unset=GOFLAGS GO111MODULE=off CGO_ENABLED=0 GOPATH=${PROJECT_BINARY_DIR}/go
      GOCACHE=${PROJECT_BINARY_DIR}/go/cache ${COIR_GO} build -o ${program} ${source}
    COMMAND ${CMAKE_COMMAND} -E touch ${program}.stamp
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
    DEPENDS ${source} ${go_DEPENDS}
    COMMENT "Building Go program ${target}" VERBATIM)
  add_custom_target(${target} DEPENDS ${program}.stamp)
  add_dependencies(bench ${target})
endfunction()

# Each program is a crate of its own, made in the build tree, where cargo may leave its lock file; what the crates
# depend on is compiled once, in a directory that they share.
function(coir_tokio_program target source)
  if(NOT COIR_HAS_TOKIO)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 2 tokio "" "" "DEPENDS")
  set(program ${CMAKE_CURRENT_BINARY_DIR}/${target})
  set(crate ${program}.crate)
  set(shared ${PROJECT_BINARY_DIR}/cargo)
  file(CONFIGURE OUTPUT ${crate}/Cargo.toml @ONLY CONTENT [=[
[package]
name = "@target@"
version = "0.0.0"
edition = "2021"

[[bin]]
name = "@target@"
path = "@CMAKE_CURRENT_SOURCE_DIR@/@source@"

[dependencies.tokio]
version = "1"
features = ["rt", "rt-multi-thread", "net", "io-util", "sync", "time", "macros", "signal"]

[profile.release]
opt-level = 3
lto = "fat"
codegen-units = 1
]=])
  get_filename_component(tools ${COIR_CARGO} DIRECTORY)
  add_custom_command(OUTPUT ${program}.stamp
    COMMAND ${CMAKE_COMMAND} -E env CARGO_HOME=${shared}/home RUSTC=${tools}/rustc
      ${COIR_CARGO} build --offline --quiet --release --manifest-path ${crate}/Cargo.toml --target-dir ${shared}
      --config "source.crates-io.replace-with=\"packaged\""
      --config "source.packaged.directory=\"${COIR_CARGO_SOURCES}\""
    COMMAND ${CMAKE_COMMAND} -E copy ${shared}/release/${target} ${program}
    COMMAND ${CMAKE_COMMAND} -E touch ${program}.stamp
    DEPENDS ${source} ${tokio_DEPENDS} ${crate}/Cargo.toml
    COMMENT "Building Tokio program ${target}" VERBATIM)
  add_custom_target(${target} DEPENDS ${program}.stamp)
  add_dependencies(bench ${target})
endfunction()
