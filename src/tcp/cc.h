/* SPDX-License-Identifier: MIT */
/*
 * cc.h - congestion control as a table: one row, one algorithm (RFC 9293 section 3.8.2).
 *
 * A row says how the window answers to what the connection has learned; what was lost, and what to
 * send again, is recovery.c's.  Integers only; private words live in struct cc_window.
 */
#ifndef TCP_CC_H
#define TCP_CC_H

#include "base/trace.h"
#include "tcp/tcb.h"

struct cc {
    const char *name, *rfc;
    void (*start)(struct cc_window *w, uint32_t initial);
    /* New text was acknowledged outside recovery. */
    enum cwnd_rule (*acked)(struct cc_window *w, uint32_t bytes, uint32_t mss);
    /* A segment was lost, by duplicate acknowledgments, with `flight` bytes outstanding. */
    void (*congested)(struct cc_window *w, uint32_t flight, uint32_t mss);
    /* The retransmission timer fired; `again`: not for the first time in a row. */
    void (*timed_out)(struct cc_window *w, uint32_t flight, uint32_t mss, bool again);
};

enum { CC_NEWRENO, CC_ROWS };

/* Hidden: else position-independent code would find them through a table that a linker must fill. */
#pragma GCC visibility push(hidden)
/* Hidden, so that the core's objects need no offset table to find them. */
#pragma GCC visibility push(hidden)
extern const struct cc *const cc_all[CC_ROWS];
extern const struct cc cc_newreno;
#pragma GCC visibility pop
#pragma GCC visibility pop

static inline const struct cc *cc_of(const struct tcb *b)
{
    return cc_all[b->cc_row];
}

#endif
