/* SPDX-License-Identifier: MIT */
/*
 * listen.c - `estab listen`: a passive OPEN, and what comes of it.
 *
 * The listener itself never leaves LISTEN; each SYN makes a connection beside it.  So it "is back
 * in LISTEN" from the beginning, and says so when a connection has come to its end.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "cli/leave.h"

#define BACKLOG     1024
#define GREETING    "hello\n"
#define HELD_MS     1000 /* by the simulated and the built-in client */
#define SOCKETS_MAX 4096 /* of the kernel's, that are looked at */
#define SETTLED     (50 * ESTAB_MS)

struct listening {
    struct talk talk;
    struct app_server server;
    struct app_client client; /* on the stage */
    struct story_end end;     /* the listener */
    estab_time quiet_since;   /* nothing is open since then; 0: something is */
    bool left;                /* to the hub: the stack is not ours any more */
    bool reset;
};

static void ended(void *context, const struct estab_endpoint *remote, enum estab_error error)
{
    struct listening *l = context;
    estab_time now = talk_time(&l->talk);
    char end[TALK_ENDPOINT_MAX];

    story_settle(l->talk.story, now);
    story_state(l->talk.story, &l->end, TCP_LISTEN, "ready for the next", now);
    if (error != ESTAB_OK && error != ESTAB_ABORTED)
        talk_say(&l->talk, "the connection with %s has ended: %s", talk_endpoint(remote, end),
                 estab_error_text(error));
}

static void heard(void *context, const struct estab_endpoint *from, const uint8_t *text, size_t n)
{
    struct listening *l = context;

    talk_text(&l->talk, from, text, n);
}

static int start_server(struct listening *l)
{
    const struct cli_options *o = l->talk.o;
    struct estab_listen listen = {.size = sizeof listen,
                                  .local.port = o->port,
                                  .backlog = BACKLOG,
                                  .fixed_iss = cli_given(o, OPT_ISS),
                                  .iss = o->iss};
    enum estab_error error;

    l->server.stack = l->talk.stack;
    l->server.close_ms = o->close_ms;
    l->server.hooks = (struct app_hooks){l, heard, ended};
    error = app_server_listen(&l->server, &listen);
    if (error != ESTAB_OK)
        return cli_say(o, CLI_FAILED, "cannot listen on port %u: %s", o->port,
                       estab_error_text(error));
    story_move(l->talk.story, &l->end, fsm_next(TCP_CLOSED, EV_PASSIVE_OPEN), REASONS, 0,
               talk_time(&l->talk));
    story_settle(l->talk.story, talk_time(&l->talk));
    return CLI_OK;
}

/* ---- on the stage ------------------------------------------------------------------------------------ */

static int listen_stage(struct listening *l)
{
    struct talk *t = &l->talk;
    struct estab_open open = {.size = sizeof open, .remote = l->end.local};
    const char *wrong;

    talk_say(t, "a simulated client connects, sends a line, and closes after %u s; seed %" PRIu64,
             HELD_MS / 1000, t->o->seed);
    l->client.stack = stage_stack(&t->stage, 1);
    l->client.hold_ms = HELD_MS;
    l->client.request = GREETING;
    t->stage.server = &l->server;
    t->stage.client = &l->client;
    if (app_client_open(&l->client, &open, stage_now(&t->stage)) != ESTAB_OK)
        return cli_say(t->o, CLI_FAILED, "the simulated client cannot connect");
    wrong = stage_play(&t->stage, ESTAB_NEVER);
    if (wrong)
        return cli_say(t->o, CLI_FAILED, "%s", wrong);
    if (l->server.open)
        talk_say(t, "nothing more will ever happen; our side was never closed");
    return CLI_OK;
}

/* ---- in real time ------------------------------------------------------------------------------------ */

static void introduce(const struct listening *l)
{
    const struct talk *t = &l->talk;
    char end[TALK_ENDPOINT_MAX], peer[NAMES_ADDR_MAX];

    talk_endpoint(&l->end.local, end);
    names_addr_text(peer, t->theirs);
    if (t->station)
        talk_say(t, "listening on %s, also known as %s, on wire %s; Ctrl-C ends", end, t->our_name,
                 t->o->on.name);
    else if (t->o->on.kind == ON_KERNEL)
        talk_say(t, "listening on %s, also known as server; the kernel is %s, client", end, peer);
    else
        talk_say(t, "listening on %s, on %s; Ctrl-C ends", end, estab_device_name(t->device));
    talk_say_inferred(t);
}

static int start_child(struct listening *l)
{
    struct peer_options peer = {.listens = false,
                                .does = PEER_SOURCE,
                                .text = GREETING,
                                .bytes = sizeof GREETING - 1,
                                .remote = l->end.local,
                                .hold = true,
                                .hold_ms = HELD_MS};

    peer.local.addr = l->talk.theirs;
    if (l->talk.o->on.kind != ON_KERNEL)
        return CLI_OK;
    if (!l->talk.o->command)
        talk_say(
            &l->talk,
            "a built-in client connects over the kernel's TCP, sends a line, closes after %u s",
            HELD_MS / 1000);
    return talk_start_child(&l->talk, &peer);
}

static void act(struct listening *l, estab_time now)
{
    struct estab_event e;

    app_server_turn(&l->server, now);
    while (estab_event_next(l->talk.stack, &e))
        app_server_event(&l->server, &e, now);
    talk_calls(&l->talk, NULL);
}

/* Whether a socket of the kernel's is still to send or to hear something of us. */
static bool kernel_open(const struct listening *l)
{
    struct diag_socket *sockets = calloc(SOCKETS_MAX, sizeof *sockets);
    int n = sockets ? netns_sockets(l->talk.netns, sockets, SOCKETS_MAX) : 0;
    bool open = false;

    for (int i = 0; i < n && i < SOCKETS_MAX && !open; i++)
        open = sockets[i].remote.port == l->end.local.port &&
               sockets[i].state != ESTAB_STATE_TIME_WAIT && sockets[i].state != ESTAB_STATE_CLOSED;
    free(sockets);
    return open;
}

/* Whether there is anything but listeners, here or at the kernel's end. */
static bool anything_open(const struct listening *l)
{
    struct estab_status st = {.size = sizeof st};
    uint64_t cursor = 0;

    while (estab_list(l->talk.stack, &cursor, &st))
        if (st.state != ESTAB_STATE_LISTEN)
            return true;
    return kernel_open(l);
}

/* The command has ended, and so has all that it began: for long enough that nothing is on the way. */
static bool finished(struct listening *l, estab_time now)
{
    if (!l->talk.child_ended || anything_open(l)) {
        l->quiet_since = 0;
        return false;
    }
    l->quiet_since = l->quiet_since ? l->quiet_since : now;
    return now >= l->quiet_since + SETTLED;
}

/* On a wire TIME-WAIT is not ours to wait out, nor is what takes longer than a moment. */
static bool has_left(struct listening *l)
{
    struct talk *t = &l->talk;
    unsigned time_wait, open = leave_open(t, &time_wait);

    if (!t->station || open == 0)
        return false;
    if (!leave_due(t) && (time_wait < open || wire_untold(t->wire)))
        return false;
    l->left = leave_all(t) > 0;
    return true;
}

/* Ctrl-C: FIN, then RST.  True: it is over. */
static bool interrupted(struct listening *l, estab_time now)
{
    unsigned times = talk_interrupted(&l->talk);

    if (times == 0 && !l->talk.interrupts)
        return false;
    if (times == 1) {
        if (l->server.open && l->talk.station)
            talk_say(&l->talk, "closing with FIN; Ctrl-C again resets");
        else if (l->server.open)
            talk_say(&l->talk,
                     "closing with FIN, which may take a TIME-WAIT of %g s; Ctrl-C again "
                     "resets",
                     (double)(2 * talk_config(l->talk.o, true).msl_ms) / 1000);
        app_server_end(&l->server, false, now);
    }
    if (times == 2) {
        app_server_end(&l->server, true, now);
        l->reset = true;
    }
    talk_calls(&l->talk, NULL);
    return l->reset || l->server.open == 0 || has_left(l);
}

static int listen_real(struct listening *l)
{
    struct talk *t = &l->talk;
    int code = start_child(l);

    while (code == CLI_OK) {
        estab_time now = estab_now(), until = app_server_deadline(&l->server);
        if (interrupted(l, now)) {
            if (!l->left)
                wire_turn(t->wire, 0); /* the resets */
            code = CLI_INTERRUPTED;
            break;
        }
        if (finished(l, now))
            break;
        if (talk_cut_off(t))
            return CLI_FAILED;
        if (l->quiet_since && until > l->quiet_since + SETTLED)
            until = l->quiet_since + SETTLED;
        wire_turn(t->wire, until);
        act(l, estab_now());
    }
    if (code == CLI_OK && t->o->command && t->child_status)
        talk_say(t, "'%s' has ended with exit code %d", t->o->command[0], t->child_status);
    else if (code == CLI_OK && !t->o->command)
        talk_say(t, "the built-in client has ended, and nobody else can come here: done. With a "
                    "program of yours: estab listen -- COMMAND");
    return code;
}

static int run(struct listening *l)
{
    struct talk *t = &l->talk;
    int code = CLI_OK;

    l->end.local = (struct estab_endpoint){t->ours, t->o->port};
    l->end.remote.addr = estab_ipv4(0, 0, 0, 0);
    if (!t->staged)
        code = talk_start_wire(t, false);
    if (code == CLI_OK && !t->staged)
        introduce(l);
    cli_catch();
    if (code == CLI_OK)
        code = start_server(l);
    if (code == CLI_OK)
        code = talk_publish(t, t->o->port);
    if (code != CLI_OK)
        return code;
    return t->staged ? listen_stage(l) : listen_real(l);
}

int cmd_listen(const struct cli_options *o)
{
    struct listening *l = calloc(1, sizeof *l);
    int code;

    if (!l)
        return cli_say(o, CLI_FAILED, "no memory");
    code = talk_open(&l->talk, o, true);
    if (code == CLI_OK)
        code = run(l);
    code = talk_close(&l->talk, code);
    free(l);
    return code;
}
