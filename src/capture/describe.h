/* SPDX-License-Identifier: MIT */
/*
 * describe.h - a packet in words: one line for people, one JSON object for programs, comments for a
 * capture file.
 *
 *   0.020135 A>B [SYN,ACK] seq 0 ack 1 win 65535 <mss 1460,...> | A: LISTEN -> SYN-RECEIVED  B: SYN-SENT
 *
 * For each packet, in their order:
 *
 *      struct describe_packet p = describe_packet(&view, now);
 *      p.from = ...; p.to = ...;  p.reason = ...;  p.why = ...;
 *      describe_see(&d, &p);                      once: it counts connections and their numbers
 *      describe_line(&d, &p, text, sizeof text);  any of these, as often as you like
 *      describe_json(&d, &p, text, sizeof text);
 *
 * A text ends without a newline.  Results are lengths without the terminating zero, which is always
 * there; DESCRIBE_MAX bytes are room for any of them, and what does not fit is cut.
 *
 * Lines keep their columns: each column is as wide as its widest field so far.  With a width, a line
 * that would not fit first gives up the RFC sections, then long options; then the states go onto
 * lines of their own below it.  Without one (0: a pipe, a file), a packet is always one line.
 *
 * A struct describe has some 150 KB, for its connections: keep it off the stack.
 */
#ifndef CAPTURE_DESCRIBE_H
#define CAPTURE_DESCRIBE_H

#include "base/trace.h"
#include "capture/end.h"
#include "capture/flow.h"
#include "capture/names.h"

#define DESCRIBE_MAX 8192

enum describe_ts {
    DESCRIBE_RELATIVE, /* to `origin` */
    DESCRIBE_ABSOLUTE, /* since 1970 */
    DESCRIBE_DELTA,    /* since the packet before */
};

struct describe_config {
    const struct names *names; /* or NULL */
    unsigned width;            /* columns; 0: unlimited */
    enum describe_ts ts;
    estab_time origin;   /* the time that is 0 */
    estab_time epoch_ns; /* nanoseconds from 1970 to time 0, for ABSOLUTE */
    bool absolute_seq;   /* -S */
    bool why;            /* --why: a second line */
    bool verbose;        /* -v: every option, timestamps too; ports; the connection's number */
    bool colour;
};

struct describe {
    struct describe_config config;
    struct flows flows;
    estab_time last; /* for DELTA */
    bool started;
    /* Widths of columns. */
    uint16_t time_w, ends_w, likely_w, seq_w, ack_w, win_w, left_w;
};

struct describe_packet {
    estab_time time;
    const struct frame_view *view;
    struct end_state from, to; /* the sender and the receiver of the packet */
    uint16_t reason;           /* enum reason: what its receiver made of it; REASONS: not known */
    uint16_t why;              /* enum emit_why: why it was sent; WHYS: not known */
    const char *note;          /* "lost", "delivered twice"; NULL */
    struct flow_note flow;     /* filled by describe_see */
    estab_time delta;          /* likewise */
};

/* A change of state without a packet: a timeout, a call that sends nothing. */
struct describe_move {
    estab_time time;
    struct estab_endpoint local, remote; /* the end that moves, and its peer (or unspecified) */
    struct end_state end;
    uint16_t reason;  /* enum reason; REASONS: not known */
    const char *note; /* or NULL */
    bool decides;     /* no state changes: the note is what the end has decided, and why */
};

void describe_init(struct describe *, const struct describe_config *);

static inline struct describe_packet describe_packet(const struct frame_view *view, estab_time now)
{
    return (struct describe_packet){.time = now, .view = view, .reason = REASONS, .why = WHYS};
}

void describe_see(struct describe *, struct describe_packet *);

/* The line of cli.md, and with `why` a second one. */
size_t describe_line(struct describe *, const struct describe_packet *, char *out, size_t size);
size_t describe_move_line(struct describe *, const struct describe_move *, char *out, size_t size);

/* One object of schema "estab.packet/1", or "estab.state/1" for a move: describe_json.c tells their
 * members. */
size_t describe_json(const struct describe *, const struct describe_packet *, char *out,
                     size_t size);
size_t describe_move_json(const struct describe *, const struct describe_move *, char *out,
                          size_t size);

/* For a capture file: "server: LISTEN -> SYN-RECEIVED (by rcv SYN, RFC 9293 3.10.7.2)  ~client:
 * SYN-SENT", and "sent: ...; received: ...".  0: there is nothing to say. */
size_t describe_states(const struct describe *, const struct describe_packet *, char *out,
                       size_t size);
size_t describe_why(const struct describe *, const struct describe_packet *, char *out,
                    size_t size);

#endif
