/* SPDX-License-Identifier: MIT */
/* link.c - see link.h. */
#include "sim/link.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "sim/random.h"

#define ETHERNET_HEADER 14
#define BITS_NS         (8 * ESTAB_SECOND) /* a byte at 1 bit per second takes 8 s */

/* Where each fate draws from. */
#define CHANCES(X)                                                                                 \
    X(LOSS, "loss")                                                                                \
    X(DUPLICATE, "duplicate")                                                                      \
    X(REORDER, "reorder")                                                                          \
    X(CORRUPT, "corrupt")                                                                          \
    X(BIT, "bit")                                                                                  \
    X(JITTER, "jitter")                                                                            \
    X(SCATTER, "scatter")                                                                          \
    X(MARK, "mark")

enum chance {
#define X(name, text) CHANCE_##name,
    CHANCES(X)
#undef X
        CHANCE_COUNT,
};

static const char *const chance_names[CHANCE_COUNT] = {
#define X(name, text) [CHANCE_##name] = text,
    CHANCES(X)
#undef X
};

/* A frame under way, or given. */
struct carried {
    struct link_passage passage;
    uint64_t order;       /* of what is due at the same time */
    struct carried *next; /* if given */
    uint32_t length, cause;
    uint8_t interface, link, checksum;
    uint8_t bytes[];
};

/* A frame that waits for the rate, or is being sent. */
struct waiting {
    estab_time departs;
    uint32_t length;
};

struct counted_rule {
    struct link_rule rule;
    uint64_t seen, hits;
};

struct link {
    struct link_config config;
    estab_time now;
    struct random chances[CHANCE_COUNT];
    struct counted_rule rules[LINK_RULES_MAX];
    unsigned rule_count;
    struct link_counters counters;
    uint64_t order;

    /* The rate.  Times are whole ns; the rest, in bits * ns / s, is carried to the next frame. */
    estab_time busy_until;
    uint64_t rest;
    struct waiting *queue; /* a ring, by departs */
    size_t queue_first, queue_count, queue_room;
    uint64_t queue_bytes;

    /* Under way: a heap by (due, order). */
    struct carried **heap;
    size_t heap_count, heap_room;
    uint64_t heap_bytes;
    estab_time in_order_due; /* of the last frame that was not held back */
    uint64_t serial_delivered;

    struct carried *given;
};

/* What is to happen to a frame: by chance at first, then by rules as well. */
struct verdict {
    bool lost, ruled_out, duplicate, corrupt, mark;
    uint32_t rules;
    estab_time jitter_ns, held_ns, copy_ns;
    uint64_t bit; /* seeds the choice of the one to flip */
};

static estab_time advance(struct link *link, estab_time now);
static struct verdict draw(struct link *link);
static bool acceptable(const struct estab_frame *frame);
static struct carried *carried_new(const struct estab_frame *frame);
static struct carried *carried_copy(const struct carried *c);
static void apply_rules(struct link *link, const struct carried *c, struct verdict *v);
static uint32_t enter(struct link *link, uint32_t length, estab_time *departs);
static bool grow_queue(struct link *link);
static bool make_room(struct link *link, uint32_t length);
static void carry(struct link *link, struct carried *c, const struct verdict *v,
                  estab_time departs);
static bool corrupt(struct carried *c, uint64_t seed);
static bool mark(struct carried *c);
static struct link_passage gone(struct link *link, struct link_passage passage, uint32_t fate);
static void heap_push(struct link *link, struct carried *c);
static struct carried *heap_pop(struct link *link);

/* ---- the link itself -------------------------------------------------------------------------- */

struct link *link_new(const struct link_config *config, uint64_t seed)
{
    struct link *link = calloc(1, sizeof *link);
    if (!link)
        return NULL;
    for (unsigned i = 0; i < CHANCE_COUNT; i++)
        link->chances[i] = random_stream(seed, chance_names[i]);
    link_configure(link, config);
    return link;
}

void link_free(struct link *link)
{
    if (!link)
        return;
    link_release(link);
    for (size_t i = 0; i < link->heap_count; i++)
        free(link->heap[i]);
    free(link->heap);
    free(link->queue);
    free(link);
}

struct link *link_copy(const struct link *link)
{
    struct link *copy = malloc(sizeof *copy);
    if (!copy)
        return NULL;
    *copy = *link;
    copy->given = NULL;
    copy->heap_count = 0;
    copy->heap = malloc((link->heap_room + 1) * sizeof(struct carried *));
    copy->queue = malloc((link->queue_room + 1) * sizeof(struct waiting));
    bool complete = copy->heap && copy->queue;
    if (complete && link->queue_room > 0)
        memcpy(copy->queue, link->queue, link->queue_room * sizeof(struct waiting));
    for (size_t i = 0; complete && i < link->heap_count; i++) {
        copy->heap[i] = carried_copy(link->heap[i]);
        complete = copy->heap[i] != NULL;
        copy->heap_count += complete;
    }
    if (complete)
        return copy;
    link_free(copy);
    return NULL;
}

void link_configure(struct link *link, const struct link_config *config)
{
    assert(!link_config_check(config));
    link->config = *config;
    link->rest = 0;
    link->in_order_due = 0;
}

const struct link_config *link_configured(const struct link *link)
{
    return &link->config;
}

int link_rule_add(struct link *link, const struct link_rule *rule)
{
    if (link->rule_count == LINK_RULES_MAX)
        return -1;
    link->rules[link->rule_count] = (struct counted_rule){.rule = *rule};
    return (int)link->rule_count++;
}

void link_rules_clear(struct link *link)
{
    link->rule_count = 0;
}

unsigned link_rules(const struct link *link)
{
    return link->rule_count;
}

const struct link_rule *link_rule_at(const struct link *link, unsigned number)
{
    return number < link->rule_count ? &link->rules[number].rule : NULL;
}

uint64_t link_rule_seen(const struct link *link, unsigned number)
{
    return number < link->rule_count ? link->rules[number].seen : 0;
}

uint64_t link_rule_hits(const struct link *link, unsigned number)
{
    return number < link->rule_count ? link->rules[number].hits : 0;
}

size_t link_under_way(const struct link *link)
{
    return link->heap_count;
}

struct link_counters link_counters(const struct link *link)
{
    return link->counters;
}

/* ---- in and out ------------------------------------------------------------------------------- */

struct link_passage link_put(struct link *link, const struct estab_frame *frame, estab_time now)
{
    struct link_passage passage = {.sent = advance(link, now), .due = ESTAB_NEVER};
    struct verdict v = draw(link);
    passage.serial = ++link->counters.put;
    link->counters.put_bytes += frame->length;
    if (!acceptable(frame))
        return gone(link, passage, LINK_REFUSED);

    struct carried *c = make_room(link, frame->length) ? carried_new(frame) : NULL;
    if (!c)
        return gone(link, passage, LINK_OVER_LIMIT);
    apply_rules(link, c, &v);
    passage.rules = v.rules;

    estab_time departs;
    uint32_t fate = enter(link, c->length, &departs);
    if (fate == 0 && v.ruled_out)
        fate = LINK_RULED_OUT;
    else if (fate == 0 && v.lost)
        fate = LINK_LOST;
    if (fate == 0 && v.mark && mark(c))
        fate = LINK_MARKED;
    if (!(fate & LINK_GONE) && v.corrupt)
        fate |= corrupt(c, v.bit) ? LINK_CORRUPTED : LINK_CORRUPTED | LINK_LOST;
    passage.fate = fate;
    if (fate & LINK_GONE) {
        free(c);
        return gone(link, passage, fate);
    }
    c->passage = passage;
    carry(link, c, &v, departs);
    return c->passage;
}

estab_time link_next(const struct link *link)
{
    return link->heap_count > 0 ? link->heap[0]->passage.due : ESTAB_NEVER;
}

bool link_get(struct link *link, struct estab_frame *out, struct link_passage *passage,
              estab_time now)
{
    if (link->heap_count == 0 || link_next(link) > now)
        return false;
    struct carried *c = heap_pop(link);
    c->next = link->given;
    link->given = c;

    struct link_counters *counters = &link->counters;
    counters->delivered++;
    counters->delivered_bytes += c->length;
    counters->overtaken += c->passage.serial < link->serial_delivered;
    if (c->passage.serial > link->serial_delivered)
        link->serial_delivered = c->passage.serial;

    *out = (struct estab_frame){
        .length = c->length,
        .interface = c->interface,
        .link = c->link,
        .checksum = c->checksum,
        .cause = c->cause,
        .parts = 1,
        .part = {{.base = c->bytes, .length = c->length}},
    };
    if (passage)
        *passage = c->passage;
    return true;
}

void link_release(struct link *link)
{
    while (link->given) {
        struct carried *c = link->given;
        link->given = c->next;
        free(c);
    }
}

void link_flatten(const struct estab_frame *frame, uint8_t *to)
{
    uint8_t *p = to;
    memcpy(p, frame->head, frame->head_length);
    p += frame->head_length;
    for (unsigned i = 0; i < frame->parts; i++) {
        if (frame->part[i].length > 0)
            memcpy(p, frame->part[i].base, frame->part[i].length);
        p += frame->part[i].length;
    }
    if (frame->checksum != ESTAB_CHECKSUM_FINISH)
        return;
    /* The field holds the pseudo header's sum, so that it is summed along with the rest. */
    size_t start = frame->checksum_start, at = start + frame->checksum_offset;
    uint16_t sum = checksum_done(checksum_add(0, to + start, frame->length - start));
    if (sum == 0 && frame->checksum_offset == 6) /* UDP's own: there 0 means "none" (RFC 768) */
        sum = 0xffff;
    to[at] = (uint8_t)(sum >> 8);
    to[at + 1] = (uint8_t)sum;
}

/* ---- judging a frame -------------------------------------------------------------------------- */

static estab_time advance(struct link *link, estab_time now)
{
    if (now > link->now)
        link->now = now;
    return link->now;
}

/* Each stream moves once for a frame.  What needs more than one number, as an unbiased choice may,
 * seeds a generator of its own. */
static struct verdict draw(struct link *link)
{
    const struct link_config *config = &link->config;
    struct random jitter = random_of(random_u64(&link->chances[CHANCE_JITTER]));
    struct verdict v = {
        .lost = random_chance(&link->chances[CHANCE_LOSS], config->loss_ppm),
        .duplicate = random_chance(&link->chances[CHANCE_DUPLICATE], config->duplicate_ppm),
        .mark = random_chance(&link->chances[CHANCE_MARK], config->mark_ppm),
        .corrupt = random_chance(&link->chances[CHANCE_CORRUPT], config->corrupt_ppm),
        .bit = random_u64(&link->chances[CHANCE_BIT]),
        .jitter_ns = random_below(&jitter, config->jitter_ns + 1),
    };
    struct random scatter = random_of(random_u64(&link->chances[CHANCE_SCATTER]));
    v.held_ns = random_below(&scatter, config->scatter_ns + 1);
    if (random_chance(&link->chances[CHANCE_REORDER], config->reorder_ppm))
        v.held_ns += config->reorder_ns;
    return v;
}

static bool acceptable(const struct estab_frame *frame)
{
    if (frame->segment_size != 0 || frame->length == 0 || frame->length > LINK_FRAME_MAX)
        return false;
    if (frame->head_length > ESTAB_HEAD_MAX || frame->parts > ESTAB_PARTS_MAX)
        return false;
    uint64_t length = frame->head_length;
    for (unsigned i = 0; i < frame->parts; i++)
        length += frame->part[i].length;
    if (length != frame->length)
        return false;
    return frame->checksum != ESTAB_CHECKSUM_FINISH ||
           (uint32_t)frame->checksum_start + frame->checksum_offset + 2 <= frame->length;
}

static struct carried *carried_new(const struct estab_frame *frame)
{
    struct carried *c = malloc(sizeof *c + frame->length);
    if (!c)
        return NULL;
    *c = (struct carried){
        .length = frame->length,
        .cause = frame->cause,
        .interface = frame->interface,
        .link = frame->link,
        .checksum =
            frame->checksum == ESTAB_CHECKSUM_FINISH ? ESTAB_CHECKSUM_VERIFY : frame->checksum,
    };
    link_flatten(frame, c->bytes);
    return c;
}

static struct carried *carried_copy(const struct carried *c)
{
    struct carried *copy = malloc(sizeof *c + c->length);
    if (copy)
        memcpy(copy, c, sizeof *c + c->length);
    return copy;
}

/* Every rule sees every frame, so that the counts do not depend on the other rules. */
static void apply_rules(struct link *link, const struct carried *c, struct verdict *v)
{
    for (unsigned i = 0; i < link->rule_count; i++) {
        struct counted_rule *counted = &link->rules[i];
        const struct link_rule *rule = &counted->rule;
        if (!link_filter_match(&rule->filter, c->bytes, c->length, c->link))
            continue;
        counted->seen++;
        if (rule->nth != 0 && rule->nth != counted->seen)
            continue;
        counted->hits++;
        v->rules++;
        v->ruled_out |= rule->action == LINK_DROP;
        v->corrupt |= rule->action == LINK_CORRUPT;
        v->duplicate |= rule->action == LINK_DUPLICATE;
        if (rule->action == LINK_DELAY)
            v->held_ns += rule->delay_ns;
        if (rule->action == LINK_DUPLICATE)
            v->copy_ns += rule->delay_ns;
    }
}

static struct link_passage gone(struct link *link, struct link_passage passage, uint32_t fate)
{
    struct link_counters *counters = &link->counters;
    counters->corrupted += (fate & LINK_CORRUPTED) != 0;
    counters->lost += (fate & LINK_LOST) != 0;
    counters->ruled_out += (fate & LINK_RULED_OUT) != 0;
    counters->queue_full += (fate & LINK_QUEUE_FULL) != 0;
    counters->over_limit += (fate & LINK_OVER_LIMIT) != 0;
    counters->refused += (fate & LINK_REFUSED) != 0;
    passage.fate = fate;
    return passage;
}

/* ---- queue and rate --------------------------------------------------------------------------- */

/* Takes a place in the queue, and tells when the last bit will have left; or the fate of a frame for
 * which there is no place.
 *
 *      now        first departs                       busy_until
 *       |  being sent  |  waiting  |  ...  |  waiting  |  this frame  |
 *                      |<------- queue_frames -------->|                               */
static uint32_t enter(struct link *link, uint32_t length, estab_time *departs)
{
    const struct link_config *config = &link->config;
    *departs = link->now;
    if (config->rate_bps == 0)
        return 0;
    while (link->queue_count > 0 && link->queue[link->queue_first].departs <= link->now) {
        link->queue_bytes -= link->queue[link->queue_first].length;
        link->queue_first = (link->queue_first + 1) % link->queue_room;
        link->queue_count--;
    }
    if (link->queue_count > 0) { /* it would have to wait */
        uint64_t bytes = link->queue_bytes - link->queue[link->queue_first].length + length;
        if (config->queue_frames > 0 && link->queue_count > config->queue_frames)
            return LINK_QUEUE_FULL;
        if (config->queue_bytes > 0 && bytes > config->queue_bytes)
            return LINK_QUEUE_FULL;
    } else if (link->busy_until < link->now) {
        link->busy_until = link->now;
        link->rest = 0;
    }
    if (link->queue_count == link->queue_room && !grow_queue(link))
        return LINK_OVER_LIMIT;

    uint64_t bits_ns = length * BITS_NS + link->rest;
    link->busy_until += bits_ns / config->rate_bps;
    link->rest = bits_ns % config->rate_bps;
    *departs = link->busy_until;
    size_t last = (link->queue_first + link->queue_count++) % link->queue_room;
    link->queue[last] = (struct waiting){.departs = *departs, .length = length};
    link->queue_bytes += length;
    return 0;
}

/* Doubles the ring and lays it out from its start. */
static bool grow_queue(struct link *link)
{
    size_t room = link->queue_room > 0 ? 2 * link->queue_room : 16;
    if (room > LINK_FLIGHT_FRAMES)
        return false;
    struct waiting *queue = malloc(room * sizeof *queue);
    if (!queue)
        return false;
    for (size_t i = 0; i < link->queue_count; i++)
        queue[i] = link->queue[(link->queue_first + i) % link->queue_room];
    free(link->queue);
    link->queue = queue;
    link->queue_room = room;
    link->queue_first = 0;
    return true;
}

/* ---- under way -------------------------------------------------------------------------------- */

/* Sends the frame on its way, and its copy. */
static void carry(struct link *link, struct carried *c, const struct verdict *v, estab_time departs)
{
    struct link_passage *passage = &c->passage;
    passage->due = departs + link->config.delay_ns + v->jitter_ns + v->held_ns;
    if (v->held_ns > 0) {
        passage->fate |= LINK_HELD;
        link->counters.held++;
    } else {
        if (passage->due < link->in_order_due)
            passage->due = link->in_order_due;
        link->in_order_due = passage->due;
    }
    link->counters.corrupted += (passage->fate & LINK_CORRUPTED) != 0;
    link->counters.marked += (passage->fate & LINK_MARKED) != 0;

    struct carried *copy = v->duplicate ? carried_copy(c) : NULL;
    heap_push(link, c);
    if (!copy)
        return;
    if (!make_room(link, c->length)) {
        free(copy);
        return;
    }
    passage->fate |= LINK_DUPLICATED;
    copy->passage.fate |= LINK_COPY;
    copy->passage.due += v->copy_ns;
    link->counters.duplicated++;
    heap_push(link, copy);
}

/* Flips one bit; false if no checksum would tell, as with ARP. */
static bool corrupt(struct carried *c, uint64_t seed)
{
    size_t start = c->link == ESTAB_LINK_ETHERNET ? ETHERNET_HEADER : 0;
    if (c->length <= start)
        return false;
    if (c->link == ESTAB_LINK_ETHERNET) {
        unsigned type = (unsigned)c->bytes[12] << 8 | c->bytes[13];
        if (type != 0x0800 && type != 0x86dd)
            return false;
    }
    struct random r = random_of(seed);
    uint64_t bit = random_below(&r, (c->length - start) * UINT64_C(8));
    c->bytes[start + (size_t)(bit / 8)] ^= (uint8_t)(1u << bit % 8);
    c->checksum = ESTAB_CHECKSUM_VERIFY;
    return true;
}

/* Congestion Experienced, where the sender is ready to hear of it: RFC 3168 section 5.  The checksum of the
 * header, if it was right, stays so (RFC 1624). */
static bool mark6(uint8_t *ip)
{
    if ((ip[1] & 0x30) == 0)
        return false;
    ip[1] |= 0x30;
    return true;
}

static bool mark(struct carried *c)
{
    size_t start = c->link == ESTAB_LINK_ETHERNET ? ETHERNET_HEADER : 0;
    uint8_t *ip = c->bytes + start;
    uint32_t sum;

    if (c->length >= start + 40 && ip[0] >> 4 == 6 && (!start || (ip[-2] == 0x86 && ip[-1] == 0xdd)))
        return mark6(ip);
    if (c->length < start + 20 || ip[0] >> 4 != 4 || (start && (ip[-2] != 0x08 || ip[-1] != 0x00)))
        return false;
    if ((ip[1] & 3) == 0)
        return false;
    sum = ((uint32_t)ip[10] << 8 | ip[11]) ^ 0xffff;
    sum += (uint32_t)(~ip[1] & 3); /* to 3, from 1 or 2 */
    sum = (sum & 0xffff) + (sum >> 16);
    ip[1] |= 3;
    ip[10] = (uint8_t)(~sum >> 8);
    ip[11] = (uint8_t)~sum;
    return true;
}

/* Whether one more frame may be under way; makes the heap large enough. */
static bool make_room(struct link *link, uint32_t length)
{
    if (link->heap_count >= LINK_FLIGHT_FRAMES || link->heap_bytes + length > LINK_FLIGHT_BYTES)
        return false;
    if (link->heap_count < link->heap_room)
        return true;
    size_t room = link->heap_room > 0 ? 2 * link->heap_room : 16;
    struct carried **heap = realloc(link->heap, room * sizeof(struct carried *));
    if (!heap)
        return false;
    link->heap = heap;
    link->heap_room = room;
    return true;
}

static bool earlier(const struct carried *a, const struct carried *b)
{
    if (a->passage.due != b->passage.due)
        return a->passage.due < b->passage.due;
    return a->order < b->order;
}

static void heap_push(struct link *link, struct carried *c)
{
    size_t at = link->heap_count++;
    c->order = ++link->order;
    link->heap_bytes += c->length;
    while (at > 0 && earlier(c, link->heap[(at - 1) / 2])) {
        link->heap[at] = link->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    link->heap[at] = c;
}

static struct carried *heap_pop(struct link *link)
{
    struct carried *first = link->heap[0], *last = link->heap[--link->heap_count];
    size_t at = 0, child;
    link->heap_bytes -= first->length;
    while ((child = 2 * at + 1) < link->heap_count) {
        if (child + 1 < link->heap_count && earlier(link->heap[child + 1], link->heap[child]))
            child++;
        if (!earlier(link->heap[child], last))
            break;
        link->heap[at] = link->heap[child];
        at = child;
    }
    link->heap[at] = last;
    return first;
}
