# SPDX-License-Identifier: MIT
#
# llhttp, Node.js's parser of HTTP/1 (MIT), as `estab serve http` uses it. Debian ships its C source
# and no library: package node-llhttp, which scripts/setup installs. It is compiled here, into the
# binary alone; the library libestab has nothing of it. Elsewhere, -DESTAB_LLHTTP_ROOT=DIR names a
# release of llhttp, with its folders include/ and src/.

if(ESTAB_LLHTTP_ROOT)
    set(include ${ESTAB_LLHTTP_ROOT}/include)
    set(source ${ESTAB_LLHTTP_ROOT}/src)
else()
    set(include /usr/share/include/llhttp)
    set(source /usr/share/llhttp)
endif()

# Source is of no architecture: a cross compiler's root is not where to look for it.
find_path(ESTAB_LLHTTP_INCLUDE llhttp.h PATHS ${include} NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
find_path(ESTAB_LLHTTP_SOURCE llhttp.c PATHS ${source} NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
mark_as_advanced(ESTAB_LLHTTP_INCLUDE ESTAB_LLHTTP_SOURCE)
if(NOT ESTAB_LLHTTP_INCLUDE OR NOT ESTAB_LLHTTP_SOURCE)
    message(FATAL_ERROR "llhttp is missing, looked for as ${include}/llhttp.h and "
                        "${source}/llhttp.c: install Debian's package node-llhttp, which "
                        "`scripts/setup build` does, or name a release with -DESTAB_LLHTTP_ROOT=DIR")
endif()

# The strict half of llhttp: it refuses what two readers might understand in two ways.
add_library(llhttp OBJECT ${ESTAB_LLHTTP_SOURCE}/llhttp.c ${ESTAB_LLHTTP_SOURCE}/api.c
                          ${ESTAB_LLHTTP_SOURCE}/http.c)
target_compile_definitions(llhttp PUBLIC LLHTTP_STRICT_MODE=1)
target_include_directories(llhttp SYSTEM PUBLIC ${ESTAB_LLHTTP_INCLUDE})
