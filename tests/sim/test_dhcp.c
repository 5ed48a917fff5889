/* SPDX-License-Identifier: MIT */
/*
 * test_dhcp.c - the client of DHCP against a server that does as each row says, in virtual time: from nothing to
 * an address, its renewal and its loss; what is lost, refused, late, or for others.
 *
 *      client, no address ---- Ethernet ---- 10.0.0.1, which offers 10.0.0.7/24 for 600 s
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "estab_udp.h"
#include "names/dhcp.h"
#include "sim/sim.h"

enum { CLIENT, SERVER, LEASE = 600, MESSAGES = 64, DEFAULT_PREFIX = 24 };

/* What the server does with each DISCOVER and REQUEST, a letter each; the last one is repeated. */
enum act {
    GOOD = 'a',
    SILENT = '-',
    NAK = 'n',
    TWICE = '2',
    OTHER_ID = 'i',   /* another transaction's, then the right one */
    OTHER_MAC = 'm',  /* another station's, then the right one */
    OTHER_ADDRESS = 'o', /* an ACK of another address than was asked for; then the right one */
    NO_LEASE = 'l',   /* of no time; then the right one */
    DAMAGED = 'd',    /* cut; then the right one */
    PEER = 'p',       /* offers the server's own address: somebody has it */
};

struct world {
    struct sim *sim;
    estab_udp udp;
    const char *offers, *acks;
    unsigned seen[DHCP_INFORM + 1], news[DHCP_LOST + 1], messages;
    struct dhcp_message last;
    bool unicast; /* the last one came to the server alone */
    uint32_t xid[MESSAGES];
    struct dhcp dhcp;
};

static struct world world;

/* ---- the server ------------------------------------------------------------------------------------------ */

static void answer(struct world *w, struct dhcp_message m, size_t cut)
{
    const struct estab_endpoint all = {estab_ipv4(255, 255, 255, 255), DHCP_CLIENT_PORT};
    const struct estab_endpoint one = {m.client, DHCP_CLIENT_PORT};
    bool has = m.client.b[12] != 0;
    uint8_t text[DHCP_WRITE_MAX];
    size_t n = dhcp_write(text, &m);

    assert_int_equal(estab_udp_send(sim_stack(w->sim, SERVER), w->udp, has ? &one : &all, text,
                                    cut ? cut : n, sim_now(w->sim)),
                     ESTAB_OK);
}

static void answer_as(struct world *w, struct dhcp_message m, enum act act)
{
    struct dhcp_message wrong = m;

    wrong.xid ^= act == OTHER_ID;
    wrong.mac[5] ^= act == OTHER_MAC;
    wrong.lease = act == NO_LEASE ? 0 : m.lease;
    wrong.yours.b[15] ^= act == OTHER_ADDRESS;
    if (act == NAK)
        m.type = DHCP_NAK;
    if (act == PEER)
        m.yours = estab_ipv4(10, 0, 0, 1);
    if (act != GOOD && act != NAK && act != PEER)
        answer(w, wrong, act == DAMAGED ? 239 : 0);
    answer(w, m, 0);
}

static enum act next_act(const char *acts, unsigned i)
{
    return (enum act)acts[i < strlen(acts) ? i : strlen(acts) - 1];
}

static void serve(struct world *w, const struct dhcp_message *q)
{
    struct dhcp_message m = {
        .reply = true,
        .type = q->type == DHCP_DISCOVER ? DHCP_OFFER : DHCP_ACK,
        .xid = q->xid,
        .client = q->client,
        .yours = estab_ipv4(10, 0, 0, 7),
        .server = estab_ipv4(10, 0, 0, 1),
        .prefix_length = DEFAULT_PREFIX,
        .routers = 1,
        .router = {estab_ipv4(10, 0, 0, 1)},
        .dns = 2,
        .dns_server = {estab_ipv4(10, 0, 0, 53), estab_ipv4(10, 0, 0, 54)},
        .lease = LEASE,
    };
    enum act act;

    memcpy(m.mac, q->mac, 6);
    if (q->type != DHCP_DISCOVER && q->type != DHCP_REQUEST)
        return;
    if (q->type == DHCP_REQUEST && q->requested.b[15] == 1)
        m.yours = q->requested;
    act = next_act(q->type == DHCP_DISCOVER ? w->offers : w->acks, w->seen[q->type] - 1);
    if (act != SILENT)
        answer_as(w, m, act);
}

static void event(void *arg, struct sim *sim, int stack, const struct estab_event *e)
{
    struct world *w = sim_user(sim);
    struct estab_udp_received got;
    uint8_t text[1500];

    (void)arg;
    (void)e;
    while (stack == SERVER && estab_udp_receive(sim_stack(sim, SERVER), w->udp, text, sizeof text, 0, &got) ==
                                  ESTAB_OK) {
        assert_int_equal(dhcp_read(text, got.length, &w->last), DHCP_NONE);
        assert_int_equal(got.remote.port, DHCP_CLIENT_PORT);
        assert_true(w->messages < MESSAGES);
        w->xid[w->messages++] = w->last.xid;
        w->unicast = got.local.b[12] != 255;
        w->seen[w->last.type]++;
        serve(w, &w->last);
    }
}

/* ---- a world ---------------------------------------------------------------------------------------------- */

static void news(void *context, const struct dhcp_news *n)
{
    ((struct world *)context)->news[n->kind]++;
}

static void start(const char *offers, const char *acks)
{
    struct estab_udp_open open = {.size = sizeof open, .local.port = DHCP_SERVER_PORT};
    struct sim_observer observer = {.event = event};
    struct sim_end a = sim_end_at(CLIENT, estab_ipv4(10, 0, 0, 99)), b = sim_end_at(SERVER, estab_ipv4(10, 0, 0, 1));
    struct dhcp_config config = {.interface = 0, .news = news, .context = &world};
    struct estab_config c;

    world = (struct world){.sim = sim_new(7), .offers = offers, .acks = acks};
    assert_non_null(world.sim);
    estab_config_init(&c);
    assert_int_equal(sim_stack_add(world.sim, "client", &c), CLIENT);
    assert_int_equal(sim_stack_add(world.sim, "server", &c), SERVER);
    memcpy(config.mac, a.interface.mac, 6);
    a.interface.address = estab_ipv4(0, 0, 0, 0);
    a.interface.prefix_length = 0;
    assert_int_equal(sim_join(world.sim, &a, &b, NULL, NULL), 0);
    assert_int_equal(estab_udp_open(sim_stack(world.sim, SERVER), &open, &world.udp), ESTAB_OK);
    assert_int_equal(estab_udp_set(sim_stack(world.sim, SERVER), world.udp, ESTAB_UDP_BROADCAST, 1), ESTAB_OK);
    sim_set_user(world.sim, &world);
    assert_true(sim_observe(world.sim, &observer));
    assert_int_equal(dhcp_start(&world.dhcp, sim_stack(world.sim, CLIENT), &config, 0), ESTAB_OK);
}

/* Until then, or until the state is reached. */
static void run(enum dhcp_state state, estab_time until)
{
    struct dhcp *d = &world.dhcp;

    while (dhcp_turn(d, sim_now(world.sim)) != state) {
        estab_time next = sim_next(world.sim), due = dhcp_deadline(d), to = due < next ? due : next;

        if (to > until) {
            assert_int_not_equal(sim_run(world.sim, until), SIM_FAILED);
            (void)dhcp_turn(d, until);
            return;
        }
        assert_int_not_equal(due < next ? sim_run(world.sim, due) : sim_step(world.sim), SIM_FAILED);
    }
}

static void finish(void)
{
    dhcp_end(&world.dhcp);
    sim_free(world.sim);
}

static unsigned seconds(void)
{
    return (unsigned)((sim_now(world.sim) + ESTAB_SECOND / 2) / ESTAB_SECOND);
}

static bool has(struct estab_addr address)
{
    return estab_address_is_local(sim_stack(world.sim, CLIENT), address);
}

static bool reaches(struct estab_addr address)
{
    struct estab_udp_open open = {.size = sizeof open, .remote = {address, 9}};
    estab_udp udp;

    if (estab_udp_open(sim_stack(world.sim, CLIENT), &open, &udp) != ESTAB_OK)
        return false;
    return estab_udp_close(sim_stack(world.sim, CLIENT), udp) == ESTAB_OK;
}

/* ---- tests ------------------------------------------------------------------------------------------------ */

static void an_address_in_a_second(void **state)
{
    const struct dhcp_message *lease = &world.dhcp.lease;

    (void)state;
    start("a", "a");
    run(DHCP_BOUND, 60 * ESTAB_SECOND);
    assert_int_equal(world.dhcp.state, DHCP_BOUND);
    assert_int_equal(seconds(), 1); /* in which the link was asked for the address */
    assert_int_equal(world.seen[DHCP_DISCOVER], 1);
    assert_int_equal(world.seen[DHCP_REQUEST], 1);
    assert_int_equal(world.xid[0], world.xid[1]);
    assert_true(has(estab_ipv4(10, 0, 0, 7)));
    assert_true(reaches(estab_ipv4(192, 0, 2, 1))); /* by the router */
    assert_int_equal(lease->dns, 2);
    assert_int_equal(lease->dns_server[1].b[15], 54);
    assert_int_equal(world.news[DHCP_HAS], 1);
    finish();
}

/* What each row leads to: messages, seconds, whether there is an address. */
static const struct row {
    const char *name, *offers, *acks;
    unsigned discovers, requests, least, most;
    enum dhcp_state state;
} rows[] = {
    {"the first message is lost: 4 s", "-a", "a", 2, 1, 4, 6, DHCP_BOUND},
    {"two are lost: 4 + 8 s", "--a", "a", 3, 1, 11, 15, DHCP_BOUND},
    {"nobody is there: 4 + 8 + 16 + 32 s", "-", "-", 4, 0, 56, 64, DHCP_ENDED},
    {"the request is lost: 4 s", "a", "-a", 1, 2, 4, 6, DHCP_BOUND},
    {"requests are never answered: from the beginning", "a", "----a", 2, 5, 57, 65, DHCP_BOUND},
    {"a NAK: from the beginning", "a", "na", 2, 2, 1, 1, DHCP_BOUND},
    {"nothing but NAKs", "a", "n", 5, 5, 0, 1, DHCP_ENDED},
    {"offers and acknowledgments twice", "2", "2", 1, 1, 1, 1, DHCP_BOUND},
    {"another transaction's first", "i", "i", 1, 1, 1, 1, DHCP_BOUND},
    {"another station's first", "m", "m", 1, 1, 1, 1, DHCP_BOUND},
    {"another address's first", "a", "o", 1, 1, 1, 1, DHCP_BOUND},
    {"a lease of no time first", "l", "l", 1, 1, 1, 1, DHCP_BOUND},
    {"a damaged one first", "d", "d", 1, 1, 1, 1, DHCP_BOUND},
    {"an address that somebody has: 10 s later another one", "pa", "a", 2, 2, 11, 12, DHCP_BOUND},
};

static void each_row_comes_to_its_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];

        start(row->offers, row->acks);
        run(row->state, 200 * ESTAB_SECOND);
        if (world.dhcp.state != row->state || world.seen[DHCP_DISCOVER] != row->discovers ||
            world.seen[DHCP_REQUEST] != row->requests || seconds() < row->least || seconds() > row->most)
            fail_msg("%s: state %d after %u s, %u and %u messages", row->name, (int)world.dhcp.state,
                     seconds(), world.seen[DHCP_DISCOVER], world.seen[DHCP_REQUEST]);
        finish();
    }
}

static void a_taken_address_is_declined(void **state)
{
    (void)state;
    start("p", "a");
    run(DHCP_DECLINED, 60 * ESTAB_SECOND);
    assert_int_equal(world.news[DHCP_TAKEN], 1);
    assert_false(has(estab_ipv4(10, 0, 0, 1)));
    run(DHCP_SELECTING, 5 * ESTAB_SECOND);
    assert_int_equal(world.seen[DHCP_DECLINE], 1);
    assert_int_equal(world.last.requested.b[15], 1);
    assert_int_equal(world.last.server.b[15], 1);
    run(DHCP_ENDED, 300 * ESTAB_SECOND); /* it is offered again and again */
    assert_int_equal(world.dhcp.state, DHCP_ENDED);
    assert_int_equal(world.seen[DHCP_DECLINE], DHCP_RESTARTS + 1);
    finish();
}

/* Section 4.4.5: at T1 to the server, with our address in ciaddr and no option 50 or 54. */
static void a_lease_is_renewed_at_half_its_time(void **state)
{
    (void)state;
    start("a", "a");
    run(DHCP_BOUND, 60 * ESTAB_SECOND);
    run(DHCP_RENEWING, 400 * ESTAB_SECOND);
    assert_int_equal(seconds(), LEASE / 2);
    run(DHCP_BOUND, 400 * ESTAB_SECOND);
    assert_int_equal(world.seen[DHCP_REQUEST], 2);
    assert_true(world.unicast);
    assert_int_equal(world.last.client.b[15], 7);
    assert_int_equal(world.last.requested.b[15] + world.last.server.b[15], 0);
    assert_int_not_equal(world.xid[1], world.xid[2]);
    assert_int_equal(world.news[DHCP_HAS], 2);
    run(DHCP_RENEWING, 4 * LEASE * ESTAB_SECOND);
    assert_int_equal(seconds(), LEASE); /* half of the new one */
    finish();
}

static void without_an_answer_all_are_asked_and_then_it_is_lost(void **state)
{
    (void)state;
    start("aa-", "a-");
    run(DHCP_BOUND, 60 * ESTAB_SECOND);
    run(DHCP_REBINDING, 2 * LEASE * ESTAB_SECOND);
    assert_int_equal(seconds(), LEASE * 7 / 8);
    run(DHCP_SELECTING, 580 * ESTAB_SECOND);
    assert_false(world.unicast);
    assert_true(has(estab_ipv4(10, 0, 0, 7)));
    run(DHCP_SELECTING, 2 * LEASE * ESTAB_SECOND);
    assert_int_equal(seconds(), LEASE);
    assert_int_equal(world.news[DHCP_LOST], 1);
    assert_false(has(estab_ipv4(10, 0, 0, 7)));
    assert_false(reaches(estab_ipv4(10, 0, 0, 1)));
    assert_false(reaches(estab_ipv4(192, 0, 2, 1)));
    finish();
}

static void a_nak_takes_an_address_back(void **state)
{
    (void)state;
    start("a", "ana");
    run(DHCP_BOUND, 60 * ESTAB_SECOND);
    run(DHCP_SELECTING, 2 * LEASE * ESTAB_SECOND);
    assert_int_equal(seconds(), LEASE / 2);
    assert_false(has(estab_ipv4(10, 0, 0, 7)));
    run(DHCP_BOUND, 2 * LEASE * ESTAB_SECOND);
    assert_true(has(estab_ipv4(10, 0, 0, 7)));
    finish();
}

static void an_address_is_released(void **state)
{
    (void)state;
    start("a", "a");
    run(DHCP_BOUND, 60 * ESTAB_SECOND);
    dhcp_release(&world.dhcp, sim_now(world.sim));
    assert_int_not_equal(sim_run(world.sim, sim_now(world.sim) + ESTAB_SECOND), SIM_FAILED);
    assert_int_equal(world.seen[DHCP_RELEASE], 1);
    assert_true(world.unicast);
    assert_int_equal(world.last.client.b[15], 7);
    assert_int_equal(world.last.server.b[15], 1);
    assert_int_equal(dhcp_deadline(&world.dhcp), ESTAB_NEVER);
    finish();
}

static void what_cannot_begin_says_so(void **state)
{
    struct dhcp_config config = {.interface = 7};
    struct dhcp again;

    (void)state;
    start("a", "a");
    assert_int_equal(dhcp_start(&again, sim_stack(world.sim, CLIENT), &config, 0), ESTAB_EXISTS);
    assert_int_equal(dhcp_start(&again, sim_stack(world.sim, SERVER), &config, 0), ESTAB_INVALID);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_in_a_second),
        cmocka_unit_test(each_row_comes_to_its_end),
        cmocka_unit_test(a_taken_address_is_declined),
        cmocka_unit_test(a_lease_is_renewed_at_half_its_time),
        cmocka_unit_test(without_an_answer_all_are_asked_and_then_it_is_lost),
        cmocka_unit_test(a_nak_takes_an_address_back),
        cmocka_unit_test(an_address_is_released),
        cmocka_unit_test(what_cannot_begin_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
