/* SPDX-License-Identifier: MIT */
/*
 * control.h - the live state of a process, served on a Unix socket of its own.
 *
 *      netstat, any program  --- a request, one line --->  stack
 *                            <-- objects, one a line ---
 *
 * Whoever has a loop adds one descriptor to it and calls control_turn when that is readable:
 *
 *      control = control_open(&config, &error);
 *      estab_loop_watch(loop, control_fd(control), POLLIN, control_ready, control);
 *
 * It never waits, and a turn is bounded: at most a buffer for each client.  A list is written while
 * it is walked, so it costs no memory, and is a snapshot only as far as one buffer goes.
 *
 * Limits: CONTROL_CLIENTS at a time, beyond which the one that has been idle longest is dropped; a
 * request has fewer than CONTROL_REQUEST_MAX bytes.  Only this user, and root, are answered.
 */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include <estab_host.h>

#include "capture/names.h"

#define CONTROL_CLIENTS     16
#define CONTROL_REQUEST_MAX 128

/* Texts are copied; the others are used until control_close. */
struct control_config {
    const char *program;      /* "estab listen" */
    const char *on;           /* what carries the frames: "kernel", "packet:eth0" */
    const char *name;         /* of our end; or NULL */
    const char *kernel_name;  /* of the kernel's end; or NULL */
    const estab_stack *stack; /* ours; NULL: there is only a kernel */
    int diag;                 /* diag_open in the kernel's namespace, the caller's; -1: none */
    /* Fills the names that resolve there, for each request anew: on a wire they change.  Or NULL. */
    void (*names)(void *context, struct names *);
    void *context;
};

struct control;

/* Opens the socket, and removes those of the dead.  NULL: `error` says why. */
ESTAB_MUST_CHECK struct control *control_open(const struct control_config *,
                                              struct estab_host_error *);
/* Removes it. */
void control_close(struct control *);
/* The same after a fork, in the child: the socket stays, and is the parent's. */
void control_leave(struct control *);

/* Readable when there is something to do. */
int control_fd(const struct control *);
void control_turn(struct control *, estab_time now);
/* The same, for estab_loop_watch; the context is the control. */
void control_ready(void *control, int fd, short revents, estab_time now);

#endif
