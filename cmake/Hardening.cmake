# What makes a fault in this program harder to use by who sends bytes: addresses that nobody knows (PIE, Debian's
# compilers' default, said here for those of others), tables of functions that are read-only once it runs (full RELRO),
# stacks that notice being overwritten and cannot be jumped over, and checked bounds in the C and C++ libraries.
# tests/packaging/test_hardening.py looks for all of it in the binary; docs/measurements.md is of the program with it.
#
# Off where a sanitizer looks at more than that, and in builds for debugging, where _FORTIFY_SOURCE would only warn.
option(NCPS_HARDENING "compile with what makes faults harder to use" ON)
if(NCPS_HARDENING)
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
  include(CheckPIESupported)
  check_pie_supported()
  add_compile_options(-fstack-protector-strong -fstack-clash-protection)
  add_compile_definitions(_FORTIFY_SOURCE=3 _GLIBCXX_ASSERTIONS)
  add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)
endif()
