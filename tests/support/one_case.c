/* SPDX-License-Identifier: MIT */
/*
 * one_case.c - ESTAB_CASE=name runs only the case of that name of a cmocka program (* and ? stand for
 * others).  Every program of tests/ is linked with it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

void one_case(void);

__attribute__((constructor)) void one_case(void)
{
    const char *name = getenv("ESTAB_CASE");

    if (name)
        cmocka_set_test_filter(name);
}
