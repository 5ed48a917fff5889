/* SPDX-License-Identifier: MIT */
/*
 * stack.h - one stack in its room: the TCP, the Internet layer, and the way between frames and
 * segments.
 *
 *      input.c    frame -> packet -> segment -> tcp_arrive      stack.c   room, time, events
 *      output.c   tcp_emit -> segment -> packet -> frame        calls.c   the user's calls
 *      status.c   what can be seen                           datagram.c, udp_calls.c   the same for UDP
 *      fragment.c parts of datagrams that arrive                    router.c   what routers advertise
 */
#ifndef STACK_STACK_H
#define STACK_STACK_H

#include "ip/ip.h"
#include "ip/reassembly.h"
#include "tcp/tcp.h"
#include "udp/udp.h"

struct estab_stack {
    uint64_t magic; /* a room that was never initialised is refused */
    struct ip ip;
    uint64_t frames_in, frames_out, fragments_out;
    uint64_t drawn; /* estab_unpredictable's */
    uint64_t tcp_at, udp_at, reassemblies_at; /* each with its pools, from here */
};

static inline struct tcp *stack_tcp(const struct estab_stack *s)
{
    return (struct tcp *)((uintptr_t)s + (uintptr_t)s->tcp_at);
}

static inline struct udp *stack_udp(const struct estab_stack *s)
{
    return (struct udp *)((uintptr_t)s + (uintptr_t)s->udp_at);
}

static inline struct reassemblies *stack_reassemblies(const struct estab_stack *s)
{
    return (struct reassemblies *)((uintptr_t)s + (uintptr_t)s->reassemblies_at);
}

/* Time does not go back: a step back is clamped to the latest time, and counted. */
estab_time stack_now(struct estab_stack *s, estab_time now);

/* One frame, its parts borrowed; `interface` may be IP_LOOPBACK. */
void stack_input(struct estab_stack *s, struct estab_frame *f, unsigned interface, estab_time now);
/* Somebody may have waited for a neighbour that was learned, or given up. */
void stack_unblock(struct estab_stack *s);
void stack_drop(struct estab_stack *s, enum reason reason, unsigned interface, estab_time now);

/* A new address of an interface, without a route; its number, or -1. */
int stack_address_new(struct estab_stack *s, unsigned interface, const struct estab_addr *address,
                      unsigned prefix_length);
/* How long the first question on a link waits, lest all ask at once. */
estab_time stack_first_question(unsigned interface, const struct estab_stack *s);
/* router.c: addresses that turned out to be duplicates are replaced (RFC 7217 section 6). */
void stack_readdress(struct estab_stack *s);

/* calls.c: whether somebody can be there: OK, REMOTE_UNSPECIFIED, INVALID. */
enum estab_error stack_remote_check(const struct estab_stack *s, const struct estab_endpoint *e);

#endif
