/* SPDX-License-Identifier: MIT */
/* keeper.c - a fork, and what is left of the verb in it. */
#include "cli/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/talk_control.h"

#define LONGEST (3600 * ESTAB_SECOND) /* a peer that never closes is not waited for longer */
#define TURN    ESTAB_SECOND

#define PATIENCE_MS 5000 /* for the keeper to begin */

unsigned keeper_open(const struct talk *t, unsigned *time_wait)
{
    struct estab_status st = {.size = sizeof st};
    uint64_t cursor = 0;
    unsigned n = 0;

    *time_wait = 0;
    while (t->stack && estab_list(t->stack, &cursor, &st)) {
        if (st.state == ESTAB_STATE_LISTEN || st.state == ESTAB_STATE_CLOSED)
            continue;
        n++;
        *time_wait += st.state == ESTAB_STATE_TIME_WAIT;
    }
    return n;
}

/* ---- in the keeper ------------------------------------------------------------------------------- */

static void close_between(int low, int high)
{
    if (low + 1 < high)
        (void)syscall(SYS_close_range, (unsigned)low + 1, (unsigned)high - 1, 0u);
}

/* Nothing of the verb's but these two, the station's socket and the pipe that the verb waits at:
 * whoever waits for the end of a pipe of the verb's own shall see it. */
static void keep_only(int a, int b)
{
    int null = open("/dev/null", O_RDWR), low = a < b ? a : b, high = a < b ? b : a;

    for (int i = 0; i < 3; i++)
        (void)dup2(null, i);
    close_between(2, low);
    close_between(low, high);
    (void)syscall(SYS_close_range, (unsigned)high + 1, ~0u, 0u);
}

/* What still comes is for nobody. */
static void act(struct talk *t, estab_time now)
{
    static uint8_t text[65536];
    struct estab_received got;
    struct estab_event e;

    while (estab_event_next(t->stack, &e))
        while (e.bits & ESTAB_EVENT_READABLE &&
               estab_receive(t->stack, e.conn, text, sizeof text, 0, &got, now) == ESTAB_OK &&
               got.length > 0)
            ;
    talk_calls(t, NULL);
}

/* `ready` is closed once a netstat finds what is kept. */
static _Noreturn void keep(struct talk *t, int ready)
{
    estab_time until = estab_now() + LONGEST, now;
    unsigned time_wait;

    (void)setsid();
    for (int s = 1; s < NSIG; s++)
        (void)signal(s, SIG_DFL);
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)prctl(PR_SET_NAME, "estab-keeper");
    talk_control_leave(t);
    keep_only(estab_device_fd(t->device), ready);
    talk_control_open(t, wire_loop(t->wire), "keeper");
    (void)close(ready);
    story_mute(t->story);
    while ((now = estab_now()) < until && keeper_open(t, &time_wait) > 0 && !wire_gone(t->wire)) {
        wire_turn(t->wire, now + TURN);
        act(t, estab_now());
    }
    wire_turn(t->wire, 0); /* the last move is told */
    control_close(t->control);
    _exit(0);
}

/* ---- in the verb ----------------------------------------------------------------------------------- */

static void end_listeners(struct talk *t)
{
    struct estab_status st = {.size = sizeof st};
    uint64_t cursor = 0;

    while (estab_list(t->stack, &cursor, &st))
        if (st.state == ESTAB_STATE_LISTEN && st.listener.generation)
            (void)estab_listen_end(t->stack, st.listener, estab_now());
}

static void tell_hub(struct talk *t, pid_t pid)
{
    struct estab_status st = {.size = sizeof st};
    struct envelope e;
    uint64_t cursor = 0;

    while (estab_list(t->stack, &cursor, &st)) {
        if (st.state == ESTAB_STATE_LISTEN || st.state == ESTAB_STATE_CLOSED)
            continue;
        envelope_init(&e, SAY_CARRY);
        e.has = HAS_PID | HAS_LOCAL | HAS_REMOTE;
        e.pid = (uint32_t)pid;
        e.local = st.local;
        e.remote = st.remote;
        (void)station_say(t->station, &e);
    }
}

/* Until the keeper has closed its end: who ends before might be followed by a netstat that sees
 * neither of the two. */
static void await_keeper(const int ends[2])
{
    struct pollfd p = {.fd = ends[0], .events = POLLIN};

    (void)close(ends[1]);
    while (poll(&p, 1, PATIENCE_MS) < 0 && errno == EINTR)
        ;
    (void)close(ends[0]);
}

unsigned keeper_start(struct talk *t)
{
    unsigned time_wait, n;
    int ends[2];
    pid_t pid;

    if (!t->station || !t->wire || wire_gone(t->wire))
        return 0;
    end_listeners(t);
    n = keeper_open(t, &time_wait);
    if (n == 0)
        return 0;
    fflush(NULL);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return 0;
    pid = fork();
    if (pid == 0)
        keep(t, ends[1]);
    if (pid > 0)
        tell_hub(t, pid);
    await_keeper(ends);
    if (pid < 0)
        return 0;
    return n;
}
