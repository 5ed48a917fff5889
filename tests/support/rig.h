/* SPDX-License-Identifier: MIT */
/*
 * rig.h - one stack on a bench, and a peer made by hand.
 *
 * The stack sees only what the world shows it: frames with right checksums, user calls, deadlines.
 * The peer is whoever writes the test: it says each segment, and expects each answer at its time.
 *
 * Numbers are relative, as in most captures: what the peer sends counts from IRS, what we send from
 * ISS.  Our SYN is 0 and our first byte of text 1, so a table holds small literals and still runs at
 * any pair of initial sequence numbers, those that wrap above all.
 *
 *      peer -> us   SEG(flags, seq, ack)   seq from IRS, ack from ISS
 *      us -> peer   SEG(flags, seq, ack)   seq from ISS, ack from IRS
 *
 * Text is a function of its relative sequence number, in both directions, and checked on arrival.
 * Times are milliseconds since the rig was started, or since a row of a table began.
 */
#ifndef SUPPORT_RIG_H
#define SUPPORT_RIG_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/trace.h"
#include "estab.h"

/* Flags.  ZERO_SEQ, in an expected segment: <SEQ=0>, which is no relative number. */
enum {
    FIN = 1,
    SYN = 2,
    RST = 4,
    PSH = 8,
    ACK = 16,
    URG = 32,
    ECE = 64,
    CWR = 128,
    ZERO_SEQ = 256
};

/* Options of a segment.  In an expected one only those named are compared.  NO_OPTIONS: not those
 * either that the peer adds by itself, once timestamps or scaling are configured. */
enum { MSS = 1, SCALE = 2, STAMP = 4, NO_OPTIONS = 8 };

/* States as tables name them: SAME where a row says nothing. */
enum rig_state {
    SAME,
    CLOSED,
    LISTEN,
    SYN_SENT,
    SYN_RECEIVED,
    ESTABLISHED,
    FIN_WAIT_1,
    FIN_WAIT_2,
    CLOSE_WAIT,
    CLOSING,
    LAST_ACK,
    TIME_WAIT,
    RIG_STATES
};

#define RIG_PORT        3333
#define RIG_PEER_PORT   40000
#define RIG_WINDOW      4000 /* that we offer in a SYN, with rig_config */
#define RIG_PEER_WINDOW 8192 /* that the peer offers where a segment says nothing */
#define RIG_PEER_SCALE  2
#define NO_WINDOW       (-1) /* and where it says 0 */

struct rig_seg {
    unsigned flags;
    uint32_t seq, ack;
    uint32_t len; /* of the text */
    int wnd;      /* 0: RIG_PEER_WINDOW; in an expected segment: any */
    uint16_t up;
    uint16_t port; /* the peer's; 0: RIG_PEER_PORT */
    uint8_t ecn;   /* of the IP header; in an expected segment: any */
    uint8_t opt;   /* MSS, SCALE, STAMP */
    uint8_t scale, raw_length;
    uint16_t mss;
    uint32_t tsval, tsecr; /* expected: tsecr alone is compared */
    const char *raw;       /* options as bytes, instead of opt */
    uint32_t at_ms;        /* expected: when; 0: now */
};

/* clang-format off */
#define SEG(flags_, seq_, ...) {.flags = (flags_), .seq = (seq_), .ack = __VA_ARGS__}
/* clang-format on */

/* What the stack sent, as it was parsed. */
struct rig_sent {
    struct rig_seg seg;
    uint32_t seq, ack;  /* as on the wire */
    uint16_t port;      /* ours; RIG_PORT is expected */
    struct estab_addr src, dst;
    uint8_t protocol;   /* 1 ICMP, 6 TCP, 58 ICMPv6, 0 ARP */
    uint8_t type, code; /* of ICMP */
    uint8_t hops;       /* of ICMPv6, with what follows: its hop limit, and what is behind the checksum */
    uint8_t body[64];
    uint8_t mac[6]; /* to which it goes */
    bool text_good;
    estab_time at;
};

enum { RIG_SENT_MAX = 512, RIG_HELD_MAX = 32, RIG_BATCH_MAX = 16, RIG_FRAME_MAX = 66000 };

/* How a connection came to be. */
enum rig_way { ACTIVE, LISTENER, SINGLE, SIMULTANEOUS, RIG_WAYS };

struct rig {
    struct estab_config config;
    estab_stack *stack;
    size_t room_size;
    estab_time start, now;
    estab_time base; /* of at_ms */
    uint32_t iss, irs;
    bool ethernet;
    uint32_t tsval;   /* of the peer's segments, where timestamps are configured */
    bool split;       /* text in two parts */
    bool deaf;        /* the peer does not answer ARP, nor solicitations */
    bool hold;        /* frames out are not done until rig_done */
    bool keep_events; /* nobody takes events */
    bool keep_unread; /* TIME-WAIT is reached with text unread: a TCB instead of a record */
    enum rig_way way;
    estab_conn conn;
    estab_listener listener;
    uint32_t sent, received; /* bytes, by SEND and RECEIVE */
    unsigned events;         /* since rig_forget, those of the listener too */
    enum estab_error error;
    struct rig_sent out[RIG_SENT_MAX];
    unsigned out_count, out_taken;
    struct estab_frame held[RIG_HELD_MAX];
    unsigned held_count;
    const char *where; /* what is being tested, for messages */
    int line;
};

/* ---- rig.c --------------------------------------------------------------------------------------- */

/* A small stack: RIG_WINDOW for each connection; a RST ends TIME-WAIT, as in RFC 9293; no quick ACKs, no
 * timestamps, no window scale, but if they are configured the peer's segments have them too (TSval 1000; a shift of RIG_PEER_SCALE). */
struct estab_config rig_config(void);
/* Starts a stack with an interface 10.11.0.1/24; the peer is 10.11.0.2. */
void rig_start(struct rig *, const struct estab_config *, uint32_t iss, uint32_t irs);
void rig_start_on_ethernet(struct rig *, const struct estab_config *, uint32_t iss, uint32_t irs);
void rig_end(struct rig *);
/* A second rig with a memcpy of the room; frames held are the copy's, too. */
void rig_fork(struct rig *copy, const struct rig *);

/* From the next start on over IPv6, fd11::1/64 and fd11::2, or over IPv4 again. */
void rig_over_ipv6(bool six);
struct estab_addr rig_us(void);
struct estab_addr rig_peer(void);
uint8_t rig_text(uint32_t seq); /* the byte of text at a relative sequence number */

/* A segment of the peer as a frame; its length. */
size_t rig_frame(const struct rig *, const struct rig_seg *, uint8_t bytes[RIG_FRAME_MAX]);
void rig_in_bytes(struct rig *, uint8_t *bytes, size_t n);
/* Makes both checksums right again, after something else was made wrong.  Bare IP. */
void rig_resum(uint8_t *bytes, size_t n);
void rig_in(struct rig *, const struct rig_seg *);
/* Up to RIG_BATCH_MAX small ones in one vector: nothing is sent before the last has arrived. */
void rig_in_batch(struct rig *, const struct rig_seg *, size_t n);
/* Takes the next segment that the stack has sent, which must be this one. */
void rig_out(struct rig *, const struct rig_seg *);
const struct rig_sent *rig_out_any(struct rig *); /* NULL: none */
/* Nothing (more) was sent. */
void rig_quiet(struct rig *);
/* Time goes on to `ms` after base, with all deadlines on the way. */
void rig_at(struct rig *, uint64_t ms);
/* The next deadline, in milliseconds after base. */
uint64_t rig_next_ms(const struct rig *);
void rig_pull(struct rig *);
void rig_done(struct rig *);

#define IN(r, ...)               ((r)->line = __LINE__, rig_in((r), &(struct rig_seg)SEG(__VA_ARGS__)))
#define OUT(r, ...)              ((r)->line = __LINE__, rig_out((r), &(struct rig_seg)SEG(__VA_ARGS__)))
#define QUIET(r)                 ((r)->line = __LINE__, rig_quiet(r))
#define AT(r, ms)                ((r)->line = __LINE__, rig_at((r), (ms)))
#define IS(r, state)             ((r)->line = __LINE__, rig_is((r), (state)))
#define HAPPENED(r, bits, error) ((r)->line = __LINE__, rig_happened((r), (bits), (error)))
#define COUNTED(r, reason, n)    ((r)->line = __LINE__, rig_counted((r), (reason), (n)))

_Noreturn void rig_fail(const struct rig *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Writes a segment for a message. */
const char *rig_seg_text(const struct rig_seg *, char *text, size_t size);
/* Whether what was sent is what was expected, the time included. */
bool rig_seg_is(const struct rig *, const struct rig_sent *got, const struct rig_seg *expected,
                estab_time at);

/* ---- rig_calls.c: user calls, states ---------------------------------------------------------------- */

enum estab_error rig_open_active(struct rig *);
enum estab_error rig_open_passive(struct rig *, bool named); /* single-shot; named: for this peer */
void rig_listen(struct rig *);
void rig_listen_anew(struct rig *); /* whose children have numbers of their own */
/* So that a SYN in TIME-WAIT finds nobody who would open the pair anew (RFC 6191). */
void rig_nobody_listens(struct rig *);
enum estab_error rig_accept(struct rig *);
enum estab_error rig_send(struct rig *, size_t length, unsigned flags);
/* Takes up to `size` bytes, checks them; how many there were. */
size_t rig_receive(struct rig *, size_t size);
enum estab_error rig_close(struct rig *);
enum estab_error rig_abort(struct rig *);

/* The status of the pair (us, peer): a connection if there is one, else a listener; its state is
 * CLOSED if there is neither. */
struct estab_status rig_status(const struct rig *);
enum rig_state rig_state(const struct rig *);
const char *rig_state_name(enum rig_state);
const char *rig_way_name(enum rig_way);
void rig_is(const struct rig *, enum rig_state);
/* Exactly these events since the last time, and this error. */
void rig_happened(struct rig *, unsigned bits, enum estab_error);
void rig_counted(const struct rig *, enum reason, uint64_t n);
void rig_forget(struct rig *);
/* Ends the listener, aborts the connection; whether the stack then owns nothing any more. */
bool rig_leaves_nothing(struct rig *);

/*
 * Puts the connection into a state, by calls and frames.  Without text, but for TIME-WAIT, before
 * which the peer has sent one byte (read, unless keep_unread):
 *
 *                   SND.UNA  SND.NXT  RCV.NXT          SND.UNA  SND.NXT  RCV.NXT
 *      SYN-SENT        0        1        -   CLOSE-WAIT   1        1        2
 *      SYN-RECEIVED    0        1        1   CLOSING      1        2        2
 *      ESTABLISHED     1        1        1   LAST-ACK     1        2        2
 *      FIN-WAIT-1      1        2        1   TIME-WAIT    2        2        3
 *      FIN-WAIT-2      2        2        1
 */
void rig_become(struct rig *, enum rig_way, enum rig_state);
/* Whether a way leads there: LISTEN and SYN-RECEIVED are not everybody's. */
bool rig_can_become(enum rig_way, enum rig_state);

/* ---- rig_table.c ---------------------------------------------------------------------------------------- */

/* One segment arrives: everything that follows from it. */
struct arrival {
    const char *name;
    void (*before)(struct rig *); /* what was first, in this state */
    struct rig_seg in;
    struct rig_seg out[3];  /* exactly these, within 150 ms; flags 0 ends */
    enum rig_state to;      /* SAME: no change */
    enum reason reason[3];  /* each counted once, and no other */
    unsigned events;        /* exactly these */
    enum estab_error error; /* with CLOSED or SOFT_ERROR */
    /* SND.UNA, RCV.NXT, SND.WND, RCV.UP afterwards, bytes to be received; 0: not compared */
    uint32_t una, nxt, wnd, up, text;
};

/* clang-format off */
#define ROW(name_, ...) {.name = (name_), __VA_ARGS__}
/* clang-format on */

struct arrival_table {
    const char *name;
    const struct arrival *rows;
    size_t count;
    enum rig_state state;
    unsigned ways;    /* bit w: enum rig_way w */
    bool keep_unread; /* TIME-WAIT as a TCB */
    bool ethernet;
    bool only_ipv4;
    void (*before)(struct rig *); /* of every row, ahead of its own */
    const struct estab_config *config;
};

#define WAY(way) (1u << (way))
#define ALL_WAYS (WAY(ACTIVE) | WAY(LISTENER) | WAY(SINGLE) | WAY(SIMULTANEOUS))

/* Pairs of initial sequence numbers: 0, 2^31, 2^32 - 1, and some that wrap within a few bytes. */
enum { RIG_ISNS = 6 };
extern const uint32_t rig_isns[RIG_ISNS][2];

/* Runs every row in every way at every pair of ISNs, over IPv4 and over IPv6; fails at the end if any row did. */
void rig_run_table(const struct arrival_table *);

#define RUN_ROWS(rows_, ...)                                                                       \
    rig_run_table(&(const struct arrival_table){.name = __func__,                                  \
                                                .rows = (rows_),                                   \
                                                .count = sizeof(rows_) / sizeof(rows_)[0],         \
                                                __VA_ARGS__})

#endif
