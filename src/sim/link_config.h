/* SPDX-License-Identifier: MIT */
/*
 * link_config.h - what a link does to the frames that cross it, and how people write it.
 *
 *      delay 20ms jitter 5ms rate 10mbit queue 100 loss 1% duplicate 0.5% reorder 5% 10ms
 *      scatter 10ms corrupt 0.1% mark 1%
 *      none                                          a perfect link
 *
 *      times   ns us ms s          rates   bit kbit mbit gbit (1 kbit = 1000 bit) a second
 *      shares  0.01%               queue   100 (frames), 64kb or 64kib (bytes), or both
 *
 * A value that cannot be held exactly, such as 0.00001% (parts per million) or 0.5ns, is an error,
 * and not rounded.
 */
#ifndef SIM_LINK_CONFIG_H
#define SIM_LINK_CONFIG_H

#include "estab.h"

#define LINK_TIME_MAX  (3600 * ESTAB_SECOND)
#define LINK_RATE_MAX  UINT64_C(1000000000000)
#define LINK_ERROR_MAX 200 /* bytes that hold any error sentence of the two parsers */
#define LINK_TEXT_MAX  256 /* bytes that hold any text form */

/* All zero is a perfect link. */
struct link_config {
    estab_time delay_ns;
    estab_time jitter_ns;   /* each frame takes delay + 0..jitter; jitter alone never reorders */
    uint64_t rate_bps;      /* bits per second, of the frames' bytes; 0: no limit */
    uint64_t queue_bytes;   /* that may wait for the rate, behind the frame being sent; 0: any */
    uint32_t queue_frames;  /* the same in frames; 0: any */
    uint32_t loss_ppm;      /* parts per million of the frames */
    uint32_t duplicate_ppm; /* the copy arrives right behind its original */
    uint32_t reorder_ppm;   /* held back by reorder_ns, so that later frames overtake */
    uint32_t corrupt_ppm;   /* one bit after the link header is flipped */
    uint32_t mark_ppm;      /* what is IPv4 and ECN-capable is marked CE (RFC 3168) */
    estab_time reorder_ns;
    estab_time scatter_ns; /* each is held back by 0..scatter, so that they overtake each other */
};

/* NULL when the configuration holds, else what is wrong. */
const char *link_config_check(const struct link_config *config);

/* Changes what `text` names and leaves the rest.  False: nothing was changed, and `error` (of
 * LINK_ERROR_MAX bytes) holds a sentence that says what was expected. */
ESTAB_MUST_CHECK bool link_config_parse(struct link_config *config, const char *text,
                                        char error[LINK_ERROR_MAX]);
/* The text from which link_config_parse makes this configuration. */
void link_config_text(const struct link_config *config, char text[LINK_TEXT_MAX]);

#endif
