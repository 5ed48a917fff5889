/* SPDX-License-Identifier: MIT */
/*
 * impair.h - the simulator's link in real time, between a stack and a device of its loop.
 *
 *      estab_output --> outward link --> estab_device_send
 *      estab_input  <-- inward link  <-- estab_device_receive
 *
 * A link takes no super-segments: open the device with ESTAB_DEVICE_PLAIN.
 */
#ifndef LOOP_IMPAIR_H
#define LOOP_IMPAIR_H

#include <estab_host.h>

#include "sim/link.h"

struct loop_impairment {
    struct link *inward, *outward; /* either may be NULL: a perfect wire */
    /* Optional: what the link will do to a frame that was just put.  An outward one was `leaving`
     * before; an inward one will be `arriving` when it is due, if it is not gone. */
    void (*passing)(void *context, bool outward, const struct estab_frame *,
                    const struct link_passage *, estab_time now);
    void *context;
};

/* The links stay the caller's, and must live as long as the loop, or until NULL ends it; what is
 * under way on them then is lost.  INVALID: no device was joined as `interface`. */
ESTAB_MUST_CHECK enum estab_error loop_impair(estab_loop *, int interface,
                                              const struct loop_impairment *);

#endif
