/* SPDX-License-Identifier: MIT */
/*
 * embed.c - two TCPs in one process: no device, no clock, no thread, no allocation.
 *
 * What one stack puts out, the other is given; when nothing is left to carry, time goes on to the
 * next deadline.  Both ends say their line once they may, and close when they have heard the other.
 */
#include <estab.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct end {
    const char *name, *line;
    estab_stack *stack;
    _Alignas(64) uint8_t room[1 << 20]; /* where the stack lives */
} server = {.name = "server", .line = "good-bye"}, client = {.name = "client", .line = "hello"};

static void must(enum estab_error error)
{
    if (error != ESTAB_OK)
        exit((int)error); /* estab_error_text has a sentence for each */
}

static void start(struct end *e, struct estab_addr address, struct estab_open open)
{
    struct estab_interface wire = {
        .size = sizeof wire, .link = ESTAB_LINK_IP, .address = address, .mtu = 1500};
    struct estab_config config;
    estab_config_init(&config); /* among strangers, isn_key and hash_key are secrets of yours */
    config.connections = config.records = config.chunks = 64;
    config.sack_spares = 0; /* for who loses hundreds of segments at once */
    config.fragments = 17;  /* for who is sent datagrams in parts: one of the greatest */
    e->stack = estab_stack_init((struct estab_room){e->room, sizeof e->room}, &config, 0);
    must(e->stack && estab_interface_add(e->stack, &wire) == 0 ? ESTAB_OK : ESTAB_INVALID);
    open.size = sizeof open;
    must(estab_open(e->stack, &open, &(estab_conn){0}, 0)); /* events will name it */
}

static void hear(struct end *e, const struct estab_event *event, estab_time now)
{
    struct estab_status status = {.size = sizeof status};
    struct estab_received got = {0};
    char text[32];
    size_t taken;
    if (event->bits & ESTAB_EVENT_OPENED)
        must(estab_send(e->stack, event->conn, e->line, strlen(e->line), 0, &taken, now));
    if (event->bits & ESTAB_EVENT_READABLE) {
        must(estab_receive(e->stack, event->conn, text, sizeof text, 0, &got, now));
        must(estab_close(e->stack, event->conn, now));
    }
    estab_list(e->stack, &(uint64_t){0}, &status); /* of none, the state is CLOSED */
    printf("%6.3f s  %s  %-11s  %.*s\n", (double)now / ESTAB_SECOND, e->name,
           estab_state_name(status.state), (int)got.length, text);
}

/* One turn of `from`; when it wants the next: now, if it had something for `to`. */
static estab_time turn(struct end *from, struct end *to, estab_time now)
{
    struct estab_event event;
    struct estab_frame frame;
    estab_expire(from->stack, now);
    while (estab_event_next(from->stack, &event))
        hear(from, &event, now);
    if (estab_output(from->stack, &frame, 1, now) == 0)
        return estab_deadline(from->stack);
    estab_input(to->stack, &frame, 1, now);
    estab_output_done(from->stack, &frame, 1);
    return now;
}

int main(void)
{
    struct estab_addr here = estab_ipv4(10, 0, 0, 1), there = estab_ipv4(10, 0, 0, 2);
    start(&server, here, (struct estab_open){.local.port = 7, .passive = true});
    start(&client, there, (struct estab_open){.remote = {here, 7}});
    for (estab_time now = 0, a, b; now != ESTAB_NEVER; now = a < b ? a : b) {
        a = turn(&client, &server, now);
        b = turn(&server, &client, now);
    }
}
