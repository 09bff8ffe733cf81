# Run by `cmake --install`, also for packages: the unit with its paths, man pages, completions.
set(ncps_etc /etc)
set(zsh_folder vendor-completions)  # where Debian's zsh looks for what packages bring
if(NOT CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  set(zsh_folder site-functions)
  set(ncps_etc "${CMAKE_INSTALL_PREFIX}/etc")
endif()
configure_file("${ncps_source}/packaging/systemd/ncps.service.in" "${ncps_work}/ncps.service" @ONLY)
file(INSTALL "${ncps_work}/ncps.service" DESTINATION "${CMAKE_INSTALL_PREFIX}/lib/systemd/system")

execute_process(COMMAND "${ncps_python}" "${ncps_source}/tools/man_pages.py" "${ncps_program}" "${ncps_work}"
  COMMAND_ERROR_IS_FATAL ANY)
file(INSTALL "${ncps_work}/ncps.1" DESTINATION "${CMAKE_INSTALL_PREFIX}/share/man/man1")
file(INSTALL "${ncps_work}/ncps.yaml.5" DESTINATION "${CMAKE_INSTALL_PREFIX}/share/man/man5")

foreach(completion bash:bash-completion/completions/ncps zsh:zsh/${zsh_folder}/_ncps fish:fish/vendor_completions.d/ncps.fish)
  string(REPLACE ":" ";" pair "${completion}")
  list(GET pair 0 shell)
  list(GET pair 1 place)
  get_filename_component(folder "${place}" DIRECTORY)
  get_filename_component(name "${place}" NAME)
  execute_process(COMMAND "${ncps_program}" completion ${shell} OUTPUT_FILE "${ncps_work}/${name}" COMMAND_ERROR_IS_FATAL ANY)
  file(INSTALL "${ncps_work}/${name}" DESTINATION "${CMAKE_INSTALL_PREFIX}/share/${folder}")
endforeach()
