# room(NAME cache [DIR cache] USES base rt LINKS Boost::headers)   one static library per room.
# Every *.cpp directly in the folder belongs to the room; *_test.cpp become the program <room>_test,
# which may also use the rooms in TEST_USES (fakes and contract suites).
# WHOLE: its tests run as one, because they start servers, once for all of them.
# Keep a room() on one line: tools/check_rooms.py reads the map from there.
function(room)
  cmake_parse_arguments(R "WHOLE" "NAME;DIR" "USES;LINKS;TEST_USES" ${ARGN})
  if(NOT R_DIR)
    set(R_DIR ${R_NAME})
  endif()
  set(root "${PROJECT_SOURCE_DIR}/src")
  file(GLOB sources CONFIGURE_DEPENDS "${root}/${R_DIR}/*.cpp")
  file(GLOB headers CONFIGURE_DEPENDS "${root}/${R_DIR}/*.h")
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "_(test|bench|fuzz)\\.cpp$|/main\\.cpp$")

  set(scope PUBLIC)
  if(sources)
    add_library(${R_NAME} STATIC ${sources})
    set_target_properties(${R_NAME} PROPERTIES OUTPUT_NAME ncps_${R_NAME})  # libcrypto.a would be OpenSSL's name
  else()
    add_library(${R_NAME} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_sources(${R_NAME} ${scope} FILE_SET HEADERS BASE_DIRS "${root}" FILES ${headers})
  target_link_libraries(${R_NAME} ${scope} ${R_USES} ${R_LINKS})

  if(tests)
    add_executable(${R_NAME}_test ${tests})
    target_link_libraries(${R_NAME}_test PRIVATE ${R_NAME} ${R_TEST_USES} GTest::gtest_main)
    # What is tested is optimised; optimising its tests takes most of a build: 13 s against 6 s for a
    # large one, 28 s against 9 s under ASan.
    target_compile_options(${R_NAME}_test PRIVATE -O0 -U_FORTIFY_SOURCE)  # which wants optimised code
    if(R_WHOLE)
      add_test(NAME ${R_NAME}.all COMMAND ${R_NAME}_test)
      set_tests_properties(${R_NAME}.all PROPERTIES TIMEOUT 600)
    else()
      gtest_discover_tests(${R_NAME}_test TEST_PREFIX "${R_NAME}." NO_PRETTY_VALUES DISCOVERY_TIMEOUT 60
        PROPERTIES TIMEOUT 300)
    endif()
  endif()
endfunction()
include(GoogleTest)
