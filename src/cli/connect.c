/* SPDX-License-Identifier: MIT */
/*
 * connect.c - `estab connect`: an active OPEN, a while in ESTABLISHED, a CLOSE, and the way to
 * CLOSED through TIME-WAIT.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "cli/lease.h"
#include "cli/leave.h"
#include "cli/names.h"
#include "cli/talk_wire.h"
#include "packet/address.h"

#define BACKLOG   16
#define CLOSE_MS  1000               /* from our FIN to the other side's */
#define SAY_AFTER (3 * ESTAB_SECOND) /* what makes the user wait is told after this long */
#define ROUTERS_SAY (20 * ESTAB_SECOND)
#define SLACK     (3 * ESTAB_SECOND) /* beyond the round trip of a wire that is slow on purpose */

struct connecting {
    struct talk talk;
    struct app_client client;
    struct app_server server; /* on the stage */
    estab_time fin_wait_2_since;
    estab_time patient_until; /* no answer by then, not even to ARP: nobody is there */
    bool said_time_wait, said_fin_wait_2, said_trouble, unreachable;
    struct lease lease;       /* of --ip dhcp */
    struct names_found found; /* where HOST is, if it had to be asked for */
};

static void heard(void *context, const struct estab_endpoint *from, const uint8_t *text, size_t n)
{
    struct connecting *c = context;

    talk_text(&c->talk, from, text, n);
}

/* ---- how it ended ------------------------------------------------------------------------------------- */

static int verdict(struct connecting *c)
{
    const struct cli_options *o = c->talk.o;
    char end[TALK_ENDPOINT_MAX];

    talk_endpoint(&c->client.remote, end);
    if (c->talk.interrupts)
        return CLI_INTERRUPTED;
    if (c->unreachable)
        return cli_say(o, CLI_TIMED_OUT,
                       "nobody answers %s for %s: %s",
                       addr_is_ipv4(&c->client.remote.addr) ? "ARP" : "neighbour discovery", end,
                       cli_given(o, OPT_IMPAIR) || o->rules.count > 0
                           ? "--impair and --rule act on that, too (-v shows it)"
                           : "is its address right, and is it up?");
    switch (c->client.error) {
    case ESTAB_OK:
    case ESTAB_CLOSING:
        return CLI_OK;
    case ESTAB_REFUSED:
    case ESTAB_RESET:
        if (c->client.opened)
            return cli_say(o, CLI_REFUSED, "%s reset the connection", end);
        return cli_say(o, CLI_REFUSED, "%s refused the connection: nobody listens there", end);
    case ESTAB_UNREACHABLE:
        return cli_say(o, CLI_REFUSED, "%s cannot be reached: ICMP says so", end);
    case ESTAB_TIMED_OUT:
        return cli_say(o, CLI_TIMED_OUT, "%s does not answer: given up after R2 (RFC 9293 3.8.3)",
                       end);
    default:
        return cli_say(o, CLI_FAILED, "%s: %s", end, estab_error_text(c->client.error));
    }
}

static int cannot_open(struct connecting *c, enum estab_error error)
{
    char end[TALK_ENDPOINT_MAX];

    talk_endpoint(&c->client.remote, end);
    if (error == ESTAB_NO_ROUTE)
        return cli_say(c->talk.o, CLI_REFUSED,
                       "no route to %s: expected an address in our network, or --ip A.B.C.D/N in "
                       "its network",
                       end);
    return cli_say(c->talk.o, CLI_FAILED, "cannot connect to %s: %s", end, estab_error_text(error));
}

static int open_client(struct connecting *c, const struct estab_endpoint *remote, estab_time now)
{
    const struct cli_options *o = c->talk.o;
    struct estab_open open = {.size = sizeof open,
                              .local.port = o->local_port,
                              .remote = *remote,
                              .fixed_iss = cli_given(o, OPT_ISS),
                              .iss = o->iss};
    enum estab_error error;

    c->client.stack = c->talk.stack;
    c->client.hold_ms = o->hold_ms;
    c->client.hooks = (struct app_hooks){c, heard, NULL};
    if (o->impair.delay_ns > 0)
        c->patient_until = now + 2 * (o->impair.delay_ns + o->impair.jitter_ns) + SLACK;
    error = app_client_open(&c->client, &open, now);
    if (error != ESTAB_OK)
        return cannot_open(c, error);
    talk_calls(&c->talk, remote);
    return CLI_OK;
}

static void say_time_wait(struct connecting *c)
{
    uint64_t msl_ms = talk_config(c->talk.o, true).msl_ms;

    c->said_time_wait = true;
    talk_say(&c->talk,
             "TIME-WAIT lasts 2 MSL, here %g s, so that no old segment meets a new connection "
             "(see --msl)",
             (double)(2 * msl_ms) / 1000);
}

/* ---- on the stage ------------------------------------------------------------------------------------ */

static int connect_stage(struct connecting *c, const struct estab_endpoint *remote)
{
    struct talk *t = &c->talk;
    struct estab_listen listen = {
        .size = sizeof listen, .local.port = remote->port, .backlog = BACKLOG};
    const char *wrong;
    int code;

    talk_say(t, "a simulated server listens on port %u; seed %" PRIu64, remote->port, t->o->seed);
    c->server.stack = stage_stack(&t->stage, 1);
    c->server.close_ms = CLOSE_MS;
    if (app_server_listen(&c->server, &listen) != ESTAB_OK)
        return cli_say(t->o, CLI_FAILED, "the simulated server cannot listen");
    t->stage.server = &c->server;
    t->stage.client = &c->client;
    code = open_client(c, remote, stage_now(&t->stage));
    if (code != CLI_OK)
        return code;
    wrong = stage_play(&t->stage, ESTAB_NEVER);
    if (wrong)
        return cli_say(t->o, CLI_FAILED, "%s", wrong);
    if (c->client.done)
        return verdict(c);
    talk_say(t, "nothing more will ever happen; our side was never closed");
    return CLI_OK;
}

/* ---- beside the kernel --------------------------------------------------------------------------------- */

static int start_child(struct connecting *c, uint16_t port)
{
    struct peer_options peer = {.listens = true, .does = PEER_ECHO, .close_ms = CLOSE_MS};

    peer.local = (struct estab_endpoint){c->talk.theirs, port};
    if (!c->talk.o->command)
        talk_say(&c->talk, "a built-in server listens on port %u over the kernel's TCP", port);
    return talk_start_child(&c->talk, &peer);
}

static int prepare(struct connecting *c, const struct estab_endpoint *remote)
{
    struct talk *t = &c->talk;
    bool listens = false, kernels = memcmp(&remote->addr, &t->theirs, sizeof t->theirs) == 0;
    int code = CLI_OK;

    if (t->o->on.kind == ON_KERNEL) {
        code = start_child(c, t->o->port);
        if (code == CLI_OK && kernels)
            code = talk_await_listener(t, t->o->port, &listens);
    }
    if (code == CLI_OK)
        code = talk_start_wire(t, listens);
    if (code == CLI_OK)
        talk_say_inferred(t);
    return code;
}

/* ---- in real time ------------------------------------------------------------------------------------ */

/* What makes the user wait. */
static void explain(struct connecting *c, estab_time now)
{
    struct estab_status st = {.size = sizeof st};

    if (c->client.done || estab_status(c->talk.stack, c->client.conn, &st) != ESTAB_OK)
        return;
    if (st.state == ESTAB_STATE_TIME_WAIT && !c->said_time_wait && !c->talk.station)
        say_time_wait(c);
    if (st.state != ESTAB_STATE_FIN_WAIT_2)
        return;
    c->fin_wait_2_since = c->fin_wait_2_since ? c->fin_wait_2_since : now;
    if (c->said_fin_wait_2 || now < c->fin_wait_2_since + SAY_AFTER)
        return;
    c->said_fin_wait_2 = true;
    talk_say(&c->talk, "FIN-WAIT-2 lasts until the peer closes its side, too; Ctrl-C resets");
}

/* ARP gives up after three seconds; a wire may take longer. */
static bool is_slow(const struct connecting *c, estab_time now)
{
    return now < c->patient_until || talk_wire_has(&c->talk, &c->client.remote.addr);
}

/* Before anything was heard, a host that nobody answers for is the end; later, it is a hint. */
static void take_trouble(struct connecting *c, estab_time now)
{
    struct app_client *a = &c->client;
    char end[TALK_ENDPOINT_MAX];

    if (!a->soft || a->done)
        return;
    a->soft = false;
    if (a->trouble == ESTAB_UNREACHABLE && !a->opened && !is_slow(c, now)) {
        c->unreachable = true;
        app_client_end(a, true, now);
    } else if (!c->said_trouble) {
        c->said_trouble = true;
        talk_say(&c->talk, "no answer from %s yet; TCP goes on trying",
                 talk_endpoint(&a->remote, end));
    }
}

/* Ctrl-C: FIN, then RST.  In TIME-WAIT there is nothing left to close; on a wire it is left to the hub, as
 * is all that was closed before. */
static void interrupted(struct connecting *c, estab_time now)
{
    struct estab_status st = {.size = sizeof st};
    unsigned times = talk_interrupted(&c->talk);

    if (times == 0)
        return;
    if (times == 1 && c->talk.station && c->client.closed) {
        c->talk.leave_at = now;
        return;
    }
    if (estab_status(c->talk.stack, c->client.conn, &st) == ESTAB_OK &&
        (st.state == ESTAB_STATE_TIME_WAIT || st.state == ESTAB_STATE_FIN_WAIT_2))
        times = 2;
    if (times == 1)
        talk_say(&c->talk, "closing with FIN; Ctrl-C again resets");
    app_client_end(&c->client, times == 2, now);
}

/* Whether there were events: then more may be due, or follow from what was done. */
static bool act(struct connecting *c, estab_time now)
{
    struct estab_event e;
    bool any = false;

    app_client_turn(&c->client, now);
    take_trouble(c, now);
    interrupted(c, now);
    while (estab_event_next(c->talk.stack, &e)) {
        app_client_event(&c->client, &e, now);
        any = true;
    }
    talk_calls(&c->talk, &c->client.remote);
    return any;
}

/* On a wire TIME-WAIT is not ours to wait out, nor is anything else once the user wants to go. */
static bool has_left(struct connecting *c)
{
    struct talk *t = &c->talk;
    unsigned time_wait, open = leave_open(t, &time_wait);

    if (!t->station || open == 0)
        return false;
    if (!leave_due(t) && (time_wait < open || wire_untold(t->wire)))
        return false;
    (void)leave_all(t);
    return true;
}

static void turn(struct connecting *c)
{
    estab_time now, due = lease_deadline(&c->lease);

    if (app_client_deadline(&c->client) < due)
        due = app_client_deadline(&c->client);
    wire_turn(c->talk.wire, due);
    now = estab_now();
    lease_turn(&c->lease, now);
    while (act(c, now))
        continue;
    explain(c, now);
}

/* One address of the peer's, until the end. */
static int converse(struct connecting *c, const struct estab_endpoint *remote)
{
    int code = open_client(c, remote, estab_now());

    if (code != CLI_OK)
        return code;
    while (!c->client.done) {
        turn(c);
        if (talk_cut_off(&c->talk))
            return CLI_FAILED;
        if (has_left(c))
            return verdict(c);
    }
    wire_turn(c->talk.wire, 0); /* a reset is still to be sent */
    return verdict(c);
}

/* Of several addresses the next one, as long as nobody answers (RFC 1123 section 2.3). */
static int converse_all(struct connecting *c, struct estab_endpoint remote)
{
    char end[TALK_ENDPOINT_MAX];
    int code = CLI_OK;

    for (unsigned i = 0; i < c->found.count; i++) {
        remote.addr = c->found.address[i];
        c->client = (struct app_client){.remote = remote};
        c->unreachable = c->said_trouble = false;
        story_name(c->talk.story, remote.addr, c->talk.o->host);
        code = converse(c, &remote);
        if (code == CLI_OK || code == CLI_INTERRUPTED || c->client.opened || talk_cut_off(&c->talk))
            break;
        if (i + 1 < c->found.count)
            talk_say(&c->talk, "trying the next address of %s, %s", c->talk.o->host,
                     talk_endpoint(&(struct estab_endpoint){c->found.address[i + 1], remote.port}, end));
    }
    return code;
}

/* ---- --ip auto ---------------------------------------------------------------------------------------- */

static bool is_link_local(const struct estab_addr *a)
{
    return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

/* An address that a router gave us, and that is known to be ours alone. */
static bool find_ours(const struct connecting *c, struct estab_addr *ours)
{
    struct estab_address a;

    for (uint32_t cursor = 0; estab_address_next(c->talk.stack, &cursor, &a);)
        if (a.state == ESTAB_ADDRESS_PREFERRED && !is_link_local(&a.address)) {
            *ours = a.address;
            return true;
        }
    return false;
}

static void say_ours(struct connecting *c, const struct estab_addr *ours)
{
    char own[NAMES_ADDR_MAX], by[NAMES_ADDR_MAX] = "";
    struct estab_router router;
    uint32_t cursor = 0;

    names_addr_text(own, *ours);
    if (estab_router_next(c->talk.stack, &cursor, &router))
        names_addr_text(by, router.address);
    talk_say(&c->talk, "our address is %s%s%s", own, by[0] ? ", by the router " : ", and there is no router", by);
    story_name(c->talk.story, *ours, c->talk.our_name);
    c->talk.ours = *ours;
    wire_address(c->talk.wire, *ours);
}

/* Routers are asked three times, four seconds apart; then our address is looked for on the link. */
static int await_address(struct connecting *c)
{
    estab_time until = estab_now() + ROUTERS_SAY;
    struct estab_addr ours;

    while (!find_ours(c, &ours)) {
        wire_turn(c->talk.wire, until);
        if (talk_cut_off(&c->talk))
            return CLI_FAILED;
        if (talk_interrupted(&c->talk))
            return CLI_INTERRUPTED;
        if (estab_now() >= until)
            return cli_say(c->talk.o, CLI_TIMED_OUT,
                           "no router has told of a prefix in %g s: expected one on %s, or --ip with an address",
                           (double)(ROUTERS_SAY / ESTAB_SECOND), estab_device_name(c->talk.device));
    }
    say_ours(c, &ours);
    return CLI_OK;
}

static int connect_real(struct connecting *c, const struct estab_endpoint *remote, bool by_name)
{
    int code = prepare(c, remote);

    cli_catch();
    if (code == CLI_OK && c->talk.o->ip.automatic)
        code = await_address(c);
    if (code == CLI_OK)
        code = lease_get(&c->lease, &c->talk);
    if (code == CLI_OK && by_name)
        code = names_resolve(&c->talk, c->talk.o->host, &c->found);
    if (code == CLI_OK)
        code = by_name ? converse_all(c, *remote) : converse(c, remote);
    lease_end(&c->lease);
    return code;
}

static int run(struct connecting *c)
{
    struct talk *t = &c->talk;
    struct estab_endpoint remote = {.port = t->o->port};
    bool by_name = names_wanted(t, t->o->host);

    if (!by_name && !talk_resolve(t, t->o->host, &remote.addr))
        return CLI_USAGE;
    c->client.remote = remote;
    return t->staged ? connect_stage(c, &remote) : connect_real(c, &remote, by_name);
}

int cmd_connect(const struct cli_options *o)
{
    struct connecting *c = calloc(1, sizeof *c);
    int code;

    if (!c)
        return cli_say(o, CLI_FAILED, "no memory");
    code = talk_open(&c->talk, o, false);
    if (code == CLI_OK)
        code = run(c);
    code = talk_close(&c->talk, code);
    free(c);
    return code;
}
