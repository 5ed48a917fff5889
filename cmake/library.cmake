# SPDX-License-Identifier: MIT
#
# estab_find_library(NAME SONAME): Debian's library NAME, with its header NAME.h, as a target of that
# name; no target if it is not there. A cross-compiled build has its own from scripts/cross-library.

function(estab_find_library name soname)
    string(TOUPPER ESTAB_${name} variable)
    if(ESTAB_CROSS_ROOT)
        file(GLOB dirs ${ESTAB_CROSS_ROOT}/lib/*-linux-gnu*)
        find_path(${variable}_INCLUDE ${name}.h PATHS ${ESTAB_CROSS_ROOT}/include
                  NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
        find_library(${variable}_LIBRARY ${name} PATHS ${dirs}
                     NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
    else()
        find_path(${variable}_INCLUDE ${name}.h)
        find_library(${variable}_LIBRARY ${name})
    endif()
    if(NOT ${variable}_INCLUDE OR NOT ${variable}_LIBRARY)
        return()
    endif()
    add_library(${name} SHARED IMPORTED GLOBAL)
    set_target_properties(${name} PROPERTIES
        IMPORTED_LOCATION ${${variable}_LIBRARY}
        IMPORTED_SONAME ${soname}
        INTERFACE_SYSTEM_INCLUDE_DIRECTORIES ${${variable}_INCLUDE})
endfunction()
