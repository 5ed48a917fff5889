/* SPDX-License-Identifier: MIT */
/*
 * stack.h - a stack with sockets in virtual time: time moves when its owner moves it.
 *
 *      owner -- virtual_advance --> the next deadline, not beyond the owner's own
 *            <-- frame ----------   what leaves meanwhile, while `now` is when it leaves
 *
 * After each input, and after each call that gave the stack something to do: virtual_settle.  One
 * device of link type ESTAB_LINK_IP is joined, to which all routes lead.
 */
#ifndef VIRTUAL_STACK_H
#define VIRTUAL_STACK_H

#include "estab_posix.h"

#define VIRTUAL_EPOCH (1000 * ESTAB_SECOND) /* where clocks begin */

struct virtual_stack {
    /* The owner's, before virtual_start. */
    void *context;
    void (*frame)(void *context, const struct estab_frame *);
    bool (*turn)(void *context); /* after each turn of settling; false ends it.  May be NULL */

    estab_time now;
    estab_stack *stack; /* NULL: not started */
    estab_posix *posix;
    void *room;
    size_t room_size;
};

struct virtual_link {
    struct estab_addr address;
    uint8_t prefix_length;
    uint32_t mtu;
};

/* Makes the stack at `now`.  The configurations stay as they are while it lives; `posix` has its
 * waiter, and gets its `stack`.  NULL, or why not: a sentence's end, such as "chunks: ...". */
const char *virtual_start(struct virtual_stack *, const struct estab_config *stack,
                          struct estab_posix_config *posix, const struct virtual_link *);
void virtual_stop(struct virtual_stack *);

/* Lets the stack work at the present time until it has nothing more to do.  False: it does not come to
 * rest, which is a fault of the stack, or `turn` ended it. */
bool virtual_settle(struct virtual_stack *);
/* Moves time to the stack's next deadline, at most to `until`, which is later than `now`; settles. */
bool virtual_advance(struct virtual_stack *, estab_time until);

#endif
