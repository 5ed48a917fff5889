/* SPDX-License-Identifier: MIT */
#include "device/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* "what failed: why; what helps" */
static void insert_why(struct estab_host_error *error, int number)
{
    char help[sizeof error->text] = "";
    char *end = strstr(error->text, "; ");

    if (end) {
        snprintf(help, sizeof help, "%s", end);
        *end = '\0';
    }
    size_t used = strlen(error->text);
    snprintf(error->text + used, sizeof error->text - used, ": %s%s", strerror(number), help);
}

void host_fail(struct estab_host_error *error, enum estab_host_kind kind, int number,
               const char *format, ...)
{
    if (!error)
        return;
    *error = (struct estab_host_error){.kind = kind, .number = number};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    if (number)
        insert_why(error, number);
}
