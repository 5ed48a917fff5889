# SPDX-License-Identifier: MIT
#
# Every test is a CTest test with one label, which says where it runs (CMakePresets.json):
#
#     tests/unit/ROOM/test_NAME.c    unit    unit.ROOM.NAME   one cmocka program each
#     tests/state/test_NAME.c        state   state.NAME       one cmocka program each
#     tests/sim/test_NAME.c          sim     sim.NAME         one cmocka program each
#     tests/net/test_NAME.c          net     net.NAME         one cmocka program each
#     tests/{sim,cli,net}/*.{sh,py}  as the folder            $ESTAB is the binary; `_*` is a helper
#     tests/script/FOLDER/*.pkt      state   script.FOLDER    `estab script` runs all of a folder
#     tests/net/peer_NAME.c          no test: a program for net's scripts, built beside the binary
#     tests/{tidy,ledger}, man/*.1   unit                     the default preset only
#     tests/install, examples/*.c    install                  the default preset only
#
# A script that cannot run here says why in its last line and exits 77.

# cli and net scripts need a binary; cross-compiled presets do not run them.
function(estab_script_tests label)
    file(GLOB scripts CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${label}/*.sh
                                        ${PROJECT_SOURCE_DIR}/tests/${label}/*.py)
    list(FILTER scripts EXCLUDE REGEX "/_[^/]*$")
    if(NOT TARGET estab)
        return()
    endif()
    foreach(script IN LISTS scripts)
        cmake_path(GET script STEM stem)
        string(REGEX REPLACE "^test_" "" name ${stem})
        add_test(NAME ${label}.${name} COMMAND ${script})
        estab_test_properties(${label}.${name} ${label} 300)
    endforeach()
endfunction()

function(estab_test_properties test label timeout)
    set(environment PYTHONDONTWRITEBYTECODE=1 ESTAB_SOURCE_DIR=${PROJECT_SOURCE_DIR})
    if(TARGET estab)
        list(APPEND environment ESTAB=$<TARGET_FILE:estab>
             ESTAB_PACKETDRILL=$<TARGET_FILE:estab_packetdrill>)
    endif()
    set_tests_properties(${test} PROPERTIES LABELS ${label} TIMEOUT ${timeout}
                         SKIP_RETURN_CODE 77 ENVIRONMENT "${environment}")
    if(label STREQUAL "net") # measures time and moves bulk: it gets the machine to itself
        set_tests_properties(${test} PROPERTIES RUN_SERIAL ON)
    endif()
endfunction()

function(estab_program_test label prefix source)
    cmake_path(GET source STEM stem)
    string(REGEX REPLACE "^test_" "" name ${stem})
    string(REPLACE "." "_" target test_${prefix}_${name})
    estab_test_program(${target} ${source})
    add_test(NAME ${prefix}.${name} COMMAND ${target})
    estab_test_properties(${prefix}.${name} ${label} 300)
endfunction()

# --- cmocka programs ---------------------------------------------------------------------------

if(TARGET cmocka AND TARGET estab_static)
    file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/unit/*/test_*.c)
    if(CMAKE_CROSSCOMPILING) # what asks the kernel, whose sockets qemu-user only imitates
        list(FILTER sources EXCLUDE REGEX
             "/(posix/test_(datagrams|ends|epoll|info|options|random|sequences|states|threads)|control/test_(ask|control)|\
wire/test_hub_rooms)\\.c$")
    endif()
    foreach(source IN LISTS sources)
        cmake_path(GET source PARENT_PATH folder)
        cmake_path(GET folder FILENAME room)
        estab_program_test(unit unit.${room} ${source})
    endforeach()
    foreach(label state sim net)
        file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${label}/test_*.c)
        foreach(source IN LISTS sources)
            estab_program_test(${label} ${label} ${source})
        endforeach()
    endforeach()
elseif(NOT TARGET cmocka AND NOT ESTAB_TESTS STREQUAL "AUTO")
    message(FATAL_ERROR "cmocka is missing: scripts/setup test")
endif()

foreach(label sim cli net)
    estab_script_tests(${label})
endforeach()

# Programs that scripts of tests run, beside the binary: tests/net/peer_NAME.c is peer_NAME, and
# tests/sim/draw_NAME.c, which draws docs/NAME.svg or writes docs/NAME.md, draw_NAME.
if(TARGET estab_static)
    file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/net/peer_*.c
         ${PROJECT_SOURCE_DIR}/tests/sim/draw_*.c)
    foreach(source IN LISTS sources)
        cmake_path(GET source STEM name)
        estab_test_program(${name} ${source})
    endforeach()
endif()

# --- scripts of packetdrill's language, against our stack in virtual time -------------------------

if(TARGET estab)
    file(GLOB folders CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/script/*)
    foreach(folder IN LISTS folders)
        file(GLOB scripts CONFIGURE_DEPENDS ${folder}/*.pkt)
        cmake_path(GET folder FILENAME name)
        add_test(NAME script.${name} COMMAND estab script ${scripts})
        estab_test_properties(script.${name} state 120)
    endforeach()
endif()

# --- the shape of the sources, of the objects, the ledgers, the manual pages -----------------------

if(ESTAB_TIDY)
    find_package(Python3 REQUIRED COMPONENTS Interpreter)
    set(tidy ${PROJECT_SOURCE_DIR}/tests/tidy)
    set(objects ${PROJECT_BINARY_DIR}/core-objects.txt)
    set(arguments --objects ${objects})
    file(GENERATE OUTPUT ${objects} CONTENT "$<JOIN:${ESTAB_CORE_OBJECTS},\n>\n")
    if(TARGET estab_shared)
        list(APPEND arguments --library $<TARGET_FILE:estab_shared>
             --module $<TARGET_FILE:estab_packetdrill>)
    endif()
    add_test(NAME unit.tidy.tree
             COMMAND Python3::Interpreter ${tidy}/tidy.py ${arguments} ${PROJECT_SOURCE_DIR})
    add_test(NAME unit.tidy.self COMMAND Python3::Interpreter ${tidy}/test_tidy.py)
    estab_test_properties(unit.tidy.tree unit 120)
    estab_test_properties(unit.tidy.self unit 120)

    set(ledger ${PROJECT_SOURCE_DIR}/tests/ledger)
    add_test(NAME unit.ledger.tree COMMAND Python3::Interpreter ${ledger}/ledger.py check)
    add_test(NAME unit.ledger.self COMMAND Python3::Interpreter ${ledger}/test_ledger.py)
    estab_test_properties(unit.ledger.tree unit 120)
    estab_test_properties(unit.ledger.self unit 120)

    file(GLOB pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/man/*.1)
    if(pages)
        add_test(NAME unit.tidy.man COMMAND mandoc -Tlint -Wwarning ${pages})
        estab_test_properties(unit.tidy.man unit 60)
    endif()
endif()

# --- the build itself --------------------------------------------------------------------------

# Without llhttp's source the configuration ends, and says what would mend it.
if(ESTAB_TIDY)
    add_test(NAME unit.build.llhttp
             COMMAND ${CMAKE_COMMAND} -S ${PROJECT_SOURCE_DIR} -B ${PROJECT_BINARY_DIR}/no-llhttp
                     -G ${CMAKE_GENERATOR} -DESTAB_LLHTTP_ROOT=/nonexistent -DESTAB_TESTS=OFF)
    estab_test_properties(unit.build.llhttp unit 120)
    set_tests_properties(unit.build.llhttp PROPERTIES PASS_REGULAR_EXPRESSION
                         "llhttp is missing.*/nonexistent.*`scripts/setup[ \n]+build`")
endif()

# --- the installed library, as a stranger finds it ---------------------------------------------

if(ESTAB_TIDY AND TARGET estab_shared)
    set(run ${PROJECT_SOURCE_DIR}/tests/install/run)
    set(stage ${PROJECT_BINARY_DIR}/stage)
    file(GLOB examples CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/examples/*.c)

    add_test(NAME install.stage COMMAND ${run} stage ${PROJECT_BINARY_DIR} ${stage})
    estab_test_properties(install.stage install 120)
    set_tests_properties(install.stage PROPERTIES FIXTURES_SETUP stage)
    foreach(finder pkgconfig cmake)
        add_test(NAME install.${finder} COMMAND ${run} ${finder} ${PROJECT_BINARY_DIR} ${stage})
        estab_test_properties(install.${finder} install 120)
        set_tests_properties(install.${finder} PROPERTIES FIXTURES_REQUIRED stage
                             FIXTURES_SETUP stage-${finder})
        foreach(example IN LISTS examples)
            cmake_path(GET example STEM name)
            add_test(NAME install.${finder}.${name}
                     COMMAND ${run} example ${PROJECT_BINARY_DIR} ${stage} ${finder} ${name})
            estab_test_properties(install.${finder}.${name} install 120)
            set_tests_properties(install.${finder}.${name} PROPERTIES
                                 FIXTURES_REQUIRED "stage;stage-${finder}")
        endforeach()
    endforeach()
endif()
