/* SPDX-License-Identifier: MIT */
/*
 * test_router.c - a stack that asks its link's routers who it is: questions, advertisements and what may not
 * be believed of them (RFC 4861 section 6), addresses and how long they last (RFC 4862 section 5.5), groups
 * that are told of (RFC 3810).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/trace.h"
#include "support/made_frame.h"

#define S ESTAB_SECOND

enum { SENT_MAX = 64 };

struct sent {
    struct estab_addr src, dst;
    uint8_t mac[6], hops, protocol, type; /* of ICMPv6, also behind a hop-by-hop header */
    uint8_t body[64];                     /* from the type on */
    estab_time at;
};

static struct bench {
    estab_stack *stack;
    void *room;
    estab_time now;
    struct sent out[SENT_MAX];
    unsigned sent, taken;
} b;

static const struct estab_addr every_node = {{0xff, 2, [15] = 1}};

static void start_with(uint8_t key, bool asks)
{
    struct estab_interface i = {.size = sizeof i, .link = ESTAB_LINK_ETHERNET, .mac = {2, 0, 0, 0, 0, 1},
                                .mtu = 1500};
    struct estab_config c;
    size_t size;

    b = (struct bench){.now = S};
    estab_config_init(&c);
    c.connections = c.records = 32;
    c.chunks = 1024;
    c.receive_reserve = 4096;
    c.receive_buffer = 8192;
    c.neighbours = 16;
    c.fragments = 17;
    memset(c.isn_key, key, sizeof c.isn_key);
    size = (estab_stack_size(&c) + 63) / 64 * 64;
    b.room = aligned_alloc(64, size);
    assert_non_null(b.room);
    memset(b.room, 0, size);
    b.stack = estab_stack_init((struct estab_room){b.room, size}, &c, b.now);
    assert_non_null(b.stack);
    assert_int_equal(estab_interface_add(b.stack, &i), 0);
    if (asks)
        assert_int_equal(estab_autoconfigure(b.stack, 0, b.now), ESTAB_OK);
}

static int begin(void **state)
{
    (void)state;
    start_with(1, true);
    return 0;
}

static int end(void **state)
{
    (void)state;
    free(b.room);
    return 0;
}

/* ---- out ------------------------------------------------------------------------------------------------ */

static void keep(const struct estab_frame *f)
{
    struct sent *s = &b.out[b.sent++ % SENT_MAX];
    const uint8_t *ip = f->head + 14;
    unsigned at = 40;

    memset(s, 0, sizeof *s);
    memcpy(s->mac, f->head, 6);
    memcpy(s->src.b, ip + 8, 16);
    memcpy(s->dst.b, ip + 24, 16);
    s->hops = ip[7];
    s->protocol = ip[6];
    s->at = b.now;
    if (ip[6] == 0)
        at = 48;
    s->type = ip[at];
    if (s->protocol != 6)
        assert_int_equal(made_sum(made_pseudo(s->src, s->dst, 58, f->head_length - 14u - at), ip + at,
                                  f->head_length - 14u - at), 0);
    memcpy(s->body, ip + at, f->head_length - 14u - at < 64 ? f->head_length - 14u - at : 64);
}

static void pull(void)
{
    struct estab_frame f;

    while (estab_output(b.stack, &f, 1, b.now) == 1) {
        keep(&f);
        estab_output_done(b.stack, &f, 1);
    }
}

static void run(estab_time until)
{
    pull();
    for (estab_time next; (next = estab_deadline(b.stack)) <= until;) {
        b.now = next > b.now ? next : b.now;
        estab_expire(b.stack, b.now);
        pull();
    }
    b.now = until;
}

/* The next that is of this kind (of ICMPv6; 6: a segment); NULL: none. */
static const struct sent *next(uint8_t type)
{
    while (b.taken < b.sent) {
        const struct sent *s = &b.out[b.taken++ % SENT_MAX];

        if (type == 6 ? s->protocol == 6 : s->protocol != 6 && s->type == type)
            return s;
    }
    return NULL;
}

/* ---- in -------------------------------------------------------------------------------------------------- */

struct said {
    uint8_t router;        /* fe80::N; 0: 0xaa */
    int lifetime;          /* seconds */
    uint8_t hops, code, hop_limit;
    uint32_t reachable, retrans, mtu;
    int prefix;            /* fd21:0:0:N::/64; 0: none */
    uint32_t valid, preferred;
    uint8_t flags;         /* 0: on-link and autonomous */
    uint8_t length;        /* 0: 64 */
    bool global, no_mac, empty_option;
    unsigned cut;
};

static void store32(uint8_t *p, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static struct estab_addr router_address(uint8_t n)
{
    return (struct estab_addr){{0xfe, 0x80, [15] = n ? n : 0xaa}};
}

static void say(const struct said *r)
{
    static uint8_t bytes[400], body[300];
    struct estab_addr from = router_address(r->router);
    size_t n = 12;

    memset(body, 0, sizeof body);
    body[0] = r->hop_limit;
    body[2] = (uint8_t)((r->lifetime < 0 ? 0 : r->lifetime) >> 8);
    body[3] = (uint8_t)(r->lifetime < 0 ? 0 : r->lifetime);
    store32(body + 4, r->reachable);
    store32(body + 8, r->retrans);
    if (!r->no_mac) {
        memcpy(body + n, (uint8_t[]){1, 1, 2, 0, 0, 0, 0, from.b[15]}, 8);
        n += 8;
    }
    if (r->mtu) {
        body[n] = 5;
        body[n + 1] = 1;
        store32(body + n + 4, r->mtu);
        n += 8;
    }
    if (r->prefix) {
        memcpy(body + n, (uint8_t[]){3, 4, r->length ? r->length : 64, r->flags ? r->flags : 0xc0}, 4);
        store32(body + n + 4, r->valid);
        store32(body + n + 8, r->preferred);
        memcpy(body + n + 16, (uint8_t[]){0xfd, 0x21, 0, 0, 0, 0, 0, (uint8_t)r->prefix}, 8);
        body[n + 31] = 7; /* behind the prefix: ignored */
        n += 32;
    }
    if (r->empty_option)
        n += 8;
    if (r->global)
        from.b[0] = 0xfd;
    n = made_icmp6(bytes, from, every_node, 134, r->code, body, n - r->cut, false);
    made_hops(bytes, r->hops ? r->hops : 255, false);
    struct estab_frame f = made_frame(bytes, n, false);
    estab_input(b.stack, &f, 1, b.now);
    pull();
}

#define SAY(...) say(&(struct said){__VA_ARGS__})
#define USUAL    .lifetime = 1800, .prefix = 1, .valid = 86400, .preferred = 14400

/* ---- what came of it ------------------------------------------------------------------------------------- */

/* Our address of fd21:0:0:N::/64, the last one; false: there is none. */
static bool ours(int prefix, struct estab_address *out)
{
    struct estab_address a;
    bool any = false;

    for (uint32_t cursor = 0; estab_address_next(b.stack, &cursor, &a);)
        if (a.address.b[0] == 0xfd && a.address.b[7] == prefix) {
            *out = a;
            any = true;
        }
    return any;
}

static unsigned state_of(int prefix)
{
    struct estab_address a;

    assert_true(ours(prefix, &a));
    return a.state;
}

static unsigned routers(void)
{
    struct estab_router r;
    unsigned n = 0;

    for (uint32_t cursor = 0; estab_router_next(b.stack, &cursor, &r);)
        n++;
    return n;
}

static uint64_t counted(enum reason reason)
{
    return estab_reason_count(b.stack, reason);
}

static enum estab_error open_to(struct estab_addr peer)
{
    struct estab_open open = {.size = sizeof open, .remote = {peer, 80}};
    estab_conn conn;
    enum estab_error error = estab_open(b.stack, &open, &conn, b.now);

    pull();
    return error;
}

static const struct estab_addr far = {{0x20, 1, 0x0d, 0xb8, [15] = 9}};

/* ---- questions ------------------------------------------------------------------------------------------- */

static void three_questions(void **state)
{
    const struct sent *s;
    estab_time first;
    (void)state;
    run(60 * S);
    s = next(133);
    assert_non_null(s);
    first = s->at;
    assert_in_range(first, 2 * S, 3 * S + S / 10); /* once our own address is sure */
    assert_int_equal(s->hops, 255);
    assert_int_equal(s->src.b[0], 0xfe);
    assert_int_equal(s->dst.b[15], 2);
    assert_memory_equal(s->mac, "\x33\x33\0\0\0\2", 6);
    assert_memory_equal(s->body + 8, "\1\1\2\0\0\0\0\1", 8);
    for (unsigned i = 1; i < 3; i++) {
        s = next(133);
        assert_non_null(s);
        assert_int_equal(s->at, first + i * 4 * S);
    }
    assert_null(next(133));
    assert_int_equal(estab_deadline(b.stack), ESTAB_NEVER);
}

static void none_after_an_answer(void **state)
{
    (void)state;
    run(4 * S);
    assert_non_null(next(133));
    SAY(USUAL);
    run(60 * S);
    assert_null(next(133));
}

/* ---- addresses ------------------------------------------------------------------------------------------- */

static void an_address_is_formed(void **state)
{
    struct estab_address a, again;
    (void)state;
    run(4 * S);
    SAY(USUAL);
    assert_int_equal(state_of(1), ESTAB_ADDRESS_TENTATIVE);
    run(8 * S);
    assert_true(ours(1, &a));
    assert_int_equal(a.state, ESTAB_ADDRESS_PREFERRED);
    assert_int_equal(a.prefix_length, 64);
    assert_int_equal(a.valid_until, 4 * S + 86400 * S);
    assert_int_equal(a.preferred_until, 4 * S + 14400 * S);
    assert_memory_equal(a.address.b, "\xfd\x21\0\0\0\0\0\1", 8);
    assert_memory_not_equal(a.address.b + 8, "\0\0\0\xff\xfe\0\0\1", 8); /* no station shows */
    SAY(.lifetime = 1800, .prefix = 2, .valid = 86400, .preferred = 14400);
    assert_true(ours(2, &again));
    assert_memory_not_equal(a.address.b + 8, again.address.b + 8, 8); /* in another network another one */
    free(b.room);
    start_with(1, true); /* and in the same the same, with the same key */
    SAY(USUAL);
    assert_true(ours(1, &again));
    assert_memory_equal(&a.address, &again.address, 16);
    free(b.room);
    start_with(2, true);
    SAY(USUAL);
    assert_true(ours(1, &again));
    assert_memory_not_equal(&a.address, &again.address, 16);
}

/* RFC 4862 section 5.5.3 (a) to (d), and what makes no prefix. */
static void prefixes_that_make_no_address(void **state)
{
    (void)state;
    SAY(.prefix = 1, .valid = 100, .preferred = 100, .flags = 0x80);
    SAY(.prefix = 1, .valid = 100, .preferred = 101);
    SAY(.prefix = 1, .valid = 0, .preferred = 0);
    SAY(.prefix = 1, .valid = 100, .preferred = 100, .length = 63);
    SAY(.prefix = 1, .valid = 100, .preferred = 100, .length = 129);
    struct estab_address a;
    assert_false(ours(1, &a));
    SAY(.prefix = 1, .valid = 100, .preferred = 100, .flags = 0x40);
    assert_true(ours(1, &a));
}

static void lifetimes_end(void **state)
{
    struct estab_address a;
    estab_time now;
    (void)state;
    SAY(.lifetime = 9000, .prefix = 1, .valid = 300, .preferred = 100);
    now = b.now;
    run(now + 99 * S);
    assert_int_equal(state_of(1), ESTAB_ADDRESS_PREFERRED);
    run(now + 100 * S);
    assert_int_equal(state_of(1), ESTAB_ADDRESS_DEPRECATED);
    assert_int_equal(open_to(far), ESTAB_OK); /* where there is no other */
    SAY(.lifetime = 9000, .prefix = 2, .valid = 10000, .preferred = 10000);
    run(now + 110 * S);
    assert_int_equal(open_to(far), ESTAB_OK); /* from the other one now */
    run(now + 299 * S);
    assert_int_equal(state_of(1), ESTAB_ADDRESS_DEPRECATED);
    run(now + 300 * S);
    assert_int_equal(state_of(1), ESTAB_ADDRESS_EXPIRED);
    SAY(.prefix = 1, .valid = 300, .preferred = 300); /* it comes back, in its place */
    assert_int_equal(state_of(1), ESTAB_ADDRESS_TENTATIVE);
    run(b.now + 5 * S);
    assert_int_equal(state_of(1), ESTAB_ADDRESS_PREFERRED);
    SAY(.prefix = 1, .valid = UINT32_MAX, .preferred = UINT32_MAX);
    assert_true(ours(1, &a));
    assert_int_equal(a.valid_until, ESTAB_NEVER);
}

/* Section 5.5.3 (e): forged lifetimes end no address in less than two hours. */
static void two_hours_are_left(void **state)
{
    static const struct {
        uint32_t first, then, left;
    } rows[] = {
        {10000, 20000, 20000}, {10000, 8000, 8000}, {10000, 7200, 7200}, {10000, 1, 7200}, {10000, 0, 7200},
        {7200, 1, 7200},       {5000, 1, 5000},     {5000, 0, 5000},     {5000, 5001, 5001},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct estab_address a;

        end(NULL);
        start_with(1, true);
        SAY(.prefix = 1, .valid = rows[i].first, .preferred = 100);
        SAY(.prefix = 1, .valid = rows[i].then, .preferred = 0);
        assert_true(ours(1, &a));
        assert_int_equal(a.valid_until, b.now + rows[i].left * S);
        assert_int_equal(a.preferred_until, b.now);
    }
}

/* Another station answers for it: RFC 7217 section 6. */
static void duplicates_are_replaced(void **state)
{
    struct estab_addr tried[4];
    (void)state;
    run(4 * S);
    SAY(USUAL);
    for (unsigned i = 0; i < 4; i++) {
        uint8_t bytes[128], body[28] = {0x20, [20] = 2, 1, 2, 0, 0, 0, 0, 9};
        struct estab_address a;
        size_t n;

        assert_true(ours(1, &a));
        assert_int_equal(a.state, ESTAB_ADDRESS_TENTATIVE);
        tried[i] = a.address;
        assert_true(i == 0 || memcmp(&tried[i], &tried[i - 1], 16) != 0);
        memcpy(body + 4, a.address.b, 16);
        n = made_icmp6(bytes, router_address(9), every_node, 136, 0, body, sizeof body, false);
        made_hops(bytes, 255, false);
        struct estab_frame f = made_frame(bytes, n, false);
        estab_input(b.stack, &f, 1, b.now);
    }
    assert_int_equal(state_of(1), ESTAB_ADDRESS_DUPLICATE); /* three others, and no more */
    SAY(USUAL);
    assert_int_equal(state_of(1), ESTAB_ADDRESS_DUPLICATE);
}

/* ---- routers --------------------------------------------------------------------------------------------- */

/* The station to which a first segment goes; NULL: none went. */
static const uint8_t *goes_to(struct estab_addr peer)
{
    const struct sent *s;

    b.taken = b.sent;
    assert_int_equal(open_to(peer), ESTAB_OK);
    s = next(6);
    return s ? s->mac : NULL;
}

static void packets_go_over_the_router(void **state)
{
    struct estab_addr near = {{0xfd, 0x21, [7] = 1, [15] = 0x55}};
    const struct sent *s;
    (void)state;
    assert_int_equal(open_to(far), ESTAB_NO_ROUTE);
    SAY(USUAL);
    run(8 * S);
    assert_int_equal(routers(), 1);
    assert_memory_equal(goes_to(far), "\2\0\0\0\0\xaa", 6);
    b.taken = b.sent;
    assert_int_equal(open_to(near), ESTAB_OK); /* who is on the link is asked for himself */
    s = next(135);
    assert_non_null(s);
    assert_memory_equal(s->body + 8, &near, 16);
}

static void routers_go_away(void **state)
{
    (void)state;
    SAY(.lifetime = 100, .prefix = 1, .valid = 9000, .preferred = 9000);
    run(50 * S);
    SAY(.lifetime = 100);
    run(149 * S);
    assert_int_equal(routers(), 1);
    run(150 * S);
    assert_int_equal(routers(), 0);
    assert_int_equal(open_to(far), ESTAB_NO_ROUTE);
    SAY(.lifetime = 100);
    assert_int_equal(routers(), 1);
    SAY(.lifetime = 0); /* it says so itself */
    assert_int_equal(routers(), 0);
}

/* Section 6.3.6: who does not answer is left for one that may. */
static void a_silent_router_is_left(void **state)
{
    const struct sent *s;
    (void)state;
    SAY(.router = 1, .lifetime = 1800, .no_mac = true, .prefix = 1, .valid = 9000, .preferred = 9000);
    SAY(.router = 2, .lifetime = 1800);
    run(8 * S);
    assert_memory_equal(goes_to(far), "\2\0\0\0\0\2", 6); /* whose station is known */
    SAY(.router = 2, .lifetime = 0);
    SAY(.router = 3, .lifetime = 1800, .no_mac = true);
    b.taken = b.sent;
    assert_int_equal(open_to(far), ESTAB_OK);
    s = next(135);
    assert_int_equal(s->body[23], 1); /* the first of those that are not known */
    run(b.now + 4 * S);
    while ((s = next(135)) && s->body[23] == 1)
        ;
    assert_non_null(s);
    assert_int_equal(s->body[23], 3);
}

/* Section 7.2.5: a neighbour that says that it is no router is none. */
static void who_is_no_router_any_more(void **state)
{
    uint8_t bytes[128], body[28] = {0x60, [4] = 0xfe, 0x80, [19] = 0xaa, 2, 1, 2, 0, 0, 0, 0, 0xaa};
    size_t n;
    (void)state;
    SAY(USUAL);
    body[0] = 0xe0; /* router, solicited, override */
    for (unsigned i = 0; i < 2; i++) {
        n = made_icmp6(bytes, router_address(0), (struct estab_addr){{0xfe, 0x80, [11] = 0xff, 0xfe, 0, 0, 1}},
                       136, 0, body, sizeof body, false);
        memcpy(bytes, "\2\0\0\0\0\1", 6);
        made_hops(bytes, 255, false);
        struct estab_frame f = made_frame(bytes, n, false);
        estab_input(b.stack, &f, 1, b.now);
        assert_int_equal(routers(), i == 0);
        body[0] = 0x60;
    }
}

/* ---- the link's numbers ---------------------------------------------------------------------------------- */

/* The MSS that a SYN offers. */
static unsigned mss(void)
{
    const struct sent *s;

    b.taken = b.sent;
    assert_int_equal(open_to(far), ESTAB_OK);
    s = next(6);
    assert_non_null(s);
    assert_int_equal(s->body[20], 2);
    return (unsigned)(s->body[22] << 8 | s->body[23]);
}

static void numbers_within_bounds(void **state)
{
    static const uint32_t no_mtus[] = {1, 1279, 1501, 65535, UINT32_MAX};
    (void)state;
    SAY(USUAL);
    run(8 * S);
    for (unsigned i = 0; i < 5; i++) {
        SAY(.lifetime = 1800, .mtu = no_mtus[i]);
        assert_int_equal(mss(), 1440);
    }
    SAY(.lifetime = 1800, .mtu = 1400);
    assert_int_equal(mss(), 1340);
    SAY(.lifetime = 1800, .mtu = 1280, .hop_limit = 1, .reachable = UINT32_MAX, .retrans = UINT32_MAX);
    assert_int_equal(mss(), 1220);
    b.taken = b.sent;
    assert_int_equal(open_to(far), ESTAB_OK);
    assert_int_equal(next(6)->hops, 64); /* with 1 we would be cut off */
    SAY(.lifetime = 1800, .hop_limit = 200);
    b.taken = b.sent;
    assert_int_equal(open_to(far), ESTAB_OK);
    assert_int_equal(next(6)->hops, 200);
}

/* ---- what is not believed -------------------------------------------------------------------------------- */

static void forbidden_advertisements_change_nothing(void **state)
{
    const struct said forbidden[] = {
        {USUAL, .hops = 254},           {USUAL, .hops = 64},
        {USUAL, .code = 1},             {USUAL, .global = true},
        {USUAL, .empty_option = true},  {USUAL, .cut = 1},
        {USUAL, .cut = 39},             {.lifetime = 100, .no_mac = true, .cut = 1},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++) {
        struct estab_address a;

        say(&forbidden[i]);
        assert_int_equal(counted(REASON_NDP_MALFORMED), i + 1);
        assert_int_equal(routers(), 0);
        assert_false(ours(1, &a));
    }
}

static void nothing_is_believed_unasked(void **state)
{
    struct estab_address a;
    (void)state;
    end(NULL);
    start_with(1, false);
    SAY(USUAL);
    assert_int_equal(counted(REASON_NDP_ROUTER), 1);
    assert_int_equal(routers(), 0);
    assert_false(ours(1, &a));
}

/* Advertisements, each of another router and prefix: the tables keep to their size. */
static void tables_are_bounded(void **state)
{
    struct estab_address a;
    unsigned n = 0;
    (void)state;
    for (unsigned i = 1; i < 255; i++)
        SAY(.router = (uint8_t)i, .lifetime = 1800, .prefix = (int)i, .valid = 9000, .preferred = 9000);
    assert_int_equal(routers(), 8);
    for (uint32_t cursor = 0; estab_address_next(b.stack, &cursor, &a);)
        n++;
    assert_int_equal(n, 9); /* and the link-local one */
    assert_int_equal(counted(REASON_NDP_FULL), 254 - 8);
    SAY(.router = 5, .lifetime = 1800); /* one of those that it knows */
    assert_int_equal(counted(REASON_NDP_FULL), 254 - 8);
}

static void redirects_change_nothing(void **state)
{
    uint8_t bytes[128], body[36] = {[4] = 0xfe, 0x80, [19] = 0x66};
    size_t n;
    (void)state;
    SAY(USUAL);
    run(8 * S);
    memcpy(body + 20, far.b, 16);
    n = made_icmp6(bytes, router_address(0), every_node, 137, 0, body, sizeof body, false);
    made_hops(bytes, 255, false);
    struct estab_frame f = made_frame(bytes, n, false);
    estab_input(b.stack, &f, 1, b.now);
    assert_int_equal(counted(REASON_NDP_REDIRECT), 1);
    assert_memory_equal(goes_to(far), "\2\0\0\0\0\xaa", 6);
}

/* ---- groups: RFC 3810 ------------------------------------------------------------------------------------ */

static void query(uint8_t hops, uint16_t code, size_t length, bool alert)
{
    uint8_t bytes[128], packet[8 + 28] = {58, 0, 5, 2, 0, 0, 1, 0, 130, [12] = (uint8_t)(code >> 8), (uint8_t)code};
    uint16_t sum = made_sum(made_pseudo(router_address(0), every_node, 58, length), packet + 8, length);
    size_t n;

    packet[10] = (uint8_t)(sum >> 8);
    packet[11] = (uint8_t)sum;
    n = alert ? made_ip(bytes, router_address(0), every_node, 0, packet, 8 + length, false)
              : made_ip(bytes, router_address(0), every_node, 58, packet + 8, length, false);
    made_hops(bytes, hops, false);
    struct estab_frame f = made_frame(bytes, n, false);
    estab_input(b.stack, &f, 1, b.now);
    pull();
}

static void groups_are_told_of(void **state)
{
    const struct sent *s;
    estab_time at;
    (void)state;
    run(10 * S);
    s = next(143);
    assert_non_null(s);
    at = s->at;
    assert_int_equal(s->protocol, 0); /* behind a router alert */
    assert_int_equal(s->hops, 1);
    assert_int_equal(s->dst.b[15], 0x16);
    assert_memory_equal(s->mac, "\x33\x33\0\0\0\x16", 6);
    assert_memory_equal(s->body + 4, "\0\0\0\1\4\0\0\0\xff\2\0\0\0\0\0\0\0\0\0\1\xff\0\0\1", 24);
    assert_int_equal(s->src.b[0], 0); /* nobody yet */
    s = next(143);
    assert_non_null(s);
    assert_int_equal(s->at, at + S);
    assert_null(next(143));
    query(1, 2000, 28, true);
    run(12 * S);
    s = next(143);
    assert_non_null(s);
    assert_in_range(s->at, 10 * S, 12 * S);
    assert_int_equal(s->body[8], 2);
    assert_int_equal(s->src.b[0], 0xfe);
    query(1, 1000, 24, true); /* an old one is answered in its own words */
    run(14 * S);
    s = next(131);
    assert_non_null(s);
    assert_memory_equal(s->body + 8, "\xff\2\0\0\0\0\0\0\0\0\0\1\xff\0\0\1", 16);
    assert_memory_equal(&s->dst, s->body + 8, 16);
    query(64, 1000, 28, true);
    query(1, 1000, 28, false);
    query(1, 1000, 26, true);
    assert_int_equal(counted(REASON_MLD_MALFORMED), 3);
    run(20 * S);
    assert_null(next(131));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(three_questions),
        TEST(none_after_an_answer),
        TEST(an_address_is_formed),
        TEST(prefixes_that_make_no_address),
        TEST(lifetimes_end),
        TEST(two_hours_are_left),
        TEST(duplicates_are_replaced),
        TEST(packets_go_over_the_router),
        TEST(routers_go_away),
        TEST(a_silent_router_is_left),
        TEST(who_is_no_router_any_more),
        TEST(numbers_within_bounds),
        TEST(forbidden_advertisements_change_nothing),
        TEST(nothing_is_believed_unasked),
        TEST(tables_are_bounded),
        TEST(redirects_change_nothing),
        TEST(groups_are_told_of),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
