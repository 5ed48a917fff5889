/* SPDX-License-Identifier: MIT */
/* recovery_run.c - see recovery_run.h. */
#include "support/recovery_run.h"

#include <string.h>

#include "sim/sim.h"

enum { CLIENT, SERVER };

#define PORT       3333
#define LINK       "delay 20ms rate 100mbit"
#define ONE_WAY    (20 * ESTAB_MS)
#define SPACING    121120 /* ns that a full segment takes at the rate */
#define SEGMENTS   1024
#define LONG       (300 * ESTAB_SECOND)
#define PASSES     64

/* A frame of one direction that is hit. */
struct hit {
    uint64_t serial;
    estab_time sent, hold; /* 0: lost */
    bool ack;
};

struct run {
    const struct recovery_case *of;
    struct recovery_cost *cost;
    estab_conn conn;
    estab_listener listener;
    estab_conn accepted;
    bool failed, opened;
    uint32_t iss;
    struct hit plan[2 * LINK_RULES_MAX];
    unsigned planned, found; /* found: behind those planned */
    uint8_t sent[SEGMENTS], arrived[SEGMENTS]; /* how often each segment was; [0] is a FIN alone */
    uint32_t acked;          /* segments that the server has acknowledged at most */
    unsigned acks_hit, acks_seen, held;
    bool acks_done;
    estab_time spike_at, began; /* 0: not yet */
    unsigned before_late;
    uint32_t cwnd, ssthresh; /* before the step that is under way */
};

/* ---- what is to be hit ----------------------------------------------------------------------------- */

static bool planned(struct run *r, const struct sim_frame *f, bool ack)
{
    for (unsigned i = 0; i < r->planned; i++)
        if (r->plan[i].ack == ack && r->plan[i].serial == f->passage.serial)
            return true;
    return false;
}

static void hit(struct run *r, const struct sim_frame *f, bool ack, estab_time hold)
{
    const struct hit *first = &r->plan[r->planned];

    if (r->began == 0)
        r->began = f->passage.sent;
    if (planned(r, f, ack))
        return;
    if (r->planned + r->found == 2 * LINK_RULES_MAX) {
        r->failed = true;
        return;
    }
    /* What is sent a round trip later would not have been sent like that. */
    if (r->found > 0 && f->passage.sent >= first->sent + 2 * ONE_WAY)
        return;
    r->plan[r->planned + r->found++] =
        (struct hit){.serial = f->passage.serial, .sent = f->passage.sent, .hold = hold, .ack = ack};
}

/* How long a frame is held up by a spike that began at spike_at, behind those held up before it. */
static estab_time spike_hold(struct run *r, const struct sim_frame *f)
{
    estab_time due = r->spike_at + r->of->spike_ns + ONE_WAY + r->held++ * SPACING;

    return due > f->passage.due ? due - f->passage.due : 1;
}

static bool in_spike(struct run *r, unsigned segment, estab_time now)
{
    if (r->of->spike == 0)
        return false;
    if (r->spike_at == 0 && segment >= r->of->spike)
        r->spike_at = r->began = now;
    return r->spike_at > 0 && now < r->spike_at + r->of->spike_ns;
}

static bool in_loss(const struct recovery_case *c, unsigned segment, unsigned time)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct recovery_loss *l = &c->lost[i];

        if (segment >= l->first && segment <= l->last && time <= l->times && (segment - l->first) % c->every == 0)
            return true;
    }
    return false;
}

static void text_sent(struct run *r, const struct sim_frame *f, unsigned segment)
{
    const struct recovery_case *c = r->of;
    estab_time behind = c->behind * (estab_time)SPACING + SPACING / 2;
    unsigned time = ++r->sent[segment];
    bool first = time == 1;

    if (first && ((c->learned && segment == RECOVERY_FIRST) || (c->earlier && segment == c->earlier))) {
        hit(r, f, false, c->learned ? behind : 0);
        r->began = 0; /* it is not what is looked at */
    } else if (!c->acks && in_loss(c, segment, time))
        hit(r, f, false, 0);
    else if (c->late > 0 && first && segment == c->late)
        hit(r, f, false, behind);
    else if (!c->acks && in_spike(r, segment, f->passage.sent))
        hit(r, f, false, spike_hold(r, f));
    if (r->began > 0 && !first)
        r->cost->again++;
}

static void ack_sent(struct run *r, const struct sim_frame *f, unsigned segment)
{
    const struct recovery_case *c = r->of;
    const struct recovery_loss *l = &c->lost[0];

    if (!c->acks)
        return;
    if (c->spike > 0) {
        if (in_spike(r, segment, f->passage.sent))
            hit(r, f, true, spike_hold(r, f));
        return;
    }
    if (segment < l->first || segment > l->last || r->acks_done)
        return;
    if (++r->acks_seen % c->every == 0)
        hit(r, f, true, 0);
    r->acks_done = segment == l->last;
}

/* ---- what is seen ----------------------------------------------------------------------------------- */

struct look {
    uint32_t seq, ack, text;
    uint8_t flags;
    bool tcp;
};

static uint32_t u32_at(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Ethernet, IPv4 without options. */
static struct look look(const struct estab_frame *f)
{
    const uint8_t *p = f->head_length ? f->head : f->part[0].base;
    uint32_t total = (uint32_t)p[16] << 8 | p[17];

    if (p[12] != 8 || p[13] != 0 || p[23] != 6)
        return (struct look){0};
    return (struct look){.seq = u32_at(p + 38),
                         .ack = u32_at(p + 42),
                         .text = total - 20 - (p[46] >> 4) * 4u,
                         .flags = p[47],
                         .tcp = true};
}

/* By what it begins with; 0: a FIN alone. */
static unsigned segment_of(const struct run *r, const struct look *l)
{
    return l->text == 0 ? 0 : (l->seq - r->iss - 1) / r->cost->mss + 1;
}

static void on_sent(void *arg, struct sim *sim, const struct sim_frame *f)
{
    struct run *r = sim_user(sim);
    struct look l = look(f->frame);

    (void)arg;
    if (!l.tcp || !r->opened || (l.flags & LINK_SYN))
        return;
    if (f->from == CLIENT && (l.text > 0 || (l.flags & LINK_FIN)))
        text_sent(r, f, segment_of(r, &l));
    else if (f->from == SERVER)
        ack_sent(r, f, (l.ack - r->iss - 1) / r->cost->mss);
}

static void on_arriving(void *arg, struct sim *sim, const struct sim_frame *f)
{
    struct run *r = sim_user(sim);
    struct look l = look(f->frame);
    unsigned segment;

    (void)arg;
    if (!l.tcp || f->to != SERVER || l.text == 0)
        return;
    segment = segment_of(r, &l);
    if (r->arrived[segment]++ > 0)
        r->cost->in_vain += r->began > 0;
    else if (r->of->late > 0 && segment > r->of->late && r->arrived[r->of->late] == 0)
        r->cost->overtaken++;
}

/* ---- the users --------------------------------------------------------------------------------------- */

static void client_opened(struct sim *sim, struct run *r)
{
    static const uint8_t text[SEGMENTS * 1460];
    estab_stack *stack = sim_stack(sim, CLIENT);
    struct estab_status st = {.size = sizeof st};
    size_t taken = 0, n;

    r->failed |= estab_status(stack, r->conn, &st) != ESTAB_OK;
    r->iss = st.iss;
    r->cost->mss = st.snd_mss;
    r->opened = true;
    n = (size_t)r->of->segments * st.snd_mss;
    r->failed |= estab_send(stack, r->conn, text, n, 0, &taken, sim_now(sim)) != ESTAB_OK || taken != n;
    if (r->of->close)
        r->failed |= estab_close(stack, r->conn, sim_now(sim)) != ESTAB_OK;
}

static void on_event(void *arg, struct sim *sim, int stack, const struct estab_event *event)
{
    static uint8_t text[65536];
    struct run *r = sim_user(sim);
    struct estab_received got;

    (void)arg;
    if (stack == CLIENT && (event->bits & ESTAB_EVENT_OPENED))
        client_opened(sim, r);
    if (stack == SERVER && (event->bits & ESTAB_EVENT_ACCEPT))
        r->failed |= estab_accept(sim_stack(sim, SERVER), r->listener, &r->accepted) != ESTAB_OK;
    r->failed |= (event->bits & (ESTAB_EVENT_CLOSED | ESTAB_EVENT_SOFT_ERROR)) != 0;
    if (stack == SERVER && r->accepted.generation > 0)
        while (estab_receive(sim_stack(sim, SERVER), r->accepted, text, sizeof text, 0, &got, sim_now(sim)) ==
                   ESTAB_OK &&
               !got.end)
            continue;
}

/* ---- a run ---------------------------------------------------------------------------------------------- */

static struct estab_config config_of(const struct recovery_case *c, enum estab_recovery recovery,
                                     enum estab_congestion congestion)
{
    struct estab_config config;

    estab_config_init(&config);
    config.connections = config.records = 4;
    config.listeners = 1;
    config.chunks = 4096;
    config.tuning = false;
    config.receive_buffer = config.receive_reserve = config.send_buffer = config.send_reserve = 4 << 20;
    config.initial_window_segments = RECOVERY_FIRST - 1;
    config.trace_records = 4096;
    config.sack_ranges = 1024;
    config.timestamps = !c->plain;
    config.recovery = (uint8_t)recovery;
    config.congestion = (uint8_t)congestion;
    config.hystart = ESTAB_HYSTART_OFF;
    return config;
}

static bool rules_add(struct sim *sim, const struct run *r)
{
    for (unsigned i = 0; i < r->planned; i++) {
        const struct hit *h = &r->plan[i];
        struct link_rule rule = {.nth = h->serial,
                                 .action = h->hold > 0 ? LINK_DELAY : LINK_DROP,
                                 .delay_ns = h->hold};
        int from = h->ack ? SERVER : CLIENT;

        if (link_rule_add(sim_link(sim, from, 1 - from), &rule) < 0)
            return false;
    }
    return true;
}

static struct sim *world(struct run *r, const struct estab_config *config)
{
    struct sim_observer observer = {.sent = on_sent, .arriving = on_arriving, .event = on_event};
    struct sim_end client = sim_end_at(CLIENT, estab_ipv4(10, 13, 0, 101));
    struct sim_end server = sim_end_at(SERVER, estab_ipv4(10, 13, 0, 1));
    struct estab_listen listen = {.size = sizeof listen, .local.port = PORT, .backlog = 1};
    struct estab_open open = {.size = sizeof open, .remote = {estab_ipv4(10, 13, 0, 1), PORT}};
    struct link_config both = {0};
    char error[LINK_ERROR_MAX];
    struct sim *sim = sim_new(1);

    if (!sim)
        return NULL;
    sim_set_user(sim, r);
    if (link_config_parse(&both, LINK, error) && sim_stack_add(sim, "client", config) == CLIENT &&
        sim_stack_add(sim, "server", config) == SERVER && sim_observe(sim, &observer) &&
        sim_join(sim, &client, &server, &both, &both) == 0 && rules_add(sim, r) &&
        estab_listen(sim_stack(sim, SERVER), &listen, &r->listener) == ESTAB_OK &&
        estab_open(sim_stack(sim, CLIENT), &open, &r->conn, 0) == ESTAB_OK)
        return sim;
    sim_free(sim);
    return NULL;
}

static void taken_for_a_loss(struct run *r)
{
    if (r->cost->cwnd_before > 0)
        return;
    r->cost->cwnd_before = r->cwnd;
    r->cost->ssthresh_before = r->ssthresh;
}

/* What the client's trace tells of the step that was made. */
static void read_trace(struct sim *sim, struct run *r)
{
    struct recovery_cost *cost = r->cost;
    struct estab_trace t;

    while (estab_trace_next(sim_stack(sim, CLIENT), &t)) {
        if (r->began == 0)
            continue;
        if (t.kind == TRACE_TIMER_FIRED && t.arg[0] == TIMER_RETRANSMIT) {
            taken_for_a_loss(r);
            cost->timeouts++;
        } else if (t.kind == TRACE_RECOVERY_ENTERED) {
            taken_for_a_loss(r);
            cost->recoveries++;
        } else if (t.kind == TRACE_TAIL_PROBE) {
            cost->probes++;
        } else if (t.kind == TRACE_UNDONE) {
            cost->undone++;
            cost->cwnd_undone = t.arg[1];
            cost->ssthresh_undone = t.arg[2];
            cost->undone_by = (enum cwnd_rule)t.arg[3];
        }
    }
}

/* Where the client stands. */
static void read_status(struct sim *sim, struct run *r)
{
    struct estab_status st = {.size = sizeof st};
    uint32_t acked;

    if (!r->opened || estab_status(sim_stack(sim, CLIENT), r->conn, &st) != ESTAB_OK)
        return;
    acked = (st.snd_una - r->iss - 1) / r->cost->mss;
    r->cwnd = st.cwnd;
    r->ssthresh = st.ssthresh;
    if (acked >= r->of->until && r->cost->took == 0 && r->began > 0) {
        r->cost->took = sim_now(sim) - r->began;
        r->cost->cwnd_after = st.cwnd;
    }
}

/* To the end, and some time for what comes late; or until it is clear that it has to run again. */
static bool pass(struct run *r, const struct estab_config *config)
{
    struct sim *sim = world(r, config);
    bool done = false;

    if (!sim)
        return false;
    while (!done && !r->failed && sim_next(sim) < LONG && sim_step(sim) == SIM_REACHED) {
        read_trace(sim, r);
        read_status(sim, r);
        done = r->found > 0 && sim_now(sim) > r->plan[r->planned].sent + 2 * ONE_WAY;
    }
    sim_free(sim);
    return !r->failed;
}

bool recovery_run(const struct recovery_case *c, enum estab_recovery recovery,
                  enum estab_congestion congestion, struct recovery_cost *cost, const char **why)
{
    struct estab_config config = config_of(c, recovery, congestion);
    struct run r = {0};

    *why = "it cannot be set up, or a call was refused";
    for (unsigned i = 0; i < PASSES; i++) {
        unsigned n = r.planned + r.found;
        struct run next = {.of = c, .cost = cost, .planned = n};

        memcpy(next.plan, r.plan, n * sizeof r.plan[0]);
        *cost = (struct recovery_cost){0};
        r = next;
        if (!pass(&r, &config))
            return false;
        if (r.found > 0)
            continue;
        *why = cost->took > 0 ? "" : "the transfer did not end";
        return cost->took > 0;
    }
    *why = "it does not come to rest";
    return false;
}
