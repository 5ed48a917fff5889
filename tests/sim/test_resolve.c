/* SPDX-License-Identifier: MIT */
/*
 * test_resolve.c - the resolver against two servers that do as each row says: answer, keep silent, answer
 * late, twice or wrongly; all in virtual time.
 *
 *      client 10.0.0.1 ---- 10.0.0.2 first server          a.bc has 10.0.0.7 and fd00::7, TTL 60
 *             10.0.1.1 ---- 10.0.1.2 second server
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "estab_udp.h"
#include "names/resolve.h"
#include "sim/sim.h"

enum { CLIENT, FIRST, SECOND, STACKS, TRIES = 12, MESSAGE = 1024 };

/* What a server does with its next question of a type; a row's word has a letter for each try, of which the
 * last one is repeated. */
enum act {
    GOOD = 'a',
    SILENT = '-',
    LATE = 'l',      /* after 1.5 s */
    TWICE = '2',
    NO_NAME = 'x',
    FAILS = 'f',     /* SERVFAIL */
    REFUSES = 'r',
    EMPTY = 'e',     /* no such record */
    CUT = 't',       /* truncated */
    WRONG_ID = 'i',  /* and then the right one */
    WRONG_NAME = 'n', /* the same */
    FLOOD = 'w',     /* a hundred wrong ones, nothing else */
    ALIAS = 'c',     /* of x.bc, without its address */
    CIRCLE = 'o',    /* an alias of itself */
    STRICT = 's',    /* FORMERR to EDNS0 */
};

struct server {
    estab_udp udp;
    estab_listener listener;
    estab_conn conn;
    const char *acts[2]; /* to A, AAAA */
    unsigned asked[2], by_tcp;
    uint16_t id[TRIES], port[TRIES];
    uint8_t tcp[MESSAGE];
    size_t have;
};

struct world {
    struct sim *sim;
    struct server server[STACKS];
    struct resolve resolve;
    unsigned news[RESOLVE_GONE + 1];
    struct {
        struct world *w;
        int stack;
        struct estab_endpoint to;
        size_t n;
        uint8_t text[MESSAGE];
    } later;
};

static struct world world;

/* ---- servers -------------------------------------------------------------------------------------------- */

static const uint8_t addresses[2][16] = {{10, 0, 0, 7}, {0xfd, [15] = 7}};

static size_t append(uint8_t *at, const void *from, size_t n)
{
    memcpy(at, from, n);
    return n;
}

/* The answer to a question as `act` says; its length. */
static size_t answer(uint8_t *out, const uint8_t *q, size_t n, unsigned which, enum act act, bool tcp)
{
    static const uint8_t rcodes[256] = {[NO_NAME] = 3, [FAILS] = 2, [REFUSES] = 5, [STRICT] = 1};
    bool edns = q[11] == 1;
    size_t at = edns ? n - 11 : n;
    unsigned answers = 1;

    memcpy(out, q, at);
    out[2] = act == CUT && !tcp ? 0x83 : 0x81;
    out[3] = 0x80;
    out[11] = 0;
    if (act == STRICT && !edns)
        act = GOOD;
    out[3] |= rcodes[act];
    if (rcodes[act] || act == EMPTY || (act == CUT && !tcp)) {
        answers = 0;
    } else if (act == ALIAS) {
        at += append(out + at, "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\6\1x\2bc\0", 18);
    } else if (act == CIRCLE) {
        at += append(out + at, "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\2\xc0\x0c", 14);
    } else {
        at += append(out + at, which ? "\xc0\x0c\0\x1c\0\1\0\0\0\x3c\0\x10" : "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4", 12);
        at += append(out + at, addresses[which], which ? 16 : 4);
    }
    out[7] = (uint8_t)answers;
    return at;
}

static void send_to(struct world *w, int stack, const struct estab_endpoint *to, const uint8_t *text, size_t n)
{
    assert_int_equal(estab_udp_send(sim_stack(w->sim, stack), w->server[stack].udp, to, text, n,
                                    sim_now(w->sim)),
                     ESTAB_OK);
}

static void send_late(struct sim *sim, void *arg)
{
    struct world *w = sim_user(sim);

    (void)arg;
    send_to(w, w->later.stack, &w->later.to, w->later.text, w->later.n);
}

static unsigned type_of(const uint8_t *q, size_t n)
{
    return q[n - (q[11] ? 11 : 0) - 3] == DNS_AAAA;
}

static enum act next_act(struct server *s, unsigned which)
{
    const char *acts = s->acts[which];
    unsigned i = s->asked[which]++;

    return (enum act)acts[i < strlen(acts) ? i : strlen(acts) - 1];
}

static void send_wrong(struct world *w, int stack, const struct estab_endpoint *to, uint8_t *text, size_t n,
                       enum act act)
{
    unsigned count = act == FLOOD ? 100 : 1, at = act == WRONG_NAME ? 13 : 1;

    text[at] ^= 1;
    while (count-- > 0)
        send_to(w, stack, to, text, n);
    text[at] ^= 1;
}

static void serve(struct world *w, int stack)
{
    struct server *s = &w->server[stack];
    struct estab_udp_received got;
    uint8_t q[MESSAGE], text[MESSAGE];

    while (estab_udp_receive(sim_stack(w->sim, stack), s->udp, q, sizeof q, 0, &got) == ESTAB_OK) {
        unsigned which = type_of(q, got.length), tries = s->asked[0] + s->asked[1];
        enum act act = next_act(s, which);
        size_t n = answer(text, q, got.length, which, act, false);

        assert_true(tries < TRIES);
        s->id[tries] = (uint16_t)(q[0] << 8 | q[1]);
        s->port[tries] = got.remote.port;
        if (act == WRONG_ID || act == WRONG_NAME || act == FLOOD)
            send_wrong(w, stack, &got.remote, text, n, act);
        if (act == LATE) {
            w->later.stack = stack;
            w->later.to = got.remote;
            w->later.n = append(w->later.text, text, n);
            sim_at(w->sim, sim_now(w->sim) + 1500 * ESTAB_MS, send_late, NULL);
        } else if (act != SILENT && act != FLOOD) {
            send_to(w, stack, &got.remote, text, n);
        }
        if (act == TWICE)
            send_to(w, stack, &got.remote, text, n);
    }
}

/* Answers a question that came by TCP, its length in front, in two pieces. */
static void serve_tcp(struct world *w, int stack)
{
    struct server *s = &w->server[stack];
    estab_stack *e = sim_stack(w->sim, stack);
    estab_time now = sim_now(w->sim);
    struct estab_received got;
    uint8_t text[2 + MESSAGE];
    estab_conn accepted;
    size_t n, taken;

    if (estab_accept(e, s->listener, &accepted) == ESTAB_OK) {
        s->conn = accepted;
        s->have = 0;
    }
    while (estab_receive(e, s->conn, s->tcp + s->have, sizeof s->tcp - s->have, 0, &got, now) == ESTAB_OK &&
           got.length > 0)
        s->have += got.length;
    if (s->have < 2 || s->have < 2u + s->tcp[1])
        return;
    n = answer(text + 2, s->tcp + 2, s->have - 2, type_of(s->tcp + 2, s->have - 2), GOOD, true);
    text[0] = 0;
    text[1] = (uint8_t)n;
    s->have = 0;
    s->by_tcp++;
    assert_int_equal(estab_send(e, s->conn, text, 1, ESTAB_PUSH, &taken, now), ESTAB_OK);
    assert_int_equal(estab_send(e, s->conn, text + 1, n + 1, ESTAB_PUSH, &taken, now), ESTAB_OK);
    assert_int_equal(estab_close(e, s->conn, now), ESTAB_OK);
}

static void event(void *arg, struct sim *sim, int stack, const struct estab_event *e)
{
    (void)arg;
    if (stack == CLIENT)
        return;
    serve(sim_user(sim), stack);
    if (!e->udp.generation)
        serve_tcp(sim_user(sim), stack);
}

/* ---- a world ---------------------------------------------------------------------------------------------- */

static void news(void *context, const struct resolve_news *n)
{
    ((struct world *)context)->news[n->kind]++;
    assert_true(n->server.port == DNS_PORT);
}

static void join(struct world *w, int server, uint8_t net)
{
    struct sim_end a = sim_end_at(CLIENT, estab_ipv4(10, 0, net, 1));
    struct sim_end b = sim_end_at(server, estab_ipv4(10, 0, net, 2));

    a.interface.link = b.interface.link = ESTAB_LINK_IP;
    assert_true(sim_join(w->sim, &a, &b, NULL, NULL) >= 0);
}

/* `tcp`: the servers listen there, too. */
static void start(const char *first_a, const char *first_aaaa, const char *second, bool tcp)
{
    struct estab_udp_open open = {.size = sizeof open, .local.port = DNS_PORT};
    struct estab_listen listen = {.size = sizeof listen, .local.port = DNS_PORT, .backlog = 4};
    struct sim_observer observer = {.event = event};
    struct estab_config config;

    world = (struct world){.sim = sim_new(7)};
    assert_non_null(world.sim);
    estab_config_init(&config);
    assert_int_equal(sim_stack_add(world.sim, "client", &config), CLIENT);
    assert_int_equal(sim_stack_add(world.sim, "first", &config), FIRST);
    assert_int_equal(sim_stack_add(world.sim, "second", &config), SECOND);
    join(&world, FIRST, 0);
    join(&world, SECOND, 1);
    for (int i = FIRST; i <= SECOND; i++) {
        assert_int_equal(estab_udp_open(sim_stack(world.sim, i), &open, &world.server[i].udp), ESTAB_OK);
        if (tcp)
            assert_int_equal(estab_listen(sim_stack(world.sim, i), &listen, &world.server[i].listener),
                             ESTAB_OK);
        world.server[i].acts[0] = i == FIRST ? first_a : second;
        world.server[i].acts[1] = i == FIRST ? first_aaaa : second;
    }
    sim_set_user(world.sim, &world);
    assert_true(sim_observe(world.sim, &observer));
}

static struct resolve_config config_of(unsigned servers)
{
    return (struct resolve_config){
        .server = {{estab_ipv4(10, 0, 0, 2), DNS_PORT}, {estab_ipv4(10, 0, 1, 2), DNS_PORT}},
        .servers = servers,
        .news = news,
        .context = &world,
    };
}

/* Asks for a.bc until the end. */
static enum resolve_result resolve(unsigned servers)
{
    struct resolve_config config = config_of(servers);
    struct resolve *r = &world.resolve;
    enum resolve_result result;

    assert_int_equal(resolve_start(r, sim_stack(world.sim, CLIENT), &config, "a.bc", 4, sim_now(world.sim)),
                     DNS_NONE);
    while ((result = resolve_turn(r, sim_now(world.sim))) == RESOLVE_BUSY) {
        estab_time next = sim_next(world.sim), due = resolve_deadline(r);

        assert_true(due != ESTAB_NEVER);
        assert_int_not_equal(due < next ? sim_run(world.sim, due) : sim_step(world.sim), SIM_FAILED);
    }
    assert_int_equal(resolve_deadline(r), ESTAB_NEVER);
    return result;
}

/* Nothing of the client's is left; late answers still come. */
static void finish(void)
{
    struct estab_counters c = {.size = sizeof c};

    assert_int_equal(sim_run(world.sim, sim_now(world.sim) + 600 * ESTAB_SECOND), SIM_IDLE);
    estab_counters(sim_stack(world.sim, CLIENT), &c);
    assert_int_equal(c.udp_sockets, 0);
    assert_int_equal(c.datagrams, 0);
    assert_int_equal(c.chunks_used, 0);
    assert_int_equal(c.connections, 0);
    sim_free(world.sim);
}

static uint64_t waited(void)
{
    return sim_now(world.sim) / ESTAB_MS;
}

/* ---- tests ------------------------------------------------------------------------------------------------ */

static void both_families_are_asked_at_once(void **state)
{
    struct estab_addr four = estab_ipv4(10, 0, 0, 7);

    (void)state;
    start("a", "a", "a", false);
    assert_int_equal(resolve(2), RESOLVE_FOUND);
    assert_int_equal(waited(), 0);
    assert_int_equal(world.resolve.count, 2);
    assert_int_equal(world.resolve.ttl, 60);
    /* There is no way to fd00::7, so it comes last (RFC 6724 rule 1). */
    assert_memory_equal(&world.resolve.address[0], &four, sizeof four);
    assert_memory_equal(&world.resolve.address[1], addresses[1], 16);
    assert_int_equal(world.server[FIRST].asked[0] + world.server[FIRST].asked[1], 2);
    assert_int_equal(world.server[SECOND].asked[0], 0);
    assert_int_equal(world.news[RESOLVE_ASKED], 2);
    assert_int_equal(world.news[RESOLVE_ANSWERED], 2);
    finish();
}

/* What each row of servers leads to, and when. */
struct row {
    const char *name, *first_a, *first_aaaa, *second;
    unsigned servers;
    enum resolve_result result;
    unsigned ms, count;
};

static const struct row rows[] = {
    {"a family alone", "a", "e", "a", 1, RESOLVE_FOUND, 0, 1},
    {"no such name", "x", "x", "a", 2, RESOLVE_NO_NAME, 0, 0},
    {"no address", "e", "e", "a", 2, RESOLVE_NO_ADDRESS, 0, 0},
    {"the first server is silent", "-", "-", "a", 2, RESOLVE_FOUND, 1000, 2},
    {"the only server is silent: 1 + 2 + 4 s", "-", "-", "a", 1, RESOLVE_SILENT, 7000, 0},
    {"both are silent", "-", "-", "-", 2, RESOLVE_SILENT, 14000, 0},
    {"one question is lost", "-a", "a", "a", 1, RESOLVE_FOUND, 500, 1},
    {"both questions are lost once", "-a", "-a", "a", 1, RESOLVE_FOUND, 1000, 2},
    {"the other family never answers", "a", "-", "-", 2, RESOLVE_FOUND, 500, 1},
    {"the first server fails", "f", "f", "a", 2, RESOLVE_FOUND, 0, 2},
    {"both fail", "f", "f", "r", 2, RESOLVE_FAILED, 0, 0},
    {"one fails, one is silent", "r", "r", "-", 2, RESOLVE_FAILED, 7000, 0},
    {"answers come twice", "2", "2", "a", 1, RESOLVE_FOUND, 0, 2},
    {"an answer comes late: to nobody", "la", "-a", "a", 1, RESOLVE_FOUND, 1000, 2},
    {"another identification first", "i", "i", "a", 1, RESOLVE_FOUND, 0, 2},
    {"another name first", "n", "n", "a", 1, RESOLVE_FOUND, 0, 2},
    {"an alias is asked for", "ca", "ca", "a", 1, RESOLVE_FOUND, 0, 2},
    {"aliases without an end", "c", "c", "a", 1, RESOLVE_ALIASES, 0, 0},
    {"an alias of itself", "o", "o", "a", 1, RESOLVE_ALIASES, 0, 0},
    {"a server that knows no EDNS0", "s", "s", "a", 1, RESOLVE_FOUND, 0, 2},
    {"a flood of wrong answers: another port is asked from", "wa", "wa", "a", 1, RESOLVE_FOUND, 0, 2},
};

static void each_row_comes_to_its_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        enum resolve_result result;

        start(row->first_a, row->first_aaaa, row->second, false);
        result = resolve(row->servers);
        if (result != row->result || waited() != row->ms || world.resolve.count != row->count)
            fail_msg("%s: result %d after %u ms, %u addresses", row->name, (int)result,
                     (unsigned)waited(), world.resolve.count);
        finish();
    }
}

static void the_last_failure_is_told(void **state)
{
    (void)state;
    start("f", "f", "r", false);
    assert_int_equal(resolve(2), RESOLVE_FAILED);
    assert_int_equal(world.resolve.rcode, DNS_REFUSED);
    assert_int_equal(world.server[FIRST].asked[0], 1); /* who has failed is not asked again */
    finish();
}

static void what_is_truncated_is_asked_for_by_tcp(void **state)
{
    (void)state;
    start("t", "a", "a", true);
    assert_int_equal(resolve(1), RESOLVE_FOUND);
    assert_int_equal(world.resolve.count, 2);
    assert_int_equal(world.server[FIRST].by_tcp, 1);
    assert_int_equal(world.news[RESOLVE_TRUNCATED], 1);
    finish();
}

static void without_tcp_the_next_server_is_asked(void **state)
{
    (void)state;
    start("t", "t", "a", false); /* whose port answers with a reset */
    assert_int_equal(resolve(2), RESOLVE_FOUND);
    assert_int_equal(world.resolve.count, 2);
    assert_int_equal(world.news[RESOLVE_GONE], 2);
    finish();
}

static void a_server_without_a_socket_is_passed_over(void **state)
{
    (void)state;
    start("a", "a", "a", false);
    assert_int_equal(estab_udp_close(sim_stack(world.sim, FIRST), world.server[FIRST].udp), ESTAB_OK);
    assert_int_equal(resolve(2), RESOLVE_FOUND);
    assert_int_equal(waited(), 0); /* ICMP says so at once */
    assert_int_equal(world.news[RESOLVE_GONE], 2);
    finish();
}

static void servers_without_a_way_are_unreachable(void **state)
{
    struct resolve_config config = {.server = {{estab_ipv4(192, 0, 2, 1), DNS_PORT}}, .servers = 1};

    (void)state;
    start("a", "a", "a", false);
    assert_int_equal(resolve_start(&world.resolve, sim_stack(world.sim, CLIENT), &config, "a.bc", 4, 0),
                     DNS_NONE);
    assert_int_equal(resolve_turn(&world.resolve, 0), RESOLVE_UNREACHABLE);
    finish();
}

/* RFC 5452: neither the identification nor the port is used again. */
static void identifications_and_ports_are_new_each_time(void **state)
{
    const struct server *s = &world.server[FIRST];

    (void)state;
    start("-", "-", "-", false);
    assert_int_equal(resolve(1), RESOLVE_SILENT);
    assert_int_equal(s->asked[0] + s->asked[1], 2 * RESOLVE_ROUNDS);
    for (unsigned i = 0; i < 2 * RESOLVE_ROUNDS; i++)
        for (unsigned k = 0; k < i; k++) {
            assert_int_not_equal(s->id[i], s->id[k]);
            assert_int_not_equal(s->port[i], s->port[k]);
            assert_true(s->id[i] != s->id[k] + 1 && s->port[i] != s->port[k] + 1);
        }
    finish();
}

static void an_end_in_the_middle_leaves_nothing(void **state)
{
    struct resolve_config config = config_of(2);

    (void)state;
    start("-", "t", "-", true);
    assert_int_equal(resolve_start(&world.resolve, sim_stack(world.sim, CLIENT), &config, "a.bc", 4, 0),
                     DNS_NONE);
    assert_int_equal(resolve_turn(&world.resolve, 0), RESOLVE_BUSY);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(sim_step(world.sim), SIM_REACHED);
        assert_int_equal(resolve_turn(&world.resolve, sim_now(world.sim)), RESOLVE_BUSY);
    }
    resolve_end(&world.resolve, sim_now(world.sim));
    finish();
}

static void what_reads_like_an_address_is_not_asked_for(void **state)
{
    struct resolve_config config = config_of(1);

    (void)state;
    start("a", "a", "a", false);
    assert_int_equal(resolve_start(&world.resolve, sim_stack(world.sim, CLIENT), &config, "127.1", 5, 0),
                     DNS_NAME_NUMBER);
    assert_int_equal(world.news[RESOLVE_ASKED], 0);
    finish();
}

/* ---- order -------------------------------------------------------------------------------------------------- */

static void addresses_are_put_in_order(void **state)
{
    const struct estab_addr four = estab_ipv4(10, 0, 0, 7), far = estab_ipv4(192, 0, 2, 1);
    const struct estab_addr link = estab_ipv4(169, 254, 0, 9);
    const struct estab_addr wide = {{0x20, 0x01, 0x0d, 0xb8, [15] = 7}};
    const struct estab_addr unique = {{0xfd, [15] = 7}};
    const struct estab_addr expected[] = {wide, four, link, unique, far};
    struct estab_addr mixed[] = {far, link, unique, four, wide};
    estab_stack *s;

    (void)state;
    start("a", "a", "a", false);
    s = sim_stack(world.sim, CLIENT);
    assert_int_equal(estab_address_add(s, 0, (struct estab_addr){{0x20, 0x01, 0x0d, 0xb8, [15] = 1}}, 64, 0),
                     ESTAB_OK);
    assert_int_equal(estab_route_add(s, estab_ipv4(169, 254, 0, 0), 16, (struct estab_addr){{0}}, 0), ESTAB_OK);
    resolve_order(s, mixed, 5);
    /* Reachable: IPv6, then IPv4, then what is of another scope than we; then what is not, by precedence. */
    assert_memory_equal(&mixed[0], &expected[0], 3 * sizeof *mixed);
    assert_memory_equal(&mixed[3], &far, sizeof far); /* IPv4's 35 is more than fc00::/7's 3 */
    assert_memory_equal(&mixed[4], &unique, sizeof unique);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_families_are_asked_at_once),
        cmocka_unit_test(each_row_comes_to_its_end),
        cmocka_unit_test(the_last_failure_is_told),
        cmocka_unit_test(what_is_truncated_is_asked_for_by_tcp),
        cmocka_unit_test(without_tcp_the_next_server_is_asked),
        cmocka_unit_test(a_server_without_a_socket_is_passed_over),
        cmocka_unit_test(servers_without_a_way_are_unreachable),
        cmocka_unit_test(identifications_and_ports_are_new_each_time),
        cmocka_unit_test(an_end_in_the_middle_leaves_nothing),
        cmocka_unit_test(what_reads_like_an_address_is_not_asked_for),
        cmocka_unit_test(addresses_are_put_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
