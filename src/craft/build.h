/* SPDX-License-Identifier: MIT */
/*
 * build.h - a segment as it was typed, and what is proposed where nothing was typed, as a frame.
 *
 * Whatever a header has can be wrong on purpose.  What is not given is right: the checksums and
 * lengths of what is sent, the data offset, options padded with zeros to 32 bits.
 */
#ifndef CRAFT_BUILD_H
#define CRAFT_BUILD_H

#include "craft/command.h"

#define CRAFT_FRAME_MAX (65535 + 14)

/* What is proposed. */
struct craft_proposal {
    enum estab_link link;
    uint32_t mtu;
    uint8_t smac[6], dmac[6];
    struct estab_endpoint src, dst;
    uint32_t seq, ack;
    uint32_t reset; /* the sequence number of a RST */
    uint16_t window, id;
    uint8_t ttl;
};

/* The flags that the segment will have: a FIN, text, PSH and URG come with an ACK, as in every
 * segment of a synchronized connection, unless there is a SYN or RST; text comes with a PSH. */
uint8_t craft_flags(const struct craft_segment *);

/* Writes the frame; `set` is a segment whose fields hold where the segment has none, or NULL.  Its
 * length, or 0 with the sentence. */
size_t craft_build(const struct craft_segment *, const struct craft_segment *set,
                   const struct craft_proposal *, uint8_t out[CRAFT_FRAME_MAX],
                   char error[CRAFT_ERROR_MAX]);

#endif
