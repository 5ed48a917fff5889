/* SPDX-License-Identifier: MIT */
/*
 * tcp.h - one TCP: its pools, its lists, and what its files offer each other.
 *
 * Nothing here is a pointer: arrays are found by their distance from struct tcp, so that the room
 * can be copied to another place.  `now` is the last argument of whatever needs it.
 *
 * The files follow RFC 9293 section 3.10:
 *
 *      user.c      3.10.1 to 3.10.6, the user's calls       arrive.c   3.10.7, SEGMENT ARRIVES
 *      timeout.c   3.10.8, timeouts                         emit.c     what is sent next
 *      judge.c     its steps that only judge               option.c   what a user can set
 *      listen.c    3.10.7.2, listeners and their children   record.c   64-byte records
 *      ack.c       step 5's work                            text.c     step 7's work
 *      icmp.c      3.9.2.2, ICMP errors                     reply.c    answers that nobody owns
 *      delack.c    when text is acknowledged
 *      sack.c      RFC 2018, the receiver's half            window.c   the receive window
 *      flight.c    what is outstanding                      rtt.c      RFC 6298
 *      ecn.c       RFC 3168                              pace.c     text at the rate of its window
 *      rate.c      the delivery rate                        tune.c     how large buffers become
 *      measure.c   what tcp_info has beside these
 *      recovery.c and the files of loss.h                   losses, and what they do to the window
 *      throttle.c  answers to strangers, in moderation       cookie.c   RFC 4987
 *      keys.c      new secrets
 *      isn.c       RFC 6528                                 table.c    socket pair -> connection
 *      uto.c       RFC 5482
 *      mtu.c       RFC 1191, RFC 4821, RFC 5927
 *      conn.c      making, moving, ending a connection      orphan.c   users that have left
 */
#ifndef TCP_TCP_H
#define TCP_TCP_H

#include "base/assert.h"
#include "base/trace.h"
#include "tcp/segment.h"
#include "tcp/tcb.h"

/* What the outside knows a connection by. */
struct tcp_handle {
    uint32_t where; /* WHERE_GONE: CLOSED, its last event not yet taken */
    uint32_t generation;
    uint32_t next; /* free list, event queue or accept queue */
    uint16_t events;
    uint8_t error;
    uint8_t flags; /* enum handle_flag */
};

enum handle_flag {
    HANDLE_QUEUED = 1,
    HANDLE_UNACCEPTED = 2,
    HANDLE_RELEASED = 4, /* the user has left it; it goes when its turn in the event queue comes */
};

_Static_assert(sizeof(struct tcp_handle) == 16, "counted in tcp_memory");

enum { OPTIONS = ESTAB_OPTION_ADVERTISE_TIMEOUT_S + 1 }; /* of enum estab_option */

_Static_assert(OPTIONS <= 32, "a bit for each in tcp_listener.options");

/* AWAY: the single-shot passive OPEN has met a SYN, and may come back (3.10.7.4 steps 2 and 4). */
enum listener_use { LISTENER_FREE, LISTENER_LISTENS, LISTENER_AWAY };

struct tcp_listener {
    struct estab_endpoint local;  /* unspecified address: all of ours */
    struct estab_endpoint remote; /* of a single-shot passive OPEN that named one */
    uint16_t used;      /* enum listener_use */
    uint16_t local_id;  /* of local.addr; UINT16_MAX: all */
    uint32_t generation;
    uint32_t single;    /* the TCB of a single-shot passive OPEN, or TCB_NONE */
    uint32_t backlog;
    uint32_t pending;   /* children in SYN-RECEIVED or not yet accepted */
    uint32_t half_open; /* of these, records */
    uint32_t cookie_epoch_and_1; /* when a cookie was last sent (cookie.c); 0: never */
    uint32_t accept_head, accept_tail; /* handles */
    uint32_t ready;     /* an ACCEPT event is owed */
    uint32_t fixed_iss, iss;
    bool only_ipv4, only_ipv6; /* with local_id UINT16_MAX: of one family alone */
    uint32_t options;   /* bit o: option o was set, for its connections to begin with */
    uint32_t option[OPTIONS];
};

/* Answers that no connection owns. */
struct tcp_reply {
    struct tcp_out out;
    uint8_t why;
};

/* The timer lists of records: one for each number of retransmissions, one for TIME-WAIT. */
enum { RECORD_LISTS = 12, RECORD_TIME_WAIT = RECORD_LISTS - 1 };

struct record_list {
    uint32_t head, tail;
};

/* An address of ours; its index is its number in the Internet layer, too. */
struct tcp_local {
    struct estab_addr address;
    uint32_t super_segment; /* most text in one frame; 0: one segment at a time */
    uint16_t mtu;
    uint8_t used;
    uint8_t ip_header; /* bytes of it in each packet */
};

struct tcp {
    struct estab_config config;
    estab_time last;       /* the latest `now` */
    uint64_t steps_back;
    struct wheel wheel;

    /* Distances of the arrays from this struct. */
    uint64_t tcbs_at, colds_at, boards_at, spares_at, telemetry_at, records_at, handles_at, buckets_at, listeners_at, replies_at;
    uint64_t trace_at;
    uint32_t bucket_mask;

    /* Free lists, chained through the first word that the pool has for it; `fresh` was never used. */
    uint32_t tcb_free, tcb_fresh, tcb_used, tcb_peak;
    uint32_t cold_free, cold_fresh, cold_used;
    uint32_t board_free, board_fresh, board_used;
    uint32_t spare_free, spare_fresh, spare_used;
    uint32_t record_free, record_fresh, record_used;
    uint32_t handle_free, handle_fresh;

    uint32_t ready_head, ready_tail;     /* TCBs that may have something to send */
    uint32_t blocked_head, blocked_tail; /* TCBs that wait for a neighbour */
    uint32_t event_head, event_tail;     /* handles */
    uint32_t reply_head, reply_count;
    struct record_list lists[RECORD_LISTS];
    uint32_t listener_events;

    struct { /* keys.c */
        uint8_t lasting[16];            /* the first isn_key */
        uint8_t old_isn[16], old_hash[16]; /* what the last change has replaced */
        uint32_t old_epoch_and_1;       /* of cookies, the last of the old key; 0: there was no change */
        uint32_t moved;                 /* with `moves`: buckets of the table that have been looked through */
        bool moves;
        estab_time since;
    } keys;
    uint32_t challenge_second_and_1, challenges_left; /* throttle.c; 0: no second yet */
    uint32_t port_counter;
    uint32_t orphan_hand; /* orphan.c: where it looks next */
    uint32_t trace_head, trace_tail; /* serial numbers */
    uint64_t trace_lost;
    uint64_t segments_in, segments_out, text_in, text_out, retransmitted;
    uint64_t mtu_black_holes, mtu_probes, mtu_probes_passed, mtu_probes_lost;
    uint64_t reasons[REASONS];
    struct tcp_local locals[ESTAB_ADDRESSES_MAX];
    struct chunk_pool chunks;
};

#define TCP_ARRAY(name, type)                                                                      \
    static inline type *tcp_##name(const struct tcp *t, uint32_t i)                                \
    {                                                                                              \
        return (type *)((uintptr_t)t + (uintptr_t)t->name##s_at) + i;                              \
    }

TCP_ARRAY(tcb, struct tcb)
TCP_ARRAY(cold, struct tcp_cold)
TCP_ARRAY(record, struct tcp_record)
TCP_ARRAY(handle, struct tcp_handle)
TCP_ARRAY(bucket, uint32_t)
TCP_ARRAY(listener, struct tcp_listener)

static inline struct tcp_reply *tcp_reply(const struct tcp *t, uint32_t i)
{
    return (struct tcp_reply *)((uintptr_t)t + (uintptr_t)t->replies_at) + i;
}

static inline struct estab_trace *tcp_trace(const struct tcp *t, uint32_t i)
{
    return (struct estab_trace *)((uintptr_t)t + (uintptr_t)t->trace_at) + i;
}

static inline uint32_t tcp_index(const struct tcp *t, const struct tcb *b)
{
    return (uint32_t)(b - tcp_tcb(t, 0));
}

static inline uint32_t tcp_record_index(const struct tcp *t, const struct tcp_record *r)
{
    return (uint32_t)(r - tcp_record(t, 0));
}

static inline struct tcp_telemetry *tcp_telemetry(const struct tcp *t, const struct tcb *b)
{
    if (!t->config.telemetry)
        return NULL;
    return (struct tcp_telemetry *)((uintptr_t)t + (uintptr_t)t->telemetry_at) + tcp_index(t, b);
}

/* The cold block, or one without anything in it. */
static inline const struct tcp_cold *tcb_cold(const struct tcp *t, const struct tcb *b)
{
    static const struct tcp_cold nothing = {0};

    return b->cold ? tcp_cold(t, b->cold - 1) : &nothing;
}

/* What one scoreboard takes of the room. */
static inline uint32_t scoreboard_bytes(const struct estab_config *config)
{
    return (uint32_t)(sizeof(struct tcp_scoreboard) + config->sack_ranges * sizeof(struct tcp_range));
}

static inline struct tcp_scoreboard *tcp_scoreboard(const struct tcp *t, uint32_t i)
{
    return (struct tcp_scoreboard *)((uintptr_t)t + (uintptr_t)t->boards_at +
                                     (uintptr_t)i * scoreboard_bytes(&t->config));
}

enum { SPARE_TIMES = 16 }; /* config.sack_ranges: the ranges of a spare array */

static inline uint32_t spare_bytes(const struct estab_config *config)
{
    return (uint32_t)(SPARE_TIMES * config->sack_ranges * sizeof(struct tcp_range));
}

static inline struct tcp_range *tcp_spare(const struct tcp *t, uint32_t i)
{
    return (struct tcp_range *)((uintptr_t)t + (uintptr_t)t->spares_at + (uintptr_t)i * spare_bytes(&t->config));
}

static inline struct tcp_range *ranges_of(const struct tcp_scoreboard *k)
{
    return (struct tcp_range *)((uintptr_t)k + (uintptr_t)k->ranges_at);
}

/* The scoreboard, or one without anything in it. */
static inline const struct tcp_scoreboard *tcb_board(const struct tcp *t, const struct tcb *b)
{
    static const struct tcp_scoreboard nothing = {0};

    return b->board ? tcp_scoreboard(t, b->board - 1) : &nothing;
}

static inline uint64_t us_of(estab_time now)
{
    return now / ESTAB_US;
}

static inline uint32_t ms_of(estab_time now)
{
    return (uint32_t)(now / ESTAB_MS);
}

static inline uint32_t s_of(estab_time now)
{
    return (uint32_t)(now / ESTAB_SECOND);
}

/* Lays the pools out behind `struct tcp` and returns the bytes; with `t` NULL it only counts. */
uint64_t tcp_layout(struct tcp *t, const struct estab_config *config);
void tcp_init(struct tcp *t, const struct estab_config *config, estab_time now);
/* Whether pools lie where they do in a TCP of this build with t->config, which must hold, and none has
 * given out more than it has. */
bool tcp_holds(const struct tcp *t);

/* ---- note.c: reasons and the trace ---------------------------------------------------------- */

void note_reason(struct tcp *t, enum reason reason);
/* A record of `kind` about `handle` (HANDLE_NONE: none); fields as trace.def has them. */
void note(struct tcp *t, enum trace_kind kind, uint32_t handle, const uint32_t *args, unsigned n,
          estab_time now);
#define NOTE(t, kind, handle, now, ...)                                                            \
    do {                                                                                           \
        if ((t)->config.trace_records) {                                                           \
            const uint32_t note_args_[] = {__VA_ARGS__};                                           \
            note(t, TRACE_##kind, handle, note_args_, sizeof note_args_ / sizeof note_args_[0],    \
                 now);                                                                             \
        }                                                                                          \
    } while (0)

/* ---- conn.c: a connection's life -------------------------------------------------------------- */

/* Whether the text pool can back one more connection; an eighth of it stays for senders. */
bool tcb_backed(const struct tcp *t);
/* The same, and if not, whether it can once some of those have gone whose users have left. */
bool tcb_back(struct tcp *t, estab_time now);
struct tcb *tcb_new(struct tcp *t, estab_time now); /* NULL: the pool is empty, or the text pool */
/* What a TCB needs once it knows its peer: offsets, windows, timestamps, the congestion window. */
void tcb_open(struct tcp *t, struct tcb *b, uint16_t mtu, estab_time now);
/* The peer's SYN: RCV.NXT, IRS, and the options that both sides have. */
void tcb_take_syn(struct tcp *t, struct tcb *b, const struct segment *s, estab_time now);
/* Eff.snd.MSS (RFC 9293 section 3.7.1) and the initial window that follows from it. */
void tcb_set_mss(struct tcp *t, struct tcb *b, uint32_t peer_mss);
/* The MSS that a SYN offers from an address, on a link; `clamp` 0: no other bound. */
uint16_t mss_offer(const struct tcp_local *from, uint32_t mtu, uint32_t clamp);
/* MUST-15: what a peer takes that says nothing, 536 over IPv4 and 1220 over IPv6. */
uint16_t mss_unsaid(const struct estab_addr *peer);
uint32_t tcb_initial_window(const struct tcp *t, uint32_t mss);
/* A sender that holds no chunk is promised one, so that others' text never keeps it from sending.
 * The promise is kept while nothing is queued, and becomes the first chunk that is. */
void tcb_reserve_send(struct tcp *t, struct tcb *b);
void tcb_use_reserve(struct tcp *t, struct tcb *b);
/* Takes the TCB out of every list and pool; its handle is the caller's concern. */
void tcb_free(struct tcp *t, struct tcb *b);
/* A handle for a place; HANDLE_NONE if there are no more. */
uint32_t handle_new(struct tcp *t, uint32_t where);
void handle_free(struct tcp *t, uint32_t handle);
estab_conn handle_conn(const struct tcp *t, uint32_t handle);
/* The handle's index, or HANDLE_NONE if it is stale, or was not given to the user yet. */
uint32_t handle_find(const struct tcp *t, estab_conn conn);

/* In which state it begins: CLOSED, or its listener's LISTEN. */
void tcp_born(struct tcp_head *head, enum tcp_state state);
/* After that the only writer of a state: takes the edge, which must exist (fsm.def). */
void tcp_move(struct tcp *t, struct tcp_head *head, enum tcp_event event, enum reason reason,
              estab_time now);
/* Takes the edge to CLOSED and deletes the TCB; the user hears of `error`. */
void conn_close(struct tcp *t, struct tcb *b, enum tcp_event event, enum estab_error error,
                enum reason reason, estab_time now);
/* Enters TIME-WAIT's record form, or deletes what is CLOSED, once the user has all its text. */
void conn_retire(struct tcp *t, struct tcb *b, estab_time now);
/* ESTABLISHED was entered: the user, or the listener, hears of it; a queued CLOSE follows. */
void conn_established(struct tcp *t, struct tcb *b, estab_time now);
void conn_event(struct tcp *t, uint32_t handle, unsigned bits, enum estab_error error);
bool conn_event_next(struct tcp *t, struct estab_event *event);
/* The user has left: no event, and no call, will use the handle any more. */
void handle_release(struct tcp *t, uint32_t handle);
void conn_ready(struct tcp *t, struct tcb *b);    /* may have something to send */
void conn_unready(struct tcp *t, struct tcb *b);
void conn_block(struct tcp *t, struct tcb *b);    /* waits for a neighbour */
void conn_unblock_all(struct tcp *t);
uint32_t tcp_memory(const struct tcp *t, const struct tcb *b);

/* ---- orphan.c ------------------------------------------------------------------------------------- */

/* A connection whose user has left makes room for another one; false: there is none. */
bool orphan_recycle(struct tcp *t, estab_time now);

/* ---- option.c: estab_set -------------------------------------------------------------------------- */

bool option_holds(enum estab_option option, uint32_t value);
void option_set(struct tcp *t, struct tcb *b, enum estab_option option, uint32_t value,
                estab_time now);
/* What the user has set, or else the stack's. */
uint32_t option_user_timeout_ms(const struct tcp *t, const struct tcb *b);
uint32_t option_keepalive_interval_ms(const struct tcp *t, const struct tcb *b);
uint32_t option_keepalive_probes(const struct tcp *t, const struct tcb *b);
/* A listener's, or `otherwise` if it was not set. */
uint32_t option_of_listener(const struct tcp *t, uint16_t listener, enum estab_option option,
                            uint32_t otherwise);
/* What its listener was told, a connection begins with. */
void option_inherit(struct tcp *t, struct tcb *b, uint16_t listener, estab_time now);
/* The cold block, made if there is none yet; given back once nothing is in it. */
struct tcp_cold *cold_need(struct tcp *t, struct tcb *b);
void cold_trim(struct tcp *t, struct tcb *b);

/* ---- table.c ------------------------------------------------------------------------------------ */

struct tcp_pair {
    struct estab_addr remote;
    uint16_t rport, lport;
    uint8_t local;
};

uint32_t table_find(const struct tcp *t, const struct tcp_pair *pair); /* a place */
struct tcp_head *table_head(const struct tcp *t, uint32_t where);
void table_add(struct tcp *t, uint32_t where);
void table_remove(struct tcp *t, uint32_t where);
/* Puts `with` into the place that `where` has. */
void table_replace(struct tcp *t, uint32_t where, uint32_t with);

/* Some more of what a change of keys has left to do; the rest of it. */
void table_move(struct tcp *t);
void table_move_all(struct tcp *t);

/* ---- keys.c --------------------------------------------------------------------------------------- */

/* When new secrets are due; takes them, or AGAIN. */
estab_time keys_due(const struct tcp *t);
enum estab_error keys_change(struct tcp *t, const uint8_t isn_key[16], const uint8_t hash_key[16],
                             estab_time now);

/* ---- listen.c ------------------------------------------------------------------------------------- */

struct tcp_listener *listen_find(const struct tcp *t, const struct segment *s);
struct tcp_listener *listener_new(struct tcp *t);
void listener_free(struct tcp *t, struct tcp_listener *l);
/* The child of a record whose SYN was acknowledged; NULL if a pool is empty (reason set). */
struct tcb *listen_promote(struct tcp *t, struct tcp_record *r, enum reason *reason, estab_time now);
void listen_established(struct tcp *t, struct tcb *b);
uint32_t listen_unaccepted(const struct tcp_listener *l); /* children that wait for estab_accept */
/* An ACK that brings a cookie back makes a TCB in SYN-RECEIVED: its place.  WHERE_NONE: it is none (reason
 * NONE), or there is no room for it. */
uint32_t listen_cookie(struct tcp *t, struct tcp_listener *l, struct segment *s, enum reason *reason,
                       estab_time now);
/* A single-shot passive OPEN returns from SYN-RECEIVED to LISTEN. */
void listen_again(struct tcp *t, struct tcb *b, enum tcp_event event, enum reason reason,
                  estab_time now);
/* A single-shot passive OPEN will not return to LISTEN: it has a connection, or was closed. */
void listen_no_more(struct tcp *t, struct tcb *b);
enum reason listen_arrives(struct tcp *t, struct tcp_listener *l, const struct segment *s,
                           estab_time now);
/* A SYN for a pair that is in TIME-WAIT, which gives way if there is room for the new connection. */
enum reason listen_reopen(struct tcp *t, struct tcp_listener *l, uint32_t waits,
                          const struct segment *s, estab_time now);

/* ---- cookie.c: RFC 4987 section 3.6 --------------------------------------------------------------- */

enum { SYN_COOKIES_ALWAYS = 2 }; /* of estab_config.syn_cookies */

/* The number of 64 seconds, in which a cookie has a key of its own. */
uint32_t cookie_epoch(estab_time now);
estab_time cookie_epoch_begins(uint32_t epoch);
/* Whether a listener's children can do without records. */
bool cookie_may(const struct tcp *t, const struct tcp_listener *l);
/* Answers a SYN with a cookie of what its record would have held. */
enum reason cookie_send(struct tcp *t, struct tcp_listener *l, struct tcp_record *r,
                        const uint8_t *mac, estab_time now);
/* Whether an ACK brings a cookie of `l` back; what its record would have held. */
bool cookie_take(const struct tcp *t, const struct tcp_listener *l, const struct segment *s,
                 struct tcp_record *r, estab_time now);

/* ---- record.c ------------------------------------------------------------------------------------- */

struct tcp_record *record_new(struct tcp *t); /* NULL: none left */
void record_free(struct tcp *t, struct tcp_record *r);
void record_wait(struct tcp *t, struct tcp_record *r, unsigned list, estab_time now);
estab_time record_deadline(const struct tcp *t, estab_time now);
void record_expire(struct tcp *t, estab_time now);
/* A listener ends: its children in SYN-RECEIVED are reset. */
void record_end_children(struct tcp *t, uint16_t listener, estab_time now);
struct tcp_out *record_syn_ack(struct tcp *t, const struct tcp_record *r, const uint8_t *mac,
                               enum emit_why why, estab_time now);
void record_ack(struct tcp *t, const struct tcp_record *r, enum emit_why why, estab_time now);
uint32_t record_window(const struct tcp *t, const struct tcp_record *r); /* RCV.WND */
/* The bounds of a child's receive window that its listener was given. */
uint32_t record_window_most(const struct tcp *t, uint16_t listener);
/* Whether the ACK of our SYN is passed over, as it has no text and the listener waits for that. */
bool record_defers(const struct tcp *t, struct tcp_record *r, const struct segment *s);
/* How long our SYN,ACK took to be acknowledged. */
uint32_t record_rtt_us(const struct tcp *t, const struct tcp_record *r, estab_time now);
/* Whether a place is in TIME-WAIT and a SYN may end that (RFC 6191 section 2): it is younger than what the
 * connection has seen.  Ends it: SND.NXT.  Text that its user has not taken stays there for it. */
bool time_wait_gives_way(const struct tcp *t, uint32_t where, const struct segment *s);
uint32_t time_wait_reopened(struct tcp *t, uint32_t where, estab_time now);
/* Back to LISTEN: the record goes, its listener never left. */
void record_to_listen(struct tcp *t, struct tcp_record *r, enum tcp_event event, enum reason reason,
                      estab_time now);
/* TIME-WAIT as a record instead of the TCB; false if there is none left. */
bool record_of_time_wait(struct tcp *t, struct tcb *b, estab_time now);
/* CLOSED: the record goes, its user hears of it. */
void record_close(struct tcp *t, struct tcp_record *r, enum tcp_event event, enum estab_error error,
                  enum reason reason, estab_time now);

/* ---- arrive.c, icmp.c, reply.c ------------------------------------------------------------------------ */

void tcp_arrive(struct tcp *t, struct segment *s, estab_time now);
/* "Fragmentation needed": what the router can carry (0: it does not say), how long the quoted packet was. */
struct tcp_too_big {
    uint32_t mtu, length;
};

/* An ICMP error that quotes `seq` of a connection; `hard`: that nobody is there to talk to; `big` or NULL. */
enum reason icmp_arrives(struct tcp *t, const struct tcp_pair *pair, snd_seq seq, bool hard,
                         const struct tcp_too_big *big, estab_time now);
/* mtu.c: about the segment that begins at `seq`, which is outstanding. */
enum reason mtu_too_big(struct tcp *t, struct tcb *b, snd_seq seq, const struct tcp_too_big *big,
                        estab_time now);
/* A reset for a segment (3.10.7.1); a place for an answer, NULL if the ring is full. */
void reply_reset(struct tcp *t, const struct segment *s, estab_time now);
struct tcp_out *reply_new(struct tcp *t, enum emit_why why);

/* ---- uto.c: RFC 5482 ------------------------------------------------------------------------------------- */

/* The user timeout that both ends make, the user having set none; 0: R2 decides. */
uint32_t uto_ms(const struct tcp *t, const struct tcb *b);
/* Bytes that the option takes of the next segment; puts it into a header; into a listener's SYN,ACK. */
uint32_t uto_length(const struct tcp *t, const struct tcb *b);
void uto_offer(struct tcp *t, struct tcb *b, struct tcp_header *h);
void uto_offer_listener(const struct tcp *t, uint16_t listener, struct tcp_header *h);
/* An acceptable segment; the user's wish. */
void uto_arrives(struct tcp *t, struct tcb *b, const struct segment *s, estab_time now);
void uto_set(struct tcp *t, struct tcb *b, uint32_t seconds, estab_time now);

/* ---- mtu.c: RFC 4821 ------------------------------------------------------------------------------------ */

/* What the path is known to carry, headers and all. */
uint32_t mtu_path(const struct tcp *t, const struct tcb *b);
/* With which text of a segment a connection begins whose SYNs allow `mss`. */
uint32_t mtu_first(struct tcp *t, struct tcb *b, uint32_t mss);

enum { MTU_WAITS = 1 << 16 }; /* longer than any segment */

/* How long a segment of new text shall go, as a probe; MTU_WAITS: it would, were there room for it, so none of
 * it goes yet; 0: as ever. */
uint32_t mtu_probe(struct tcp *t, struct tcb *b, uint32_t queued, uint32_t usable, estab_time now);
void mtu_probe_sent(struct tcp *t, struct tcb *b, snd_seq seq, uint32_t length, estab_time now);
/* SND.UNA has moved. */
void mtu_acked(struct tcp *t, struct tcb *b, estab_time now);
/* Something was found lost: whether that is a probe alone, which is no congestion. */
bool mtu_probe_lost(struct tcp *t, struct tcb *b, estab_time now);
/* Other losses came, a probe tells nothing; a timeout, the first or another one in a row. */
void mtu_inconclusive(struct tcp *t, struct tcb *b, estab_time now);
void mtu_timed_out(struct tcp *t, struct tcb *b, estab_time now);
/* Why something goes again outside a recovery. */
enum emit_why mtu_or_timeout(const struct tcb *b);

/* ---- throttle.c: RFC 5961 section 7 -------------------------------------------------------------------- */

/* Whether a challenge may be sent, `spent` being the connection's byte `stray`; it is counted. */
bool throttle_challenge(struct tcp *t, uint8_t *spent, estab_time now);
/* The same of an ACK that answers a segment outside the window; `near`: at RCV.NXT - 1. */
bool throttle_stray(uint8_t *spent, bool near, estab_time now);

/* ---- ack.c, recovery.c, rtt.c ------------------------------------------------------------------------- */

/* Step 5 for a TCB, its acknowledgment acceptable: SND.UNA, windows, congestion control.
 * Whether our FIN is now acknowledged. */
bool ack_arrives(struct tcp *t, struct tcb *b, const struct segment *s, estab_time now);
void ack_window(struct tcp *t, struct tcb *b, const struct segment *s, estab_time now);

enum { DUPTHRESH = 3 }; /* RFC 5681 section 3.2, RFC 6675 section 2 */

/* What may go beyond the congestion window: limited transmit, a probe of the tail. */
uint32_t recovery_limited(const struct tcp *t, const struct tcb *b);
void recovery_timeout(struct tcp *t, struct tcb *b, estab_time now);

void rtt_start(struct tcb *b); /* the SYN, which is sent at since_us */
void rtt_syn_acked(struct tcp *t, struct tcb *b, estab_time now);
void rtt_sample(struct tcp *t, struct tcb *b, uint32_t sample_us, estab_time now);
uint64_t rtt_timeout_us(const struct tcp *t, const struct tcb *b); /* RTO, backed off */
/* The round trip of what was sent once, for the least of the last minutes. */
void rtt_least(struct tcp *t, struct tcb *b, uint32_t sample_us, estab_time now);
uint32_t ts_now(const struct tcb *b, estab_time now);              /* TSval */

/* ---- delack.c: RFC 9293 section 3.8.6.3 -------------------------------------------------------------- */

/* A connection begins: both MSS are known. */
void delack_open(struct tcb *b);
/* Text of `length` bytes came in order: acknowledge it now, or later. */
void delack_text(struct tcp *t, struct tcb *b, const struct segment *s, uint32_t length,
                 estab_time now);
/* Something came twice, or out of order: the next acknowledgments do not wait. */
void delack_quick(const struct tcp *t, struct tcb *b);
/* The timer fired; new text was sent; an acknowledgment was sent (before last_ack_sent moves); the
 * user has taken text. */
void delack_fired(const struct tcp *t, struct tcb *b);
void delack_talks(struct tcb *b, estab_time now);
void delack_sent(const struct tcp *t, struct tcb *b);
void delack_read(struct tcp *t, struct tcb *b);
/* ESTAB_OPTION_QUICKACK. */
void delack_set(struct tcp *t, struct tcb *b, bool quick);
uint32_t delack_wait_ms(const struct tcp *t, const struct tcb *b);

/* ---- sack.c: RFC 2018, RFC 2883 ------------------------------------------------------------------------- */

/* Text at `seq` was received and is held beyond a gap. */
void sack_held(struct tcp *t, struct tcb *b, rcv_seq seq);
/* These numbers were received once more: the next acknowledgment tells of it. */
void sack_again(struct tcp *t, struct tcb *b, rcv_seq left, rcv_seq right);
/* RCV.NXT has moved: what it has passed is beyond a gap no more. */
void sack_passed(struct tcp *t, struct tcb *b);
/* What was held from `seq` on was dropped. */
void sack_dropped(struct tcp *t, struct tcb *b, rcv_seq seq);
/* Bytes that the option takes of each segment now. */
uint32_t sack_length(const struct tcp *t, const struct tcb *b);
/* Puts the option into a header that acknowledges. */
void sack_offer(struct tcp *t, struct tcb *b, struct tcp_header *h);

/* ---- what of loss.h's files emit.c, timeout.c and STATUS use ----------------------------------------------- */

/* The numbers from `seq` to `end` have been sent, new ones or some again, in segments of `segment` bytes. */
void flight_sent(struct tcp *t, struct tcb *b, snd_seq seq, snd_seq end, uint32_t segment, estab_time now);
void flight_free(struct tcp *t, struct tcb *b);
/* Bytes that tell of what is outstanding. */
uint32_t scoreboard_memory(const struct tcp *t, const struct tcb *b);
/* Pipe: how much is in the network. */
uint32_t flight_pipe(const struct tcp *t, const struct tcb *b);
/* What is lost and goes again now, or (`last_resort`) RFC 6675's rules (3) and (4), if the window has
 * room for it.  Rule (2) is emit_text's, in between. */
bool scoreboard_next(const struct tcp *t, const struct tcb *b, bool last_resort,
                     struct tcp_sack_block *piece, enum emit_why *why);
void scoreboard_rescued(struct tcp *t, struct tcb *b);
/* Where what begins at SND.UNA, and is not SACKed, ends. */
snd_seq scoreboard_hole_end(const struct tcp *t, const struct tcb *b);
void scoreboard_status(const struct tcp *t, const struct tcb *b, struct estab_status *st);
/* By how many segments one was overtaken so far, DUPTHRESH at least. */
uint32_t rack_reordering(const struct tcb *b);
/* Until when RACK waits for what looks reordered; the window that it gives it. */
bool rack_waits(const struct tcp *t, const struct tcb *b, uint64_t *at_us, estab_time now);
uint32_t rack_window_us(const struct tcp *t, const struct tcb *b);
/* Until when the tail is waited for; a probe is to be sent, was sent. */
bool tlp_waits(const struct tcp *t, const struct tcb *b, uint64_t *at_us, estab_time now);
bool tlp_is_due(const struct tcp *t, const struct tcb *b);
void tlp_fired(struct tcp *t, struct tcb *b, estab_time now);
void tlp_sent(struct tcp *t, struct tcb *b, bool again);
struct tcp_sack_block tlp_piece(const struct tcp *t, const struct tcb *b, uint32_t mss); /* sent last */
/* F-RTO has asked for new text, and there is none to be sent: it knows nothing. */
bool frto_gives_up(struct tcp *t, struct tcb *b, estab_time now);
void recovery_waited(struct tcp *t, struct tcb *b, estab_time now);

/* ---- ecn.c: RFC 3168 ------------------------------------------------------------------------------------- */

/* The user's wish, a value of estab_config.ecn; what is agreed on stays. */
void ecn_set(struct tcb *b, uint32_t mode);
/* TAG_ECN, if an active OPEN asks for it; if a listener with this mode grants it to a SYN. */
uint8_t ecn_asks(const struct tcb *b);
uint8_t ecn_answers(struct tcp *t, uint32_t mode, const struct segment *s, estab_time now);
/* The flags of a SYN, or of the SYN,ACK of a TCB. */
unsigned ecn_syn(struct tcp *t, struct tcb *b, bool answer, estab_time now);
/* The peer's SYN or SYN,ACK: whether it is agreed on. */
void ecn_take_syn(struct tcp *t, struct tcb *b, const struct segment *s, estab_time now);
/* A reset answers our SYN.  True: it asked for ECN, and goes again without. */
bool ecn_refused(struct tcp *t, struct tcb *b, estab_time now);
/* Marks a segment of text at `seq`, SND.NXT not yet moved; what else goes along with any segment. */
void ecn_sends(struct tcb *b, struct tcp_out *out, snd_seq seq);
unsigned ecn_echoes(const struct tcb *b);
/* An acceptable segment, before its acknowledgment is taken, and after; `delivered` is telemetry's of
 * before. */
void ecn_arrives(struct tcp *t, struct tcb *b, const struct segment *s, estab_time now);
void ecn_acked(struct tcp *t, struct tcb *b, const struct segment *s, uint32_t delivered, estab_time now);
/* The window was made less, for a loss; whether it was for an ECE, in this window of text. */
void ecn_reduced(struct tcp *t, struct tcb *b);
bool ecn_shrinks(const struct tcb *b);
/* Text of an acceptable segment. */
void ecn_text(struct tcp *t, struct tcb *b, const struct segment *s, estab_time now);

/* ---- pace.c ------------------------------------------------------------------------------------------------- */

/* Bytes a second that a window a round trip makes, as Linux has it; UINT64_MAX before there is an RTT. */
uint64_t pace_rate(const struct tcp *t, const struct tcb *b);
/* How much of `n` bytes of text may go now, in whole segments; 0: the timer will tell. */
uint32_t pace_allows(struct tcp *t, struct tcb *b, uint32_t n, uint32_t mss, estab_time now);
/* So much text goes, new or again. */
void pace_sent(struct tcp *t, struct tcb *b, uint32_t n, estab_time now);
/* When text goes on that waits for its turn; WHEEL_NEVER. */
uint64_t pace_deadline_us(const struct tcp *t, const struct tcb *b);
void pace_fired(struct tcp *t, struct tcb *b, estab_time now);
/* All was acknowledged: what pacing keeps is given back as soon as it may be. */
void pace_rest(struct tcp *t, struct tcb *b, estab_time now);
void pace_stop(struct tcp *t, struct tcb *b);
void pace_set(struct tcp *t, struct tcb *b, bool on);

/* ---- rate.c: the delivery rate, for the telemetry -------------------------------------------------------------- */

void rate_sent(struct tcp *t, const struct tcb *b, snd_seq seq, uint32_t n, estab_time now);
void rate_acked(struct tcp *t, const struct tcb *b, estab_time now);

/* ---- measure.c: what Linux's tcp_info has, for the telemetry --------------------------------------------------- */

struct ack_news;

/* A segment has come for the connection, whatever becomes of it. */
void measure_arrived(struct tcp *t, const struct tcb *b, const struct segment *s);
/* n bytes from `seq` on go, in segments of `mss`, and a FIN; SND.NXT has not moved yet. */
void measure_sent(struct tcp *t, const struct tcb *b, snd_seq seq, uint32_t n, uint32_t mss, bool fin);
/* So much goes that was sent before: text, or 0, a SYN or FIN. */
void measure_sent_again(struct tcp *t, const struct tcb *b, uint32_t n);
/* `s` has made a TCB of a record whose answer was sent `again` so many times. */
void measure_promoted(struct tcp *t, const struct tcb *b, const struct segment *s, uint32_t again);
/* SND.UNA and the ranges of flight.c are what an acknowledgment makes them. */
void measure_delivered(struct tcp *t, const struct tcb *b, const struct ack_news *news);
/* The peer has told that so much came twice. */
void measure_twice(struct tcp *t, const struct tcb *b, uint32_t bytes);
/* The connection is ESTABLISHED. */
void measure_begins(struct tcp *t, const struct tcb *b, estab_time now);
/* The MSS that we have offered, less the options that each segment has. */
uint32_t measure_offered_mss(const struct tcb *b);
/* Text comes in order, RCV.NXT has not moved yet; the user has taken some. */
void measure_received(struct tcp *t, const struct tcb *b, const struct segment *s, estab_time now);
void measure_taken(struct tcp *t, const struct tcb *b, estab_time now);

/* ---- text.c, window.c ------------------------------------------------------------------------------------ */

/* Step 7: takes the text of an acceptable segment.  NONE, or why not, or not in order. */
enum reason text_arrives(struct tcp *t, struct tcb *b, struct segment *s, estab_time now);
void text_drop_beyond(struct tcp *t, struct tcb *b);

uint32_t window_now(const struct tcp *t, const struct tcb *b); /* edge - RCV.NXT */
/* Moves the edge as far as silly-window avoidance lets it; what to put into a header. */
uint16_t window_offer(struct tcp *t, struct tcb *b, bool syn);
/* Asks for room for so many bytes, and gets what the pool can spare. */
void window_grow(struct tcp *t, struct tcb *b, uint32_t bytes);
/* The text pool has less than it keeps from what grows. */
bool window_pressed(const struct tcp *t);
/* Gives back what a grown window does not need, if the text pool is nearly all promised. */
void window_give_back(struct tcp *t, struct tcb *b);
bool window_worth_telling(const struct tcp *t, const struct tcb *b);
uint8_t window_scale_for(const struct tcp *t, uint32_t buffer);
/* Of a peer's SYN that has the option. */
uint8_t window_scale_taken(struct tcp *t, const struct segment *s);
/* The user's bounds of the receive window: its buffer and its clamp. */
uint32_t window_most(const struct tcp *t, const struct tcb *b);
/* Bytes that may be outstanding or unread, by the promise and by what the user allows. */
uint32_t window_capacity(const struct tcp *t, const struct tcb *b);

/* ---- tune.c ------------------------------------------------------------------------------------------------- */

/* The buffers with which a connection begins. */
void tune_begin(const struct tcp *t, struct tcb *b);
/* Text has come in order, while so many bytes were held beyond a gap; text of ours was acknowledged. */
void tune_received(struct tcp *t, struct tcb *b, const struct segment *s, uint32_t beyond,
                   estab_time now);
void tune_acked(struct tcp *t, struct tcb *b, estab_time now);

/* ---- emit.c -------------------------------------------------------------------------------------------------- */

/* The next segment that this connection has to send; false: none for now. */
bool tcp_emit(struct tcp *t, struct tcb *b, struct tcp_out *out, enum emit_why *why, estab_time now);
uint32_t emit_usable(const struct tcp *t, const struct tcb *b); /* how much text the windows allow from `cur` on */
void emit_seek(struct tcb *b, snd_seq cur);
/* SND.UNA has moved by n. */
void emit_acked(struct tcb *b, uint32_t n);
/* What waits goes now, though it does not fill a segment, if the windows let all of it go. */
void emit_push(const struct tcp *t, struct tcb *b);

/* ---- timeout.c ------------------------------------------------------------------------------------------------- */

void timer_arm(struct tcp *t, struct tcb *b, enum timer_slot slot, uint64_t at_us);
void timer_stop(struct tcb *b, enum timer_slot slot);
/* The wheel's node is due at `at_us` at the latest. */
void timer_wake(struct tcp *t, struct tcb *b, uint64_t at_us);
/* Sets SLOT_SEND to what the state of the send queue asks for. */
void timer_send_update(struct tcp *t, struct tcb *b, bool restart, estab_time now);
void timer_keepalive(struct tcp *t, struct tcb *b, estab_time now);
void timer_time_wait(struct tcp *t, struct tcb *b, estab_time now);
void timer_user(struct tcp *t, struct tcb *b, estab_time now);
/* Sets SLOT_LONG to the end of a FIN-WAIT-2 whose user has left. */
void timer_fin_wait_2(struct tcp *t, struct tcb *b, estab_time now);
void tcp_expire(struct tcp *t, estab_time now);
estab_time tcp_deadline(const struct tcp *t);

/* ---- isn.c ------------------------------------------------------------------------------------------------------- */

uint32_t isn_new(const struct tcp *t, const struct tcp_pair *pair, estab_time now);
/* The same, and more than a window beyond SND.NXT of the connection that had the pair last, if there is one. */
uint32_t isn_after(const struct tcp *t, const struct tcp_pair *pair, const uint32_t *before,
                   estab_time now);
uint32_t isn_timestamp_offset(const struct tcp *t, const struct tcp_pair *pair);
/* Of an IPv6 connection: 20 bits. */
uint32_t isn_flow_label(const struct tcp *t, const struct tcp_pair *pair);
/* A port of 32768..65535 that makes the pair new; 0 if all are in use. */
uint16_t isn_port(struct tcp *t, const struct tcp_pair *pair);

/* ---- user.c: RFC 9293 section 3.9.1 ---------------------------------------------------------------------------------- */

enum estab_error user_open_active(struct tcp *t, const struct estab_open *o, uint8_t local,
                                  estab_conn *out, estab_time now);
enum estab_error user_open_passive(struct tcp *t, const struct estab_open *o, uint16_t local_id,
                                   estab_conn *out, estab_time now);
enum estab_error user_turn_active(struct tcp *t, struct tcb *b, const struct estab_endpoint *remote,
                                  uint8_t local, estab_time now);
enum estab_error user_send(struct tcp *t, struct tcb *b, const uint8_t *text, size_t length,
                           unsigned flags, size_t *taken, estab_time now);
enum estab_error user_receive(struct tcp *t, struct tcb *b, uint8_t *buffer, size_t size,
                              unsigned flags, struct estab_received *got, estab_time now);
enum estab_error user_close(struct tcp *t, struct tcb *b, estab_time now);
enum estab_error user_abort(struct tcp *t, struct tcb *b, estab_time now);
/* The user leaves: CLOSE, and whatever was not received is answered with a RST (3.6.1). */
void user_release(struct tcp *t, struct tcb *b, estab_time now);
/* Tells the user that SEND takes text again, if that is owed and so. */
void user_writable(struct tcp *t, struct tcb *b);
/* CLOSE in ESTABLISHED or CLOSE-WAIT, or the queued one once there. */
void user_close_now(struct tcp *t, struct tcb *b, estab_time now);

#endif
