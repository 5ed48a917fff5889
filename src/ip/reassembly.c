/* SPDX-License-Identifier: MIT */
/* reassembly.c - see reassembly.h. */
#include "ip/reassembly.h"

#include "base/assert.h"
#include "base/siphash.h"
#include "base/writer.h"

/* RFC 8200 section 4.5; RFC 1122 section 3.3.2 asks for 60 to 120 seconds. */
#define LASTS (60 * ESTAB_SECOND)

static struct reassembly *datagram(const struct reassemblies *q, uint32_t i)
{
    return (struct reassembly *)((uintptr_t)q + (uintptr_t)q->datagrams_at) + i;
}

static uint16_t index_of(const struct reassemblies *q, const struct reassembly *r)
{
    return (uint16_t)(r - datagram(q, 0));
}

static uint16_t *bucket(const struct reassemblies *q, uint32_t i)
{
    return (uint16_t *)((uintptr_t)q + (uintptr_t)q->buckets_at) + i;
}

/* Of a free block: the next one. */
static uint16_t *link_of(const struct reassemblies *q, uint32_t block)
{
    return (uint16_t *)((uintptr_t)q + (uintptr_t)q->links_at) + block;
}

static uint8_t *block_at(const struct reassemblies *q, uint32_t block)
{
    return (uint8_t *)((uintptr_t)q + (uintptr_t)q->blocks_at) + (size_t)block * REASSEMBLY_BLOCK;
}

/* ---- the room -------------------------------------------------------------------------------------- */

static uint64_t take(uint64_t *at, uint64_t bytes)
{
    uint64_t here = *at;

    *at += (bytes + 63) & ~(uint64_t)63;
    return here;
}

static uint32_t buckets_for(uint32_t datagrams)
{
    uint32_t n = 16;

    while (n < datagrams)
        n *= 2;
    return n;
}

uint64_t reassembly_layout(struct reassemblies *q, const struct estab_config *config)
{
    struct reassemblies places = {.most = config->fragments};
    uint32_t buckets = buckets_for(places.most);
    uint64_t at = 0;

    take(&at, sizeof *q);
    places.datagrams_at = take(&at, places.most * sizeof(struct reassembly));
    places.buckets_at = take(&at, buckets * sizeof(uint16_t));
    places.links_at = take(&at, places.most * sizeof(uint16_t));
    places.blocks_at = take(&at, (uint64_t)places.most * REASSEMBLY_BLOCK);
    if (q) {
        q->most = places.most;
        q->bucket_mask = buckets - 1;
        q->datagrams_at = places.datagrams_at;
        q->buckets_at = places.buckets_at;
        q->links_at = places.links_at;
        q->blocks_at = places.blocks_at;
    }
    return at;
}

void reassembly_init(struct reassemblies *q, const struct estab_config *config)
{
    memset(q, 0, sizeof *q);
    (void)reassembly_layout(q, config);
    q->free = q->block_free = REASSEMBLY_NONE;
    memset(bucket(q, 0), 0xff, (q->bucket_mask + 1) * sizeof(uint16_t));
    for (unsigned i = 0; i < REASSEMBLY_ACCOUNTS; i++)
        q->account[i].oldest = q->account[i].newest = REASSEMBLY_NONE;
}

bool reassembly_holds(const struct reassemblies *q, const struct estab_config *config)
{
    struct reassemblies places;

    (void)reassembly_layout(&places, config);
    return q->most == places.most && q->bucket_mask == places.bucket_mask &&
           q->datagrams_at == places.datagrams_at && q->buckets_at == places.buckets_at &&
           q->links_at == places.links_at && q->blocks_at == places.blocks_at;
}

/* ---- finding --------------------------------------------------------------------------------------- */

static uint64_t hash(const uint8_t key[16], const struct fragment *f)
{
    uint8_t text[38];

    memcpy(text, f->src.b, 16);
    memcpy(text + 16, f->dst.b, 16);
    writer_store32(text + 32, f->id);
    text[36] = f->interface;
    text[37] = addr_is_ipv4(&f->src) ? f->protocol : 0;
    return siphash13(key, text, sizeof text);
}

static uint16_t *bucket_of(const struct reassemblies *q, const uint8_t key[16], const struct fragment *f)
{
    return bucket(q, (uint32_t)hash(key, f) & q->bucket_mask);
}

static struct fragment name_of(const struct reassembly *r)
{
    return (struct fragment){.src = r->src,
                             .dst = r->dst,
                             .id = r->id,
                             .protocol = r->protocol,
                             .interface = r->interface};
}

static bool same(const struct reassembly *r, const struct fragment *f)
{
    return r->id == f->id && r->interface == f->interface && addr_equal(&r->src, &f->src) &&
           addr_equal(&r->dst, &f->dst) && (!addr_is_ipv4(&f->src) || r->protocol == f->protocol);
}

struct reassembly *reassembly_find(const struct reassemblies *q, const uint8_t key[16],
                                   const struct fragment *f)
{
    if (q->used == 0)
        return NULL;
    for (uint16_t i = *bucket_of(q, key, f); i != REASSEMBLY_NONE;) {
        struct reassembly *r = datagram(q, i);

        if (same(r, f))
            return r;
        i = r->next;
    }
    return NULL;
}

/* ---- judging --------------------------------------------------------------------------------------- */

/* The number of the first piece that ends behind `at`. */
static unsigned first_behind(const struct reassembly *r, uint32_t at)
{
    unsigned low = 0, high = r->pieces;

    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (r->piece[middle].to > at)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Of where the datagram ends all pieces have to say the same. */
static bool ends_agree(const struct reassembly *r, const struct fragment *f)
{
    uint32_t furthest = r->pieces ? r->piece[r->pieces - 1].to : 0;

    if (r->length > 0)
        return f->more ? f->to < r->length : f->to == r->length;
    return f->more || furthest < f->to;
}

/* RFC 3168 section 5.3: the mark of congestion survives, but not of a datagram whose other parts say that
 * it may not be marked. */
static bool marks_agree(const struct reassembly *r, const struct fragment *f)
{
    unsigned marks = r->ecn | 1u << f->ecn;

    return !((marks & 1u << 0) && (marks & 1u << 3));
}

enum reason reassembly_judge(const struct reassembly *r, const struct fragment *f)
{
    unsigned i;

    if (!r)
        return REASON_NONE;
    if (r->doomed)
        return (enum reason)r->doomed;
    if (!ends_agree(r, f))
        return REASON_FRAGMENT_END;
    i = first_behind(r, f->from);
    if (i < r->pieces && r->piece[i].from < f->to)
        return r->piece[i].from == f->from && r->piece[i].to == f->to ? REASON_FRAGMENT_DUPLICATE
                                                                      : REASON_FRAGMENT_OVERLAP;
    if (!marks_agree(r, f))
        return REASON_FRAGMENT_ECN;
    return r->pieces == REASSEMBLY_PIECES ? REASON_FRAGMENT_MANY : REASON_NONE;
}

/* ---- room ------------------------------------------------------------------------------------------ */

static unsigned block_of(uint32_t at)
{
    return (at + REASSEMBLY_HEADER) / REASSEMBLY_BLOCK;
}

bool reassembly_fits(const struct reassemblies *q, const struct reassembly *r, const struct fragment *f)
{
    uint32_t needed = 0;

    for (unsigned i = block_of(f->from); i <= block_of(f->to - 1); i++)
        needed += !r || r->block[i] == REASSEMBLY_NONE;
    return (r || q->used < q->most) && needed <= q->most - q->blocks_used;
}

struct reassembly *reassembly_victim(const struct reassemblies *q)
{
    unsigned heaviest = 0;

    for (unsigned i = 1; i < REASSEMBLY_ACCOUNTS; i++)
        if (q->account[i].weight > q->account[heaviest].weight)
            heaviest = i;
    ASSERT(q->account[heaviest].oldest != REASSEMBLY_NONE);
    return datagram(q, q->account[heaviest].oldest);
}

static unsigned account_of(const uint8_t key[16], const struct fragment *f)
{
    uint8_t text[12] = {'a', 'c', 'c', 't'};

    memcpy(text + 4, addr_is_ipv4(&f->src) ? f->src.b + 8 : f->src.b, 8);
    return siphash13(key, text, sizeof text) % REASSEMBLY_ACCOUNTS;
}

struct reassembly *reassembly_new(struct reassemblies *q, const uint8_t key[16], const struct fragment *f,
                                  estab_time now)
{
    uint16_t i = q->free, *head = bucket_of(q, key, f);
    unsigned account = account_of(key, f);
    struct reassembly *r;

    ASSERT(q->used < q->most);
    if (i != REASSEMBLY_NONE)
        q->free = datagram(q, i)->next;
    else
        i = q->fresh++;
    q->used++;
    r = datagram(q, i);
    memset(r, 0, offsetof(struct reassembly, piece));
    r->src = f->src;
    r->dst = f->dst;
    r->id = f->id;
    r->protocol = f->protocol;
    r->interface = f->interface;
    r->account = (uint8_t)account;
    r->trusted = true;
    r->deadline = now + LASTS;
    memset(r->block, 0xff, sizeof r->block);
    r->next = *head;
    *head = i;
    r->older = q->account[account].newest;
    r->newer = REASSEMBLY_NONE;
    if (r->older != REASSEMBLY_NONE)
        datagram(q, r->older)->newer = i;
    else
        q->account[account].oldest = i;
    q->account[account].newest = i;
    q->account[account].weight++;
    return r;
}

static uint16_t block_new(struct reassemblies *q)
{
    uint16_t i = q->block_free;

    ASSERT(q->blocks_used < q->most);
    if (i != REASSEMBLY_NONE)
        q->block_free = *link_of(q, i);
    else
        i = q->block_fresh++;
    q->blocks_used++;
    return i;
}

void reassembly_add(struct reassemblies *q, struct reassembly *r, const struct fragment *f)
{
    unsigned at = first_behind(r, f->from);

    for (unsigned i = block_of(f->from); i <= block_of(f->to - 1); i++)
        if (r->block[i] == REASSEMBLY_NONE) {
            r->block[i] = block_new(q);
            q->account[r->account].weight++;
        }
    memmove(&r->piece[at + 1], &r->piece[at], (r->pieces - at) * sizeof r->piece[0]);
    r->piece[at].from = (uint16_t)f->from;
    r->piece[at].to = (uint16_t)f->to;
    r->pieces++;
    r->have += f->to - f->from;
    r->ecn |= (uint8_t)(1u << f->ecn);
    if (!f->more)
        r->length = f->to;
    if (f->from == 0)
        r->protocol = f->protocol; /* RFC 8200 section 4.5 */
    q->pieces_in++;
}

uint8_t *reassembly_place(const struct reassemblies *q, const struct reassembly *r, uint32_t at,
                          uint32_t *run)
{
    uint32_t in = (at + REASSEMBLY_HEADER) % REASSEMBLY_BLOCK;
    unsigned block = block_of(at);

    ASSERT(block < REASSEMBLY_BLOCKS && r->block[block] != REASSEMBLY_NONE);
    *run = REASSEMBLY_BLOCK - in;
    return block_at(q, r->block[block]) + in;
}

/* ---- ends ------------------------------------------------------------------------------------------ */

static void give_blocks(struct reassemblies *q, struct reassembly *r)
{
    for (unsigned i = 0; i < REASSEMBLY_BLOCKS; i++) {
        if (r->block[i] == REASSEMBLY_NONE)
            continue;
        *link_of(q, r->block[i]) = q->block_free;
        q->block_free = r->block[i];
        r->block[i] = REASSEMBLY_NONE;
        q->blocks_used--;
        q->account[r->account].weight--;
    }
}

void reassembly_doom(struct reassemblies *q, struct reassembly *r, enum reason why)
{
    give_blocks(q, r);
    r->doomed = (uint16_t)why;
    r->pieces = r->header = 0;
    r->have = r->length = 0;
}

static void leave_bucket(struct reassemblies *q, const uint8_t key[16], const struct reassembly *r)
{
    struct fragment f = name_of(r);
    uint16_t *at = bucket_of(q, key, &f), i = index_of(q, r);

    while (*at != i)
        at = &datagram(q, *at)->next;
    *at = r->next;
}

void reassembly_free(struct reassemblies *q, const uint8_t key[16], struct reassembly *r)
{
    uint16_t i = index_of(q, r);

    give_blocks(q, r);
    leave_bucket(q, key, r);
    if (r->older != REASSEMBLY_NONE)
        datagram(q, r->older)->newer = r->newer;
    else
        q->account[r->account].oldest = r->newer;
    if (r->newer != REASSEMBLY_NONE)
        datagram(q, r->newer)->older = r->older;
    else
        q->account[r->account].newest = r->older;
    q->account[r->account].weight--;
    r->next = q->free;
    q->free = i;
    q->used--;
}

/* All last equally long, so that of each account the oldest ends first. */
static struct reassembly *first_to_end(const struct reassemblies *q)
{
    struct reassembly *first = NULL;

    if (q->used == 0)
        return NULL;
    for (unsigned i = 0; i < REASSEMBLY_ACCOUNTS; i++) {
        struct reassembly *r = datagram(q, q->account[i].oldest);

        if (q->account[i].oldest != REASSEMBLY_NONE && (!first || r->deadline < first->deadline))
            first = r;
    }
    return first;
}

estab_time reassembly_deadline(const struct reassemblies *q)
{
    const struct reassembly *r = first_to_end(q);

    return r ? r->deadline : ESTAB_NEVER;
}

struct reassembly *reassembly_due(const struct reassemblies *q, estab_time now)
{
    struct reassembly *r = first_to_end(q);

    return r && r->deadline <= now ? r : NULL;
}
