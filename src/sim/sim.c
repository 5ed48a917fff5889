/* SPDX-License-Identifier: MIT */
/* sim.c - see sim.h. */
#include "sim/sim.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "sim/random.h"

#define ROOM_ALIGN  64 /* of struct estab_room */
#define PULL_FRAMES 8
#define SETTLE_MAX  (1u << 20) /* frames and events after one thing: more is a loop */
#define ERROR_MAX   256
#define LINKS_MAX   (2 * SIM_JOINS_MAX)
#define NO_LINK     (-1)

struct node {
    char name[SIM_NAME_MAX];
    void *allocation;
    uint8_t *room; /* in the allocation, aligned */
    size_t size;
    estab_stack *stack; /* in the room */
    int link_of[ESTAB_INTERFACES_MAX];
};

struct path {
    struct link *link;
    int from, to;
    uint8_t interface; /* of the receiver */
};

struct scheduled {
    estab_time when;
    uint64_t order;
    sim_call *call;
    void *arg;
};

enum due_kind {
    DUE_NOTHING,
    DUE_CALL,
    DUE_FRAME,
    DUE_DEADLINE,
};

struct due {
    enum due_kind kind;
    estab_time when;
    unsigned index; /* of the path or the node */
};

struct sim {
    uint64_t seed, digest, steps, limit;
    estab_time now;
    unsigned batch;
    bool stopping, failed;
    bool acted; /* someone may have called into any stack: all need settling */
    struct node nodes[SIM_STACKS_MAX];
    unsigned node_count;
    struct path paths[LINKS_MAX];
    unsigned path_count;
    struct sim_observer observers[SIM_OBSERVERS_MAX];
    unsigned observer_count;
    bool takes_events;
    struct scheduled *calls; /* a heap by (when, order) */
    size_t call_count, call_room;
    uint64_t call_order;
    uint8_t *scratch; /* LINK_FRAME_MAX bytes */
    void *user;
    struct due last;
    char error[ERROR_MAX];
};

static void complain(struct sim *sim, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static bool room_new(struct node *node, size_t size);
static const char *name_wrong(const struct sim *sim, const char *name);
static bool path_add(struct sim *sim, const struct sim_end *from, const struct sim_end *to,
                     const struct link_config *config);
static struct due next_due(const struct sim *sim);
static void step(struct sim *sim, struct due due);
static void settle(struct sim *sim);
static void settle_stack(struct sim *sim, unsigned index);
static void describe_limit(struct sim *sim, estab_time until);
static void call_push(struct sim *sim, struct scheduled call);
static struct scheduled call_pop(struct sim *sim);
static bool fork_rooms(struct sim *copy, const struct sim *sim);

/* ---- stacks and links ------------------------------------------------------------------------- */

struct sim *sim_new(uint64_t seed)
{
    struct sim *sim = calloc(1, sizeof *sim);
    uint8_t *scratch = malloc(LINK_FRAME_MAX);
    if (!sim || !scratch) {
        free(sim);
        free(scratch);
        return NULL;
    }
    sim->scratch = scratch;
    sim->seed = seed;
    sim->limit = SIM_STEPS_DEFAULT;
    sim->batch = 1;
    return sim;
}

void sim_free(struct sim *sim)
{
    if (!sim)
        return;
    for (unsigned i = 0; i < sim->path_count; i++)
        link_free(sim->paths[i].link);
    for (unsigned i = 0; i < sim->node_count; i++)
        free(sim->nodes[i].allocation);
    free(sim->calls);
    free(sim->scratch);
    free(sim);
}

int sim_stack_add(struct sim *sim, const char *name, const struct estab_config *config)
{
    struct estab_config own = *config;
    struct node *node = &sim->nodes[sim->node_count];
    const char *wrong = name_wrong(sim, name);
    if (!wrong)
        wrong = estab_config_check(config);
    if (wrong) {
        complain(sim, "stack \"%s\": %s", name, wrong);
        return -1;
    }
    char stream[SIM_NAME_MAX + 8];
    (void)snprintf(stream, sizeof stream, "keys %s", name);
    struct random keys = random_stream(sim->seed, stream);
    random_bytes(&keys, own.isn_key, sizeof own.isn_key);
    random_bytes(&keys, own.hash_key, sizeof own.hash_key);

    *node = (struct node){0};
    if (!room_new(node, estab_stack_size(&own))) {
        complain(sim, "stack \"%s\": no memory", name);
        return -1;
    }
    struct estab_room room = {.base = node->room, .size = node->size};
    node->stack = estab_stack_init(room, &own, sim->now);
    if (!node->stack) {
        complain(sim, "stack \"%s\": estab_stack_init refused", name);
        free(node->allocation);
        return -1;
    }
    (void)snprintf(node->name, sizeof node->name, "%s", name);
    for (unsigned i = 0; i < ESTAB_INTERFACES_MAX; i++)
        node->link_of[i] = NO_LINK;
    return (int)sim->node_count++;
}

unsigned sim_stacks(const struct sim *sim)
{
    return sim->node_count;
}

estab_stack *sim_stack(const struct sim *sim, int stack)
{
    bool there = stack >= 0 && (unsigned)stack < sim->node_count;
    return there ? sim->nodes[stack].stack : NULL;
}

const char *sim_stack_name(const struct sim *sim, int stack)
{
    bool there = stack >= 0 && (unsigned)stack < sim->node_count;
    return there ? sim->nodes[stack].name : "?";
}

struct sim_end sim_end_at(int stack, struct estab_addr address)
{
    const uint8_t *b = address.b + 12;
    return (struct sim_end){
        .stack = stack,
        .interface =
            {
                .size = sizeof(struct estab_interface),
                .link = ESTAB_LINK_ETHERNET,
                .mac = {0x02, 0x00, b[0], b[1], b[2], b[3]},
                .prefix_length = 24,
                .address = address,
                .mtu = 1500,
            },
    };
}

int sim_join(struct sim *sim, const struct sim_end *a, const struct sim_end *b,
             const struct link_config *ab, const struct link_config *ba)
{
    const char *wrong = NULL;
    if (!sim_stack(sim, a->stack) || !sim_stack(sim, b->stack) || a->stack == b->stack)
        wrong = "expected two stacks of this simulation";
    else if (sim->path_count == LINKS_MAX)
        wrong = "there are too many links";
    else if (a->interface.link != b->interface.link)
        wrong = "expected the same link type at both ends";
    else if (a->interface.super_segment != 0 || b->interface.super_segment != 0)
        wrong = "links carry no super-segments";
    else if (ab && link_config_check(ab))
        wrong = link_config_check(ab);
    else if (ba && link_config_check(ba))
        wrong = link_config_check(ba);
    if (wrong) {
        complain(sim, "join: %s", wrong);
        return -1;
    }
    int at_a = estab_interface_add(sim_stack(sim, a->stack), &a->interface);
    int at_b = estab_interface_add(sim_stack(sim, b->stack), &b->interface);
    if (at_a < 0 || at_b < 0) {
        complain(sim, "join: estab_interface_add refused");
        return -1;
    }
    unsigned first = sim->path_count;
    if (!path_add(sim, a, b, ab) || !path_add(sim, b, a, ba)) {
        sim->failed = true;
        complain(sim, "join: no memory");
        return -1;
    }
    sim->paths[first].interface = (uint8_t)at_b;
    sim->paths[first + 1].interface = (uint8_t)at_a;
    sim->nodes[a->stack].link_of[at_a] = (int)first;
    sim->nodes[b->stack].link_of[at_b] = (int)first + 1;
    return (int)first / 2;
}

struct link *sim_link(const struct sim *sim, int from, int to)
{
    for (unsigned i = 0; i < sim->path_count; i++)
        if (sim->paths[i].from == from && sim->paths[i].to == to)
            return sim->paths[i].link;
    return NULL;
}

static bool room_new(struct node *node, size_t size)
{
    node->allocation = calloc(1, size + ROOM_ALIGN - 1);
    if (!node->allocation)
        return false;
    size_t past = (uintptr_t)node->allocation % ROOM_ALIGN;
    node->room = (uint8_t *)node->allocation + (past > 0 ? ROOM_ALIGN - past : 0);
    node->size = size;
    return true;
}

static const char *name_wrong(const struct sim *sim, const char *name)
{
    if (sim->node_count == SIM_STACKS_MAX)
        return "there are too many stacks";
    if (name[0] == '\0' || strlen(name) >= SIM_NAME_MAX)
        return "expected a name of 1 to 31 bytes";
    for (unsigned i = 0; i < sim->node_count; i++)
        if (strcmp(sim->nodes[i].name, name) == 0)
            return "expected a name that no other stack has";
    return NULL;
}

/* Further links between the same two get a number, so that each has streams of its own. */
static bool path_add(struct sim *sim, const struct sim_end *from, const struct sim_end *to,
                     const struct link_config *config)
{
    static const struct link_config perfect = {0};
    unsigned number = 1;
    for (unsigned i = 0; i < sim->path_count; i++)
        number += sim->paths[i].from == from->stack && sim->paths[i].to == to->stack;
    char stream[2 * SIM_NAME_MAX + 32];
    (void)snprintf(stream, sizeof stream, "link %s>%s %u", sim->nodes[from->stack].name,
                   sim->nodes[to->stack].name, number);
    struct random seeds = random_stream(sim->seed, stream);
    struct link *link = link_new(config ? config : &perfect, random_u64(&seeds));
    if (!link)
        return false;
    sim->paths[sim->path_count++] =
        (struct path){.link = link, .from = from->stack, .to = to->stack};
    return true;
}

/* ---- observers, settings ---------------------------------------------------------------------- */

bool sim_observe(struct sim *sim, const struct sim_observer *observer)
{
    if (sim->observer_count == SIM_OBSERVERS_MAX)
        return false;
    sim->observers[sim->observer_count++] = *observer;
    sim->takes_events |= observer->event != NULL;
    return true;
}

void sim_observe_none(struct sim *sim)
{
    sim->observer_count = 0;
    sim->takes_events = false;
}

void sim_stop(struct sim *sim)
{
    sim->stopping = true;
}

estab_time sim_now(const struct sim *sim)
{
    return sim->now;
}

uint64_t sim_seed(const struct sim *sim)
{
    return sim->seed;
}

uint64_t sim_steps(const struct sim *sim)
{
    return sim->steps;
}

void sim_set_limit(struct sim *sim, uint64_t steps)
{
    sim->limit = steps;
}

void sim_set_batch(struct sim *sim, unsigned frames)
{
    sim->batch = frames < 1 ? 1 : frames > SIM_BATCH_MAX ? SIM_BATCH_MAX : frames;
}

const char *sim_error(const struct sim *sim)
{
    return sim->error;
}

uint64_t sim_digest(const struct sim *sim)
{
    return sim->digest;
}

void sim_set_user(struct sim *sim, void *user)
{
    sim->user = user;
}

void *sim_user(const struct sim *sim)
{
    return sim->user;
}

static void complain(struct sim *sim, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(sim->error, sizeof sim->error, format, arguments);
    va_end(arguments);
}

/* ---- running ---------------------------------------------------------------------------------- */

void sim_at(struct sim *sim, estab_time when, sim_call *call, void *arg)
{
    struct scheduled scheduled = {.when = when < sim->now ? sim->now : when, .call = call};
    scheduled.arg = arg;
    call_push(sim, scheduled);
}

estab_time sim_next(struct sim *sim)
{
    sim->acted = true;
    settle(sim);
    return sim->failed ? ESTAB_NEVER : next_due(sim).when;
}

enum sim_result sim_step(struct sim *sim)
{
    if (sim_next(sim) == ESTAB_NEVER)
        return sim->failed ? SIM_FAILED : SIM_IDLE;
    step(sim, next_due(sim));
    return sim->failed ? SIM_FAILED : SIM_REACHED;
}

enum sim_result sim_run(struct sim *sim, estab_time until)
{
    uint64_t last = sim->steps + sim->limit;
    sim->acted = true;
    sim->stopping = false;
    settle(sim);
    struct due due = next_due(sim);
    while (due.kind != DUE_NOTHING && due.when <= until && !sim->failed) {
        if (sim->steps >= last) {
            describe_limit(sim, until);
            return SIM_FAILED;
        }
        step(sim, due);
        if (sim->stopping && !sim->failed)
            return SIM_STOPPED;
        due = next_due(sim);
    }
    if (sim->failed)
        return SIM_FAILED;
    if (until != ESTAB_NEVER && sim->now < until)
        sim->now = until;
    return due.kind == DUE_NOTHING ? SIM_IDLE : SIM_REACHED;
}

/* The earliest; at the same moment what stands first here. */
static struct due next_due(const struct sim *sim)
{
    struct due due = {.kind = DUE_NOTHING, .when = ESTAB_NEVER};
    if (sim->call_count > 0 && sim->calls[0].when < due.when)
        due = (struct due){.kind = DUE_CALL, .when = sim->calls[0].when};
    for (unsigned i = 0; i < sim->path_count; i++) {
        estab_time when = link_next(sim->paths[i].link);
        if (when < due.when)
            due = (struct due){.kind = DUE_FRAME, .when = when, .index = i};
    }
    for (unsigned i = 0; i < sim->node_count; i++) {
        estab_time when = estab_deadline(sim->nodes[i].stack);
        if (when < sim->now) /* a deadline may be early, and time does not step back */
            when = sim->now;
        if (when < due.when)
            due = (struct due){.kind = DUE_DEADLINE, .when = when, .index = i};
    }
    return due;
}

static void deliver(struct sim *sim, const struct path *path);
static void expire(struct sim *sim, unsigned index);

static void step(struct sim *sim, struct due due)
{
    sim->steps++;
    sim->last = due;
    if (due.when > sim->now)
        sim->now = due.when;
    if (due.kind == DUE_CALL) {
        struct scheduled scheduled = call_pop(sim);
        sim->acted = true;
        scheduled.call(sim, scheduled.arg);
    } else if (due.kind == DUE_FRAME) {
        deliver(sim, &sim->paths[due.index]);
    } else {
        expire(sim, due.index);
    }
    settle(sim);
}

/* What the watchers get to see, and the digest. */
static void digest_add(struct sim *sim, const void *bytes, size_t n);
static void digest_frame(struct sim *sim, uint32_t what, const struct sim_frame *f,
                         const uint8_t *bytes);
static void digest_event(struct sim *sim, unsigned stack, const struct estab_event *event);

static void deliver(struct sim *sim, const struct path *path)
{
    struct estab_frame frames[SIM_BATCH_MAX];
    struct sim_frame seen[SIM_BATCH_MAX];
    unsigned n = 0;
    while (n < sim->batch && link_get(path->link, &frames[n], &seen[n].passage, sim->now)) {
        frames[n].interface = path->interface;
        seen[n].from = path->from;
        seen[n].to = path->to;
        seen[n].frame = &frames[n];
        digest_frame(sim, 'A', &seen[n], frames[n].part[0].base);
        n++;
    }
    for (unsigned k = 0; k < sim->observer_count; k++)
        for (unsigned i = 0; i < n && sim->observers[k].arriving; i++)
            sim->observers[k].arriving(sim->observers[k].arg, sim, &seen[i]);
    estab_input(sim->nodes[path->to].stack, frames, n, sim->now);
    for (unsigned k = 0; k < sim->observer_count; k++)
        for (unsigned i = 0; i < n && sim->observers[k].arrived; i++)
            sim->observers[k].arrived(sim->observers[k].arg, sim, &seen[i]);
    link_release(path->link);
    settle_stack(sim, (unsigned)path->to);
}

static void expire(struct sim *sim, unsigned index)
{
    estab_expire(sim->nodes[index].stack, sim->now);
    for (unsigned k = 0; k < sim->observer_count; k++)
        if (sim->observers[k].expired)
            sim->observers[k].expired(sim->observers[k].arg, sim, (int)index);
    settle_stack(sim, index);
}

static void describe_limit(struct sim *sim, estab_time until)
{
    static const char *const kinds[] = {
        [DUE_NOTHING] = "nothing",
        [DUE_CALL] = "a call",
        [DUE_FRAME] = "a frame to ",
        [DUE_DEADLINE] = "a deadline of ",
    };
    unsigned index = sim->last.index;
    const char *name = sim->last.kind == DUE_FRAME      ? sim->nodes[sim->paths[index].to].name
                       : sim->last.kind == DUE_DEADLINE ? sim->nodes[index].name
                                                        : "";
    char goal[48] = "rest";
    if (until != ESTAB_NEVER)
        (void)snprintf(goal, sizeof goal, "%" PRIu64 ".%09" PRIu64 " s", until / ESTAB_SECOND,
                       until % ESTAB_SECOND);
    complain(sim,
             "seed %" PRIu64 ": %" PRIu64 " steps did not reach %s: stopped at %" PRIu64
             ".%09" PRIu64 " s, after %s%s",
             sim->seed, sim->limit, goal, sim->now / ESTAB_SECOND, sim->now % ESTAB_SECOND,
             kinds[sim->last.kind], name);
}

/* ---- out of the stacks ------------------------------------------------------------------------ */

static void never_rests(struct sim *sim, const char *who);
static unsigned pull_frames(struct sim *sim, unsigned index);
static unsigned pull_events(struct sim *sim, unsigned index);
static void send_frame(struct sim *sim, unsigned index, const struct estab_frame *frame);

/* Until no stack has anything to say, after someone may have called into any of them. */
static void settle(struct sim *sim)
{
    for (unsigned rounds = 0; sim->acted && !sim->failed; rounds++) {
        if (rounds == SETTLE_MAX) {
            never_rests(sim, "the stacks");
            return;
        }
        sim->acted = false;
        for (unsigned i = 0; i < sim->node_count; i++)
            settle_stack(sim, i);
    }
}

static void settle_stack(struct sim *sim, unsigned index)
{
    unsigned total = 0, part;
    do {
        part = pull_frames(sim, index) + pull_events(sim, index);
        total += part;
    } while (part > 0 && total < SETTLE_MAX && !sim->failed);
    if (total >= SETTLE_MAX && !sim->failed)
        never_rests(sim, sim->nodes[index].name);
}

static void never_rests(struct sim *sim, const char *who)
{
    sim->failed = true;
    complain(sim, "seed %" PRIu64 ": %s did not come to rest at %" PRIu64 ".%09" PRIu64 " s",
             sim->seed, who, sim->now / ESTAB_SECOND, sim->now % ESTAB_SECOND);
}

static unsigned pull_frames(struct sim *sim, unsigned index)
{
    struct estab_frame frames[PULL_FRAMES];
    estab_stack *stack = sim->nodes[index].stack;
    unsigned total = 0;
    size_t n;
    do {
        n = estab_output(stack, frames, PULL_FRAMES, sim->now);
        for (size_t i = 0; i < n; i++)
            send_frame(sim, index, &frames[i]);
        estab_output_done(stack, frames, n);
        total += (unsigned)n;
    } while (n == PULL_FRAMES && total < SETTLE_MAX);
    return total;
}

static unsigned pull_events(struct sim *sim, unsigned index)
{
    struct estab_event event;
    unsigned total = 0;
    while (sim->takes_events && total < SETTLE_MAX &&
           estab_event_next(sim->nodes[index].stack, &event)) {
        total++;
        sim->acted = true;
        digest_event(sim, index, &event);
        for (unsigned k = 0; k < sim->observer_count; k++)
            if (sim->observers[k].event)
                sim->observers[k].event(sim->observers[k].arg, sim, (int)index, &event);
    }
    return total;
}

static void send_frame(struct sim *sim, unsigned index, const struct estab_frame *frame)
{
    const struct node *node = &sim->nodes[index];
    int at = frame->interface < ESTAB_INTERFACES_MAX ? node->link_of[frame->interface] : NO_LINK;
    if (at == NO_LINK)
        return; /* an interface that leads nowhere */
    const struct path *path = &sim->paths[at];
    struct sim_frame sent = {.from = path->from, .to = path->to, .frame = frame};
    sent.passage = link_put(path->link, frame, sim->now);
    if (sent.passage.fate & LINK_REFUSED) {
        sim->failed = true;
        complain(sim, "stack \"%s\" put out a frame that no link takes", node->name);
        return;
    }
    link_flatten(frame, sim->scratch);
    digest_frame(sim, 'S', &sent, sim->scratch);
    for (unsigned k = 0; k < sim->observer_count; k++)
        if (sim->observers[k].sent)
            sim->observers[k].sent(sim->observers[k].arg, sim, &sent);
}

/* ---- the digest ------------------------------------------------------------------------------- */

static uint8_t *put_u64(uint8_t *to, uint64_t x)
{
    for (unsigned i = 0; i < 8; i++)
        *to++ = (uint8_t)(x >> 8 * i);
    return to;
}

/* A chain: each link is the hash of the text, keyed by the one before. */
static void digest_add(struct sim *sim, const void *bytes, size_t n)
{
    uint8_t key[SIPHASH_KEY_BYTES];
    (void)put_u64(put_u64(key, sim->digest), n);
    sim->digest = siphash13(key, bytes, n);
}

static void digest_frame(struct sim *sim, uint32_t what, const struct sim_frame *f,
                         const uint8_t *bytes)
{
    uint8_t words[6 * 8], *p = words;
    p = put_u64(p, (uint64_t)what << 32 | f->passage.fate);
    p = put_u64(p, (uint64_t)f->from << 32 | (uint64_t)f->to);
    p = put_u64(p, sim->now);
    p = put_u64(p, f->passage.serial);
    p = put_u64(p, f->passage.sent);
    (void)put_u64(p, f->passage.due);
    digest_add(sim, words, sizeof words);
    digest_add(sim, bytes, f->frame->length);
}

static void digest_event(struct sim *sim, unsigned stack, const struct estab_event *event)
{
    uint8_t words[5 * 8], *p = words;
    p = put_u64(p, (uint64_t)'E' << 32 | stack);
    p = put_u64(p, sim->now);
    p = put_u64(p, (uint64_t)event->bits << 32 | (uint64_t)event->error);
    p = put_u64(p, (uint64_t)event->conn.index << 32 | event->conn.generation);
    (void)put_u64(p, (uint64_t)event->listener.index << 32 | event->listener.generation);
    digest_add(sim, words, sizeof words);
}

/* ---- scheduled calls -------------------------------------------------------------------------- */

static bool sooner(const struct scheduled *a, const struct scheduled *b)
{
    return a->when != b->when ? a->when < b->when : a->order < b->order;
}

static void call_push(struct sim *sim, struct scheduled call)
{
    if (sim->call_count == sim->call_room) {
        size_t room = sim->call_room > 0 ? 2 * sim->call_room : 16;
        struct scheduled *calls = NULL;
        if (room <= SIM_CALLS_MAX)
            calls = realloc(sim->calls, room * sizeof *calls);
        if (!calls) {
            sim->failed = true;
            complain(sim, "too many scheduled calls, or no memory for one more");
            return;
        }
        sim->calls = calls;
        sim->call_room = room;
    }
    size_t at = sim->call_count++;
    call.order = ++sim->call_order;
    for (; at > 0 && sooner(&call, &sim->calls[(at - 1) / 2]); at = (at - 1) / 2)
        sim->calls[at] = sim->calls[(at - 1) / 2];
    sim->calls[at] = call;
}

static struct scheduled call_pop(struct sim *sim)
{
    struct scheduled first = sim->calls[0], last = sim->calls[--sim->call_count];
    size_t at = 0, child;
    while ((child = 2 * at + 1) < sim->call_count) {
        if (child + 1 < sim->call_count && sooner(&sim->calls[child + 1], &sim->calls[child]))
            child++;
        if (!sooner(&sim->calls[child], &last))
            break;
        sim->calls[at] = sim->calls[child];
        at = child;
    }
    sim->calls[at] = last;
    return first;
}

/* ---- fork ------------------------------------------------------------------------------------- */

struct sim *sim_fork(const struct sim *sim)
{
    struct sim *copy = malloc(sizeof *copy);
    if (!copy)
        return NULL;
    *copy = *sim;
    copy->node_count = copy->path_count = 0; /* what is already the copy's own */
    copy->calls = malloc((sim->call_room + 1) * sizeof *copy->calls);
    copy->scratch = malloc(LINK_FRAME_MAX);
    if (!copy->calls || !copy->scratch || !fork_rooms(copy, sim)) {
        sim_free(copy);
        return NULL;
    }
    if (sim->call_count > 0)
        memcpy(copy->calls, sim->calls, sim->call_count * sizeof *copy->calls);
    for (unsigned i = 0; i < sim->path_count; i++) {
        copy->paths[i].link = link_copy(sim->paths[i].link);
        if (!copy->paths[i].link) {
            sim_free(copy);
            return NULL;
        }
        copy->path_count++;
    }
    return copy;
}

/* A stack is its room: the bytes, wherever they lie. */
static bool fork_rooms(struct sim *copy, const struct sim *sim)
{
    for (unsigned i = 0; i < sim->node_count; i++) {
        const struct node *node = &sim->nodes[i];
        size_t offset = (size_t)((const uint8_t *)node->stack - node->room);
        if (!room_new(&copy->nodes[i], node->size))
            return false;
        copy->node_count++;
        memcpy(copy->nodes[i].room, node->room, node->size);
        copy->nodes[i].stack = (estab_stack *)(void *)(copy->nodes[i].room + offset);
    }
    return true;
}
