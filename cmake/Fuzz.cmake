# One program of all fuzzers, src/*/*_fuzz.cpp, in builds with ASan; a test for each: its seeds, what was found before, and
# 10,000 inputs made of them, the same ones each time (fuzz/README.md).
#
# What libFuzzer is to be guided by must be instrumented. In the preset asan only the fuzzers themselves are, so that the
# short round costs no third build; in the preset fuzz (NCPS_FUZZ) each room that has a fuzzer is, as a whole. A file x.cpp
# beside x_fuzz.cpp would not do: a parser calls others, and some of them (of YAML, of TOML) have no header of their name.
# The rest of that build is the same as in asan, and comes from ccache.
option(NCPS_FUZZ "instrument what fuzzers are about" OFF)
if(NOT CMAKE_CXX_FLAGS MATCHES "fsanitize=address")
  return()
endif()

file(GLOB_RECURSE fuzz_files CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/*_fuzz.cpp")
add_executable(ncps_fuzz "${PROJECT_SOURCE_DIR}/src/fuzzing/main.cpp" ${fuzz_files})
target_link_libraries(ncps_fuzz PRIVATE fuzzing server config storage_s3 lock_redis fetch_curl)
target_compile_options(ncps_fuzz PRIVATE -fsanitize=fuzzer-no-link)
target_link_options(ncps_fuzz PRIVATE -fsanitize=fuzzer)

set(fuzzed_rooms)
foreach(file ${fuzz_files})
  get_filename_component(name "${file}" NAME_WE)
  string(REGEX REPLACE "_fuzz$" "" target "${name}")
  add_test(NAME fuzz.${target} COMMAND Python3::Interpreter "${PROJECT_SOURCE_DIR}/fuzz/run.py" --program $<TARGET_FILE:ncps_fuzz> --runs 10000 ${target})
  set_tests_properties(fuzz.${target} PROPERTIES TIMEOUT 300)
  get_filename_component(folder "${file}" DIRECTORY)
  file(RELATIVE_PATH room "${PROJECT_SOURCE_DIR}/src" "${folder}")
  string(REPLACE "/" "_" room "${room}")  # as src/CMakeLists.txt names them
  list(APPEND fuzzed_rooms ${room})
endforeach()
if(NCPS_FUZZ)
  list(REMOVE_DUPLICATES fuzzed_rooms)
  foreach(room ${fuzzed_rooms})
    target_compile_options(${room} PRIVATE -fsanitize=fuzzer-no-link)
  endforeach()
endif()
