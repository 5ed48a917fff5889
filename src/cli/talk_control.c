/* SPDX-License-Identifier: MIT */
/* talk_control.c - a verb that talks, as netstat in another terminal sees it. */
#include "cli/talk_control.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

const char *talk_on_text(const struct cli_on *on, char out[40])
{
    static const char *const kinds[] = {[ON_SIM] = "sim",
                                        [ON_KERNEL] = "kernel",
                                        [ON_WIRE] = "wire:",
                                        [ON_PACKET] = "packet:",
                                        [ON_TAP] = "tap:"};

    snprintf(out, 40, "%s%s", kinds[on->kind], on->name);
    return out;
}

static const char *their_name(const struct talk *t)
{
    return strcmp(t->our_name, "server") == 0 ? "client" : "server";
}

void talk_station_names(const struct station *s, struct names *names)
{
    const struct station_peer *p;

    for (unsigned i = 0; (p = station_peer_at(s, i)); i++)
        if (!(p->flags & (STATION_MONITOR | STATION_CARRIED)))
            (void)names_add(names, p->address, p->name);
}

/* Of the two ends; on a wire, of all of its stations. */
static void find_names(void *context, struct names *names)
{
    const struct talk *t = context;

    (void)names_add(names, t->ours, t->our_name);
    if (t->netns)
        (void)names_add(names, t->theirs, their_name(t));
    if (t->station)
        talk_station_names(t->station, names);
}

void talk_control_open(struct talk *t, estab_loop *loop, const char *what)
{
    struct estab_host_error error = {0};
    char program[32], on[40];
    struct control_config config = {
        .program = program,
        .on = talk_on_text(&t->o->on, on),
        .name = t->our_name,
        .kernel_name = t->netns ? their_name(t) : NULL,
        .stack = t->stack,
        .diag = t->netns ? netns_diag(t->netns) : -1,
        .names = find_names,
        .context = t,
    };

    snprintf(program, sizeof program, "estab %s", what);
    t->control = control_open(&config, &error);
    if (t->control)
        estab_loop_watch(loop, control_fd(t->control), POLLIN, control_ready, t->control);
    else
        talk_say(t, "netstat will not show this stack: %s", error.text);
}
