/* SPDX-License-Identifier: MIT */
/* demo.h - what the two halves of the tour share: demo.c in virtual time, demo_kernel.c in real. */
#ifndef CLI_DEMO_H
#define CLI_DEMO_H

#include "cli/talk.h"

struct demo {
    const struct cli_options *o;
    FILE *out;   /* lines and objects */
    FILE *prose; /* what is said about them */
    struct story *story;
    struct pcapng *file; /* or NULL */
    FILE *stream;        /* under it, if it is ours; or NULL */
    char path[256];      /* of the file; "" if there is none */
    estab_time end;      /* of the part before, as the story has it */
};

/* "2  The title", after an empty line. */
void demo_part(struct demo *, unsigned number, const char *title);
/* A paragraph in front of what it is about; `...` marks what is typed. */
void demo_say(struct demo *, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line of it, as it stands. */
void demo_show(struct demo *, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Parts 2 and 3.  What the process ends with if that is not CLI_OK. */
int demo_kernel(struct demo *);

#endif
