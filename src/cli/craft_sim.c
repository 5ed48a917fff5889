/* SPDX-License-Identifier: MIT */
/* craft_sim.c - two links, one stack, one program; the first of them that is due acts. */
#include "cli/craft_sim.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "cli/talk.h"

#define DELAY    (10 * ESTAB_MS)
#define HOLD_MS  1000 /* a client's, from ESTABLISHED to its CLOSE */
#define CLOSE_MS 1000 /* a server's, from our FIN to its own */
#define BACKLOG  16
#define FRAMES   16
#define GREETING "hello\n"

struct craft_sim {
    struct craft_sim_config config;
    void *room;
    size_t room_size;
    estab_stack *stack;
    struct watch watch;
    struct link *to_peer, *to_us;
    uint64_t serial; /* of the peer's frames */
    struct app_server server;
    struct app_client client;
    estab_time now;
};

/* ---- the peer's program --------------------------------------------------------------------------- */

static bool start_program(struct craft_sim *s)
{
    const struct craft_sim_config *c = &s->config;

    if (c->peer_listens) {
        s->server.stack = s->stack;
        s->server.hooks = c->hooks;
        s->server.close_ms = CLOSE_MS;
        return app_server_listen(&s->server,
                                 &(struct estab_listen){.size = sizeof(struct estab_listen),
                                                        .local.port = c->port,
                                                        .backlog = BACKLOG}) == ESTAB_OK;
    }
    s->client.stack = s->stack;
    s->client.hooks = c->hooks;
    s->client.hold_ms = HOLD_MS;
    s->client.request = GREETING;
    return app_client_open(&s->client,
                           &(struct estab_open){.size = sizeof(struct estab_open),
                                                .remote = c->ours},
                           s->now) == ESTAB_OK;
}

static void act(struct craft_sim *s)
{
    struct estab_event e;

    if (s->config.peer_listens)
        app_server_turn(&s->server, s->now);
    else
        app_client_turn(&s->client, s->now);
    while (estab_event_next(s->stack, &e)) {
        if (s->config.peer_listens)
            app_server_event(&s->server, &e, s->now);
        else
            app_client_event(&s->client, &e, s->now);
    }
}

static estab_time acts_at(const struct craft_sim *s)
{
    return s->config.peer_listens ? app_server_deadline(&s->server)
                                  : app_client_deadline(&s->client);
}

/* ---- frames ------------------------------------------------------------------------------------------ */

static void output(struct craft_sim *s)
{
    struct estab_frame frames[FRAMES];
    struct frame_view v;
    size_t n;

    do {
        n = estab_output(s->stack, frames, FRAMES, s->now);
        for (size_t i = 0; i < n; i++) {
            view_frame(&v, &frames[i]);
            watch_read(&s->watch, &v.dst);
            watch_know(&s->watch, &v, true);
            story_sent(s->config.story, &v, ++s->serial);
            (void)link_put(s->to_us, &frames[i], s->now);
        }
        estab_output_done(s->stack, frames, n);
    } while (n == FRAMES);
}

static void tell(struct craft_sim *s, const struct estab_frame *f, const struct frame_view *v,
                 uint64_t serial)
{
    story_packet(s->config.story, &(struct story_packet){
                                      .frame = f,
                                      .view = v,
                                      .wire = s->config.wire,
                                      .direction = PCAPNG_OUT,
                                      .serial = serial,
                                      .reason = s->watch.reason,
                                      .why = WHYS,
                                      .time = s->now,
                                  });
}

static void arrive_at_peer(struct craft_sim *s)
{
    struct link_passage passage;
    struct estab_frame f;
    struct frame_view v;

    while (link_get(s->to_peer, &f, &passage, s->now)) {
        view_frame(&v, &f);
        watch_read(&s->watch, &v.src);
        watch_know(&s->watch, &v, false);
        story_arriving(s->config.story, &v);
        estab_input(s->stack, &f, 1, s->now);
        watch_read(&s->watch, &v.src);
        tell(s, &f, &v, passage.serial);
        s->config.reached(s->config.context, &v, s->watch.reason);
    }
    link_release(s->to_peer);
}

static void arrive_at_us(struct craft_sim *s)
{
    struct link_passage passage;
    struct estab_frame f;
    struct frame_view v;

    while (link_get(s->to_us, &f, &passage, s->now)) {
        view_frame(&v, &f);
        story_arriving(s->config.story, &v);
        s->config.came(s->config.context, &f, &v, passage.serial, watch_why(&s->watch, &f));
    }
    link_release(s->to_us);
}

void craft_sim_put(struct craft_sim *s, const uint8_t *bytes, size_t n)
{
    struct estab_frame f = {.length = (uint32_t)n, .link = ESTAB_LINK_ETHERNET, .parts = 1};

    f.part[0] = (struct estab_part){(uint8_t *)bytes, (uint32_t)n}; /* only read: link_put copies */
    (void)link_put(s->to_peer, &f, s->now);
}

/* ---- time --------------------------------------------------------------------------------------------- */

static estab_time earliest(const struct craft_sim *s)
{
    estab_time at[] = {link_next(s->to_peer), link_next(s->to_us), estab_deadline(s->stack),
                       acts_at(s)};
    estab_time first = ESTAB_NEVER;

    for (unsigned i = 0; i < sizeof at / sizeof at[0]; i++)
        first = at[i] < first ? at[i] : first;
    return first;
}

bool craft_sim_run(struct craft_sim *s, estab_time until)
{
    estab_time due = earliest(s);

    if (due > until) {
        s->now = until > s->now ? until : s->now;
        story_settle(s->config.story, s->now);
        return false;
    }
    s->now = due > s->now ? due : s->now;
    arrive_at_peer(s);
    arrive_at_us(s);
    if (estab_deadline(s->stack) <= s->now) {
        estab_expire(s->stack, s->now);
        watch_read(&s->watch, NULL);
    }
    act(s);
    watch_read(&s->watch, &s->config.ours);
    output(s);
    story_settle(s->config.story, s->now);
    return true;
}

estab_time craft_sim_now(const struct craft_sim *s)
{
    return s->now;
}

enum tcp_state craft_sim_state(const struct craft_sim *s, const struct estab_endpoint *peer,
                               const struct estab_endpoint *ours)
{
    return watch_state(&s->watch, peer, ours);
}

/* ---- making ----------------------------------------------------------------------------------------------- */

static bool make_stack(struct craft_sim *s)
{
    struct estab_config config = talk_config(s->config.cli, true);
    struct estab_interface interface = sim_end_at(0, s->config.peer).interface;

    interface.prefix_length = s->config.prefix_length;
    config.time_wait_reset = true; /* as RFC 9293 has it, and so judge.c */
    s->room_size = estab_stack_size(&config);
    s->room = mmap(NULL, s->room_size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (s->room == MAP_FAILED)
        s->room = NULL;
    if (!s->room)
        return false;
    s->stack = estab_stack_init((struct estab_room){s->room, s->room_size}, &config, 0);
    return s->stack && estab_interface_add(s->stack, &interface) == 0;
}

struct craft_sim *craft_sim_new(const struct craft_sim_config *config)
{
    struct link_config way = {.delay_ns = DELAY};
    struct craft_sim *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->config = *config;
    s->to_peer = link_new(&way, config->cli->seed);
    s->to_us = link_new(&way, config->cli->seed);
    if (!s->to_peer || !s->to_us || !make_stack(s)) {
        craft_sim_free(s);
        return NULL;
    }
    watch_init(&s->watch, config->story, s->stack, config->peer);
    if (!start_program(s)) {
        craft_sim_free(s);
        return NULL;
    }
    watch_read(&s->watch, &config->ours);
    output(s);
    return s;
}

void craft_sim_free(struct craft_sim *s)
{
    if (!s)
        return;
    link_free(s->to_peer);
    link_free(s->to_us);
    talk_stack_free(s->room, s->room_size);
    free(s);
}
