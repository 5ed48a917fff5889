/* SPDX-License-Identifier: MIT */
/* run.c - from a text to a verdict: reading, the stack, and the steps of virtual time. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script/parser.h"
#include "script/runner.h"

#define IDLE_LIMIT (INT64_C(86400) * RUNNER_SECOND) /* of a wait without an end of its own */

/* ---- ends -------------------------------------------------------------------------------------------- */

static void end_run(struct runner *r, enum script_verdict verdict, struct span at,
                    const char *format, va_list args)
{
    if (runner_failed(r))
        return;
    r->report->verdict = verdict;
    r->report->at = at;
    vsnprintf(r->report->what, sizeof r->report->what, format, args);
    if (verdict == SCRIPT_FAILED)
        runner_explain(r);
}

void runner_fail(struct runner *r, struct span at, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    end_run(r, SCRIPT_FAILED, at, format, args);
    va_end(args);
}

void runner_skip(struct runner *r, struct span at, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    end_run(r, SCRIPT_SKIPPED, at, format, args);
    va_end(args);
}

static void bad(struct runner *r, struct span at, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    end_run(r, SCRIPT_BAD, at, format, args);
    va_end(args);
}

void runner_bad(struct runner *r, const struct script_fault *fault)
{
    bad(r, fault->at, "%s", fault->text);
}

/* ---- the stack ----------------------------------------------------------------------------------------- */

static void frame(void *context, const struct estab_frame *f)
{
    runner_queue_frame(context, f);
}

/* The first SCRIPT_TOLD_MAX, or as many as there is memory for. */
static void keep(struct runner *r, const struct estab_trace *t)
{
    unsigned room = r->kept_room ? 2 * r->kept_room : 256;
    struct estab_trace *grown;

    if (r->kept_count == SCRIPT_TOLD_MAX)
        return;
    if (r->kept_count == r->kept_room) {
        grown = realloc(r->kept, room * sizeof *grown);
        if (!grown)
            return;
        r->kept = grown;
        r->kept_room = room;
    }
    r->kept[r->kept_count++] = *t;
}

static bool take_history(void *context)
{
    struct runner *r = context;
    struct estab_trace t;

    while (estab_trace_next(r->virtual.stack, &t)) {
        r->history[r->history_next++ % SCRIPT_HISTORY_MAX] = t;
        if (r->why)
            keep(r, &t);
    }
    return !runner_failed(r);
}

static void check_rest(struct runner *r, bool at_rest)
{
    if (!at_rest && !runner_failed(r))
        runner_fail(r, r->event ? r->event->at : (struct span){0},
                    "the stack does not come to rest at one moment");
}

void runner_settle(struct runner *r)
{
    if (!runner_failed(r))
        check_rest(r, virtual_settle(&r->virtual));
}

static estab_time deadline(const struct runner *r)
{
    return estab_deadline(r->virtual.stack);
}

bool runner_advance(struct runner *r, int64_t until_us)
{
    estab_time until = r->start + (estab_time)until_us * ESTAB_US;

    if (until <= r->virtual.now)
        return false;
    if (r->wait && r->wait->until > r->virtual.now && r->wait->until < until)
        until = r->wait->until;
    check_rest(r, virtual_advance(&r->virtual, until));
    return true;
}

static estab_time waiter_now(void *context)
{
    return ((struct runner *)context)->virtual.now;
}

/* A call that the script lets block: the script goes on meanwhile. */
static bool wait_with_script(struct runner *r, struct estab_posix_wait *w, bool fruitless)
{
    const struct call_spec *call = r->call;
    int64_t limit = runner_us(r) + IDLE_LIMIT;

    r->wait = w;
    for (; (fruitless || !w->woken) && r->virtual.now < w->until && !runner_failed(r); fruitless = false) {
        if (r->event)
            runner_step(r);
        else if ((deadline(r) == ESTAB_NEVER && w->until == ESTAB_NEVER) || runner_us(r) >= limit)
            runner_fail(r, call->at, "%s() never returns: the script is over, and nothing is pending",
                        call->name);
        else
            runner_advance(r, runner_us(r) + RUNNER_SECOND);
    }
    r->call = call;
    r->wait = NULL;
    return !runner_failed(r);
}

/* A call that the script does not let block, and that waits nevertheless, as packetdrill's would:
 * time passes until it returns. */
static bool wait_alone(struct runner *r, struct estab_posix_wait *w, bool fruitless)
{
    struct estab_posix_wait *outer = r->wait;
    int64_t limit = runner_us(r) + IDLE_LIMIT;

    r->wait = w;
    for (; (fruitless || !w->woken) && r->virtual.now < w->until && !runner_failed(r); fruitless = false) {
        bool pending = deadline(r) != ESTAB_NEVER || w->until != ESTAB_NEVER;

        if (!pending || !runner_advance(r, limit))
            runner_fail(r, r->call->at, "%s() would block, and the script gives it no end time",
                        r->call->name);
    }
    r->wait = outer;
    return !runner_failed(r);
}

/* A call that was woken, did not complete and waits again at the same moment would be woken once more:
 * something must happen first. */
static bool waiter_wait(void *context, struct estab_posix_wait *w)
{
    struct runner *r = context;
    bool fruitless, goes_on;

    runner_settle(r);
    fruitless = r->call == r->woken_call && r->virtual.now == r->woken_at && r->event == r->woken_event;
    goes_on = r->call->blocking ? wait_with_script(r, w, fruitless) : wait_alone(r, w, fruitless);
    r->woken_call = r->call;
    r->woken_at = r->virtual.now;
    r->woken_event = r->event;
    return goes_on;
}

static void make_stack(struct runner *r)
{
    struct script_settings *s = &r->settings;
    struct virtual_link link = {
        .address = s->local, .prefix_length = packet_ip_is6(s) ? 64 : 16, .mtu = s->mtu};
    const char *wrong;

    s->posix.waiter = (struct estab_posix_waiter){.context = r, .now = waiter_now,
                                                  .wait = waiter_wait};
    wrong = virtual_start(&r->virtual, &s->stack, &s->posix, &link);
    if (wrong)
        bad(r, (struct span){0}, "no stack can be made: %s", wrong);
}

/* ---- steps ------------------------------------------------------------------------------------------------ */

static bool is_inbound(const struct event *e)
{
    return e->kind == EVENT_PACKET && !e->packet->out;
}

/* Makes the event's time one since the start.  What is relative counts from the present; an inbound
 * packet behind another from that one's time, so that errors do not add up. */
static void begin_event(struct runner *r)
{
    const struct event *e = r->event;
    bool absolute = e->time == TIME_ABSOLUTE || e->time == TIME_RANGE;
    int64_t origin = r->last_anchored && is_inbound(e) ? r->last_us : runner_us(r);

    r->origin_us = absolute ? 0 : origin;
    r->begin_us = e->begin_us + r->origin_us;
    r->end_us = e->end_us + r->origin_us;
    if (e->time != TIME_RANGE && e->time != TIME_RELATIVE_RANGE)
        r->end_us = r->begin_us;
    r->begun = true;
    r->report->expected[0] = r->report->actual[0] = '\0';
    r->report->expected_us = r->report->actual_us = -1;
}

bool runner_check_time(struct runner *r, struct span at, const char *what, int64_t actual_us,
                       int64_t begin_us, int64_t end_us)
{
    int64_t since = r->last_us < 0 ? 0 : begin_us - r->last_us;
    int64_t tolerance = since * r->settings.tolerance_ppm / 1000000;

    if (tolerance < r->settings.tolerance_us)
        tolerance = r->settings.tolerance_us;
    if (actual_us >= begin_us - tolerance && actual_us <= end_us + tolerance)
        return true;
    r->report->expected_us = begin_us;
    r->report->actual_us = actual_us;
    runner_fail(r, at, "time: expected %s at %.6f s, it was at %.6f s, tolerance %.6f s", what,
                (double)begin_us / 1e6, (double)actual_us / 1e6, (double)tolerance / 1e6);
    return false;
}

/* Moves on to the next event. */
static const struct event *take_event(struct runner *r)
{
    const struct event *e = r->event;

    r->event = e->next;
    r->begun = false;
    r->report->events++;
    return e;
}

static void act(struct runner *r, const struct event *e)
{
    if (e->kind == EVENT_PACKET)
        runner_packet_in(r, e->packet);
    else if (e->kind == EVENT_CALL)
        runner_call(r, e->call);
    else if (e->kind == EVENT_CODE)
        runner_code(r, e);
    else
        runner_command(r, e->text);
}

/* A call while another one waits: packetdrill gives that one a second to return. */
static bool must_wait_for_call(struct runner *r)
{
    if (!r->wait || r->event->kind != EVENT_CALL)
        return false;
    if (runner_advance(r, r->begin_us + RUNNER_SECOND))
        return true;
    if (r->event->call->blocking)
        runner_fail(r, r->event->at, "a call may block only while no other one does");
    return false;
}

static void step_timed(struct runner *r)
{
    static const char *const names[] = {"the packet", "the call", "the command", "the code"};
    const struct event *e = r->event;
    int64_t begin = r->begin_us, end = r->end_us;

    if (runner_us(r) < begin) {
        runner_advance(r, begin);
        return;
    }
    if (must_wait_for_call(r) || runner_failed(r))
        return;
    if (r->last_us >= 0 &&
        !runner_check_time(r, e->at, names[e->kind], runner_us(r), begin, end))
        return;
    r->last_anchored = is_inbound(e);
    r->last_us = begin;
    take_event(r);
    act(r, e);
}

static void step_outbound(struct runner *r)
{
    const struct event *e = r->event;
    int64_t latest = r->end_us + (e->time == TIME_ANY ? IDLE_LIMIT : RUNNER_LATE_US);
    bool pending = deadline(r) != ESTAB_NEVER;

    if (runner_packet_out(r, e)) {
        r->last_anchored = false;
        r->last_us = r->begin_us;
        take_event(r);
    } else if (!pending || !runner_advance(r, latest)) {
        bool some = r->report->actual[0] != '\0';

        packet_text(e->packet, r->report->expected, sizeof r->report->expected);
        if (!some)
            snprintf(r->report->actual, sizeof r->report->actual, "no packet");
        r->report->expected_us = r->begin_us;
        runner_fail(r, e->packet->at, some ? "the rest of the packet did not come" : "no packet came");
    }
}

bool runner_step(struct runner *r)
{
    if (!r->event || runner_failed(r))
        return false;
    if (!r->virtual.stack && r->event->kind != EVENT_COMMAND)
        make_stack(r);
    if (!r->begun)
        begin_event(r);
    if (!r->virtual.stack) { /* a command before anything else: at time 0 */
        runner_command(r, take_event(r)->text);
        r->last_us = 0;
    } else if (runner_failed(r)) {
        return false;
    } else if (r->event->kind == EVENT_PACKET && r->event->packet->out) {
        step_outbound(r);
    } else {
        step_timed(r);
    }
    return true;
}

/* ---- a whole run --------------------------------------------------------------------------------------------- */

static void set_folder(struct runner *r, const char *path)
{
    const char *slash = strrchr(path, '/');

    snprintf(r->folder, sizeof r->folder, "%.*s", slash ? (int)(slash - path) : 1,
             slash ? path : ".");
    if (slash == path)
        snprintf(r->folder, sizeof r->folder, "/");
}

/* Options of the command line, as if the script began with them. */
static bool apply_extra(struct runner *r, struct lexer *l, const struct script_extra *extra,
                        struct script_fault *fault)
{
    if (extra && extra->ip_version && !settings_keep_version(&r->settings, extra->ip_version)) {
        script_fail(fault, (struct span){0}, "expected a version of IP that there is, found `%.40s`",
                    extra->ip_version);
        return false;
    }
    for (unsigned i = 0; extra && i < extra->count; i++) {
        const char *text = extra->option[i], *equals = strchr(text, '=');
        size_t n = equals ? (size_t)(equals - text) : strlen(text);
        struct script_option option = {
            .name = arena_copy(&r->arena, text, n),
            .value = equals ? equals + 1 : "",
        };

        if (!option.name || !settings_option(&r->settings, l, &option, fault))
            return false;
    }
    return true;
}

static bool check_code(struct runner *r, struct script_fault *fault)
{
    for (const struct event *e = r->script->events; e; e = e->next) {
        if (e->kind == EVENT_CODE && !code_check(e->text, e->text_at, &r->arena, fault))
            return false;
    }
    return true;
}

/* What the version does not have, or nobody yet. */
static void check_needs(struct runner *r)
{
    bool six = packet_ip_is6(&r->settings);
    const char *other = settings_finish(&r->settings);

    if (other)
        runner_skip(r, r->script->events->at, "it names %s, and this is a run over %s", other,
                    six ? "IPv6" : "IPv4");
    for (const struct event *e = r->script->events; e && !runner_failed(r); e = e->next) {
        const struct packet_spec *p = e->kind == EVENT_PACKET ? e->packet : NULL;

        if (p && p->tunnel)
            runner_skip(r, e->at, "it needs %s, which is not there", p->tunnel);
        else if (p && p->flow_label && !six)
            runner_skip(r, e->at, "a flow label is IPv6's, and this is a run over IPv4");
        else if (p && p->kind == PACKET_ICMP && !p->icmp[six].known)
            runner_skip(r, p->at, "`%s` is ICMP%s's, and this is a run over %s", p->message,
                        six ? "v4" : "v6", six ? "IPv6" : "IPv4");
    }
}

static bool read_script(struct runner *r, const struct script_extra *extra)
{
    struct script_fault fault = {0};
    struct lexer *l = arena_take(&r->arena, sizeof *l);

    if (!l)
        return false;
    lexer_init(l, r->text, r->text_length, &r->arena, &fault);
    settings_init(&r->settings);
    if (apply_extra(r, l, extra, &fault) && settings_define(l, r->settings.ip_version))
        r->script = script_parse(l, settings_option, &r->settings);
    if (r->script)
        check_code(r, &fault);
    if (script_faulty(&fault))
        runner_bad(r, &fault);
    return !runner_failed(r) && r->script;
}

bool script_read(const char *text, size_t n, struct script_fault *fault)
{
    struct runner *r = calloc(1, sizeof *r);
    bool ok;

    if (!r)
        return false;
    r->report = script_report_new();
    r->text = text;
    r->text_length = n;
    ok = r->report && read_script(r, NULL);
    if (r->report && !ok)
        script_fail(fault, r->report->at, "%s", r->report->what);
    script_report_free(r->report);
    arena_free(&r->arena);
    free(r);
    return ok;
}

static void run_events(struct runner *r)
{
    if (r->script->preamble)
        runner_command(r, r->script->preamble);
    r->event = r->script->events;
    while (runner_step(r)) {
    }
    r->report->elapsed_us = runner_us(r);
    if (r->script->cleanup && !runner_failed(r))
        runner_note(r, "not run at the end: %s", r->script->cleanup);
}

static void tear_down(struct runner *r)
{
    for (unsigned i = 0; i < r->queue_count; i++)
        free(r->queue[(r->queue_head + i) % RUNNER_QUEUE_MAX].bytes);
    free(r->queue);
    for (unsigned i = 0; i < r->sockets; i++)
        free(r->socket[i]);
    virtual_stop(&r->virtual);
    free(r->kept);
    arena_free(&r->arena);
    free(r->theirs);
    free(r);
}

void script_run(const char *path, const char *text, size_t n, const struct script_extra *extra,
                struct script_report *report)
{
    struct runner *r = calloc(1, sizeof *r);

    if (!r) {
        report->verdict = SCRIPT_BAD;
        snprintf(report->what, sizeof report->what, "no memory");
        return;
    }
    r->report = report;
    r->text = text;
    r->text_length = n;
    r->start = VIRTUAL_EPOCH;
    r->virtual = (struct virtual_stack){
        .context = r, .frame = frame, .turn = take_history, .now = VIRTUAL_EPOCH};
    r->last_us = -1;
    r->why = extra && extra->why;
    set_folder(r, path);
    r->queue = calloc(RUNNER_QUEUE_MAX, sizeof *r->queue);
    r->scope = arena_take(&r->arena, sizeof *r->scope);
    if (!r->queue || !r->scope)
        bad(r, (struct span){0}, "no memory");
    else if (r->scope->arena = &r->arena, read_script(r, extra))
        check_needs(r);
    if (!runner_failed(r) && !r->settings.dry_run)
        run_events(r);
    runner_tell(r);
    tear_down(r);
}
