# The program, from this tree. Whoever adds a library to cmake/Libraries.cmake adds it here, too.
{
  lib,
  llvmPackages_19,
  cmake,
  ninja,
  pkg-config,
  python3,
  boost,
  brotli,
  bzip2,
  cli11,
  curl,
  fmt,
  gtest,
  hiredis,
  howard-hinnant-date,
  libmysqlclient,
  libpq,
  lz4,
  mustache-hpp,
  nghttp2,
  nlohmann_json,
  openssl,
  prometheus-cpp,
  pugixml,
  soci,
  spdlog,
  sqlite,
  tomlplusplus,
  xz,
  yaml-cpp,
  zlib,
  zstd,
}:

llvmPackages_19.stdenv.mkDerivation {
  pname = "ncps";
  version = builtins.head (builtins.match ".*project\\(ncps VERSION ([0-9.]+).*" (builtins.readFile ../../CMakeLists.txt));

  src = lib.fileset.toSource {
    root = ../..;
    fileset = lib.fileset.unions [
      ../../CHANGELOG.md
      ../../CMakeLists.txt
      ../../LICENSE
      ../../README.md
      ../../cmake
      ../../config.example.yaml
      ../../db
      ../../docs
      ../../packaging
      ../../src
      ../../tests
      ../../tools
    ];
  };

  nativeBuildInputs = [ cmake ninja pkg-config python3 ];
  buildInputs = [
    boost
    brotli
    bzip2
    cli11
    curl
    fmt
    gtest
    hiredis
    howard-hinnant-date
    libmysqlclient
    libpq
    lz4
    mustache-hpp
    nghttp2
    nlohmann_json
    openssl
    prometheus-cpp
    pugixml
    soci
    spdlog
    sqlite
    tomlplusplus
    xz
    yaml-cpp
    zlib
    zstd
  ];

  cmakeBuildType = "RelWithDebInfo";
  ninjaFlags = [ "ncps" ];

  meta = {
    description = "Proxy cache for Nix";
    license = lib.licenses.mit;
    mainProgram = "ncps";
    platforms = lib.platforms.linux;
  };
}
