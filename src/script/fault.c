/* SPDX-License-Identifier: MIT */
/* fault.c - keeps the first. */
#include "script/fault.h"

#include <stdarg.h>
#include <stdio.h>

void script_fail(struct script_fault *fault, struct span at, const char *format, ...)
{
    va_list args;

    if (script_faulty(fault))
        return;
    fault->at = at;
    va_start(args, format);
    vsnprintf(fault->text, sizeof fault->text, format, args);
    va_end(args);
}
