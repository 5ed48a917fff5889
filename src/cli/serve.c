/* SPDX-License-Identifier: MIT */
/*
 * serve.c - `estab serve http|echo|print`: a stack of ours, BSD sockets over it, a server over those.
 *
 *      this thread        waits for Ctrl-C, and for the command's end
 *      the stack's        estab_posix_start: the loop
 *      the server's       server.h: an acceptor, and a worker for each connection
 *
 * Signals are for this thread alone, and only while it waits: so none is missed.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/leave.h"
#include "cli/server.h"
#include "cli/talk_control.h"

#define IDLE_MS   60000
#define LINGER_MS 5000
#define HELD_MS   1000 /* by the built-in client */
#define SETTLE_MS 100  /* how often it is looked whether a move waits to be told */
#define DRAIN_MS  20   /* and whether all has ended */

struct serving {
    struct talk talk;
    const struct service *service;
    struct serve_log log;
    uint16_t port;
    estab_loop *loop; /* of the wire, if that watches; else our own */
    bool watched;
    estab_posix *posix;
    struct server *server;
    sigset_t waiting; /* the mask while this thread waits */
    bool ending, reset;
};

static const struct service *service_named(const char *name)
{
    static const struct service *const all[] = {&service_http, &service_echo, &service_print};

    for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i]->name, name) == 0)
            return all[i];
    return NULL;
}

/* ---- what is still open ------------------------------------------------------------------------------ */

/* TIME-WAIT is for whoever may still come with an old segment.  A kernel that ends with us will not;
 * on a wire it is not ours to wait out. */
static bool waits_out(const struct serving *s)
{
    return s->talk.o->on.kind != ON_KERNEL && !s->talk.station;
}

static bool counts(const struct serving *s, enum estab_state state)
{
    return state != ESTAB_STATE_LISTEN && state != ESTAB_STATE_CLOSED &&
           (state != ESTAB_STATE_TIME_WAIT || waits_out(s));
}

static bool anything_open(struct serving *s)
{
    struct estab_status st = {.size = sizeof st};
    uint64_t cursor = 0;
    bool open = server_busy(s->server) > 0;

    estab_posix_lock(s->posix);
    while (!open && estab_list(s->talk.stack, &cursor, &st))
        open = counts(s, st.state);
    estab_posix_unlock(s->posix);
    return open;
}

/* ---- the end ------------------------------------------------------------------------------------------- */

static void end_with_fin(struct serving *s)
{
    double seconds = (double)(2 * talk_config(s->talk.o, false).msl_ms) / 1000;

    s->ending = true;
    if (waits_out(s) && anything_open(s))
        talk_say(&s->talk,
                 "closing with FIN, which may take a TIME-WAIT of %g s; Ctrl-C again resets",
                 seconds);
    else if (anything_open(s))
        talk_say(&s->talk, "closing with FIN; Ctrl-C again resets");
    server_end(s->server);
}

static void heed_interrupts(struct serving *s)
{
    unsigned times = talk_interrupted(&s->talk);

    if (times >= 1 && !s->ending)
        end_with_fin(s);
    if (times == 2) {
        server_reset(s->server);
        s->reset = true;
    }
}

/* Sleeps until a signal, the command's end, or until it is time to look again. */
static void sleep_a_while(struct serving *s)
{
    struct talk *t = &s->talk;
    struct pollfd child = {.fd = t->child_fd, .events = POLLIN};
    bool soon = s->ending || t->child_ended;
    struct timespec limit = {.tv_nsec = (soon ? DRAIN_MS : SETTLE_MS) * 1000000L};

    if (ppoll(&child, 1, soon || s->watched ? &limit : NULL, &s->waiting) <= 0 || !child.revents)
        return;
    if (!netns_wait(t->netns, t->child, 0, &t->child_status))
        return;
    close(t->child_fd);
    t->child_fd = -1;
    t->child = 0;
    t->child_ended = true;
}

/* The story of a wire, or of -v, has ends that no packet tells. */
static void settle(struct serving *s)
{
    if (!s->watched)
        return;
    estab_posix_lock(s->posix);
    wire_settle(s->talk.wire);
    estab_posix_unlock(s->posix);
}

static int wait_for_the_end(struct serving *s)
{
    struct talk *t = &s->talk;

    for (;;) {
        heed_interrupts(s);
        settle(s);
        if (talk_cut_off(t)) {
            server_end(s->server); /* which nobody hears */
            return CLI_FAILED;
        }
        if (s->reset || (s->ending && (!anything_open(s) || leave_due(t))))
            return CLI_INTERRUPTED;
        if (!s->ending && t->child_ended && !anything_open(s))
            break;
        sleep_a_while(s);
    }
    server_end(s->server);
    if (t->o->command && t->child_status)
        talk_say(t, "'%s' has ended with exit code %d", t->o->command[0], t->child_status);
    return CLI_OK;
}

/* ---- the beginning ------------------------------------------------------------------------------------- */

static void introduce(const struct serving *s)
{
    const struct talk *t = &s->talk;
    struct estab_endpoint local = {t->ours, s->port};
    char end[TALK_ENDPOINT_MAX], peer[NAMES_ADDR_MAX];

    talk_endpoint(&local, end);
    names_addr_text(peer, t->theirs);
    if (t->station)
        talk_say(t, "%s is served on %s, also known as %s, on wire %s; Ctrl-C ends",
                 s->service->name, end, t->our_name, t->o->on.name);
    else if (t->o->on.kind == ON_KERNEL)
        talk_say(t, "%s is served on %s, also known as server; the kernel is %s, client",
                 s->service->name, end, peer);
    else
        talk_say(t, "%s is served on %s, on %s; Ctrl-C ends", s->service->name, end,
                 estab_device_name(t->device));
}

static int start_child(struct serving *s)
{
    struct talk *t = &s->talk;
    struct peer_options peer = {.does = PEER_SOURCE,
                                .text = s->service->request,
                                .bytes = strlen(s->service->request),
                                .remote = {t->ours, s->port},
                                .hold = true,
                                .hold_ms = HELD_MS};

    peer.local.addr = t->theirs;
    if (t->o->on.kind != ON_KERNEL)
        return CLI_OK;
    if (!t->o->command)
        talk_say(t,
                 "a built-in client connects over the kernel's TCP, sends a line, closes after "
                 "%u s; a program of yours: estab serve %s --on kernel -- COMMAND",
                 HELD_MS / 1000, s->service->name);
    return talk_start_child(t, &peer);
}

/* On a wire others are told what frames did here; and -v, -w and --impair are the wire's to do.  Else
 * nobody looks on, and frames go in batches. */
static int start_loop(struct serving *s)
{
    struct talk *t = &s->talk;
    const struct cli_options *o = t->o;
    int interface, code;

    s->watched = t->station || o->verbose || o->write || cli_given(o, OPT_IMPAIR) || o->rules.count;
    if (s->watched) {
        code = talk_start_wire(t, false);
        s->loop = code == CLI_OK ? wire_loop(t->wire) : NULL;
        return code;
    }
    interface = estab_interface_add(t->stack, &t->interface);
    s->loop = estab_loop_new(t->stack);
    if (interface < 0 || !s->loop || estab_loop_join(s->loop, interface, t->device) != ESTAB_OK)
        return cli_say(o, CLI_FAILED, "no memory, or an interface that makes no sense");
    talk_control_open(t, s->loop, o->verb->name);
    return CLI_OK;
}

static int start_sockets(struct serving *s)
{
    struct talk *t = &s->talk;
    struct estab_config config = talk_config(t->o, false);
    struct estab_posix_config sockets;
    struct estab_host_error error = {0};

    estab_posix_config_init(&sockets);
    sockets.stack = &config;
    s->posix = estab_posix_start(t->stack, s->loop, &sockets, &error);
    return s->posix ? CLI_OK : cli_say(t->o, CLI_FAILED, "%s", error.text);
}

static int start_server(struct serving *s)
{
    struct server_config config = {.posix = s->posix,
                                   .service = s->service,
                                   .log = &s->log,
                                   .port = s->port,
                                   .workers = SERVER_WORKERS,
                                   .leave_open = s->talk.o->leave_open,
                                   .idle_ms = IDLE_MS,
                                   .delay_ms = LINGER_MS};

    s->server = server_start(&config);
    if (s->server)
        return CLI_OK;
    return cli_say(s->talk.o, CLI_FAILED, "cannot listen on port %u: %s", s->port, strerror(errno));
}

/* What the threads that begin now do not hear of. */
static void keep_signals(struct serving *s)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    cli_catch();
    pthread_sigmask(SIG_BLOCK, &signals, &s->waiting);
}

static int run(struct serving *s)
{
    int code = talk_publish(&s->talk, s->port); /* a child, before there are threads */

    if (code != CLI_OK)
        return code;
    keep_signals(s);
    code = start_loop(s);
    serve_log_init(&s->log, s->talk.out, s->talk.o->json, (enum cli_ts)s->talk.o->ts);
    if (code == CLI_OK)
        code = start_sockets(s);
    if (code == CLI_OK)
        code = start_server(s);
    if (code != CLI_OK)
        return code;
    introduce(s);
    code = start_child(s);
    if (code == CLI_OK)
        code = wait_for_the_end(s);
    else
        server_end(s->server);
    return code;
}

/* The threads end one after the other.  Then the loop is this one's: a reset is still to be sent. */
static void stop(struct serving *s)
{
    server_free(s->server);
    estab_posix_stop(s->posix);
    if (s->watched && s->talk.wire) {
        talk_calls(&s->talk, NULL);
        wire_turn(s->talk.wire, 0);
        pthread_sigmask(SIG_SETMASK, &s->waiting, NULL); /* Ctrl-C is for this one again */
        if (s->ending && !s->reset)
            (void)leave_all(&s->talk);
    } else if (s->reset) {
        (void)estab_loop_once(s->loop, 0);
    }
    if (!s->watched)
        estab_loop_free(s->loop);
}

int cmd_serve(const struct cli_options *o)
{
    struct serving *s = calloc(1, sizeof *s);
    int code;

    if (!s)
        return cli_say(o, CLI_FAILED, "no memory");
    s->service = service_named(o->topic);
    s->port = o->port ? o->port : s->service->port;
    if (o->leave_open && s->service != &service_print)
        code = cli_say(o, CLI_USAGE, "--leave-open is for print: expected it with serve print");
    else if (o->on.kind == ON_SIM)
        code = cli_say(o, CLI_USAGE,
                       "--on sim has no real time, in which programs could come: "
                       "expected wire:NAME, kernel, packet:IFACE or tap:NAME");
    else
        code = talk_open(&s->talk, o, true);
    if (code == CLI_OK)
        code = run(s);
    stop(s);
    if (s->talk.o)
        code = talk_close(&s->talk, code);
    free(s);
    return code;
}
