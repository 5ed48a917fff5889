# SPDX-License-Identifier: MIT
#
# tests/fuzz/fuzz_NAME.c is a libFuzzer target, tests/fuzz/corpus/NAME its kept corpus. A run is
# fixed: seed 1, and 100000 inputs unless the source says otherwise in a line `fuzz-runs: N`.
# What the run finds goes into a folder of its own, which starts empty.
#
# Three things would make the same seed another run elsewhere: the order in which a file system
# lists the corpus; addresses, which libFuzzer takes for constants of the program and puts into
# inputs; and its look, each second, at what other runs have found. So the corpus is named file by
# file, the program is linked where it stands, its heap and stack are kept in place (tests/fuzz/run),
# and nothing is looked at.

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
    file(GLOB corpus CONFIGURE_DEPENDS tests/fuzz/corpus/${name}/*) # sorted
    set(inputs "")
    if(corpus)
        list(JOIN corpus "," corpus)
        file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/corpus/${name} CONTENT "${corpus}" @ONLY)
        set(inputs -seed_inputs=@${PROJECT_BINARY_DIR}/corpus/${name})
    endif()

    estab_test_program(${stem} ${source})
    target_link_options(${stem} PRIVATE -fsanitize=fuzzer -no-pie)
    add_test(NAME fuzz.${name}
             COMMAND ${PROJECT_SOURCE_DIR}/tests/fuzz/run ${found} $<TARGET_FILE:${stem}>
                     -runs=${runs} -seed=1 -reload=0 -timeout=20 -print_final_stats=1
                     -artifact_prefix=${PROJECT_BINARY_DIR}/ ${inputs} ${found})
    set_tests_properties(fuzz.${name} PROPERTIES LABELS fuzz TIMEOUT 600)
endforeach()
