/* SPDX-License-Identifier: MIT */
/*
 * keys.c - secrets that do not live as long as the stack: the caller gives new ones now and then, and nobody
 * notices.
 *
 *      what hangs on a key               what a change does to it
 *      ISNs (isn.c)                      new ones from now on; where the pair is in TIME-WAIT, beyond what its
 *                                        last connection has sent, as ever (isn_after)
 *      SYN cookies (cookie.c)            those of the old key are good as long as they would have been
 *      the connection table (table.c)    moved a few buckets at a time, and looked up by both keys meanwhile
 *      ports (isn.c, udp/)               another order; a pair that is in use, or rests, is passed over
 *      the ceiling of challenges,        other numbers
 *      identifications
 *
 * Timestamp offsets and flow labels stay, by the first isn_key: they belong to pairs for longer than we
 * remember these, and a peer drops what has an older timestamp than it has seen (RFC 7323 section 5).  Not
 * RFC 6528 section 3, by which ISNs of a pair follow each other always: across a change they do where we know
 * of the connection before, which is as long as its segments can be about.  A peer that keeps the pair in
 * TIME-WAIT decides by the timestamp, which goes on.
 */
#include <string.h>

#include "tcp/tcp.h"

estab_time keys_due(const struct tcp *t)
{
    estab_time due = t->keys.since + t->config.key_life_s * ESTAB_SECOND;
    estab_time may = t->keys.old_epoch_and_1 > 0 ? cookie_epoch_begins(t->keys.old_epoch_and_1 + 1) : 0;

    if (t->config.key_life_s == 0)
        return ESTAB_NEVER;
    return due > may ? due : may;
}

enum estab_error keys_change(struct tcp *t, const uint8_t isn_key[16], const uint8_t hash_key[16],
                             estab_time now)
{
    uint32_t epoch = cookie_epoch(now);

    if (t->keys.old_epoch_and_1 > 0 && epoch + 1 - t->keys.old_epoch_and_1 <= 1)
        return ESTAB_AGAIN; /* cookies of the keys before the last change are about */
    table_move_all(t);
    memcpy(t->keys.old_isn, t->config.isn_key, sizeof t->keys.old_isn);
    memcpy(t->keys.old_hash, t->config.hash_key, sizeof t->keys.old_hash);
    memcpy(t->config.isn_key, isn_key, sizeof t->config.isn_key);
    memcpy(t->config.hash_key, hash_key, sizeof t->config.hash_key);
    t->keys.old_epoch_and_1 = epoch + 1;
    t->keys.moves = true;
    t->keys.moved = 0;
    t->keys.since = now;
    return ESTAB_OK;
}
