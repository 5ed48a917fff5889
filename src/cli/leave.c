/* SPDX-License-Identifier: MIT */
/* leave.c - a room handed over, or stayed with. */
#include "cli/leave.h"

#include <stdio.h>
#include <unistd.h>

#include "capture/text.h"
#include "wire/room.h"

#define LIST_MAX 512

unsigned leave_open(const struct talk *t, unsigned *time_wait)
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

bool leave_due(const struct talk *t)
{
    return t->station && t->interrupts && estab_now() >= t->leave_at;
}

/* ---- told ------------------------------------------------------------------------------------------ */

/* "1 in LAST-ACK, 2 in TIME-WAIT; 700 bytes are not acknowledged yet" */
static void describe(const struct talk *t, char out[LIST_MAX])
{
    unsigned count[ESTAB_STATE_TIME_WAIT + 1] = {0};
    struct estab_status st = {.size = sizeof st};
    struct text text = text_of(out, LIST_MAX, false);
    uint64_t cursor = 0, bytes = 0;
    const char *comma = "";

    while (estab_list(t->stack, &cursor, &st)) {
        count[st.state]++;
        bytes += st.send_queued;
    }
    for (unsigned i = ESTAB_STATE_SYN_SENT; i <= ESTAB_STATE_TIME_WAIT; i++) {
        if (count[i] == 0)
            continue;
        text_format(&text, "%s%u in %s", comma, count[i], estab_state_name((enum estab_state)i));
        comma = ", ";
    }
    if (bytes)
        text_format(&text, "; %llu byte%s not acknowledged yet", (unsigned long long)bytes,
                    bytes == 1 ? " is" : "s are");
}

static void say_carried(const struct talk *t, const char *what, bool time_wait)
{
    struct estab_config config = talk_config(t->o, true);

    if (time_wait)
        talk_say(t,
                 "wire %s carries on what is left: %s, which lasts 2 MSL, here %g s, so that no old "
                 "segment meets a new connection (see --msl)",
                 t->o->on.name, what, (double)(2 * (uint64_t)config.msl_ms) / 1000);
    else
        talk_say(t, "wire %s carries on what is left: %s", t->o->on.name, what);
}

/* ---- handed over ----------------------------------------------------------------------------------------- */

static void end_listeners(struct talk *t)
{
    struct estab_status st = {.size = sizeof st};
    uint64_t cursor = 0;

    while (estab_list(t->stack, &cursor, &st))
        if (st.state == ESTAB_STATE_LISTEN && st.listener.generation)
            (void)estab_listen_end(t->stack, st.listener, estab_now());
    talk_calls(t, NULL);
}

static bool hand_over(struct talk *t, struct estab_host_error *error)
{
    struct room_note note = {.serial = wire_sent(t->wire)};
    int fd = room_write(t->room, t->room_size, &note, error);
    bool taken = fd >= 0 && station_leave(t->station, fd, error);

    if (fd >= 0)
        close(fd);
    return taken;
}

/* ---- stayed with ------------------------------------------------------------------------------------------ */

static void take_events(struct talk *t)
{
    static uint8_t text[65536];
    struct estab_received got;
    struct estab_event e;

    while (estab_event_next(t->stack, &e))
        while (e.bits & ESTAB_EVENT_READABLE &&
               estab_receive(t->stack, e.conn, text, sizeof text, 0, &got, estab_now()) ==
                   ESTAB_OK &&
               got.length > 0)
            ;
    talk_calls(t, NULL);
}

static void abort_all(struct talk *t)
{
    struct estab_status st = {.size = sizeof st};
    uint64_t cursor = 0;

    while (estab_list(t->stack, &cursor, &st))
        if (st.conn.generation)
            (void)estab_abort(t->stack, st.conn, estab_now());
    talk_calls(t, NULL);
    wire_turn(t->wire, 0);
}

/* Until nothing is left, or for as long as the user likes. */
static void stay(struct talk *t)
{
    unsigned time_wait;

    while (leave_open(t, &time_wait) > 0 && !wire_gone(t->wire)) {
        if (cli_hung_up() || talk_interrupted(t)) {
            abort_all(t);
            return;
        }
        wire_turn(t->wire, estab_now() + ESTAB_SECOND);
        take_events(t);
    }
}

/* The carrier's tells the rest. */
static void end_control(struct talk *t)
{
    if (t->control)
        (void)estab_loop_watch(wire_loop(t->wire), control_fd(t->control), 0, NULL, NULL);
    control_close(t->control);
    t->control = NULL;
}

unsigned leave_all(struct talk *t)
{
    struct estab_host_error error = {0};
    unsigned n, time_wait;
    char what[LIST_MAX];

    if (!t->station || !t->wire || wire_gone(t->wire))
        return 0;
    end_listeners(t);
    wire_flush(t->wire);
    n = leave_open(t, &time_wait);
    if (n == 0)
        return 0;
    describe(t, what);
    if (!hand_over(t, &error)) {
        talk_say(t, "wire %s does not carry on what is left (%s), so it is waited for here: %s; "
                    "Ctrl-C ends it", t->o->on.name, error.text, what);
        stay(t);
        return 0;
    }
    end_control(t);
    say_carried(t, what, time_wait == n);
    return n;
}
