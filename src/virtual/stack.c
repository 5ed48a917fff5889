/* SPDX-License-Identifier: MIT */
/* stack.c - making it, and moving its time. */
#include "virtual/stack.h"

#include "packet/address.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define FRAMES       32
#define SETTLE_LIMIT 100000 /* turns at one moment */

static const char *join(struct virtual_stack *v, const struct virtual_link *l)
{
    static const struct estab_addr none;
    struct estab_addr all = none;
    struct estab_interface link = {
        .size = sizeof link,
        .link = ESTAB_LINK_IP,
        .prefix_length = l->prefix_length,
        .address = l->address,
        .mtu = l->mtu,
    };

    memcpy(all.b, l->address.b, 12); /* of its family: IPv4's in the mapped form */
    if (!addr_is_ipv4(&all))
        all = none;
    if (estab_interface_add(v->stack, &link) != 0)
        return "it takes no interface of this address and MTU";
    return estab_route_add(v->stack, all, 0, none, 0) == ESTAB_OK ? NULL : "it takes no route";
}

const char *virtual_start(struct virtual_stack *v, const struct estab_config *stack,
                          struct estab_posix_config *posix, const struct virtual_link *link)
{
    const char *wrong = estab_config_check(stack);

    if (wrong)
        return wrong;
    v->room_size = estab_stack_size(stack);
    v->room = mmap(NULL, v->room_size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (v->room == MAP_FAILED) {
        v->room = NULL;
        return strerror(errno);
    }
    v->stack = estab_stack_init((struct estab_room){v->room, v->room_size}, stack, v->now);
    posix->stack = stack;
    v->posix = v->stack ? estab_posix_new(v->stack, posix) : NULL;
    wrong = v->posix ? join(v, link) : strerror(errno);
    if (wrong)
        virtual_stop(v);
    return wrong;
}

void virtual_stop(struct virtual_stack *v)
{
    if (v->posix)
        estab_posix_free(v->posix);
    if (v->room)
        munmap(v->room, v->room_size);
    v->posix = NULL;
    v->stack = NULL;
    v->room = NULL;
}

static bool output(struct virtual_stack *v)
{
    struct estab_frame frames[FRAMES];
    size_t n = estab_output(v->stack, frames, FRAMES, v->now);

    for (size_t i = 0; i < n; i++)
        v->frame(v->context, &frames[i]);
    estab_output_done(v->stack, frames, n);
    return n > 0;
}

bool virtual_settle(struct virtual_stack *v)
{
    bool busy = true;

    for (unsigned turns = 0; busy; turns++) {
        if (turns == SETTLE_LIMIT)
            return false;
        estab_posix_work(v->posix);
        busy = output(v) || estab_event_pending(v->stack);
        if (v->turn && !v->turn(v->context))
            return false;
    }
    return true;
}

bool virtual_advance(struct virtual_stack *v, estab_time until)
{
    estab_time next = estab_deadline(v->stack);

    if (next >= until)
        v->now = until;
    else
        v->now = next > v->now ? next : v->now + 1; /* a deadline may be early: time must move */
    estab_expire(v->stack, v->now);
    return virtual_settle(v);
}
