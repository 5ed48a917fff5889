/* SPDX-License-Identifier: MIT */
/*
 * object.h - what is said on a control socket: objects of JSON, one a line.
 *
 * Written here with a bounded writer, and read back in read.c.  Each begins with its schema, name
 * and version: {"schema":"estab.connection/1", ...}.  docs/control.md has all members.
 *
 * Limits: a line is shorter than CONTROL_LINE_MAX; a number is at most 2^53, which every reader of
 * JSON holds exactly.
 */
#ifndef CONTROL_OBJECT_H
#define CONTROL_OBJECT_H

#include <estab.h>

#include "capture/names.h"
#include "capture/text.h"

#define CONTROL_LINE_MAX     4096
#define CONTROL_WORD_MAX     48 /* of a program, of what a stack is on; the terminating byte included */
#define CONTROL_ENDPOINT_MAX (NAMES_ADDR_MAX + 10) /* "[2001:db8::1]:65535" */
#define CONTROL_NUMBER_MAX   (UINT64_C(1) << 53)
#define CONTROL_UNKNOWN      UINT64_MAX /* such a number is not in the object */

#define CONTROL_SCHEMAS(X)                                                                         \
    X(STACK, "estab.stack/1")                                                                      \
    X(CONNECTION, "estab.connection/1")                                                            \
    X(UDP, "estab.udp/1")                                                                          \
    X(COUNTERS, "estab.counters/1")                                                                \
    X(REASON, "estab.reason/1")                                                                    \
    X(END, "estab.end/1")                                                                          \
    X(ERROR, "estab.error/1")

enum control_schema {
#define X(name, text) CONTROL_##name,
    CONTROL_SCHEMAS(X)
#undef X
    CONTROL_OTHER /* of a later version */
};

/* Who answers. */
struct control_stack {
    uint64_t pid;
    char version[CONTROL_WORD_MAX]; /* "0.1.0" */
    char program[CONTROL_WORD_MAX]; /* "estab listen" */
    char on[CONTROL_WORD_MAX];      /* "kernel", "packet:eth0", "wire:lab" */
    char name[NAMES_TEXT_MAX];      /* "server"; "" if it has none */
    bool stack;                     /* it has a stack, and not only a kernel's list */
    struct names names;             /* that resolve there */
};

/* Numbers of a connection or a UDP socket; which of them are known depends on whose it is, and on its
 * state. */
#define CONTROL_ROW_NUMBERS(X)                                                                     \
    X(recv_queue)                                                                                  \
    X(send_queue)                                                                                  \
    X(out_of_order)                                                                                \
    X(timer_ms)                                                                                    \
    X(retries)                                                                                     \
    X(memory)                                                                                      \
    X(mss)                                                                                         \
    X(srtt_us)                                                                                     \
    X(rto_us)                                                                                      \
    X(cwnd)                                                                                        \
    X(ssthresh)                                                                                    \
    X(iss)                                                                                         \
    X(snd_una)                                                                                     \
    X(snd_nxt)                                                                                     \
    X(snd_wnd)                                                                                     \
    X(irs)                                                                                         \
    X(rcv_nxt)                                                                                     \
    X(rcv_wnd)                                                                                     \
    X(bytes_sent)                                                                                  \
    X(bytes_received)                                                                              \
    X(waiting)                                                                                     \
    X(receive_buffer)                                                                              \
    X(send_buffer)                                                                                 \
    X(received)                                                                                    \
    X(sent)                                                                                        \
    X(dropped)                                                                                     \
    X(uid)                                                                                         \
    X(inode)                                                                                       \
    X(namespace)

/* A connection, a listener or a UDP socket, of a stack of ours or of a kernel. */
struct control_row {
    bool kernel; /* whose: else of a stack of ours */
    bool udp;    /* which has no state, and no timer */
    bool v6;     /* of an IPv6 socket */
    struct estab_endpoint local, remote;
    char local_name[NAMES_TEXT_MAX], remote_name[NAMES_TEXT_MAX]; /* "": none */
    enum estab_state state;
    enum estab_timer timer;
    uint64_t pid; /* or CONTROL_UNKNOWN */
    char program[CONTROL_WORD_MAX];
    char on[CONTROL_WORD_MAX]; /* "": this machine's own network */
#define X(member) uint64_t member;
    CONTROL_ROW_NUMBERS(X)
#undef X
};

#define CONTROL_COUNTS(X)                                                                          \
    X(frames_in)                                                                                   \
    X(frames_out)                                                                                  \
    X(segments_in)                                                                                 \
    X(segments_out)                                                                                \
    X(text_in)                                                                                     \
    X(text_out)                                                                                    \
    X(retransmitted)                                                                               \
    X(time_steps_back)                                                                             \
    X(connections_peak)                                                                            \
    X(chunks_promised)                                                                             \
    X(chunks_lent)                                                                                 \
    X(trace_lost)                                                                                  \
    X(mtu_black_holes)                                                                             \
    X(mtu_probes)                                                                                  \
    X(mtu_probes_passed)                                                                           \
    X(mtu_probes_lost)                                                                             \
    X(datagrams_in)                                                                                \
    X(datagrams_out)                                                                               \
    X(fragments_in)                                                                                \
    X(fragments_out)                                                                               \
    X(reassembled)

/* Pools: what is in use, and what there is in all. */
#define CONTROL_POOLS(P, X)                                                                        \
    P(X, connections, connections_total)                                                           \
    P(X, records, records_total)                                                                   \
    P(X, listeners, listeners_total)                                                               \
    P(X, chunks_used, chunks_total)                                                                \
    P(X, cold_blocks, cold_blocks_total)                                                           \
    P(X, scoreboards, scoreboards_total)                                                           \
    P(X, spares, spares_total)                                                                     \
    P(X, udp_sockets, udp_sockets_total)                                                           \
    P(X, datagrams, datagrams_total)                                                               \
    P(X, fragments, fragments_total)                                                               \
    P(X, neighbours, neighbours_total)                                                             \
    P(X, replies, replies_total)

#define CONTROL_POOL(X, used, total) X(used) X(total)
#define CONTROL_COUNTERS_OF(X)       CONTROL_COUNTS(X) CONTROL_POOLS(CONTROL_POOL, X)

struct control_counters {
    uint64_t pid;
#define X(member) uint64_t member;
    CONTROL_COUNTERS_OF(X)
#undef X
};

/* How often a row of reason.def has decided. */
struct control_reason {
    uint64_t pid, count;
    char name[CONTROL_WORD_MAX], rfc[64], sentence[192];
};

/* The last line of every answer. */
struct control_end {
    char request[CONTROL_WORD_MAX];
    uint64_t count; /* objects before this one */
};

/* Every number unknown. */
struct control_row control_row_empty(void);
/* "tcp", "tcp6", "udp", "udp6". */
const char *control_proto(const struct control_row *);
/* "10.11.0.1:3333", "0.0.0.0:*", "[::1]:80". */
void control_endpoint(char out[CONTROL_ENDPOINT_MAX], const struct estab_endpoint *, bool v6);
const char *control_schema_text(enum control_schema);

/* Each adds one line, with its newline. */
void control_write_stack(struct text *, const struct control_stack *);
void control_write_row(struct text *, const struct control_row *);
void control_write_counters(struct text *, const struct control_counters *);
void control_write_reason(struct text *, const struct control_reason *);
void control_write_end(struct text *, const struct control_end *);
void control_write_error(struct text *, const char *sentence);

/* ---- read back (read.c) ---------------------------------------------------------------------------- */

struct control_object {
    enum control_schema schema;
    union {
        struct control_stack stack;
        struct control_row row;
        struct control_counters counters;
        struct control_reason reason;
        struct control_end end;
        char error[256];
    };
};

/* Reads a line, without its newline.  NULL, or a sentence: what was expected.  What it stores for
 * people holds only printable characters. */
const char *control_read(const char *line, size_t n, struct control_object *);

#endif
