# What `cmake --install` puts where, and the packages made of it: `make install`, `make deb`, `make tarball`.
# The program is enough: tests are not built for it.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)

install(TARGETS ncps RUNTIME DESTINATION bin)
install(FILES "${PROJECT_SOURCE_DIR}/packaging/systemd/ncps.socket" DESTINATION lib/systemd/system)
install(FILES "${PROJECT_SOURCE_DIR}/packaging/systemd/ncps.sysusers" DESTINATION lib/sysusers.d RENAME ncps.conf)
install(FILES "${PROJECT_SOURCE_DIR}/packaging/deb/config.yaml" DESTINATION share/ncps)
install(FILES README.md SECURITY.md CHANGELOG.md config.example.yaml DESTINATION share/doc/ncps)
install(FILES LICENSE DESTINATION share/doc/ncps RENAME copyright)
# These are in the program, being headers only, and no package that it depends on brings their notices. (Boost wants none.)
foreach(package libcli11-dev nlohmann-json3-dev libkainjow-mustache-dev)
  install(FILES "/usr/share/doc/${package}/copyright" DESTINATION share/doc/ncps/libraries RENAME "${package}" OPTIONAL)
endforeach()

# What follows from the program itself or from the place of installation is made while installing.
install(CODE "set(ncps_source [[${PROJECT_SOURCE_DIR}]])
set(ncps_work [[${PROJECT_BINARY_DIR}/install]])
set(ncps_program [[$<TARGET_FILE:ncps>]])
set(ncps_python [[${Python3_EXECUTABLE}]])")
install(SCRIPT "${PROJECT_SOURCE_DIR}/cmake/InstallMade.cmake")

set(CPACK_PACKAGE_NAME ncps)
set(CPACK_PACKAGE_VENDOR ncps)
set(CPACK_PACKAGE_CONTACT "The authors of ncps <ncps@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "proxy cache for Nix")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "Machines ask it instead of cache.nixos.org or any other binary cache. It fetches each
 store path once, checks it, keeps it on disk or in a bucket, signs it with its own
 key, and serves it to everybody after that.")
set(CPACK_RESOURCE_FILE_LICENSE "${PROJECT_SOURCE_DIR}/LICENSE")
set(CPACK_PACKAGE_DIRECTORY "${PROJECT_BINARY_DIR}/packages")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_GENERATOR DEB)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "ca-certificates, tzdata, passwd")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA "${PROJECT_SOURCE_DIR}/packaging/deb/postinst"
  "${PROJECT_SOURCE_DIR}/packaging/deb/prerm" "${PROJECT_SOURCE_DIR}/packaging/deb/postrm")
include(CPack)
