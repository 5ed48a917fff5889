/* SPDX-License-Identifier: MIT */
/*
 * loop.c - the turn of estab_loop_once.
 *
 *      links -> expire -> output        what the caller's calls and the time have caused
 *      wait                             for a frame, a descriptor, a deadline, a link, `until`
 *      watches -> receive -> links -> expire -> output
 *
 * Frames that the stack has output wait in `out` until their device has taken them; meanwhile
 * nothing more is taken from the stack, so one slow device slows the others.  There are at most
 * ESTAB_INTERFACES_MAX devices and ESTAB_LOOP_WATCHES_MAX watched descriptors.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "loop/impair.h"
#include "loop/port.h"

#define BATCH      PORT_BATCH
#define ROUNDS_MAX 16               /* batches that one turn sends, so that it also receives */
#define REST       (100 * ESTAB_MS) /* after an error of a device */

struct watch {
    int fd; /* -1: free */
    short events;
    estab_loop_ready *ready;
    void *context;
};

struct estab_loop {
    estab_stack *stack;
    struct estab_observer observer;
    bool observed;
    void (*leave)(void *context), (*enter)(void *context); /* estab_loop_aside */
    void *aside;
    struct port port[ESTAB_INTERFACES_MAX];
    struct watch watch[ESTAB_LOOP_WATCHES_MAX];
    size_t out_count, out_next;
    struct estab_frame out[BATCH], in[BATCH];
};

/* ---- what it consists of -------------------------------------------------------------------- */

estab_loop *estab_loop_new(estab_stack *stack)
{
    estab_loop *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->stack = stack;
    for (unsigned i = 0; i < ESTAB_LOOP_WATCHES_MAX; i++)
        l->watch[i].fd = -1;
    return l;
}

void estab_loop_free(estab_loop *l)
{
    if (!l)
        return;
    estab_output_done(l->stack, l->out + l->out_next, l->out_count - l->out_next);
    for (unsigned i = 0; i < ESTAB_INTERFACES_MAX; i++)
        port_fini(&l->port[i]);
    free(l);
}

enum estab_error estab_loop_join(estab_loop *l, int interface, estab_device *device)
{
    if (interface < 0 || interface >= ESTAB_INTERFACES_MAX || l->port[interface].device)
        return ESTAB_INVALID;
    if (!port_init(&l->port[interface], device, interface))
        return ESTAB_NO_RESOURCES;
    return estab_interface_announce(l->stack, interface);
}

enum estab_error loop_impair(estab_loop *l, int interface, const struct loop_impairment *m)
{
    static const struct loop_impairment none;
    if (interface < 0 || interface >= ESTAB_INTERFACES_MAX || !l->port[interface].device)
        return ESTAB_INVALID;
    struct port *p = &l->port[interface];
    if (p->impairment.outward && p->due)
        link_release(p->impairment.outward);
    p->due = p->due_next = 0;
    p->impairment = m ? *m : none;
    return ESTAB_OK;
}

void estab_loop_observe(estab_loop *l, const struct estab_observer *observer)
{
    static const struct estab_observer none;
    l->observer = observer ? *observer : none;
    l->observed = observer != NULL;
}

void estab_loop_aside(estab_loop *l, void (*leave)(void *context), void (*enter)(void *context),
                      void *context)
{
    l->leave = leave;
    l->enter = enter;
    l->aside = context;
}

enum estab_error estab_loop_watch(estab_loop *l, int fd, short events, estab_loop_ready *ready,
                                  void *context)
{
    struct watch *free_one = NULL;
    for (unsigned i = 0; i < ESTAB_LOOP_WATCHES_MAX; i++) {
        struct watch *w = &l->watch[i];
        if (w->fd == fd) {
            *w = (struct watch){ready ? fd : -1, events, ready, context};
            return ESTAB_OK;
        }
        if (w->fd < 0 && !free_one)
            free_one = w;
    }
    if (!ready)
        return ESTAB_OK;
    if (!free_one || fd < 0)
        return free_one ? ESTAB_INVALID : ESTAB_NO_RESOURCES;
    *free_one = (struct watch){fd, events, ready, context};
    return ESTAB_OK;
}

/* ---- output ----------------------------------------------------------------------------------- */

static bool has_link(const struct port *p)
{
    return p->impairment.inward != NULL;
}

static bool take_output(estab_loop *l, estab_time now)
{
    l->out_next = 0;
    l->out_count = estab_output(l->stack, l->out, BATCH, now);
    for (size_t i = 0; i < l->out_count && l->observer.leaving; i++)
        l->observer.leaving(l->observer.context, &l->out[i], now);
    return l->out_count > 0;
}

/* Frames in a row that go the same way; an interface without a device is a wire cut off. */
static bool send_some(estab_loop *l, estab_time now)
{
    const struct estab_frame *first = &l->out[l->out_next];
    struct port *p = first->interface < ESTAB_INTERFACES_MAX ? &l->port[first->interface] : NULL;
    size_t n = 1;
    while (l->out_next + n < l->out_count && first[n].interface == first->interface)
        n++;
    size_t sent = p && p->device ? port_send(p, first, n, now) : n;
    estab_output_done(l->stack, first, sent);
    l->out_next += sent;
    return sent == n;
}

/* True if anything was output. */
static bool output(estab_loop *l, estab_time now)
{
    bool any = false;
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        while (l->out_next < l->out_count)
            if (!send_some(l, now))
                return any; /* the device is full: its descriptor will tell */
        if (!take_output(l, now))
            break;
        any = true;
    }
    for (unsigned i = 0; i < ESTAB_INTERFACES_MAX; i++)
        any = port_release(&l->port[i], now) || any;
    return any;
}

/* ---- input -------------------------------------------------------------------------------------- */

/* One by one, each followed by what it causes. */
static void input_observed(estab_loop *l, struct estab_frame *in, size_t n)
{
    const struct estab_observer *o = &l->observer;
    for (size_t i = 0; i < n; i++) {
        estab_time now = estab_now();
        if (!in[i].length)
            continue;
        if (o->arriving)
            o->arriving(o->context, &in[i], now);
        estab_input(l->stack, &in[i], 1, now);
        if (o->arrived)
            o->arrived(o->context, &in[i], now);
        output(l, estab_now()); /* what was called has told the stack newer times */
    }
}

static void input(estab_loop *l, struct estab_frame *in, size_t n, estab_time now)
{
    if (l->observed)
        input_observed(l, in, n);
    else if (n)
        estab_input(l->stack, in, n, now);
}

static bool receive(estab_loop *l, struct port *p, estab_time now)
{
    size_t got;
    bool borrow = !l->observed && !has_link(p);
    size_t n = port_receive(p, borrow ? l->stack : NULL, l->in, &got);
    if (has_link(p))
        port_delay(p, l->in, n, now);
    else
        input(l, l->in, n, now);
    return got > 0;
}

/* What has come to the end of the inward links. */
static bool arrive(estab_loop *l, struct port *p, estab_time now)
{
    bool any = false;
    while (has_link(p)) {
        size_t n = 0;
        while (n < BATCH && link_get(p->impairment.inward, &l->in[n], NULL, now))
            n++;
        input(l, l->in, n, now);
        link_release(p->impairment.inward);
        any = any || n;
        if (n < BATCH)
            break;
    }
    return any;
}

static bool arrivals(estab_loop *l, estab_time now)
{
    bool any = false;
    for (unsigned i = 0; i < ESTAB_INTERFACES_MAX; i++)
        any = arrive(l, &l->port[i], now) || any;
    return any;
}

/* A stack at rest needs none, so nobody is woken for them. */
static void renew_keys(estab_loop *l, estab_time now)
{
    uint8_t keys[2][16];

    if (estab_keys_due(l->stack) > now)
        return;
    estab_random(keys, sizeof keys);
    (void)!estab_keys_change(l->stack, keys[0], keys[1], now);
}

static bool expire(estab_loop *l, estab_time now)
{
    renew_keys(l, now);
    if (estab_deadline(l->stack) > now)
        return false;
    estab_expire(l->stack, now);
    if (l->observer.expired)
        l->observer.expired(l->observer.context, now);
    return true;
}

/* ---- waiting ------------------------------------------------------------------------------------ */

struct set {
    struct pollfd fd[ESTAB_INTERFACES_MAX + ESTAB_LOOP_WATCHES_MAX];
    void *of[ESTAB_INTERFACES_MAX + ESTAB_LOOP_WATCHES_MAX]; /* its port or watch */
    unsigned ports, all;                                     /* ports come first */
};

static void add(struct set *s, int fd, int events, void *of)
{
    s->fd[s->all] = (struct pollfd){.fd = fd, .events = (short)events};
    s->of[s->all++] = of;
}

static void gather(estab_loop *l, struct set *s, estab_time now)
{
    s->all = 0;
    for (unsigned i = 0; i < ESTAB_INTERFACES_MAX; i++) {
        struct port *p = &l->port[i];
        if (p->device && p->rests <= now)
            add(s, estab_device_fd(p->device), POLLIN | (p->blocked ? POLLOUT : 0), p);
    }
    s->ports = s->all;
    for (unsigned i = 0; i < ESTAB_LOOP_WATCHES_MAX; i++)
        if (l->watch[i].fd >= 0)
            add(s, l->watch[i].fd, l->watch[i].events, &l->watch[i]);
}

static estab_time earlier(estab_time a, estab_time b)
{
    return a < b ? a : b;
}

/* When to come back, if nothing happens. */
static estab_time next(const estab_loop *l, estab_time until, estab_time now)
{
    estab_time when = earlier(until, estab_deadline(l->stack));
    for (unsigned i = 0; i < ESTAB_INTERFACES_MAX; i++) {
        const struct port *p = &l->port[i];
        when = earlier(when, port_next(p));
        if (p->rests > now)
            when = earlier(when, p->rests);
    }
    return when;
}

static int wait_for(estab_loop *l, struct set *s, estab_time when, estab_time now)
{
    estab_time left = when > now ? when - now : 0;
    struct timespec t = {.tv_sec = (time_t)(left / ESTAB_SECOND),
                         .tv_nsec = (long)(left % ESTAB_SECOND)};
    if (l->leave)
        l->leave(l->aside);
    int ready = ppoll(s->fd, s->all, when == ESTAB_NEVER ? NULL : &t, NULL);
    int number = errno;
    if (l->enter)
        l->enter(l->aside);
    errno = number;
    return ready;
}

/* A callback may have ended any watch, its own included, or given its place to another. */
static void call_watches(const struct set *s, estab_time now)
{
    for (unsigned i = s->ports; i < s->all; i++) {
        const struct watch *w = s->of[i];
        if (s->fd[i].revents && w->fd == s->fd[i].fd)
            w->ready(w->context, w->fd, s->fd[i].revents, now);
    }
}

/* An interface that was deleted reports an error for ever: it is asked again after a rest. */
static void receive_all(estab_loop *l, const struct set *s, estab_time now)
{
    for (unsigned i = 0; i < s->ports; i++) {
        struct port *p = s->of[i];
        short what = s->fd[i].revents;
        if (what & POLLOUT)
            p->blocked = false;
        if ((what & ~POLLOUT) && !receive(l, p, now) && what & (POLLERR | POLLHUP | POLLNVAL))
            p->rests = now + REST;
    }
}

enum estab_loop_result estab_loop_once(estab_loop *l, estab_time until)
{
    struct set set;
    estab_time now = estab_now();
    bool worked = arrivals(l, now);
    worked = expire(l, now) || worked;
    worked = output(l, now) || worked;
    worked = estab_event_pending(l->stack) || worked; /* output to ourselves is input, too */

    /* What was just done may have caused events, which the caller is to see first. */
    gather(l, &set, now);
    int ready = wait_for(l, &set, worked ? 0 : next(l, until, now), now);
    if (ready < 0 && errno == EINTR)
        return ESTAB_LOOP_SIGNAL;

    now = estab_now();
    if (ready > 0) {
        call_watches(&set, now);
        now = estab_now();
        receive_all(l, &set, now);
        now = l->observed ? estab_now() : now;
        worked = true;
    }
    worked = arrivals(l, now) || worked;
    worked = expire(l, now) || worked;
    worked = output(l, now) || worked;
    return !worked && now >= until ? ESTAB_LOOP_TIME : ESTAB_LOOP_WORKED;
}
