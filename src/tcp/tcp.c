/* SPDX-License-Identifier: MIT */
/* tcp.c - where the pools of one TCP lie in its room. */
#include <stddef.h>
#include <string.h>

#include "tcp/tcp.h"

enum { ALIGNMENT = 64 };

static uint64_t aligned(uint64_t n)
{
    return (n + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1);
}

/* One bucket for each connection or record, rounded up to a power of two. */
static uint32_t bucket_count(const struct estab_config *c)
{
    uint32_t places = c->connections > c->records ? c->connections : c->records;
    uint32_t n = 16;

    while (n < places && n < UINT32_C(1) << 30)
        n *= 2;
    return n;
}

uint64_t tcp_layout(struct tcp *t, const struct estab_config *c)
{
    struct tcp none;
    uint64_t at = aligned(sizeof *t), connections = c->connections;

    if (!t)
        t = &none;
#define PLACE(member, bytes) (t->member = at, at += aligned(bytes))
    PLACE(tcbs_at, connections * sizeof(struct tcb));
    PLACE(colds_at, connections * sizeof(struct tcp_cold));
    PLACE(boards_at, connections * scoreboard_bytes(c));
    PLACE(spares_at, (uint64_t)c->sack_spares * spare_bytes(c));
    PLACE(telemetry_at, c->telemetry ? connections * sizeof(struct tcp_telemetry) : 0);
    PLACE(records_at, (uint64_t)c->records * sizeof(struct tcp_record));
    PLACE(handles_at, (connections + c->records) * sizeof(struct tcp_handle));
    PLACE(buckets_at, (uint64_t)bucket_count(c) * sizeof(uint32_t));
    PLACE(listeners_at, (uint64_t)c->listeners * sizeof(struct tcp_listener));
    PLACE(replies_at, (uint64_t)c->replies * sizeof(struct tcp_reply));
    PLACE(trace_at, (uint64_t)c->trace_records * sizeof(struct estab_trace));
    PLACE(chunks.meta_at, (uint64_t)c->chunks * sizeof(struct chunk));
    PLACE(chunks.data_at, (uint64_t)c->chunks * c->chunk_bytes);
#undef PLACE
    return at;
}

void tcp_init(struct tcp *t, const struct estab_config *config, estab_time now)
{
    uint8_t *base = (uint8_t *)t;

    memset(t, 0, sizeof *t);
    t->config = *config;
    t->last = now;
    t->keys.since = now;
    memcpy(t->keys.lasting, config->isn_key, sizeof t->keys.lasting);
    (void)tcp_layout(t, config);
    t->bucket_mask = bucket_count(config) - 1;
    chunk_pool_init(&t->chunks, base + (size_t)t->chunks.meta_at, base + (size_t)t->chunks.data_at,
                    config->chunks, config->chunk_bytes);
    wheel_init(&t->wheel, us_of(now));
    t->tcb_free = t->cold_free = t->board_free = t->spare_free = t->record_free = t->handle_free = TCB_NONE;
    t->ready_head = t->ready_tail = t->blocked_head = t->blocked_tail = TCB_NONE;
    t->event_head = t->event_tail = HANDLE_NONE;
    for (unsigned i = 0; i < RECORD_LISTS; i++)
        t->lists[i] = (struct record_list){TCB_NONE, TCB_NONE};
    t->trace_head = t->trace_tail = 1;
}

bool tcp_holds(const struct tcp *t)
{
    enum { PLACES = offsetof(struct tcp, bucket_mask) - offsetof(struct tcp, tcbs_at) };
    const uint64_t pool = offsetof(struct tcp, chunks);
    const struct estab_config *c = &t->config;
    const struct chunk_pool *p = &t->chunks;
    struct tcp like;

    memset(&like.tcbs_at, 0, PLACES);
    (void)tcp_layout(&like, c);
    return memcmp(&t->tcbs_at, &like.tcbs_at, PLACES) == 0 &&
           t->bucket_mask == bucket_count(c) - 1 && p->meta_at == like.chunks.meta_at - pool &&
           p->data_at == like.chunks.data_at - pool && p->chunks == c->chunks &&
           p->bytes == c->chunk_bytes && p->fresh <= c->chunks &&
           t->tcb_fresh <= c->connections && t->cold_fresh <= c->connections &&
           t->board_fresh <= c->connections && t->spare_fresh <= c->sack_spares && t->record_fresh <= c->records &&
           t->handle_fresh <= (uint64_t)c->connections + c->records;
}
