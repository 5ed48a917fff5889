/* SPDX-License-Identifier: MIT */
/*
 * tcb.h - the Transmission Control Block (RFC 9293 section 3.3.1), and the 64-byte records that
 * stand for a connection which does not need one.
 *
 * The send sequence space (RFC 9293 figure 3), with one variable of ours: `cur` is where sending
 * goes on.  It equals SND.NXT, except while text is sent again after a timeout.
 *
 *            SND.UNA       cur        SND.NXT    end         SND.UNA + SND.WND
 *     ----------|===========|------------|........|..............|--------------
 *      acked      in flight   sent before  queued                    not allowed
 *
 * The receive sequence space (figure 4); `edge` is the right edge that we have promised and never
 * take back (SHLD-14):
 *
 *            RCV.NXT                                   edge
 *     ----------|.....[beyond a gap]......[....]........|--------
 *      received                                           not allowed
 */
#ifndef TCP_TCB_H
#define TCP_TCB_H

#include "base/queue.h"
#include "base/seq.h"
#include "base/wheel.h"
#include "packet/tcp_header.h"
#include "tcp/fsm.h"
#include "estab.h"

/*
 * A place in the connection table: what it is in the top two bits, the index in its pool below.
 * 0 is nowhere.
 */
#define WHERE_NONE       0u
#define WHERE_TCB        (1u << 30)
#define WHERE_RECORD     (2u << 30)
#define WHERE_GONE       (3u << 30)
#define WHERE_KIND(w)    ((w) & 3u << 30)
#define WHERE_INDEX(w)   ((w) & ~(3u << 30))

#define TCB_NONE    UINT32_MAX
#define HANDLE_NONE UINT32_MAX
#define LISTENER_NONE UINT16_MAX

/* What every connection has, TCB or record: its socket pair, its state, its handle. */
struct tcp_head {
    struct estab_addr remote;
    uint16_t rport, lport;
    uint8_t local; /* the interface whose address is ours */
    uint8_t state; /* enum tcp_state; tcp_move alone writes it */
    uint8_t interface; /* the connection's link, where the peer was heard */
    uint8_t tag;   /* enum head_tag */
    uint32_t chain;  /* next place in the same bucket of the connection table */
    uint32_t handle; /* HANDLE_NONE if nobody outside knows it */
};

_Static_assert(sizeof(struct tcp_head) == 32, "half a record");

enum head_tag {
    TAG_PASSIVE = 1 << 0,    /* opened passively: MUST-11 */
    TAG_TIMESTAMPS = 1 << 1, /* agreed on */
    TAG_SCALED = 1 << 2,     /* window scale agreed on */
    TAG_FIXED_ISS = 1 << 3,
    TAG_SACK = 1 << 4,     /* agreed on (RFC 2018) */
    TAG_DEFERRED = 1 << 5, /* a record whose SYN was acknowledged, while its listener waits for text */
    TAG_KEEP_TEXT = 1 << 6, /* the user's option: what came in order outlives a RST */
    TAG_ECN = 1 << 7, /* agreed on (RFC 3168); in SYN-SENT asked for */
};

/* Passive SYN-RECEIVED of a listener's child, or TIME-WAIT. */
struct tcp_record {
    struct tcp_head head;
    uint32_t next, prev;  /* of its timer list: all of a list wait equally long */
    uint32_t deadline_ms; /* modulo 2^32 */
    uint32_t snd;         /* SYN-RECEIVED: ISS        TIME-WAIT: SND.NXT */
    uint32_t rcv;         /* SYN-RECEIVED: IRS        TIME-WAIT: RCV.NXT */
    uint32_t ts_recent;
    uint16_t mss;      /* SYN-RECEIVED: the peer's    TIME-WAIT: RCV.WND, scaled */
    uint16_t listener;
    uint8_t snd_wscale : 4, rcv_wscale : 4;
    uint8_t diffserv;
    uint8_t retries;   /* also the number of its timer list; RECORD_TIME_WAIT */
    uint8_t stray;     /* as in struct tcb */
};

_Static_assert(sizeof(struct tcp_record) == 64, "one cache line");

enum tcb_flag {
    TCB_SYN_QUEUED = 1 << 0,    /* SYN, or SYN,ACK, is to be sent (again) */
    TCB_FIN_QUEUED = 1 << 1,    /* a FIN follows the last text */
    TCB_CLOSE_QUEUED = 1 << 2,  /* CLOSE came before ESTABLISHED, behind text (3.10.4) */
    TCB_RETRANSMIT = 1 << 3,    /* one segment at SND.UNA, now; with SYN_QUEUED: the SYN timed out */
    TCB_PROBE = 1 << 4,         /* a zero-window probe, now */
    TCB_KEEPALIVE = 1 << 5,     /* a keep-alive, now */
    TCB_ACK_NOW = 1 << 6,       /* acknowledge at once */
    TCB_WINDOW_UPDATE = 1 << 7, /* the window grew enough to tell */
    TCB_TIMED = 1 << 8,         /* the SYN is being timed for RTT */
    TCB_NAGLE = 1 << 9,
    TCB_RECOVERY = 1 << 10,     /* fast recovery, RFC 6675 or 6582 */
    TCB_READY = 1 << 11,        /* on the ready list: may have something to send */
    TCB_BLOCKED = 1 << 12,      /* on the blocked list: waits for a neighbour's address */
    TCB_WANT_SEND = 1 << 13,    /* SEND took less than it was given: WRITABLE is owed */
    TCB_PUSHED = 1 << 14,       /* PSH stood at RCV.NXT */
    TCB_URGENT_SND = 1 << 15,   /* SND.UP is ahead */
    TCB_URGENT_RCV = 1 << 16,   /* RCV.UP is ahead */
    TCB_R1_PASSED = 1 << 17,
    TCB_OVERRIDE = 1 << 18,     /* the silly-window override timer fired: send what there is */
    TCB_MORE = 1 << 19,         /* the user said that more follows */
    TCB_UNACCEPTED = 1 << 20,   /* a listener's child that the user does not have yet */
    TCB_RTT_VALID = 1 << 21,    /* SRTT holds a measurement */
    TCB_ADVERTISED_ZERO = 1 << 22, /* the window last offered was zero */
    TCB_FIN_BEYOND = 1 << 24,    /* the peer's FIN waits at rcv.fin, beyond a gap */
    TCB_ACK_LATE = 1 << 25,      /* the delayed-ACK timer asked for TCB_ACK_NOW */
    TCB_RECOVER = 1 << 23,       /* SND.UNA has not yet passed `recover` (RFC 6582 steps 2 and 4) */
    TCB_ADVISE = 1 << 27,        /* R1 was passed: the next hop may be at fault (MUST-20) */
    TCB_SYN_ACKED = 1 << 26,     /* not SND.UNA > ISS, which is false again after 2 GB */
    TCB_CORK = 1 << 28,          /* the user's option */
    TCB_ORPHAN = 1 << 29,        /* the user has left: nobody receives */
    TCB_SEND_RESERVE = 1 << 30,  /* a chunk is promised to the first text that is sent next */
};

enum ecn_flag {
    ECN_MODE = 3,         /* what its user wants: estab_config.ecn's numbers */
    ECN_FELL_BACK = 4,    /* a SYN of ours went without: no text of ours is ECN-capable */
    ECN_SENT = 8,         /* text of ours went with ECT(0) */
    ECN_SEEN = 16,        /* text of the peer's came with ECT or CE */
    ECN_OWES_ECE = 32,    /* CE came, and CWR not yet */
    ECN_OWES_CWR = 64,    /* the window shrank: the next new text says so */
    ECN_CWR = 128,        /* an ECE has shrunk it; SND.UNA has not passed cold.ecn_high */
};

enum pace_flag {
    PACE_ON = 1,
    PACE_WAITS = 2, /* until cold.pace_ns */
    PACE_FAR = 4,   /* more than a gigabyte was acknowledged: tcb_since_iss */
};

enum ack_flag {
    ACK_TALKS = 1,       /* text of ours follows the peer's: acknowledgments can wait for it */
    ACK_SMALL = 2,       /* a small segment came since the last acknowledgment */
    ACK_SMALL_AGAIN = 4, /* and another */
};

enum tune_flag { /* tune.c */
    TUNE_ROUND = 1, /* a round trip of the receiver is being measured */
    TUNE_RECEIVE_SET = 2, /* the user has set the buffer's size */
    TUNE_SEND_SET = 4,
};

/* One deadline for what excludes each other. */
enum timer_slot {
    SLOT_SEND, /* retransmission, zero-window probe, or silly-window override */
    SLOT_ACK,  /* delayed acknowledgment */
    SLOT_LONG, /* keep-alive, or 2MSL */
    SLOT_USER, /* user timeout */
    TIMER_SLOTS
};

/* ---- what a congestion control owns (cc.h) ---------------------------------------------------- */

/* cc_cubic.c: the curve on which cwnd moves in congestion avoidance. */
struct cc_cubic {
    uint8_t phase;       /* enum cubic_phase */
    uint8_t cwnd_rest;   /* of cwnd: 1/256 byte */
    uint16_t est_rest;   /* of W_est: 1/65536 byte */
    uint32_t w_max;      /* bytes; where the curve is flat */
    uint32_t w_est;      /* bytes; what Reno would have by now */
    uint32_t plateau_ms; /* when cwnd gets to W_max: t_epoch + K; while paused, how far ahead that is */
};

/* cc_hystart.c: the slow start before it.  Round trips are in ticks (RTT_TICK_US). */
struct cc_hystart {
    uint8_t phase;   /* enum cubic_phase, too */
    uint8_t samples; /* of this round */
    union {
        uint16_t train;    /* HyStart: ticks from the round's start to the last ACK that was close */
        uint16_t baseline; /* HyStart++: least round trip of the round that made it careful */
    };
    snd_seq round_end;
    uint32_t round_us; /* HyStart: when the round began; HyStart++: rounds of carefulness */
    uint16_t least, least_before; /* round trips of this round, and of the one before; 0: none */
};

struct cc_window {
    uint32_t cwnd, ssthresh;
    union {
        uint32_t counted; /* cc_newreno.c: bytes acknowledged and not yet turned into window */
        struct cc_cubic cubic;
        struct cc_hystart hystart;
    };
};

_Static_assert(sizeof(struct cc_window) == 24, "an idle connection has one, too");

/* A round trip in 16 bits: up to 4.19 s. */
enum { RTT_TICK_US = 64 };

struct tcb {
    struct tcp_head head;
    struct wheel_node timer;
    uint32_t flags;
    uint32_t ready_next, ready_prev;
    uint16_t listener;
    uint8_t timer_kind; /* enum timer_id of SLOT_SEND */
    uint8_t error;      /* soft, enum estab_error */

    struct {
        snd_seq una, nxt, up, iss;
        rcv_seq wl1;
        snd_seq wl2;
        uint32_t wnd;
        snd_seq cur; /* where sending goes on */
        snd_seq end; /* past the last queued byte of text */
        uint32_t wnd_max;
        uint16_t mss; /* most text of one segment, options allowed for */
        uint8_t wscale;
        uint8_t acks_owed; /* duplicates, beyond the one of TCB_ACK_NOW */
        struct text_queue text;
        struct queue_cursor at; /* of `cur` in the text, or CHUNK_NONE: to be sought */
        uint32_t buffer;
    } snd;

    struct {
        rcv_seq nxt, up, irs;
        rcv_seq edge;
        rcv_seq fin; /* with TCB_FIN_BEYOND */
        uint16_t mss;
        uint8_t wscale;
        struct text_queue text;
        uint32_t beyond, beyond_bytes; /* text beyond a gap, by sequence number */
        uint32_t chunks, promised;     /* held, and promised */
        uint32_t buffer;
        rcv_seq round; /* with TUNE_ROUND: what the user had taken, and was beyond a gap, when it began */
        uint32_t round_ms;
    } rcv;

    struct {
        uint32_t recent, recent_at_s; /* seconds: idle for 50 days, milliseconds would wrap */
        uint32_t offset;
        rcv_seq last_ack_sent;
    } ts;

    struct {
        uint32_t srtt_us8, rttvar_us4; /* scaled by 8 and by 4, as in RFC 6298's own formulas */
        uint32_t rto_us;
        uint32_t least_us; /* of the last five minutes, for RACK; 0: not known */
        uint8_t least_age; /* when it was measured, in units of 64 s */
        uint8_t sacks : 1;        /* the peer has sent SACK blocks, and not only agreed on them */
        uint8_t probed : 1;       /* no round trip was measured since the last probe of the tail (tlp.c) */
        uint8_t reorder_seen : 1; /* with what follows: rack.c */
        uint8_t reorder_persist : 5;
        uint8_t reorder_steps;
        uint8_t reordering; /* segments that others have overtaken at most, over DUPTHRESH; 0: none */
        uint8_t backoff;
        uint8_t probes; /* of a zero window, in a row */
        uint8_t retries;
        uint8_t dupacks;
        snd_seq recover; /* RFC 6582; RecoveryPoint of RFC 6675 */
    } rtt;

    uint64_t since_us; /* since when text is outstanding without progress, or when the last was sent */
    uint64_t heard_us; /* when the peer was last heard */
    uint64_t at_us[TIMER_SLOTS];
    struct cc_window cc;
    uint32_t keepalive_idle_ms;
    uint8_t diffserv;
    uint8_t cc_row : 3;    /* a row of cc_all */
    uint8_t cc_idled : 1;  /* nothing was sent for an RTO, before what is about to be sent */
    uint8_t hystart : 4;   /* enum estab_hystart */
    uint8_t tune;                    /* enum tune_flag */
    uint8_t stray; /* how many strangers' segments were answered, and in which second (throttle.c) */
    uint8_t keepalives_sent; /* without an answer */
    uint8_t burst; /* full segments that went out one after the other, since the last PSH */
    uint8_t ecn;   /* enum ecn_flag */
    uint8_t pace;  /* enum pace_flag */
    uint16_t small; /* from SND.UNA to past the last small segment (emit.c); 0: none is outstanding */
    uint16_t rtt_least; /* of all samples, in ticks (RTT_TICK_US), at least one; 0: none yet */

    struct { /* delack.c */
        uint32_t text_at_ms; /* when text in order last came */
        uint16_t mss;        /* of the peer's segments, as it is seen */
        uint16_t last;       /* size of the last that was smaller */
        uint16_t ato_ms;     /* 0: no text has come yet */
        uint8_t quick;       /* acknowledgments that do not wait */
        uint8_t flags;       /* enum ack_flag */
    } ack;
    uint32_t cold;  /* its struct tcp_cold, counted from 1; 0: it has none */
    uint32_t board; /* its struct tcp_scoreboard, likewise */
};

_Static_assert(sizeof(struct tcb) <= 352, "an idle connection, everything counted, is 384 or less");

/* What keeps a sender from sending. */
enum limit { LIMIT_NONE, LIMIT_WINDOW, LIMIT_BUFFER, LIMITS };

/* The sample by which the delivery rate is measured (rate.c). */
struct rate_sample {
    bool sampling, app_limited, limited_rate;
    snd_seq end;
    uint64_t first_us, first_then_us, sent_us;
    uint64_t delivered_us, delivered_then_us, delivered_then;
    uint64_t delivery_rate; /* bytes a second */
};

struct tcp_telemetry {
    uint64_t bytes_sent, bytes_received, bytes_retransmitted;
    uint64_t busy_us, busy_since_us; /* the latter is 0 unless something is outstanding */
    estab_time text_sent_at, text_received_at, ack_received_at;
    uint32_t segments_sent, segments_received, segments_retransmitted;
    uint32_t text_segments_sent, text_segments_received;
    uint32_t delivered, to_deliver, ahead, rest; /* measure.c */
    uint32_t min_rtt_us;
    uint32_t sack_blocks, dsack_blocks, dsack_segments, reorderings;
    uint32_t out_of_order_segments;
    uint32_t delivered_ce, ce_segments; /* of `delivered`, by ACKs with ECE; received with CE */
    uint8_t limit;     /* enum limit */
    uint8_t fin_alone; /* 1: a FIN is outstanding that went without text */
    uint32_t timeouts, timeout_recoveries, timeout_since_ms, timeout_ms; /* of retransmission */
    uint64_t limited_since_us, limited_us[LIMITS];
    struct rate_sample rate;
    struct { /* measure.c */
        uint64_t window_us, taken_us; /* since when */
        rcv_seq window_end, taken;
        uint32_t rtt_us8, space, echo;
    } receiver;
};

/* A million connections have a million of them, where they are not switched off. */
_Static_assert(sizeof(struct tcp_telemetry) <= 288, "docs/architecture.md and defaults.def say it");

/* mtu.c: lengths are of a segment's text. */
struct tcp_mtu {
    uint16_t most;     /* what both SYNs allowed; 0: segments are as long, and nothing is searched */
    uint16_t high;     /* what may pass yet; snd.mss does */
    uint16_t probe;    /* the one that is out; 0: none */
    bool mends;        /* a probe was lost, and goes again */
    snd_seq left, right; /* of the probe */
    uint32_t again_ms; /* when the next one may go */
};

/*
 * What an ordinary connection does not need, from a pool of its own: it exists while an option
 * differs from its default, or text that was received beyond a gap, or twice, is to be told of.
 */
struct tcp_cold {
    uint32_t next; /* of the free list */
    uint32_t window_clamp, not_sent_low, receive_low, fin_wait_2_ms;
    uint32_t user_timeout_and_1_ms, keepalive_interval_ms; /* 0: the stack's */
    uint16_t mss_clamp;
    uint8_t syn_retries;
    uint8_t sacks;
    uint8_t keepalive_probes; /* 0: the stack's */
    bool uto_owed; /* uto.c: uto_s is to be told */
    struct tcp_sack_block sack[SACK_BLOCKS_MAX]; /* held beyond a gap; the last to grow is the first */
    uint32_t pace_most; /* bytes a second; 0: no bound */
    uint32_t pace_left; /* of the burst that is going out, while pace_ns lies ahead */
    uint64_t pace_ns;   /* when the next burst may begin; 0: pace.c needs nothing of this */
    snd_seq ecn_high; /* with ECN_CWR: SND.NXT when it began */
    struct tcp_sack_block dsack; /* received twice, and not yet told; empty: none (RFC 2883) */
    struct tcp_mtu mtu;
    uint32_t uto_s, peer_uto_s; /* the user timeout that we tell, 0: none; that the peer has told */
};

/* Every receiver with a gap has one, and every sender that is paced. */
_Static_assert(sizeof(struct tcp_cold) <= 128, "docs/architecture.md says it");

enum range_mark {
    RANGE_SACKED = 1,
    RANGE_LOST = 2,
    RANGE_AGAIN = 4, /* sent again, and not found lost since */
    RANGE_EVER = 8,  /* sent again at some time */
    RANGE_TOLD = 16, /* SACKed before its receiver reneged, and not sent since: it cannot be delivered twice */
};

/* A run of what is outstanding that has one history; it ends where the next one begins. */
struct tcp_range {
    snd_seq left;
    uint32_t sent_us; /* when it was last sent, modulo 2^32 */
    uint16_t older_us; /* how much earlier its first may have been sent, if ranges were joined */
    uint8_t marks;    /* enum range_mark */
    uint8_t less;     /* by how much its segments are smaller than board.mss, its last apart; or UNEVEN */
};

enum { UNEVEN = UINT8_MAX }; /* where the segments of a range begin is not known */

enum frto { FRTO_NONE, FRTO_HEAD, FRTO_NEW_TEXT }; /* undo.c */

/*
 * What is outstanding (flight.c), and what is known of its losses: a cold block from a pool of its own,
 * which exists while something is outstanding.
 */
struct tcp_scoreboard {
    uint32_t next;  /* of the free list */
    uint32_t count; /* ranges */
    snd_seq end;    /* of the last of them: SND.NXT */
    uint32_t sacked, lost, again; /* bytes so marked */
    uint32_t most;  /* that was outstanding since nothing was, or since a loss */
    uint32_t progress_us; /* when new text was last sent, or SND.UNA moved */
    uint32_t first_us;    /* not later was SND.UNA's segment sent for the first time */
    bool reneged;         /* what begins at SND.UNA was SACKed, and is no more: it goes again soon */

    struct { /* rtt.c */
        snd_seq round;     /* SND.NXT when this round trip began */
        uint32_t most_us4; /* greatest RTTVAR of it */
    } rtt;

    struct { /* rack.c */
        uint32_t rtt_us;  /* of the highest that was delivered last */
        uint32_t sent_us; /* when what was sent last of all that was delivered was sent */
        snd_seq end;      /* and where that ends */
        snd_seq fack;             /* past the highest that was delivered */
        snd_seq round;            /* with dsacked: SND.NXT when a DSACK widened the window */
        bool any, dsacked;
        bool again;               /* it had been sent before */
        bool waits;               /* until wait_us, whether what looks reordered comes */
        uint32_t wait_us;
    } rack;

    struct { /* validate.c */
        uint32_t sent_us; /* when text was last sent */
        uint32_t fits_us; /* when the window was last in full use, or changed, or text was acknowledged */
        uint32_t used;    /* most that was outstanding since it was last full */
        bool more;        /* new text was sent since that was last looked at */
    } use;

    struct { /* tlp.c */
        snd_seq end; /* SND.NXT when the probe was sent */
        uint32_t flight; /* the most that had been outstanding until then */
        bool due, out, again; /* to be sent; sent; and that was text sent before */
    } tlp;

    struct { /* prr.c */
        uint32_t delivered, out, flight;
        uint32_t credit; /* counted for duplicates that told nothing */
    } prr;

    struct { /* undo.c */
        struct cc_window before;
        snd_seq una;      /* when the window was taken back */
        snd_seq last;     /* past the last of what was sent again since */
        snd_seq told;     /* where the last duplicate ended that was told of */
        uint32_t twice;   /* bytes sent again since, and not yet told of as duplicates */
        uint32_t again_ts; /* TSval of the first that was sent again */
        uint32_t first_ts; /* and, at the least, of SND.UNA's segment when it went for the first time */
        bool possible, any;
        uint8_t frto;     /* enum frto */
        bool by_timeout;
    } undo;

    snd_seq rescue_rxt; /* RFC 6675's RescueRxt, + 1 */
    uint16_t mss;       /* snd.mss of what is outstanding */
    uint32_t spare;     /* 0: none; 1 + the place of the array that it has beside its own */
    uint64_t ranges_at; /* from here on to the ranges in use, ascending from SND.UNA to `end` */
    struct tcp_range own[]; /* config.sack_ranges */
};

static inline bool tcb_is(const struct tcb *b, unsigned facts)
{
    return tcp_state_is((enum tcp_state)b->head.state, facts);
}

/* SND.NXT - SND.UNA: what is in flight or lost, SYN and FIN counted. */
static inline uint32_t tcb_outstanding(const struct tcb *b)
{
    return snd_span(b->snd.una, b->snd.nxt);
}

/*
 * How much lies between ISS and `seq`, which is outstanding or not far below; after a gigabyte, which is as
 * large as a window can be, it is "much", for after four the difference would begin again with nothing.
 */
static inline uint32_t tcb_since_iss(const struct tcb *b, snd_seq seq)
{
    return b->pace & PACE_FAR ? UINT32_MAX : snd_span(b->snd.iss, seq);
}

/* Text that was never sent. */
static inline uint32_t tcb_not_sent(const struct tcb *b)
{
    uint32_t n = snd_lt(b->snd.nxt, b->snd.end) ? snd_span(b->snd.nxt, b->snd.end) : 0;

    return n < b->snd.text.bytes ? n : b->snd.text.bytes; /* before the SYN that is one less */
}

/* Whether our FIN has been sent at least once. */
static inline bool tcb_fin_sent(const struct tcb *b)
{
    return (b->flags & TCB_FIN_QUEUED) && snd_lt(b->snd.end, b->snd.nxt);
}

static inline bool tcb_syn_acked(const struct tcb *b)
{
    return b->flags & TCB_SYN_ACKED;
}

#endif
