/* SPDX-License-Identifier: MIT */
/*
 * cookie.c - SYN cookies (RFC 4987 section 3.6): connections in SYN-RECEIVED that nobody remembers.
 *
 * When a SYN finds no place, what its record would have held goes into our SYN,ACK, and comes back with
 * the peer's ACK:
 *
 *      ISS    |  F(pair, IRS, options, key of the epoch), 29 bits                | MSS, 3 |
 *      TSval  |  our clock, up to 63 ms behind                 | ECN | SACK | wscale, 4 |
 *
 * An ACK opens a connection if its F is that of this epoch or the one before; an epoch takes 64 seconds and
 * has a key of its own, made from isn_key, so what was sent just before a change is good for another epoch,
 * and nothing is dropped.  Once isn_key itself was changed (keys.c), what was sent before is good as long.  16 of 2^32 acknowledgments, 32 after a change, are good at any time: who guesses a million a second
 * opens one in four minutes, and only while cookies are being sent, for otherwise none is taken.
 *
 * What a cookie cannot do: the MSS is the next smaller of eight; without timestamps there is no window scale,
 * no SACK and no ECN; a SYN,ACK that is lost comes again with the peer's SYN alone; and where the ACK is
 * lost, and the peer waits for us to speak, it waits until it gives up.  So records come first.
 *
 * Not RFC 6528 section 3: the numbers of cookies do not follow the clock, because all of their bits are F.
 * That matters only where the pair had a connection in the last 2 MSL, which then is in TIME-WAIT here and
 * answers the SYN itself.
 */
#include <string.h>

#include "base/siphash.h"
#include "tcp/tcp.h"

enum { EPOCH_S = 64 };

/* The MSS of Ethernet and its usual tunnels, of the least that IPv4 and IPv6 promise, and of less. */
static const uint16_t mss_of[8] = {64, 256, 536, 1220, 1380, 1440, 1460, 8960};

/* Options as they stand in TSval's low bits. */
enum { HINT_BITS = 6, HINT_WSCALE = 15, HINT_SACK = 1 << 4, HINT_ECN = 1 << 5, NO_TIMESTAMPS = 255 };

uint32_t cookie_epoch(estab_time now)
{
    return s_of(now) / EPOCH_S;
}

estab_time cookie_epoch_begins(uint32_t epoch)
{
    return (estab_time)epoch * EPOCH_S * ESTAB_SECOND;
}

static void epoch_key(const uint8_t *secret, uint32_t epoch, uint8_t key[SIPHASH_KEY_BYTES])
{
    for (uint8_t half = 0; half < 2; half++) {
        uint8_t text[5] = {(uint8_t)(epoch >> 24), (uint8_t)(epoch >> 16), (uint8_t)(epoch >> 8),
                           (uint8_t)epoch, half};
        uint64_t h = siphash24(secret, text, sizeof text);

        for (unsigned i = 0; i < 8; i++)
            key[8 * half + i] = (uint8_t)(h >> 8 * i);
    }
}

static uint64_t cookie_hash(const struct tcp *t, const uint8_t *secret, const struct tcp_record *r,
                            uint8_t hints, uint32_t epoch)
{
    uint8_t key[SIPHASH_KEY_BYTES], text[41];

    epoch_key(secret, epoch, key);
    memcpy(text, t->locals[r->head.local].address.b, 16);
    memcpy(text + 16, r->head.remote.b, 16);
    text[32] = (uint8_t)(r->head.lport >> 8);
    text[33] = (uint8_t)r->head.lport;
    text[34] = (uint8_t)(r->head.rport >> 8);
    text[35] = (uint8_t)r->head.rport;
    for (unsigned i = 0; i < 4; i++)
        text[36 + i] = (uint8_t)(r->rcv >> 8 * i);
    text[40] = hints;
    return siphash24(key, text, sizeof text);
}

static uint32_t mss_mask(uint64_t hash)
{
    return (uint32_t)(hash >> 32) & 7;
}

/* ---- there ------------------------------------------------------------------------------------------- */

static uint8_t hints_of(const struct tcp_record *r)
{
    unsigned hints = r->head.tag & TAG_SCALED ? r->snd_wscale : HINT_WSCALE;

    if (!(r->head.tag & TAG_TIMESTAMPS))
        return NO_TIMESTAMPS;
    return (uint8_t)(hints | (r->head.tag & TAG_SACK ? HINT_SACK : 0) |
                     (r->head.tag & TAG_ECN ? HINT_ECN : 0));
}

static uint32_t mss_index(uint16_t mss)
{
    uint32_t i = 0;

    while (i < 7 && mss_of[i + 1] <= mss)
        i++;
    return i;
}

/* The greatest timestamp up to `ts` that ends with the hints, so that the connection's go on from it. */
static uint32_t ts_with(uint32_t ts, uint8_t hints)
{
    enum { STEP = 1 << HINT_BITS };
    uint32_t with = (ts & ~(uint32_t)(STEP - 1)) | hints;

    return (ts & (STEP - 1)) < hints ? with - STEP : with;
}

bool cookie_may(const struct tcp *t, const struct tcp_listener *l)
{
    return t->config.syn_cookies > 0 && !l->fixed_iss && listen_unaccepted(l) < l->backlog;
}

/* `r` is what the record would have been. */
enum reason cookie_send(struct tcp *t, struct tcp_listener *l, struct tcp_record *r,
                        const uint8_t *mac, estab_time now)
{
    uint64_t hash;
    uint8_t hints = hints_of(r);
    struct tcp_out *out;

    if (hints == NO_TIMESTAMPS)
        r->head.tag &= (uint8_t) ~(TAG_SCALED | TAG_SACK | TAG_ECN);
    hash = cookie_hash(t, t->config.isn_key, r, hints, cookie_epoch(now));
    r->snd = ((uint32_t)hash & ~(uint32_t)7) | (mss_index(r->mss) ^ mss_mask(hash));
    out = record_syn_ack(t, r, mac, WHY_SYN_ACK, now);
    if (out && hints != NO_TIMESTAMPS)
        out->header.opt.tsval = ts_with(out->header.opt.tsval, hints);
    l->cookie_epoch_and_1 = cookie_epoch(now) + 1;
    return REASON_LISTEN_COOKIE;
}

/* ---- and back ------------------------------------------------------------------------------------------ */

/* What the options say that came back. */
static void take_hints(const struct tcp *t, const struct segment *s, struct tcp_record *r,
                       uint8_t hints)
{
    uint8_t wscale = hints & HINT_WSCALE;

    if (hints == NO_TIMESTAMPS)
        return;
    r->head.tag |= TAG_TIMESTAMPS;
    r->ts_recent = s->opt.tsval;
    if (hints & HINT_SACK)
        r->head.tag |= TAG_SACK;
    if (hints & HINT_ECN)
        r->head.tag |= TAG_ECN;
    if (wscale == HINT_WSCALE)
        return;
    r->head.tag |= TAG_SCALED;
    r->snd_wscale = wscale & 15u;
    r->rcv_wscale = window_scale_for(t, record_window_most(t, r->listener)) & 15u;
}

/* Whether r->snd is the cookie of an epoch; then its MSS is read. */
static bool is_ours(const struct tcp *t, struct tcp_record *r, uint8_t hints, uint32_t epoch)
{
    const uint8_t *secrets[2] = {t->config.isn_key, t->keys.old_isn};
    /* How far it lies before the end of the old key's time. */
    bool old = t->keys.old_epoch_and_1 > 0 && t->keys.old_epoch_and_1 - 1 - epoch <= 1;

    for (unsigned i = 0; i < 1u + old; i++) {
        uint64_t hash = cookie_hash(t, secrets[i], r, hints, epoch);

        if (((uint32_t)hash ^ r->snd) >> 3)
            continue;
        r->mss = mss_of[(r->snd ^ mss_mask(hash)) & 7];
        return true;
    }
    return false;
}

bool cookie_take(const struct tcp *t, const struct tcp_listener *l, const struct segment *s,
                 struct tcp_record *r, estab_time now)
{
    uint32_t epoch = cookie_epoch(now), iss = s->ack.v - 1;
    bool stamped = s->opt.present & OPT_TIMESTAMPS && t->config.timestamps;
    uint8_t hints = NO_TIMESTAMPS;

    if (l->cookie_epoch_and_1 == 0 || epoch + 1 - l->cookie_epoch_and_1 > 1)
        return false;
    if (stamped)
        hints = s->opt.tsecr & ((1 << HINT_BITS) - 1);
    *r = (struct tcp_record){.head = {.remote = s->remote,
                                      .rport = s->rport,
                                      .lport = s->lport,
                                      .local = s->local,
                                      .interface = s->interface,
                                      .tag = TAG_PASSIVE,
                                      .handle = HANDLE_NONE},
                             .listener = (uint16_t)(l - tcp_listener(t, 0)),
                             .snd = iss,
                             .rcv = s->seq.v - 1};
    if (!is_ours(t, r, hints, epoch) && !is_ours(t, r, hints, epoch - 1))
        return false;
    take_hints(t, s, r, hints);
    return true;
}
