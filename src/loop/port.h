/* SPDX-License-Identifier: MIT */
/*
 * port.h - one device of a loop, the links before it, and its buffers.
 *
 * Frames are received into rooms that the stack lends, when nobody looks at them on the way and the
 * stack has any; else into PORT_BUFFERS buffers of our own.
 */
#ifndef LOOP_PORT_H
#define LOOP_PORT_H

#include <estab_host.h>

#include "loop/impair.h"

#define PORT_BATCH   64
#define PORT_BUFFERS 32
#define PORT_LEND    (UINT32_C(1) << 20) /* most bytes to borrow from the stack at a time */

struct port {
    estab_device *device; /* NULL: none */
    uint8_t interface;
    struct loop_impairment impairment;
    uint8_t *buffers; /* PORT_BUFFERS of `room` bytes */
    uint32_t room;
    uint32_t want;        /* frames to make room for: twice what came last */
    bool blocked;         /* the device takes no more for now */
    estab_time rests;     /* until then the device is not polled, since it reported an error */
    size_t due, due_next; /* frames of the outward link that the device has yet to take */
    struct estab_frame due_frame[PORT_BATCH];
};

/* False: no memory. */
ESTAB_MUST_CHECK bool port_init(struct port *, estab_device *, int interface);
void port_fini(struct port *);

/* Receives into in[0..PORT_BATCH), rooms lent by `stack` or, if that is NULL, our own buffers.
 * Returns how many of them to give to estab_input; *got is how many the device filled. */
ESTAB_MUST_CHECK size_t port_receive(struct port *, estab_stack *, struct estab_frame *in,
                                     size_t *got);
/* Sends, or puts on the outward link; how many were taken.  Sets `blocked`. */
ESTAB_MUST_CHECK size_t port_send(struct port *, const struct estab_frame *out, size_t n,
                                  estab_time now);
/* Puts received frames on the inward link. */
void port_delay(struct port *, struct estab_frame *in, size_t n, estab_time now);
/* Sends what has come to the end of the outward link; whether there was any. */
bool port_release(struct port *, estab_time now);
/* When a link has something next; ESTAB_NEVER. */
estab_time port_next(const struct port *);

#endif
