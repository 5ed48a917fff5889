# SPDX-License-Identifier: MIT
#
# tests/fuzz/fuzz_NAME.c is a libFuzzer target, tests/fuzz/corpus/NAME its kept corpus. A run is
# fixed: seed 1, and 100000 inputs unless the source says otherwise in a line `fuzz-runs: N`.
# What the run finds goes into a folder of its own, which starts empty.

file(GLOB sources CONFIGURE_DEPENDS tests/fuzz/fuzz_*.c)

foreach(source IN LISTS sources)
    cmake_path(GET source STEM stem)
    string(REGEX REPLACE "^fuzz_" "" name ${stem})

    set(runs 100000)
    file(STRINGS ${source} line REGEX "fuzz-runs: *[0-9]+" LIMIT_COUNT 1)
    if(line MATCHES "fuzz-runs: *([0-9]+)")
        set(runs ${CMAKE_MATCH_1})
    endif()
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})

    set(found ${PROJECT_BINARY_DIR}/found/${name})
    set(corpus ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
    if(NOT IS_DIRECTORY ${corpus})
        set(corpus "")
    endif()

    estab_test_program(${stem} ${source})
    target_link_options(${stem} PRIVATE -fsanitize=fuzzer)
    add_test(NAME fuzz.${name}
             COMMAND sh -ec "rm -rf \"$1\"\nmkdir -p \"$1\"\nshift\nexec \"$@\"" sh ${found}
                     $<TARGET_FILE:${stem}> -runs=${runs} -seed=1 -timeout=20 -print_final_stats=1
                     -artifact_prefix=${PROJECT_BINARY_DIR}/ ${found} ${corpus})
    set_tests_properties(fuzz.${name} PROPERTIES LABELS fuzz TIMEOUT 600)
endforeach()
