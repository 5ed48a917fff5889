/* SPDX-License-Identifier: MIT */
/* report.c - what a failed script tells: its line, both ends' states, the stack's last decisions. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"
#include "script/runner.h"
#include "tcp/fsm.h"

struct script_report *script_report_new(void)
{
    struct script_report *report = calloc(1, sizeof *report);

    if (report)
        report->expected_us = report->actual_us = -1;
    return report;
}

void script_report_free(struct script_report *report)
{
    if (!report)
        return;
    free(report->printed);
    free(report->told);
    free(report);
}

void runner_note(struct runner *r, const char *format, ...)
{
    char *note = r->report->note[r->report->notes];
    va_list args;

    if (r->report->notes == SCRIPT_NOTES_MAX)
        return;
    va_start(args, format);
    vsnprintf(note, SCRIPT_LINE_MAX, format, args);
    va_end(args);
    for (char *c = note; *c; c++)
        *c = *c == '\n' || *c == '\t' ? ' ' : *c;
    r->report->notes++;
}

/* ---- the script's line -------------------------------------------------------------------------------------- */

static void copy_line(struct runner *r)
{
    const char *p = r->text, *end = r->text + r->text_length, *newline;
    size_t n;

    for (uint32_t line = 1; line < r->report->at.line && p < end; line++) {
        p = memchr(p, '\n', (size_t)(end - p));
        if (!p)
            return;
        p++;
    }
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    n = (size_t)(end - p);
    newline = n ? memchr(p, '\n', n) : NULL;
    n = newline ? (size_t)(newline - p) : n;
    n = n < SCRIPT_LINE_MAX ? n : SCRIPT_LINE_MAX - 1;
    memcpy(r->report->line, p, n);
    r->report->line[n] = '\0';
}

/* ---- states --------------------------------------------------------------------------------------------------- */

static void describe_ours(struct runner *r, const struct estab_status *st)
{
    const struct script_socket *s = r->under_test;
    struct script_end *end = &r->report->ours;

    snprintf(end->state, sizeof end->state, "%s", estab_state_name(st->state));
    if (st->state == ESTAB_STATE_LISTEN)
        return;
    snprintf(end->numbers, sizeof end->numbers,
             "snd.una %u snd.nxt %u snd.wnd %u rcv.nxt %u rcv.wnd %u, %u queued out, %u in, cwnd %u "
             "ssthresh %u, srtt %u us rto %u us",
             st->snd_una - s->live_iss, st->snd_nxt - s->live_iss, st->snd_wnd, st->rcv_nxt - s->irs,
             st->rcv_wnd, st->send_queued, st->receive_queued, st->cwnd, st->ssthresh, st->srtt_us,
             st->rto_us);
}

/* The connection under test, or the listener if it is one. */
static void find_ours(struct runner *r)
{
    const struct script_socket *s = r->under_test;
    struct estab_status st = {.size = sizeof st};
    uint64_t cursor = 0;

    if (!s || !r->virtual.stack)
        return;
    r->report->ours.known = true;
    snprintf(r->report->ours.state, sizeof r->report->ours.state, "CLOSED");
    while (estab_list(r->virtual.stack, &cursor, &st)) {
        bool here = !s->local_port || st.local.port == s->local_port;

        if (st.state == ESTAB_STATE_LISTEN ? s->phase == SOCKET_LISTENING && here
                                           : st.remote.port == s->remote_port && here)
            describe_ours(r, &st);
    }
}

static void find_theirs(struct runner *r)
{
    const struct infer *t = r->theirs;
    struct script_end *end = &r->report->theirs;

    if (!t || !r->under_test)
        return;
    end->known = true;
    snprintf(end->state, sizeof end->state, "%s", fsm_state_name((enum tcp_state)t->state));
    snprintf(end->numbers, sizeof end->numbers, "snd.una %u snd.nxt %u rcv.nxt %u",
             t->snd_una.v - r->under_test->irs, t->snd_nxt.v - r->under_test->irs,
             t->rcv_nxt.v - r->under_test->live_iss);
}

/* ---- decisions -------------------------------------------------------------------------------------------------- */

static void put_flags(char *out, size_t size, uint32_t flags)
{
    static const char letters[] = "FSRP.UEW";
    size_t n = 0;

    for (unsigned bit = 0; bit < 8 && n + 1 < size; bit++) {
        if (flags >> bit & 1)
            out[n++] = letters[bit];
    }
    if (!n)
        out[n++] = '-';
    out[n] = '\0';
}

/* Numbers of the sequence spaces, as the script counts: `ours` of this side's. */
static uint32_t script_number(const struct runner *r, uint32_t v, bool ours)
{
    const struct script_socket *s = r->under_test;

    return s ? v - (ours ? s->live_iss : s->irs) : v;
}

static bool is_ours(unsigned kind, const char *name)
{
    bool seq = strncmp(name, "seq", 3) == 0;

    if (kind == TRACE_SEGMENT_IN || trace_is_peers(kind))
        return !seq;
    return seq;
}

static void put_reason(char *out, size_t size, uint32_t v)
{
    struct estab_reason_info reason = {.sentence = "?", .rfc = ""};

    if (v < estab_reasons())
        reason = estab_reason(v);
    snprintf(out, size, reason.rfc[0] ? "%s (%s)" : "%s", reason.sentence, reason.rfc);
}

/* The value of the field {name} of a row, whose type decides how it is shown. */
static void put_field(const struct runner *r, const struct estab_trace *t, const char *type,
                      const char *name, uint32_t v, char *out, size_t size)
{
    if (strncmp(type, "FLAGS ", 6) == 0)
        put_flags(out, size, v);
    else if (strncmp(type, "STATE ", 6) == 0)
        snprintf(out, size, "%s", fsm_state_name((enum tcp_state)v));
    else if (strncmp(type, "EVENT ", 6) == 0)
        snprintf(out, size, "%s", estab_fsm_event_name(v));
    else if (strncmp(type, "REASON ", 7) == 0)
        put_reason(out, size, v);
    else if (strncmp(type, "WHY ", 4) == 0)
        snprintf(out, size, "%s", trace_why_text(v));
    else if (strncmp(type, "TIMER ", 6) == 0)
        snprintf(out, size, "%s", trace_timer_text(v));
    else if (strncmp(type, "RULE ", 5) == 0)
        snprintf(out, size, "%s (%s)", trace_rule_text(v), trace_rule_source(v));
    else if (strncmp(type, "SEQ ", 4) == 0)
        snprintf(out, size, "%u", script_number(r, v, is_ours(t->kind, name)));
    else if (strncmp(type, "US ", 3) == 0)
        snprintf(out, size, "%u.%03u ms", v / 1000, v % 1000);
    else if (strncmp(type, "END ", 4) == 0)
        snprintf(out, size, "%u", script_number(r, t->arg[0] + v, is_ours(t->kind, "seq")));
    else if (strncmp(type, "BYTES ssthresh", 14) == 0 && v == UINT32_MAX)
        snprintf(out, size, "none");
    else
        snprintf(out, size, "%u", v);
}

/* Finds the field in "SEQ seq;FLAGS flags;..."; its type begins the result.  NULL: there is none. */
static const char *find_field(const char *fields, const char *name, size_t n, unsigned *index)
{
    *index = 0;
    for (const char *p = fields; *p; ++*index) {
        const char *space = strchr(p, ' '), *end = p + strcspn(p, ";");

        if (space && space < end && (size_t)(end - space - 1) == n &&
            memcmp(space + 1, name, n) == 0)
            return p;
        p = *end ? end + 1 : end;
    }
    return NULL;
}

/* Where trace.def keeps the flags of a segment. */
enum { SEGMENT_FLAGS = 0 };

/* {ack} of a segment that acknowledges nothing. */
static bool has_no_ack(const struct estab_trace *t, const char *name)
{
    return (t->kind == TRACE_SEGMENT_IN || t->kind == TRACE_SEGMENT_OUT) &&
           strncmp(name, "ack}", 4) == 0 && !(t->arg[SEGMENT_FLAGS] & CTL_ACK);
}

static void put_trace(const struct runner *r, const struct estab_trace *t, char *out, size_t size)
{
    const char *p = trace_text(t->kind), *fields = trace_fields(t->kind);
    size_t used = (size_t)snprintf(out, size, "%.6f ", (double)(t->time - r->start) / 1e9);

    while (*p && used + 1 < size) {
        size_t n = *p == '{' ? strcspn(p, "}") : 0;
        unsigned index;
        const char *type = n > 1 ? find_field(fields, p + 1, n - 1, &index) : NULL;
        char value[192];

        if (!type || index >= 10) {
            out[used++] = *p++;
            out[used] = '\0';
            continue;
        }
        if (has_no_ack(t, p + 1))
            snprintf(value, sizeof value, "-");
        else
            put_field(r, t, type, p + 1, t->arg[index], value, sizeof value);
        used += (size_t)snprintf(out + used, size - used, "%s", value);
        p += n + 1;
    }
}

static void copy_history(struct runner *r)
{
    unsigned count = r->history_next < SCRIPT_HISTORY_MAX ? r->history_next : SCRIPT_HISTORY_MAX;

    for (unsigned i = 0; i < count; i++) {
        const struct estab_trace *t =
            &r->history[(r->history_next - count + i) % SCRIPT_HISTORY_MAX];

        put_trace(r, t, r->report->history[i], SCRIPT_LINE_MAX);
    }
    r->report->history_count = count;
    if (count)
        snprintf(r->report->reason, sizeof r->report->reason, "%s",
                 r->report->history[count - 1] + strcspn(r->report->history[count - 1], " ") + 1);
}

/* Where trace.def keeps the rule. */
enum { CWND_RULE = 2 };

/* The segment that follows tells it, or the decision that does. */
static bool says_nothing_new(const struct estab_trace *t)
{
    return t->kind == TRACE_RETRANSMIT || (t->kind == TRACE_CWND && trace_is_undo(t->arg[CWND_RULE]));
}

/* What a segment led to is noted before it: it comes first. */
static void causes_first(struct estab_trace *t, unsigned count)
{
    unsigned begin = 0; /* of what may belong to the next segment */

    for (unsigned i = 0; i < count; i++) {
        struct estab_trace segment = t[i];
        bool ends = t[i].kind == TRACE_SEGMENT_OUT || t[i].kind == TRACE_TIMER_FIRED;

        if (t[i].kind == TRACE_SEGMENT_IN) {
            memmove(t + begin + 1, t + begin, (i - begin) * sizeof *t);
            t[begin] = segment;
            begin = i + 1;
        } else if (ends || (i + 1 < count && t[i + 1].time != t[i].time)) {
            begin = i + 1;
        }
    }
}

void runner_tell(struct runner *r)
{
    causes_first(r->kept, r->kept_count);
    r->report->told = r->kept_count ? calloc(r->kept_count, sizeof r->report->told[0]) : NULL;
    if (!r->report->told)
        return;
    for (unsigned i = 0; i < r->kept_count; i++)
        if (!says_nothing_new(&r->kept[i]))
            put_trace(r, &r->kept[i], r->report->told[r->report->told_count++], SCRIPT_LINE_MAX);
}

void runner_explain(struct runner *r)
{
    copy_line(r);
    find_ours(r);
    find_theirs(r);
    copy_history(r);
}
