/* SPDX-License-Identifier: MIT */
/* carrier.c - a room opened, told of, and run until nothing is left in it. */
#include "cli/carrier.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/talk_control.h"
#include "wire/room.h"

#define TURN       ESTAB_SECOND
#define TIMEOUT_MS 300000 /* the user timeout of RFC 9293 section 3.9.1.1 */
#define CARRIED    "carried by the hub"

struct carrier {
    struct cli_options options;
    struct room room;
    struct estab_interface interface;
    struct station *station;
    struct story *story; /* which nobody hears: it knows the ends that others are told of */
    struct wire *wire;
    struct control *control; /* or NULL */
};

static unsigned open_connections(const struct carrier *c)
{
    struct estab_status st = {.size = sizeof st};
    uint64_t cursor = 0;
    unsigned n = 0;

    while (estab_list(c->room.stack, &cursor, &st))
        n += st.state != ESTAB_STATE_LISTEN && st.state != ESTAB_STATE_CLOSED;
    return n;
}

/* ---- its users leave -------------------------------------------------------------------------- */

static void leave(estab_stack *stack, estab_conn conn, estab_time now)
{
    static uint8_t text[65536];
    struct estab_received got;

    (void)!estab_set(stack, conn, ESTAB_OPTION_USER_TIMEOUT_MS, TIMEOUT_MS, now);
    while (estab_receive(stack, conn, text, sizeof text, 0, &got, now) == ESTAB_OK &&
           got.length > 0)
        ; /* what came while there was a user, who did not want it any more */
    (void)estab_release(stack, conn, now);
}

static void leave_all(struct carrier *c)
{
    struct estab_status st = {.size = sizeof st};
    uint64_t cursor = 0;
    estab_time now = estab_now();

    while (estab_list(c->room.stack, &cursor, &st))
        if (st.state != ESTAB_STATE_LISTEN && st.conn.generation)
            leave(c->room.stack, st.conn, now);
}

static void take_events(struct carrier *c)
{
    struct estab_event e;

    while (estab_event_next(c->room.stack, &e))
        ; /* of users that have left */
    wire_calls(c->wire, NULL);
}

/* ---- told ----------------------------------------------------------------------------------------- */

/* The hub gives segments of these connections to us, whoever has the address now. */
static void tell_hub(struct carrier *c)
{
    struct estab_status st = {.size = sizeof st};
    struct envelope e;
    uint64_t cursor = 0;

    while (estab_list(c->room.stack, &cursor, &st)) {
        if (st.state == ESTAB_STATE_LISTEN || st.state == ESTAB_STATE_CLOSED)
            continue;
        envelope_init(&e, SAY_CARRY);
        e.has = HAS_PID | HAS_LOCAL | HAS_REMOTE;
        e.pid = (uint32_t)getpid();
        e.local = st.local;
        e.remote = st.remote;
        (void)station_say(c->station, &e);
    }
}

static void find_names(void *context, struct names *names)
{
    const struct carrier *c = context;

    (void)names_add(names, c->interface.address, station_name(c->station));
    talk_station_names(c->station, names);
}

static void tell_netstat(struct carrier *c)
{
    struct estab_host_error ignored;
    char on[40];
    struct control_config config = {.program = CARRIED,
                                    .on = talk_on_text(&c->options.on, on),
                                    .name = station_name(c->station),
                                    .stack = c->room.stack,
                                    .diag = -1,
                                    .names = find_names,
                                    .context = c};

    c->control = control_open(&config, &ignored);
    if (c->control)
        (void)estab_loop_watch(wire_loop(c->wire), control_fd(c->control), POLLIN, control_ready,
                               c->control);
}

/* ---- made ------------------------------------------------------------------------------------------ */

/* The traces that the verb did not read are of times before ours. */
static void know_ends(struct carrier *c)
{
    struct estab_status st = {.size = sizeof st};
    struct estab_trace old;
    uint64_t cursor = 0;

    while (estab_trace_next(c->room.stack, &old))
        ;
    while (estab_list(c->room.stack, &cursor, &st))
        story_know(c->story, &(struct story_end){st.local, st.remote}, (enum tcp_state)st.state,
                   false);
}

/* NULL, or why not. */
static const char *open_room(struct carrier *c, const struct hub_guest *g)
{
    const char *wrong = room_open(&c->room, g->room);

    (void)close(g->room);
    if (wrong)
        return wrong;
    if (!estab_address_is_local(c->room.stack, g->welcome.address))
        return "its stack does not have the station's address";
    if (open_connections(c) > HUB_CARRIED)
        return "it has more connections than a station may leave";
    return open_connections(c) ? NULL : "nothing in it is open";
}

static const char *make(struct carrier *c, const struct hub_guest *g)
{
    static const char no_memory[] = "there is no memory to carry it on";
    struct estab_host_error error;
    const char *wrong = open_room(c, g);

    if (wrong)
        return wrong;
    c->options.on.kind = ON_WIRE;
    snprintf(c->options.on.name, sizeof c->options.on.name, "%s", g->wire);
    c->station = station_adopt(g);
    c->story = story_new(&(struct story_config){.cli = &c->options});
    if (!c->station || !c->story)
        return no_memory;
    station_interface(c->station, &c->interface);
    know_ends(c);
    c->wire = wire_new(&(struct wire_config){.cli = &c->options,
                                             .story = c->story,
                                             .stack = c->room.stack,
                                             .device = station_device(c->station),
                                             .interface = c->interface,
                                             .name = g->wire,
                                             .station = c->station,
                                             .sent = c->room.note.serial},
                       &error);
    return c->wire ? NULL : no_memory;
}

static void carry(const struct hub_guest *g)
{
    estab_time until = estab_now() + HUB_CARRY, now;
    struct carrier c = {.options = {.json = false}};
    const char *wrong = make(&c, g);

    if (wrong) {
        station_answer(g, wrong);
        return;
    }
    leave_all(&c);
    tell_hub(&c);
    tell_netstat(&c);
    station_answer(g, NULL); /* a netstat finds it from here on */
    take_events(&c);
    while ((now = estab_now()) < until && open_connections(&c) > 0 && !wire_gone(c.wire)) {
        wire_turn(c.wire, now + TURN);
        take_events(&c);
    }
    wire_turn(c.wire, 0); /* the last move is told */
    control_close(c.control);
}

const struct place_start carrier_start = {carry};
