/* SPDX-License-Identifier: MIT */
/* stage.c - the simulation's observer, and the programs' turns. */
#include "cli/stage.h"

#include <string.h>

/* ---- watching -------------------------------------------------------------------------------------- */

static const char *fate_note(const struct link_passage *p)
{
    return p->fate & LINK_LOST         ? "lost"
           : p->fate & LINK_QUEUE_FULL ? "lost: the queue is full"
           : p->fate & LINK_GONE       ? "lost"
           : p->fate & LINK_CORRUPTED  ? "corrupted on the way"
           : p->fate & LINK_MARKED     ? "marked CE on the way"
           : p->fate & LINK_COPY       ? "a copy"
           : p->fate & LINK_HELD       ? "was held back"
                                       : NULL;
}

static void tell(struct stage *g, const struct sim_frame *f, const struct frame_view *v, bool gone)
{
    story_packet(g->story, &(struct story_packet){
                               .frame = f->frame,
                               .view = v,
                               .wire = g->number,
                               .direction = f->from == 0 ? PCAPNG_OUT : PCAPNG_IN,
                               .serial = f->passage.serial,
                               .reason = gone ? REASONS : g->watch[f->to].reason,
                               .why = watch_why(&g->watch[f->from], f->frame),
                               .note = fate_note(&f->passage),
                               .gone = gone,
                               .time = g->begin + sim_now(g->sim),
                           });
}

static void sent(void *arg, struct sim *sim, const struct sim_frame *f)
{
    struct stage *g = arg;
    struct frame_view v;

    (void)sim;
    view_frame(&v, f->frame);
    watch_read(&g->watch[f->from], &v.dst);
    watch_know(&g->watch[f->from], &v, true);
    watch_know(&g->watch[f->to], &v, false);
    story_sent(g->story, &v, f->passage.serial);
    if (f->passage.fate & LINK_GONE)
        tell(g, f, &v, true);
}

static void arriving(void *arg, struct sim *sim, const struct sim_frame *f)
{
    struct stage *g = arg;
    struct frame_view v;

    (void)sim;
    view_frame(&v, f->frame);
    watch_read(&g->watch[f->to], &v.src);
    story_arriving(g->story, &v);
}

static void arrived(void *arg, struct sim *sim, const struct sim_frame *f)
{
    struct stage *g = arg;
    struct frame_view v;

    (void)sim;
    view_frame(&v, f->frame);
    watch_read(&g->watch[f->to], &v.src);
    tell(g, f, &v, false);
}

static void expired(void *arg, struct sim *sim, int stack)
{
    struct stage *g = arg;

    (void)sim;
    watch_read(&g->watch[stack], NULL);
}

/* ---- making ------------------------------------------------------------------------------------------ */

const char *stage_init(struct stage *g, struct story *story, uint64_t seed, unsigned number)
{
    struct sim_observer observer = {
        .arg = g, .sent = sent, .arriving = arriving, .arrived = arrived, .expired = expired};

    memset(g, 0, sizeof *g);
    g->story = story;
    g->number = number;
    g->sim = sim_new(seed);
    return g->sim && sim_observe(g->sim, &observer) ? NULL : "no memory";
}

void stage_fini(struct stage *g)
{
    sim_free(g->sim);
    g->sim = NULL;
}

int stage_add(struct stage *g, const char *name, struct estab_addr address,
              const struct estab_config *config)
{
    int stack = sim_stack_add(g->sim, name, config);

    if (stack < 0)
        return -1;
    watch_init(&g->watch[stack], g->story, sim_stack(g->sim, stack), address);
    g->watch[stack].begin = g->begin;
    g->end[stack] = sim_end_at(stack, address);
    g->stacks++;
    return stack;
}

const char *stage_join(struct stage *g, const struct link_config *link,
                       const struct cli_rules *rules)
{
    if (sim_join(g->sim, &g->end[0], &g->end[1], link, link) < 0)
        return sim_error(g->sim);
    for (unsigned i = 0; rules && i < rules->count; i++)
        if (link_rule_add(sim_link(g->sim, 0, 1), &rules->rule[i]) < 0 ||
            link_rule_add(sim_link(g->sim, 1, 0), &rules->rule[i]) < 0)
            return "too many rules";
    return NULL;
}

/* ---- playing ----------------------------------------------------------------------------------------- */

estab_time stage_now(const struct stage *g)
{
    return sim_now(g->sim);
}

estab_stack *stage_stack(const struct stage *g, int stack)
{
    return sim_stack(g->sim, stack);
}

/* Whether there were events: then more may follow from what was done. */
static bool act(struct stage *g, estab_stack *stack, estab_time now)
{
    struct estab_event e;
    bool any = false;

    if (g->server && g->server->stack == stack)
        app_server_turn(g->server, now);
    if (g->client && g->client->stack == stack)
        app_client_turn(g->client, now);
    for (; estab_event_next(stack, &e); any = true) {
        if (g->server && g->server->stack == stack)
            app_server_event(g->server, &e, now);
        if (g->client && g->client->stack == stack)
            app_client_event(g->client, &e, now);
    }
    return any;
}

static bool act_all(struct stage *g, estab_time now)
{
    const struct estab_endpoint *remote = g->client ? &g->client->remote : NULL;
    bool any = false;

    for (unsigned i = 0; i < g->stacks; i++) {
        any = act(g, sim_stack(g->sim, (int)i), now) || any;
        watch_read(&g->watch[i], remote);
    }
    return any;
}

static estab_time acts_at(const struct stage *g)
{
    estab_time server = g->server ? app_server_deadline(g->server) : ESTAB_NEVER;
    estab_time client = g->client ? app_client_deadline(g->client) : ESTAB_NEVER;

    return server < client ? server : client;
}

const char *stage_play(struct stage *g, estab_time until)
{
    enum sim_result result = SIM_REACHED;
    estab_time next, acts;

    for (;;) {
        while (act_all(g, sim_now(g->sim)))
            continue;
        next = sim_next(g->sim); /* settles what the calls have caused, events included */
        if (act_all(g, sim_now(g->sim)))
            continue;
        acts = acts_at(g);
        story_settle(g->story, g->begin + sim_now(g->sim));
        if (next > until && acts > until)
            break;
        if (next == ESTAB_NEVER && acts == ESTAB_NEVER)
            break;
        result = acts < next ? sim_run(g->sim, acts) : sim_step(g->sim);
        if (result == SIM_FAILED)
            return sim_error(g->sim);
    }
    if (until != ESTAB_NEVER)
        result = sim_run(g->sim, until);
    return result == SIM_FAILED ? sim_error(g->sim) : NULL;
}
