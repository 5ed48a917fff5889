/* SPDX-License-Identifier: MIT */
/*
 * fault.h - where a script is wrong, and what was expected there.
 *
 * The first fault counts: later ones are mostly its consequences.
 */
#ifndef SCRIPT_FAULT_H
#define SCRIPT_FAULT_H

#include <stdbool.h>
#include <stdint.h>

struct span {
    uint32_t line, column; /* from 1; columns count bytes.  Line 0: nowhere in the script */
};

struct script_fault {
    struct span at;
    char text[256]; /* one sentence without a full stop; "" if there is no fault */
};

static inline bool script_faulty(const struct script_fault *fault)
{
    return fault->text[0] != '\0';
}

void script_fail(struct script_fault *, struct span at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
