# Every library from outside, in one place; the reason for each is in docs/dependencies.md.
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(GTest REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(CURL REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(lzma REQUIRED IMPORTED_TARGET liblzma)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(zlib REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(lz4 REQUIRED IMPORTED_TARGET liblz4)
pkg_check_modules(brotli REQUIRED IMPORTED_TARGET libbrotlidec libbrotlienc)
pkg_check_modules(sqlite REQUIRED IMPORTED_TARGET sqlite3)
find_package(BZip2 REQUIRED)

# Boost headers without deprecated Asio parts; TSan cannot see through Asio's fences.
target_compile_definitions(Boost::headers INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_HAS_STD_INVOKE_RESULT)

# Debian's SOCI ships no CMake package.
find_library(SOCI_CORE NAMES soci_core REQUIRED)
find_library(SOCI_SQLITE3 NAMES soci_sqlite3 REQUIRED)
find_path(SOCI_INCLUDE NAMES soci/soci.h REQUIRED)
add_library(soci INTERFACE IMPORTED)
target_include_directories(soci INTERFACE "${SOCI_INCLUDE}")
target_link_libraries(soci INTERFACE "${SOCI_CORE}" "${SOCI_SQLITE3}")
