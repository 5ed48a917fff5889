# SPDX-License-Identifier: MIT
#
# What `cmake --install` copies: the binary, the library with its headers, its pkg-config file and
# its CMake package, the adapter for packetdrill, the manual pages. Both descriptions find the rest relative to themselves, so
# that the installed tree can be moved.

if(TARGET estab)
    install(TARGETS estab)
endif()

if(TARGET estab_shared)
    install(TARGETS estab_shared estab_static EXPORT estab)
    install(FILES ${ESTAB_PUBLIC} TYPE INCLUDE)
    install(TARGETS estab_packetdrill LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})

    set(package ${CMAKE_INSTALL_LIBDIR}/cmake/estab)
    include(CMakePackageConfigHelpers)
    configure_package_config_file(cmake/estab-config.cmake.in estab-config.cmake
                                  INSTALL_DESTINATION ${package})
    write_basic_package_version_file(estab-config-version.cmake COMPATIBILITY SameMinorVersion)
    install(FILES ${PROJECT_BINARY_DIR}/estab-config.cmake
                  ${PROJECT_BINARY_DIR}/estab-config-version.cmake
            DESTINATION ${package})
    install(EXPORT estab NAMESPACE estab:: FILE estab-targets.cmake DESTINATION ${package})

    file(RELATIVE_PATH ESTAB_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
    string(REGEX REPLACE "/$" "" ESTAB_PC_PREFIX "${ESTAB_PC_PREFIX}")
    configure_file(estab.pc.in estab.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/estab.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()

file(GLOB pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/man/*.1)
if(pages)
    install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()
