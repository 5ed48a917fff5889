/* SPDX-License-Identifier: MIT */
/*
 * ask.h - the same request to every control socket of this user, and their answers.
 *
 * All are asked at once, and read one after the other.  Those of the dead are removed; one that is
 * alive and does not answer (it may be stopped) is given up when ASK_PATIENCE is over for all.
 */
#ifndef CONTROL_ASK_H
#define CONTROL_ASK_H

#include <estab_host.h>

#include "control/object.h"

#define ASK_PATIENCE    (2 * ESTAB_SECOND)
#define ASK_OBJECTS_MAX (1u << 20) /* of one answer */

struct ask {
    const char *request; /* "connections" */
    void *context;
    /* An object of an answer, but its end; `pid` is who answers, as the kernel says. */
    void (*object)(void *context, uint64_t pid, const struct control_object *);
    /* A sentence about one that gave no answer, or a bad one. */
    void (*trouble)(void *context, uint64_t pid, const char *sentence);
};

/* How many answered; -1 with `error`, if the directory is not safe. */
ESTAB_MUST_CHECK int ask_all(const struct ask *, struct estab_host_error *);

#endif
