/* SPDX-License-Identifier: MIT */
/* describe_parts.h - pieces that the line, the comment and the JSON object have in common. */
#ifndef CAPTURE_DESCRIBE_PARTS_H
#define CAPTURE_DESCRIBE_PARTS_H

#include "capture/describe.h"
#include "capture/text.h"

/* How much of options and text is shown. */
/* What a line has of text and options: all, a little, no text, neither. */
enum describe_detail { DETAIL_FULL, DETAIL_SHORT, DETAIL_NONE, DETAIL_BARE };

/* How the cause of a move is told: "(by rcv SYN)", "(by rcv SYN, 3.10.7.2)", with "RFC 9293 ". */
enum describe_cause { CAUSE_EVENT, CAUSE_SECTION, CAUSE_RFC };

#define DESCRIBE_LABEL_MAX (NAMES_ADDR_MAX + 8)

/* "server", or "server:3333" where the name alone would not tell. */
void describe_label(const struct describe *, const struct describe_packet *, bool of_source,
                    char out[DESCRIBE_LABEL_MAX]);
/* The time as `ts` wants it. */
estab_time describe_shown_time(const struct describe *, estab_time time, estab_time delta);
/* "client>server". */
void describe_ends(const struct describe *, const struct describe_packet *, struct text *);
/* " <mss 1460,sackOK>", or nothing. */
void describe_options(struct text *, const struct describe_packet *, bool verbose,
                      enum describe_detail);
/* ' "GET /"' if the text is one that people can read. */
void describe_preview(struct text *, const struct frame_view *, enum describe_detail);
/* "[ARP] who has 10.11.0.1?": everything that is not TCP. */
void describe_other(const struct describe *, const struct describe_packet *, struct text *);
/* "retransmission, timeout"; "" if the packet is nothing special. */
const char *describe_mark(const struct describe_packet *);

/* The states of both ends, `which` 0, in the order of the names; or of the first or second, 1 or 2. */
void describe_put_states(const struct describe *, const struct describe_packet *, struct text *,
                         enum describe_cause, unsigned which);
void describe_put_decision(const struct describe *, const struct describe_move *, struct text *);
void describe_put_move(const struct describe *, const struct describe_move *, struct text *);
/* Whether the sender's state is told first. */
bool describe_sender_first(const struct describe *, const struct frame_view *);

/* The row of reason.def; empty strings for a number that is none. */
struct describe_reason {
    const char *name, *source, *sentence;
};
struct describe_reason describe_reason(unsigned reason);

#endif
