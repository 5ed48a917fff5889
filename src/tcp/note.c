/* SPDX-License-Identifier: MIT */
/* note.c - reasons are counted, decisions are traced. */
#include "tcp/tcp.h"

void note_reason(struct tcp *t, enum reason reason)
{
    t->reasons[reason]++;
}

/*
 * The ring holds the serial numbers tail .. head - 1.  Serials start at 1 and skip 0 when they wrap,
 * so 0 can mean "no record".
 */
void note(struct tcp *t, enum trace_kind kind, uint32_t handle, const uint32_t *args, unsigned n,
          estab_time now)
{
    uint32_t size = t->config.trace_records;
    struct estab_trace *r;

    if (t->trace_head - t->trace_tail == size) {
        t->trace_tail++;
        t->trace_lost++;
    }
    r = tcp_trace(t, t->trace_head & (size - 1));
    *r = (struct estab_trace){.time = now, .serial = t->trace_head, .kind = (uint16_t)kind};
    if (handle != HANDLE_NONE)
        r->conn = handle_conn(t, handle);
    ASSERT(n <= sizeof r->arg / sizeof r->arg[0]);
    for (unsigned i = 0; i < n; i++)
        r->arg[i] = args[i];
    t->trace_head++;
}
