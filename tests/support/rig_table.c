/* SPDX-License-Identifier: MIT */
/* rig_table.c - see rig.h: tables of arriving segments. */
#include "support/rig.h"

#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

/* Longer than a delayed acknowledgment may wait, shorter than any retransmission. */
enum { SETTLED_MS = 150 };

const uint32_t rig_isns[RIG_ISNS][2] = {
    {0, 0},
    {UINT32_C(0x80000000), UINT32_C(0x80000000)},
    {UINT32_MAX, UINT32_MAX},
    {UINT32_MAX - 4, UINT32_C(0x7fffffff)},
    {UINT32_C(0x7ffffffc), UINT32_MAX - 14},
    {300, 100},
};

struct run {
    const struct arrival_table *table;
    const struct arrival *row;
    struct rig *r;
    uint64_t counts[REASONS];
    unsigned ran, failed;
    bool row_failed; /* and has said why: once a row is enough */
    bool run_failed;
    bool six;
};

static void complain(struct run *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void complain(struct run *run, const char *format, ...)
{
    const struct rig *r = run->r;
    char text[400];
    va_list args;

    run->run_failed = true;
    if (run->row_failed)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    print_error("%s, IPv%d, %s, ISS %u, IRS %u, \"%s\": %s\n", run->table->name, run->six ? 6 : 4, rig_way_name(r->way),
                (unsigned)r->iss, (unsigned)r->irs, run->row->name, text);
}

static void check_out(struct run *run)
{
    const struct arrival *row = run->row;
    struct rig *r = run->r;
    char expected[160], got[160];

    for (unsigned i = 0; i < 3 && row->out[i].flags; i++) {
        const struct rig_seg *e = &row->out[i];
        const struct rig_sent *sent = rig_out_any(r);
        struct rig_seg s;

        if (!sent) {
            complain(run, "not sent: %s", rig_seg_text(e, expected, sizeof expected));
            return;
        }
        s = sent->seg;
        s.at_ms = (uint32_t)((sent->at - r->base) / ESTAB_MS);
        if (!rig_seg_is(r, sent, e, r->base + e->at_ms * ESTAB_MS))
            complain(run, "expected %s; sent %s%s", rig_seg_text(e, expected, sizeof expected),
                     rig_seg_text(&s, got, sizeof got), sent->text_good ? "" : " (wrong text)");
    }
    for (const struct rig_sent *more; (more = rig_out_any(r)) != NULL;)
        complain(run, "sent, too: %s", rig_seg_text(&more->seg, got, sizeof got));
}

static void check_reasons(struct run *run)
{
    for (unsigned i = REASON_NONE + 1; i < REASONS; i++) {
        uint64_t expected = 0, count = estab_reason_count(run->r->stack, i) - run->counts[i];

        for (unsigned k = 0; k < 3; k++)
            expected += run->row->reason[k] == (enum reason)i;
        if (count != expected)
            complain(run, "%s counted %u times, not %u", estab_reason(i).name, (unsigned)count,
                     (unsigned)expected);
    }
}

static void check_variable(struct run *run, const char *name, uint32_t expected, uint32_t got)
{
    if (expected != 0 && expected != got)
        complain(run, "%s is %d, not %d", name, (int)got, (int)expected);
}

static void check_state(struct run *run)
{
    const struct arrival *row = run->row;
    struct rig *r = run->r;
    struct estab_status st = rig_status(r);
    enum rig_state is = (enum rig_state)(st.state + 1);
    enum rig_state expected = row->to == SAME ? run->table->state : row->to;

    if (is == LISTEN && r->way == LISTENER && expected == CLOSED)
        is = CLOSED; /* the listener goes on */
    if (is != expected)
        complain(run, "the state is %s, not %s", rig_state_name(is), rig_state_name(expected));
    if (r->events != row->events || r->error != row->error)
        complain(run, "events %#x (%s), not %#x (%s)", r->events, estab_error_text(r->error),
                 row->events, estab_error_text(row->error));
    check_variable(run, "SND.UNA", row->una, st.snd_una - r->iss);
    check_variable(run, "RCV.NXT", row->nxt, st.rcv_nxt - r->irs);
    check_variable(run, "SND.WND", row->wnd, st.snd_wnd);
    check_variable(run, "RCV.UP", row->up, st.rcv_up - r->irs);
    check_variable(run, "text to receive", row->text, st.receive_queued);
}

static void run_row(struct run *run, enum rig_way way, const uint32_t isns[2], bool split)
{
    const struct arrival_table *t = run->table;
    const struct arrival *row = run->row;
    struct rig *r = run->r;

    if (t->ethernet)
        rig_start_on_ethernet(r, t->config, isns[0], isns[1]);
    else
        rig_start(r, t->config, isns[0], isns[1]);
    r->where = row->name;
    r->split = split;
    r->keep_unread = t->keep_unread;
    rig_become(r, way, t->state);
    if (t->before)
        t->before(r);
    if (row->before)
        row->before(r);
    QUIET(r);
    rig_forget(r);
    for (unsigned i = 0; i < REASONS; i++)
        run->counts[i] = estab_reason_count(r->stack, i);
    r->base = r->now;
    rig_in(r, &row->in);
    rig_at(r, SETTLED_MS);
    check_out(run);
    check_reasons(run);
    check_state(run);
    if (r->conn.generation == 0 && r->listener.generation != 0)
        (void)rig_accept(r);
    (void)rig_receive(r, RIG_FRAME_MAX); /* which looks at the text */
    if (!rig_leaves_nothing(r))
        complain(run, "something is left behind");
    rig_end(r);
    run->ran++;
    run->failed += run->run_failed;
    run->row_failed |= run->run_failed;
    run->run_failed = false;
}

/* Over IPv4, and, where no packet of the row is made of IPv4's bytes, over IPv6. */
static void run_both(struct run *run, enum rig_way way, const uint32_t isns[2], bool split)
{
    run_row(run, way, isns, split);
    if (run->table->ethernet || run->table->only_ipv4)
        return;
    run->six = true;
    rig_over_ipv6(true);
    run_row(run, way, isns, split);
    rig_over_ipv6(false);
    run->six = false;
}

void rig_run_table(const struct arrival_table *t)
{
    static struct rig r;
    struct run run = {.table = t, .r = &r};

    for (size_t i = 0; i < t->count; i++) {
        run.row = &t->rows[i];
        run.row_failed = false;
        for (unsigned way = 0; way < RIG_WAYS; way++)
            for (unsigned n = 0; n < RIG_ISNS; n++)
                if (t->ways >> way & 1)
                    run_both(&run, (enum rig_way)way, rig_isns[n], n % 2);
    }
    if (run.failed > 0 || run.ran == 0)
        fail_msg("%s: %u of %u runs failed", t->name, run.failed, run.ran);
}
