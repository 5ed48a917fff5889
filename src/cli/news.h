/* SPDX-License-Identifier: MIT */
/*
 * news.h - what stations of a wire tell each other beside the frames, so that both ends' true states
 * stand in every terminal.
 *
 *      our stack --> watch --> moved --+--> with the next frame      CLOSE sends a FIN
 *                                      +--> REPORT on a frame        it came, and moved us
 *                                      '--> STATE                    a timeout, a call
 *      others    --> FRAME, REPORT, STATE --> story
 *
 * A move is told once.  One that a frame is to carry and that no frame has carried after a second is
 * told as a STATE.
 */
#ifndef CLI_NEWS_H
#define CLI_NEWS_H

#include "cli/watch.h"
#include "wire/station.h"

#define NEWS_MOVES 256 /* that wait for their frame */

struct news {
    struct station *station;
    struct story *story;
    struct watch *watch;
    unsigned moves;
    struct news_move {
        struct story_end end;
        const struct tcp_edge *edge;
        uint16_t reason; /* enum reason */
        estab_time when; /* estab_now's */
    } move[NEWS_MOVES];
    uint32_t listeners; /* of the stack, when ports were last told */
    unsigned ports;
    uint16_t port[ENVELOPE_PORTS];
};

void news_init(struct news *, struct station *, struct story *, struct watch *);

/* An end of ours has moved: the hook of watch.h; the context is the news. */
void news_moved(void *, const struct story_end *, const struct tcp_edge *, enum reason,
                estab_time when);
/* A frame leaves: what goes with it. */
void news_leaving(struct news *, const struct frame_view *, uint64_t serial, enum emit_why);
/* A frame has arrived, and was input: what it did. */
void news_arrived(struct news *, const struct frame_view *, const struct envelope *came);
/* What no frame has told. */
void news_settle(struct news *, estab_time now);

/* Another end has told of its moves: how it was, and what it did.  `carrier` as in story_move;
 * `shift` takes its clock to the story's. */
void news_heard(struct news *, const struct story_end *, const struct envelope *, uint64_t carrier,
                estab_time origin, estab_time begin);
/* The row of reason.def with this name; REASONS. */
enum reason news_reason(const char *name);
/* The row of trace.def with this text; WHYS. */
enum emit_why news_why(const char *text);

#endif
