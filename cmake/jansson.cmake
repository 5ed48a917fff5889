# SPDX-License-Identifier: MIT
#
# jansson, which reads JSON for the binary; the library goes without.

if(ESTAB_CMOCKA_ROOT) # what scripts/cross-library brought
    find_path(ESTAB_JANSSON_INCLUDE jansson.h PATHS ${ESTAB_CMOCKA_ROOT}/include
              NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
    file(GLOB dirs ${ESTAB_CMOCKA_ROOT}/lib/*-linux-gnu*)
    find_library(ESTAB_JANSSON_LIBRARY jansson PATHS ${dirs}
                 NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
else()
    find_path(ESTAB_JANSSON_INCLUDE jansson.h)
    find_library(ESTAB_JANSSON_LIBRARY jansson)
endif()
if(NOT ESTAB_JANSSON_INCLUDE OR NOT ESTAB_JANSSON_LIBRARY)
    message(FATAL_ERROR "jansson is missing: `scripts/setup build` installs it")
endif()
add_library(jansson SHARED IMPORTED)
set_target_properties(jansson PROPERTIES
    IMPORTED_LOCATION ${ESTAB_JANSSON_LIBRARY}
    IMPORTED_SONAME libjansson.so.4
    INTERFACE_SYSTEM_INCLUDE_DIRECTORIES ${ESTAB_JANSSON_INCLUDE})
