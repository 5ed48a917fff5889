/* SPDX-License-Identifier: MIT */
/*
 * loss.h - what the files that find and mend losses offer each other.
 *
 *      ack.c -> scoreboard.c   the peer's SACK blocks        flight.c   what is outstanding, by range
 *            -> recovery.c     the states, and the window    rack.c     RFC 8985, lost by time
 *                              undo.c   it was no loss        tlp.c      RFC 8985, the tail's probe
 *                              prr.c    the window in a recovery
 */
#ifndef TCP_LOSS_H
#define TCP_LOSS_H

#include "tcp/tcp.h"

/* When what was never sent again, and is told of for the first time, was sent: the first in order, and the
 * last. */
struct ack_times {
    bool any;
    uint32_t first_us, last_us;
};

/* What one acknowledgment has told. */
struct ack_news {
    const struct segment *segment;
    snd_seq una_before;
    uint32_t acked;     /* how far SND.UNA moved */
    uint32_t delivered; /* bytes that are acknowledged or SACKed for the first time */
    uint32_t sacked;    /* of them, SACKed */
    uint32_t told;      /* of them, such as had been SACKed before their receiver reneged */
    uint32_t rtt_us;    /* the round trip that it measured; 0: none */
    uint8_t dupacks;    /* that came before it */
    bool duplicate;     /* in the sense of RFC 5681 section 2 */
    bool sack_news;     /* a block told what was not known, or would have, were there room */
    bool original;      /* delivered for the first time was what was never sent again, sent before `recover` */
    bool again;         /* what was sent again is acknowledged, */
    uint32_t again_us;  /* and the last of it was sent so long ago */
    bool repeated;      /* of what SND.UNA has passed some was sent again */
    bool reordered;     /* delivered was what was never sent again, below what was delivered before */
    snd_seq reordered_from; /* and where the lowest of it begins */
    struct ack_times times_acked, times_sacked;
    bool dsack;
    struct tcp_sack_block twice; /* with dsack: what came twice (RFC 2883) */
};

static inline struct tcp_range *range_of(struct tcp_scoreboard *k, uint32_t i)
{
    return &ranges_of(k)[i];
}

static inline snd_seq range_end(const struct tcp_scoreboard *k, uint32_t i)
{
    return i + 1 < k->count ? ranges_of(k)[i + 1].left : k->end;
}

static inline uint32_t range_span(const struct tcp_scoreboard *k, uint32_t i)
{
    return snd_span(ranges_of(k)[i].left, range_end(k, i));
}

/* Whether SACK decides what is lost and what goes: it was agreed on, and is not switched off. */
static inline bool loss_by_sack(const struct tcp *t, const struct tcb *b)
{
    return (b->head.tag & TAG_SACK) && t->config.recovery != ESTAB_RECOVERY_NEWRENO;
}

static inline bool loss_by_rack(const struct tcp *t, const struct tcb *b)
{
    return (b->head.tag & TAG_SACK) && t->config.recovery == ESTAB_RECOVERY_RACK;
}

static inline struct tcp_scoreboard *board_of(const struct tcp *t, const struct tcb *b)
{
    return b->board ? tcp_scoreboard(t, b->board - 1) : NULL;
}

/* ---- rtt.c ---------------------------------------------------------------------------------------- */

/* A scoreboard begins. */
void rtt_round_begin(const struct tcb *b, struct tcp_scoreboard *k);
/* All of an acknowledgment was taken in; the round trip that it tells congestion control of, 0 if none. */
uint32_t rtt_acked(struct tcp *t, struct tcb *b, const struct ack_news *news, estab_time now);

/* ---- flight.c ------------------------------------------------------------------------------------- */

/* SND.UNA has moved; SACKed by the peer is `block`: false if the ranges do not suffice to record it. */
void flight_acked(struct tcp *t, struct tcb *b, struct ack_news *news, estab_time now);
bool flight_sacked(struct tcp *t, struct tcb *b, struct tcp_sack_block block, struct ack_news *news,
                   estab_time now);
void flight_mark(struct tcp_scoreboard *k, uint32_t i, unsigned set, unsigned clear);
/* Joins neighbours that have the same history. */
void flight_join(struct tcp *t, struct tcp_scoreboard *k);
/* Gives back the larger array if nobody else could get one, and forgets what its own does not hold. */
void flight_yield(struct tcp *t, struct tcp_scoreboard *k);
/* The range that has `seq`. */
uint32_t flight_at(const struct tcp_scoreboard *k, snd_seq seq);
/* Makes a range begin at `seq`; false: there is none left. */
bool flight_cut(struct tcp *t, struct tcp_scoreboard *k, snd_seq seq, uint32_t *i);

/* ---- scoreboard.c --------------------------------------------------------------------------------- */

/* Update: takes the peer's blocks in. */
void scoreboard_update(struct tcp *t, struct tcb *b, struct ack_news *news, estab_time now);
/* IsLost of RFC 6675; whether anything was found lost. */
bool scoreboard_find_lost(struct tcp *t, struct tcb *b, estab_time now);
/* The first segment, of a peer that sends no blocks. */
bool scoreboard_lose_first(struct tcp *t, struct tcb *b, estab_time now);
/* Whether what begins at SND.UNA was SACKed: the receiver has reneged, and nothing is SACKed any more. */
bool scoreboard_reneged(struct tcp *t, struct tcb *b, estab_time now);
/* All that the timer says is lost. */
void scoreboard_timeout(struct tcp *t, struct tcb *b, estab_time now);

/* ---- rack.c --------------------------------------------------------------------------------------- */

/* A range, or a part of one that ends at `end`, was delivered; SND.UNA may not have moved yet. */
void rack_delivered(struct tcp *t, struct tcb *b, const struct tcp_range *r, snd_seq end,
                    const struct ack_news *news, estab_time now);
/* All of an acknowledgment was taken in: reordering, and its window. */
void rack_acked(struct tcp *t, struct tcb *b, const struct ack_news *news, estab_time now);
/* What is lost by time now; whether anything was found, and until when to wait for the rest. */
bool rack_find_lost(struct tcp *t, struct tcb *b, estab_time now);
void rack_recovered(struct tcp *t, struct tcb *b, estab_time now);
/* What begins at `from` was overtaken. */
void rack_reordered(struct ack_news *news, snd_seq from);
/* Whether a range was sent so recently that a timeout does not tell of it. */
bool rack_spares(const struct tcp *t, const struct tcb *b, const struct tcp_range *r, estab_time now);

/* ---- tlp.c ---------------------------------------------------------------------------------------- */

/* Whether the probe has repaired a loss, to which the window has to answer. */
bool tlp_acked(struct tcp *t, struct tcb *b, const struct ack_news *news, estab_time now);

/* ---- prr.c ---------------------------------------------------------------------------------------- */

void prr_begin(const struct tcp *t, struct tcb *b, const struct ack_news *news);
/* `delivered` bytes have left the network; `safe`: SND.UNA moved, and nothing more was found lost;
 * `least` may go in any case. */
void prr_acked(struct tcp *t, struct tcb *b, uint32_t delivered, bool safe, uint32_t least, estab_time now);

/* ---- undo.c --------------------------------------------------------------------------------------- */

/* The window is about to be taken back. */
void undo_begin(struct tcp *t, struct tcb *b, bool by_timeout, estab_time now);
/* The window stays taken back, whatever is told of its cause: there was another. */
void undo_never(const struct tcp *t, struct tcb *b);
/* The user has chosen another congestion control: of the window before, cwnd and ssthresh alone are kept. */
void undo_chosen(const struct tcp *t, struct tcb *b);
/* From `seq` up to `end` it went again. */
void undo_sent(struct tcp *t, struct tcb *b, snd_seq seq, snd_seq end, estab_time now);
/* Whether an acknowledgment shows that nothing was lost; then all is as it was before. */
bool undo_acked(struct tcp *t, struct tcb *b, const struct ack_news *news, estab_time now);
/* Whether DSACKs may yet tell that what was sent again came twice. */
bool undo_may_come(const struct tcp *t, const struct tcb *b);
/* SND.UNA has passed `recover`: what can be told from now on is told by DSACK. */
void undo_ended(struct tcp *t, struct tcb *b);

/* ---- validate.c ----------------------------------------------------------------------------------- */

/* Text is sent where nothing was outstanding. */
void window_begins(struct tcb *b, struct tcp_scoreboard *k, estab_time now);

/* ---- recovery.c ----------------------------------------------------------------------------------- */

void recovery_arrives(struct tcp *t, struct tcb *b, const struct ack_news *news, estab_time now);

#endif
