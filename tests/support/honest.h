/* SPDX-License-Identifier: MIT */
/*
 * honest.h - an honest receiver at the end of a wire: what RFC 9293, 2018 and 5681 have it answer to a segment.
 * It acknowledges each at once, and knows what it holds as runs, the last to change first, as they are told.
 * It is written without any code of src/, and shares none with the receivers that lie.
 */
#ifndef SUPPORT_HONEST_H
#define SUPPORT_HONEST_H

#include "support/wire.h"

enum { HONEST_RUNS = 512 };

struct honest {
    bool sack;
    uint32_t wnd;  /* as in the header */
    uint32_t next; /* RCV.NXT, relative */
    unsigned runs; /* beyond it */
    struct {
        uint32_t left, right;
    } run[HONEST_RUNS];
};

/* Text has come: the acknowledgment. */
struct wire_segment honest_takes(struct honest *h, uint32_t seq, uint32_t len);

#endif
