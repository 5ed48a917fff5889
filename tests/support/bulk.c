/* SPDX-License-Identifier: MIT */
/* bulk.c - see bulk.h. */
#include "support/bulk.h"

#define PORT       3333
#define FIRST_PORT 40000

static bool same(estab_conn a, estab_conn b)
{
    return a.index == b.index && a.generation == b.generation;
}

static void send_all(struct sim *sim, struct bulk *b, estab_conn conn)
{
    static const uint8_t text[16384];
    enum estab_error error;
    size_t taken;

    do
        error = estab_send(sim_stack(sim, BULK_CLIENT), conn, text, sizeof text, 0, &taken,
                           sim_now(sim));
    while (error == ESTAB_OK);
    b->failed |= error != ESTAB_AGAIN;
}

static void take(struct sim *sim, struct bulk *b)
{
    estab_conn conn;

    while (estab_accept(sim_stack(sim, BULK_SERVER), b->listener, &conn) == ESTAB_OK) {
        struct estab_status st = {.size = sizeof st};

        b->failed |= estab_status(sim_stack(sim, BULK_SERVER), conn, &st) != ESTAB_OK;
        for (unsigned i = 0; i < b->flows; i++)
            if (st.remote.port == b->port[i])
                b->server[i] = conn;
    }
}

static void receive_all(struct sim *sim, struct bulk *b, unsigned flow)
{
    struct estab_received got = {0};
    uint8_t text[16384];

    while (estab_receive(sim_stack(sim, BULK_SERVER), b->server[flow], text, sizeof text, 0, &got,
                         sim_now(sim)) == ESTAB_OK)
        b->received[flow] += got.length;
}

static void on_event(void *arg, struct sim *sim, int stack, const struct estab_event *event)
{
    struct bulk *b = sim_user(sim);

    (void)arg;
    b->failed |= (event->bits & ESTAB_EVENT_CLOSED) != 0;
    if (event->bits & ESTAB_EVENT_ACCEPT)
        take(sim, b);
    else if (stack == BULK_CLIENT)
        send_all(sim, b, event->conn);
    else
        for (unsigned i = 0; i < b->flows; i++)
            if (same(b->server[i], event->conn))
                receive_all(sim, b, i);
}

struct sim *bulk_new(struct bulk *b, uint64_t seed, const struct estab_config *config,
                     const char *link)
{
    struct sim_observer observer = {.event = on_event};
    struct sim_end client = sim_end_at(BULK_CLIENT, estab_ipv4(10, 12, 0, 101));
    struct sim_end server = sim_end_at(BULK_SERVER, estab_ipv4(10, 12, 0, 1));
    struct estab_listen listen = {.size = sizeof listen, .local.port = PORT, .backlog = 4};
    struct link_config both = {0};
    struct estab_config plain;
    char error[LINK_ERROR_MAX];
    struct sim *sim = sim_new(seed);

    if (!sim)
        return NULL;
    *b = (struct bulk){0};
    estab_config_init(&plain);
    plain.chunks = 8192;
    sim_set_user(sim, b);
    sim_set_limit(sim, UINT64_C(1) << 40);
    if (link_config_parse(&both, link, error) &&
        sim_stack_add(sim, "client", config) == BULK_CLIENT &&
        sim_stack_add(sim, "server", &plain) == BULK_SERVER && sim_observe(sim, &observer) &&
        sim_join(sim, &client, &server, &both, &both) == 0 &&
        estab_listen(sim_stack(sim, BULK_SERVER), &listen, &b->listener) == ESTAB_OK)
        return sim;
    sim_free(sim);
    return NULL;
}

unsigned bulk_open(struct sim *sim)
{
    struct bulk *b = sim_user(sim);
    unsigned i = b->flows++;
    struct estab_open open = {.size = sizeof open, .remote = {estab_ipv4(10, 12, 0, 1), PORT}};

    open.local.port = b->port[i] = (uint16_t)(FIRST_PORT + i);
    b->failed |=
        estab_open(sim_stack(sim, BULK_CLIENT), &open, &b->client[i], sim_now(sim)) != ESTAB_OK;
    return i;
}

struct estab_status bulk_status(const struct sim *sim, unsigned flow)
{
    const struct bulk *b = sim_user(sim);
    struct estab_status st = {.size = sizeof st};

    (void)!estab_status(sim_stack(sim, BULK_CLIENT), b->client[flow], &st);
    return st;
}
