/* SPDX-License-Identifier: MIT */
#include "loop/port.h"

#include <stdlib.h>
#include <string.h>

bool port_init(struct port *p, estab_device *device, int interface)
{
    memset(p, 0, sizeof *p);
    p->room = estab_device_room(device);
    p->buffers = malloc((size_t)p->room * PORT_BUFFERS);
    p->device = p->buffers ? device : NULL;
    p->interface = (uint8_t)interface;
    p->want = 1;
    return p->device != NULL;
}

void port_fini(struct port *p)
{
    free(p->buffers);
    memset(p, 0, sizeof *p);
}

/* ---- inward ------------------------------------------------------------------------------------- */

static size_t own_rooms(struct port *p, struct estab_frame *in, size_t n)
{
    n = n < PORT_BUFFERS ? n : PORT_BUFFERS;
    for (size_t i = 0; i < n; i++) {
        in[i].lent = 0;
        in[i].parts = 1;
        in[i].part[0] = (struct estab_part){p->buffers + i * p->room, p->room};
    }
    return n;
}

/* Borrowing costs the stack a little for each chunk, and holds memory that senders may want: a port
 * that hears little borrows little. */
static size_t rooms(struct port *p, estab_stack *stack, struct estab_frame *in)
{
    uint32_t most = PORT_LEND / p->room < PORT_BATCH ? PORT_LEND / p->room : PORT_BATCH;
    uint32_t want = p->want < most ? p->want : most;
    size_t n = stack ? estab_input_room(stack, in, want, p->room) : 0;
    return n ? n : own_rooms(p, in, want);
}

size_t port_receive(struct port *p, estab_stack *stack, struct estab_frame *in, size_t *got)
{
    size_t n = rooms(p, stack, in);
    *got = estab_device_receive(p->device, in, n);
    p->want = *got < PORT_BATCH / 2 ? (uint32_t)*got * 2 + 1 : PORT_BATCH;
    for (size_t i = 0; i < n; i++)
        in[i].interface = p->interface;
    return in[0].lent ? n : *got;
}

/* An unfinished checksum is finished by the link, so that its corruption can be caught. */
void port_delay(struct port *p, struct estab_frame *in, size_t n, estab_time now)
{
    const struct loop_impairment *m = &p->impairment;
    for (size_t i = 0; i < n; i++) {
        if (!in[i].length)
            continue;
        if (in[i].checksum == ESTAB_CHECKSUM_GOOD && in[i].checksum_start)
            in[i].checksum = ESTAB_CHECKSUM_FINISH;
        struct link_passage passage = link_put(m->inward, &in[i], now);
        if (m->passing)
            m->passing(m->context, false, &in[i], &passage, now);
    }
}

/* ---- outward ------------------------------------------------------------------------------------ */

size_t port_send(struct port *p, const struct estab_frame *out, size_t n, estab_time now)
{
    const struct loop_impairment *m = &p->impairment;
    if (!m->outward) {
        size_t sent = estab_device_send(p->device, out, n);
        p->blocked = sent < n;
        return sent;
    }
    for (size_t i = 0; i < n; i++) {
        struct link_passage passage = link_put(m->outward, &out[i], now);
        if (m->passing)
            m->passing(m->context, true, &out[i], &passage, now);
    }
    return n;
}

/* What link_get gave stays until link_release, and so until the device has taken all of it. */
static bool send_due(struct port *p)
{
    size_t left = p->due - p->due_next;
    p->due_next += estab_device_send(p->device, p->due_frame + p->due_next, left);
    p->blocked = p->due_next < p->due;
    if (p->blocked)
        return false;
    link_release(p->impairment.outward);
    p->due = p->due_next = 0;
    return true;
}

bool port_release(struct port *p, estab_time now)
{
    struct link *link = p->impairment.outward;
    bool any = false;
    while (link && !p->blocked) {
        while (p->due < PORT_BATCH && link_get(link, &p->due_frame[p->due], NULL, now))
            p->due++;
        any = any || p->due;
        if (!p->due || !send_due(p))
            break;
    }
    return any;
}

estab_time port_next(const struct port *p)
{
    const struct loop_impairment *m = &p->impairment;
    estab_time in = m->inward ? link_next(m->inward) : ESTAB_NEVER;
    estab_time out = m->outward && !p->blocked ? link_next(m->outward) : ESTAB_NEVER;
    return in < out ? in : out;
}
