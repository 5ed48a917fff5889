/* SPDX-License-Identifier: MIT */
/* answer.c - from the stack's own calls, and the kernel's list, to objects. */
#include "control/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "estab_udp.h"
#include "packet/address.h"

/* ---- requests ------------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    enum answer_request request;
} requests[] = {
#define X(name, meaning) {#name, ANSWER_##name},
    ANSWER_REQUESTS(X)
#undef X
};

#define REQUESTS (sizeof requests / sizeof *requests)

enum answer_request answer_request(const char *line, size_t n)
{
    while (n > 0 && (line[n - 1] == '\r' || line[n - 1] == ' '))
        n--;
    for (size_t i = 0; i < REQUESTS; i++)
        if (strlen(requests[i].name) == n && memcmp(requests[i].name, line, n) == 0)
            return requests[i].request;
    return ANSWER_NONE;
}

static const char *request_name(enum answer_request request)
{
    for (size_t i = 0; i < REQUESTS; i++)
        if (requests[i].request == request)
            return requests[i].name;
    return "";
}

void answer_refuse(struct text *out, const char *line, size_t n)
{
    char sentence[256], quoted[CONTROL_REQUEST_MAX];
    struct text t = text_of(sentence, sizeof sentence, false);
    struct text word = text_of(quoted, sizeof quoted, false);

    text_quote(&word, line, n < 40 ? n : 40);
    text_format(&t, "%s%s is no request: expected ", quoted, n > 40 ? "..." : "");
    for (size_t i = 0; i < REQUESTS; i++)
        text_format(&t, "%s%s", i == 0 ? "" : i + 1 < REQUESTS ? ", " : " or ", requests[i].name);
    control_write_error(out, sentence);
}

void answer_begin(struct answer *a, struct answer_source *s, enum answer_request request)
{
    *a = (struct answer){.request = request};
    s->names.count = 0;
    if (s->find_names)
        s->find_names(s->context, &s->names);
}

void answer_end(struct answer *a)
{
    free(a->sockets);
    *a = (struct answer){.request = ANSWER_NONE};
}

static void copy_word(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from ? from : "");
}

struct answer_source answer_source_of(const struct control_config *config)
{
    struct answer_source s = {.stack = config->stack,
                              .diag = config->diag,
                              .find_names = config->names,
                              .context = config->context};

    copy_word(s.program, sizeof s.program, config->program);
    copy_word(s.on, sizeof s.on, config->on);
    copy_word(s.name, sizeof s.name, config->name);
    copy_word(s.kernel_name, sizeof s.kernel_name, config->kernel_name);
    return s;
}

/* ---- connections ---------------------------------------------------------------------------------------- */

/* A listener on every address of an end goes by the end's name. */
static void name_ends(const struct answer_source *s, struct control_row *r, const char *own)
{
    const char *local = names_find(&s->names, r->local.addr);
    const char *remote = names_find(&s->names, r->remote.addr);

    if (addr_is_unspecified(&r->local.addr))
        local = own;
    copy_word(r->local_name, sizeof r->local_name, local);
    copy_word(r->remote_name, sizeof r->remote_name, remote);
}

static uint64_t ms_until(estab_time due, estab_time now)
{
    return due == ESTAB_NEVER ? CONTROL_UNKNOWN : due > now ? (due - now) / ESTAB_MS : 0;
}

/* What only a TCB has; a record has no window, no round-trip time and no text. */
static void describe_tcb(const struct estab_status *st, struct control_row *r)
{
    r->out_of_order = st->out_of_order;
    r->mss = st->snd_mss;
    r->srtt_us = st->srtt_us;
    r->rto_us = st->rto_us;
    r->cwnd = st->cwnd;
    r->ssthresh = st->ssthresh;
    r->iss = st->iss;
    r->snd_wnd = st->snd_wnd;
    r->irs = st->irs;
    r->rcv_wnd = st->rcv_wnd;
    r->bytes_sent = st->bytes_sent;
    r->bytes_received = st->bytes_received;
}

static bool is_ipv6(const struct estab_addr *a)
{
    return !addr_is_ipv4(a) && !addr_is_unspecified(a);
}

static struct control_row row_of_stack(const struct answer_source *s, const struct estab_status *st,
                                       estab_time now)
{
    struct control_row r = control_row_empty();
    bool listens = st->state == ESTAB_STATE_LISTEN;

    r.local = st->local;
    r.remote = st->remote;
    /* A listener for both families is one of IPv6, as Linux has it. */
    r.v6 = listens ? !addr_is_ipv4(&st->local.addr)
                   : is_ipv6(&st->local.addr) || is_ipv6(&st->remote.addr);
    r.state = st->state;
    r.timer = st->timer_kind;
    r.timer_ms = ms_until(st->timer, now);
    r.pid = (uint64_t)getpid();
    r.recv_queue = listens ? st->pending : st->receive_queued;
    r.send_queue = listens ? st->backlog : st->send_queued;
    r.memory = st->memory;
    copy_word(r.program, sizeof r.program, s->program);
    copy_word(r.on, sizeof r.on, s->on);
    name_ends(s, &r, s->name);
    if (listens)
        return r;
    r.retries = st->retransmits;
    r.snd_una = st->snd_una;
    r.snd_nxt = st->snd_nxt;
    r.rcv_nxt = st->rcv_nxt;
    if (!st->record)
        describe_tcb(st, &r);
    return r;
}

/* One that takes both families is one of IPv6, as a listener is. */
static struct control_row row_of_udp(const struct answer_source *s, const struct estab_udp_status *st)
{
    struct control_row r = control_row_empty();

    r.udp = true;
    r.v6 = !addr_is_ipv4(&st->local.addr);
    r.local = st->local;
    r.remote = st->remote;
    r.pid = (uint64_t)getpid();
    r.recv_queue = st->receive_queued;
    r.send_queue = st->send_queued;
    r.waiting = st->waiting;
    r.receive_buffer = st->receive_buffer;
    r.send_buffer = st->send_buffer;
    r.received = st->received;
    r.sent = st->sent;
    r.dropped = st->dropped;
    copy_word(r.program, sizeof r.program, s->program);
    copy_word(r.on, sizeof r.on, s->on);
    name_ends(s, &r, s->name);
    return r;
}

struct control_row answer_kernel_row(const struct diag_socket *d, uint64_t name_space)
{
    struct control_row r = control_row_empty();

    r.kernel = true;
    r.v6 = d->v6;
    r.local = d->local;
    r.remote = d->remote;
    r.state = d->state;
    r.timer = d->timer;
    if (d->timer != ESTAB_TIMER_NONE)
        r.timer_ms = d->timer_ms;
    if (d->state != ESTAB_STATE_LISTEN)
        r.retries = d->retries;
    r.recv_queue = d->receive_queue;
    r.send_queue = d->send_queue;
    r.uid = d->uid;
    r.inode = d->inode ? d->inode : CONTROL_UNKNOWN;
    r.namespace = name_space ? name_space : CONTROL_UNKNOWN;
    return r;
}

/* False: there is no further one. */
static bool next_of_stack(struct answer *a, const struct answer_source *s, struct text *out,
                          estab_time now)
{
    struct estab_status st = {.size = sizeof st};
    struct control_row r;

    if (!s->stack || !estab_list(s->stack, &a->cursor, &st))
        return false;
    r = row_of_stack(s, &st, now);
    control_write_row(out, &r);
    return true;
}

static bool next_of_udp(struct answer *a, const struct answer_source *s, struct text *out)
{
    struct estab_udp_status st = {.size = sizeof st};
    struct control_row r;

    if (!s->stack || !estab_udp_list(s->stack, &a->udp_cursor, &st))
        return false;
    r = row_of_udp(s, &st);
    control_write_row(out, &r);
    return true;
}

static bool next_of_kernel(struct answer *a, const struct answer_source *s, struct text *out)
{
    struct control_row r;

    if (!a->asked && s->diag >= 0) {
        a->sockets_count = diag_all(s->diag, &a->sockets);
        a->name_space = diag_namespace(s->diag);
    }
    a->asked = true;
    if (a->sockets_next >= a->sockets_count)
        return false;
    r = answer_kernel_row(&a->sockets[a->sockets_next++], a->name_space);
    copy_word(r.on, sizeof r.on, s->on);
    name_ends(s, &r, s->kernel_name);
    control_write_row(out, &r);
    return true;
}

static bool next_connection(struct answer *a, const struct answer_source *s, struct text *out,
                            estab_time now)
{
    if (!a->stack_done && next_of_stack(a, s, out, now))
        return true;
    a->stack_done = true;
    return next_of_udp(a, s, out) || next_of_kernel(a, s, out);
}

/* ---- the others ------------------------------------------------------------------------------------------ */

static void write_stack(const struct answer_source *s, struct text *out)
{
    struct control_stack stack = {
        .pid = (uint64_t)getpid(), .stack = s->stack != NULL, .names = s->names};

    copy_word(stack.version, sizeof stack.version, ESTAB_VERSION);
    copy_word(stack.program, sizeof stack.program, s->program);
    copy_word(stack.on, sizeof stack.on, s->on);
    copy_word(stack.name, sizeof stack.name, s->name);
    control_write_stack(out, &stack);
}

static void write_counters(const struct answer_source *s, struct text *out)
{
    struct estab_counters c = {.size = sizeof c};
    struct control_counters object = {.pid = (uint64_t)getpid()};

    estab_counters(s->stack, &c);
#define X(member) object.member = c.member;
    CONTROL_COUNTERS_OF(X)
#undef X
    control_write_counters(out, &object);
}

static bool next_reason(struct answer *a, const struct answer_source *s, struct text *out)
{
    struct control_reason r = {.pid = (uint64_t)getpid()};
    struct estab_reason_info info;

    for (; a->cursor < estab_reasons(); a->cursor++) {
        r.count = estab_reason_count(s->stack, (unsigned)a->cursor);
        if (r.count == 0)
            continue;
        info = estab_reason((unsigned)a->cursor++);
        copy_word(r.name, sizeof r.name, info.name);
        copy_word(r.rfc, sizeof r.rfc, info.rfc);
        copy_word(r.sentence, sizeof r.sentence, info.sentence);
        control_write_reason(out, &r);
        return true;
    }
    return false;
}

static bool next_statistic(struct answer *a, const struct answer_source *s, struct text *out)
{
    if (a->count == 0)
        write_stack(s, out);
    else if (!s->stack)
        return false;
    else if (a->count == 1)
        write_counters(s, out);
    else
        return next_reason(a, s, out);
    return true;
}

static bool next(struct answer *a, const struct answer_source *s, struct text *out, estab_time now)
{
    switch (a->request) {
    case ANSWER_stack:
        if (a->count == 0)
            write_stack(s, out);
        return a->count == 0;
    case ANSWER_connections:
        return next_connection(a, s, out, now);
    case ANSWER_statistics:
        return next_statistic(a, s, out);
    case ANSWER_NONE:
        break;
    }
    return false;
}

void answer_fill(struct answer *a, const struct answer_source *s, struct text *out, estab_time now)
{
    struct control_end end = {.count = 0};

    while (a->request != ANSWER_NONE && out->size - out->length > CONTROL_LINE_MAX) {
        if (next(a, s, out, now)) {
            a->count++;
            continue;
        }
        copy_word(end.request, sizeof end.request, request_name(a->request));
        end.count = a->count;
        control_write_end(out, &end);
        answer_end(a);
    }
}
