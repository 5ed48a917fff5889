/* SPDX-License-Identifier: MIT */
/*
 * link.h - one direction of a link, with everything that may go wrong on it.
 *
 *                  full? dropped                    lost, by chance or by rule
 *                       ^                                ^
 *      link_put --> [ queue ] --> rate: one at a time --> delay + jitter --> link_get
 *                                                        |-> corrupted, duplicated
 *                                                        '-> held back: later frames overtake
 *
 * The link knows no clock: the caller says `now`.  In a simulation that is virtual time; between a
 * stack and a device it is the real one, and link_next says when to come back.
 *
 *      link_put(link, &frame, now);                  copies: estab_output_done may follow at once
 *      while (link_get(link, &frame, NULL, now))     in order of arrival
 *          device_write(frame) or estab_input(...)
 *      link_release(link);                           what link_get gave ends here
 *
 * Chance.  Every fate (loss, duplication, ...) has a random stream of its own, from which each frame
 * that is put draws once, in order of arrival and whatever happens to it.  So two runs with one seed
 * lose the same frames, by number, also when delay or corruption differ; and what is lost at 1 % is
 * lost at 2 % as well.
 *
 * Order.  A frame that is lost has taken its place in the queue and its time at the rate: it got lost
 * on the way.  Without a rate nothing waits, and the queue cannot fill.  Frames that are not held
 * back (reorder, scatter, rule) keep their order, whatever the jitter.
 *
 * Corruption flips one bit anywhere after the link header, so that a checksum can catch it, and the
 * frame is delivered with ESTAB_CHECKSUM_VERIFY.  What is neither IPv4 nor IPv6 (ARP) is lost
 * instead, as the check sequence of a real Ethernet would have it.
 *
 * Checksums.  ESTAB_CHECKSUM_FINISH is done on the way in, and comes out as VERIFY.  A super-segment
 * (segment_size != 0) is refused: who puts a link before a device turns its offloads off.
 *
 * Limits: LINK_RULES_MAX rules; LINK_FLIGHT_FRAMES and LINK_FLIGHT_BYTES under way, beyond which
 * frames are dropped and counted in over_limit; so is one for which there is no memory.
 */
#ifndef SIM_LINK_H
#define SIM_LINK_H

#include "sim/link_config.h"
#include "sim/link_rule.h"

#define LINK_FRAME_MAX     (65535u + 14u)
#define LINK_RULES_MAX     64
#define LINK_FLIGHT_FRAMES (UINT32_C(1) << 17)
#define LINK_FLIGHT_BYTES  (UINT64_C(1) << 26)

struct link;

/* What happened to a frame; 0: nothing but the delay. */
enum link_fate {
    LINK_LOST = 1 << 0,       /* by chance */
    LINK_RULED_OUT = 1 << 1,  /* dropped by a rule */
    LINK_QUEUE_FULL = 1 << 2, /* dropped before it got onto the link */
    LINK_OVER_LIMIT = 1 << 3, /* too much under way, or no memory */
    LINK_REFUSED = 1 << 4,    /* a super-segment, empty, or longer than LINK_FRAME_MAX */
    LINK_HELD = 1 << 5,       /* held back, by chance or by a rule */
    LINK_DUPLICATED = 1 << 6, /* a copy follows; the copy has LINK_COPY */
    LINK_COPY = 1 << 7,
    LINK_CORRUPTED = 1 << 8,
    LINK_MARKED = 1 << 11, /* CE; the numbers between are the wire's own */

    LINK_GONE = LINK_LOST | LINK_RULED_OUT | LINK_QUEUE_FULL | LINK_OVER_LIMIT | LINK_REFUSED,
};

/* One frame's way over the link. */
struct link_passage {
    uint64_t serial; /* counts what was put on this link, from 1; a copy has its original's */
    estab_time sent; /* when it was put */
    estab_time due;  /* when it arrives; ESTAB_NEVER if it is LINK_GONE */
    uint32_t fate;   /* enum link_fate */
    uint32_t rules;  /* how many rules acted on it */
};

struct link_counters {
    uint64_t put, put_bytes;             /* frames that came to the link */
    uint64_t delivered, delivered_bytes; /* copies included */
    uint64_t lost, ruled_out, queue_full, over_limit, refused;
    uint64_t duplicated, held, corrupted, marked;
    uint64_t overtaken; /* delivered after a frame that was put later */
    /* At any time: put + duplicated = delivered + under way + lost + ruled_out + queue_full
     * + over_limit + refused. */
};

/* NULL: no memory.  The configuration must hold (link_config_check). */
ESTAB_MUST_CHECK struct link *link_new(const struct link_config *config, uint64_t seed);
void link_free(struct link *link); /* or NULL */
/* A second link with the same past and a future of its own; NULL: no memory.  What link_get gave
 * and link_release did not yet end stays with the first. */
ESTAB_MUST_CHECK struct link *link_copy(const struct link *link);

/* From now on; what is under way arrives when it would have, and may be overtaken. */
void link_configure(struct link *link, const struct link_config *config);
const struct link_config *link_configured(const struct link *link);

/* Adds a rule, which counts from the next frame on; its number from 0, or -1: there are too many. */
ESTAB_MUST_CHECK int link_rule_add(struct link *link, const struct link_rule *rule);
void link_rules_clear(struct link *link);
unsigned link_rules(const struct link *link);
const struct link_rule *link_rule_at(const struct link *link, unsigned number);
uint64_t link_rule_seen(const struct link *link, unsigned number); /* frames that matched */
uint64_t link_rule_hits(const struct link *link, unsigned number); /* frames it acted on */

/* Copies the frame; the caller's is not needed any more.  A `now` before the last one counts as the
 * last one. */
struct link_passage link_put(struct link *link, const struct estab_frame *frame, estab_time now);

/* When the next frame arrives; ESTAB_NEVER. */
estab_time link_next(const struct link *link);

/* The next frame that has arrived by `now`, false if there is none: contiguous in out->part[0],
 * with interface, link and cause as they were put, until link_release.  `passage` may be NULL. */
ESTAB_MUST_CHECK bool link_get(struct link *link, struct estab_frame *out,
                               struct link_passage *passage, estab_time now);
/* Ends all frames that link_get gave. */
void link_release(struct link *link);

size_t link_under_way(const struct link *link);
struct link_counters link_counters(const struct link *link);

/* Copies a frame's bytes to `to`, which holds frame->length, with the checksum finished. */
void link_flatten(const struct estab_frame *frame, uint8_t *to);

#endif
