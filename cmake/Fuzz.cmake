# One program of all fuzzers, src/*/*_fuzz.cpp, in builds with ASan; a test for each: its seeds, what was found before, and
# 10,000 inputs made of them, the same ones each time (fuzz/README.md).
#
# What libFuzzer is to be guided by must be instrumented. In the preset asan only the fuzzers themselves are, so that the
# short round costs no third build; in the preset fuzz (NCPS_FUZZ) what they are about is, too: in these rooms everything,
# elsewhere x.cpp where there is an x_fuzz.cpp. The rest of that build is the same as in asan, and comes from ccache.
option(NCPS_FUZZ "instrument what fuzzers are about" OFF)
if(NOT CMAKE_CXX_FLAGS MATCHES "fsanitize=address")
  return()
endif()

file(GLOB_RECURSE fuzz_files CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/*_fuzz.cpp")
add_executable(ncps_fuzz "${PROJECT_SOURCE_DIR}/src/fuzzing/main.cpp" ${fuzz_files})
target_link_libraries(ncps_fuzz PRIVATE fuzzing server config storage_s3 lock_redis CURL::libcurl)
target_compile_options(ncps_fuzz PRIVATE -fsanitize=fuzzer-no-link)
target_link_options(ncps_fuzz PRIVATE -fsanitize=fuzzer)

foreach(file ${fuzz_files})
  get_filename_component(name "${file}" NAME_WE)
  string(REGEX REPLACE "_fuzz$" "" target "${name}")
  add_test(NAME fuzz.${target} COMMAND Python3::Interpreter "${PROJECT_SOURCE_DIR}/fuzz/run.py" --program $<TARGET_FILE:ncps_fuzz> --runs 10000 ${target})
  set_tests_properties(fuzz.${target} PROPERTIES TIMEOUT 300)
  if(NCPS_FUZZ)
    string(REPLACE "_fuzz.cpp" ".cpp" about "${file}")
    if(EXISTS "${about}")
      set_source_files_properties("${about}" DIRECTORY "${PROJECT_SOURCE_DIR}/src" PROPERTIES COMPILE_OPTIONS -fsanitize=fuzzer-no-link)
    endif()
  endif()
endforeach()
if(NCPS_FUZZ)
  foreach(room base crypto nix access codec)
    target_compile_options(${room} PRIVATE -fsanitize=fuzzer-no-link)
  endforeach()
endif()
