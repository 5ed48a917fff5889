# SPDX-License-Identifier: MIT
#
# cmocka, and tests/support/*.c, which tests and fuzz targets may share as <support/...>.

estab_find_library(cmocka libcmocka.so.0)

# What every program under tests/ is built with.
add_library(test_options INTERFACE)
target_include_directories(test_options INTERFACE ${PROJECT_SOURCE_DIR}/include
                           ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
target_compile_options(test_options INTERFACE ${ESTAB_WARNINGS})
target_compile_definitions(test_options INTERFACE _GNU_SOURCE _FILE_OFFSET_BITS=64
                           ESTAB_VERSION="${PROJECT_VERSION}")
if(TARGET cmocka)
    target_link_libraries(test_options INTERFACE cmocka)
endif()

file(GLOB support CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/support/*.c)
if(support AND TARGET cmocka)
    add_library(test_support STATIC ${support})
    target_link_libraries(test_support PUBLIC estab_static PRIVATE test_options)
endif()

# The rooms that only the binary has are in no library but this one, of which a test takes only what
# it needs.
add_library(test_cli STATIC ${ESTAB_BINARY_OBJECTS})
target_link_libraries(test_cli PUBLIC estab_static jansson pcap)

# estab_test_program(TARGET SOURCE): link a program of tests/ as all of them are.
function(estab_test_program target source)
    add_executable(${target} ${source})
    target_link_libraries(${target} PRIVATE test_options m) # formulas in floating point: tests only
    if(TARGET test_support)
        target_link_libraries(${target} PRIVATE test_support)
        target_link_options(${target} PRIVATE -Wl,--undefined=one_case)
    endif()
    target_link_libraries(${target} PRIVATE test_cli)
endfunction()
