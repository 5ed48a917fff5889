/* SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "support/honest.h"

enum { BLOCKS = 3 }; /* as many as fit beside timestamps */

static void run_drop(struct honest *h, unsigned i)
{
    h->runs--;
    memmove(&h->run[i], &h->run[i + 1], (h->runs - i) * sizeof h->run[0]);
}

/* The run that this text makes, with those that it touches, comes first (RFC 2018 section 4). */
static void run_add(struct honest *h, uint32_t left, uint32_t right)
{
    for (unsigned i = h->runs; i-- > 0;) {
        if (h->run[i].left > right || h->run[i].right < left)
            continue;
        left = h->run[i].left < left ? h->run[i].left : left;
        right = h->run[i].right > right ? h->run[i].right : right;
        run_drop(h, i);
    }
    if (h->runs == HONEST_RUNS)
        h->runs--;
    memmove(&h->run[1], &h->run[0], h->runs * sizeof h->run[0]);
    h->run[0].left = left;
    h->run[0].right = right;
    h->runs++;
}

struct wire_segment honest_takes(struct honest *h, uint32_t seq, uint32_t len)
{
    struct wire_segment s = {.flags = ACK, .seq = 1, .wnd = h->wnd};

    if (seq + len > h->next)
        run_add(h, seq > h->next ? seq : h->next, seq + len);
    for (unsigned i = 0; i < h->runs; i++)
        if (h->run[i].left == h->next) {
            h->next = h->run[i].right;
            run_drop(h, i);
            break;
        }
    s.ack = h->next;
    for (; h->sack && s.sacks < BLOCKS && s.sacks < h->runs; s.sacks++) {
        s.sack[s.sacks].left = h->run[s.sacks].left;
        s.sack[s.sacks].right = h->run[s.sacks].right;
    }
    return s;
}
