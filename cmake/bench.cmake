# SPDX-License-Identifier: MIT
#
# bench/NAME.c becomes bench/NAME of the build folder, target bench_NAME; `bench` is all of them.
# The default preset builds them with everything else, so that they stay buildable; other presets
# only when asked. Nothing here runs them: bench/run and bench/goodput do.

file(GLOB sources CONFIGURE_DEPENDS bench/*.c)
add_custom_target(bench)
foreach(source IN LISTS sources)
    cmake_path(GET source STEM name)
    add_executable(bench_${name} ${source})
    set_target_properties(bench_${name} PROPERTIES OUTPUT_NAME ${name}
                          RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bench
                          EXCLUDE_FROM_ALL $<NOT:$<BOOL:${ESTAB_TIDY}>>)
    target_include_directories(bench_${name} PRIVATE include src)
    target_compile_options(bench_${name} PRIVATE ${ESTAB_WARNINGS})
    target_compile_definitions(bench_${name} PRIVATE _GNU_SOURCE)
    target_link_libraries(bench_${name} PRIVATE estab_static)
    add_dependencies(bench bench_${name})
endforeach()
