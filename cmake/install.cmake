# Installs the headers and what find_package(pyro) needs. Nothing depends on the architecture, or on where the files end up.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(pyro_cmake_dir "${CMAKE_INSTALL_DATADIR}/cmake/pyro")

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/pyro" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.hpp")
install(TARGETS pyro EXPORT pyro_targets INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT pyro_targets NAMESPACE pyro:: FILE pyroTargets.cmake DESTINATION "${pyro_cmake_dir}")

configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/pyroConfig.cmake.in" "${PROJECT_BINARY_DIR}/pyroConfig.cmake"
  INSTALL_DESTINATION "${pyro_cmake_dir}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/pyroConfigVersion.cmake" COMPATIBILITY SameMajorVersion ARCH_INDEPENDENT)
install(FILES "${PROJECT_BINARY_DIR}/pyroConfig.cmake" "${PROJECT_BINARY_DIR}/pyroConfigVersion.cmake"
  "${CMAKE_CURRENT_LIST_DIR}/pyro_libbacktrace.cmake"
  DESTINATION "${pyro_cmake_dir}")
