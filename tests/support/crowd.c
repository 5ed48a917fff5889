/* SPDX-License-Identifier: MIT */
#include "support/crowd.h"

enum { CLIENT, SERVER, PORT = 80 };

static uint8_t byte_at(unsigned port, size_t i)
{
    return (uint8_t)(port * 17 + i * 7 + (i >> 8));
}

static void expect(struct crowd *c, enum estab_error error)
{
    bool usual = error == ESTAB_OK || error == ESTAB_AGAIN;

    if (!usual && c->failed == ESTAB_OK)
        c->failed = error;
}

static void client_open(struct sim *sim, struct crowd *c)
{
    struct estab_open open = {
        .size = sizeof open,
        .remote = {.addr = estab_ipv4(10, 11, 0, 1), .port = PORT},
    };
    estab_conn conn;

    if (c->opened == c->wanted)
        return;
    c->opened++;
    expect(c, estab_open(sim_stack(sim, CLIENT), &open, &conn, sim_now(sim)));
    if (conn.generation && conn.index < CROWD_MOST)
        c->client[conn.index] = (struct crowd_end){.conn = conn, .busy = true};
}

/* The client's port, which tells both ends what the text is. */
static unsigned port_of(struct sim *sim, int stack, estab_conn conn)
{
    struct estab_status st = {.size = sizeof st};

    if (estab_status(sim_stack(sim, stack), conn, &st) != ESTAB_OK)
        return 0;
    return stack == CLIENT ? st.local.port : st.remote.port;
}

static void send_text(struct sim *sim, struct crowd *c, int stack, struct crowd_end *e, size_t n)
{
    unsigned port = port_of(sim, stack, e->conn);
    uint8_t text[CROWD_ANSWER];
    size_t taken;

    for (size_t i = 0; i < n; i++)
        text[i] = byte_at(port, i);
    expect(c, estab_send(sim_stack(sim, stack), e->conn, text, n, 0, &taken, sim_now(sim)));
    c->wrong += taken != n;
    e->sent = n;
}

/* All there is; whether the end has come. */
static bool receive_text(struct sim *sim, struct crowd *c, int stack, struct crowd_end *e)
{
    unsigned port = port_of(sim, stack, e->conn);
    struct estab_received got = {0};
    uint8_t text[1000];

    for (;;) {
        enum estab_error error =
            estab_receive(sim_stack(sim, stack), e->conn, text, sizeof text, 0, &got, sim_now(sim));

        if (error != ESTAB_OK) {
            expect(c, error == ESTAB_CLOSING ? ESTAB_OK : error);
            return got.end;
        }
        for (size_t i = 0; i < got.length; i++)
            c->wrong += text[i] != byte_at(port, e->received + i);
        e->received += got.length;
        if (got.end)
            return true;
    }
}

static void close_once(struct sim *sim, struct crowd *c, int stack, struct crowd_end *e)
{
    if (!e->closed)
        expect(c, estab_close(sim_stack(sim, stack), e->conn, sim_now(sim)));
    e->closed = true;
}

/* A client whose time has come asks. */
static void client_ask(struct sim *sim, void *arg)
{
    struct crowd *c = sim_user(sim);

    for (unsigned i = 0; i < CROWD_MOST; i++) {
        struct estab_status st = {.size = sizeof st};
        struct crowd_end *e = &c->client[i];

        if (e->busy && e->sent == 0 &&
            estab_status(sim_stack(sim, CLIENT), e->conn, &st) == ESTAB_OK &&
            st.state == ESTAB_STATE_ESTABLISHED)
            send_text(sim, c, CLIENT, e, CROWD_REQUEST);
    }
    (void)arg;
}

static void on_client(struct sim *sim, struct crowd *c, const struct estab_event *event)
{
    struct crowd_end *e = &c->client[event->conn.index % CROWD_MOST];

    if (event->bits & ESTAB_EVENT_CLOSED) {
        expect(c, event->error);
        c->wrong += e->received != CROWD_ANSWER;
        c->client_closed++;
        e->busy = false;
        client_open(sim, c);
        return;
    }
    if ((event->bits & ESTAB_EVENT_OPENED) && c->hold == 0)
        send_text(sim, c, CLIENT, e, CROWD_REQUEST);
    if (receive_text(sim, c, CLIENT, e))
        close_once(sim, c, CLIENT, e);
}

static void server_accept(struct sim *sim, struct crowd *c)
{
    estab_conn conn;

    while (estab_accept(sim_stack(sim, SERVER), c->listener, &conn) == ESTAB_OK) {
        c->accepted++;
        if (conn.index < CROWD_MOST)
            c->server[conn.index] = (struct crowd_end){.conn = conn, .busy = true};
    }
}

static void on_server(struct sim *sim, struct crowd *c, const struct estab_event *event)
{
    struct crowd_end *e = &c->server[event->conn.index % CROWD_MOST];
    struct estab_counters counters = {.size = sizeof counters};

    if (event->listener.generation) {
        server_accept(sim, c);
        estab_counters(sim_stack(sim, SERVER), &counters);
        c->peak = counters.connections > c->peak ? counters.connections : c->peak;
        return;
    }
    if (event->bits & ESTAB_EVENT_CLOSED) {
        expect(c, event->error);
        c->wrong += e->received != CROWD_REQUEST;
        c->server_closed++;
        e->busy = false;
        return;
    }
    (void)receive_text(sim, c, SERVER, e);
    if (e->received == CROWD_REQUEST && e->sent == 0) {
        send_text(sim, c, SERVER, e, CROWD_ANSWER);
        close_once(sim, c, SERVER, e);
    }
}

static void on_event(void *arg, struct sim *sim, int stack, const struct estab_event *event)
{
    (void)arg;
    if (stack == CLIENT)
        on_client(sim, sim_user(sim), event);
    else
        on_server(sim, sim_user(sim), event);
}

struct sim *crowd_new(struct crowd *c, uint64_t seed, const char *link)
{
    struct sim_observer observer = {.event = on_event};
    struct sim_end a = sim_end_at(CLIENT, estab_ipv4(10, 11, 0, 101));
    struct sim_end b = sim_end_at(SERVER, estab_ipv4(10, 11, 0, 1));
    struct sim *sim = sim_new(seed);
    struct estab_config config;
    struct link_config link_config = {0};
    char error[LINK_ERROR_MAX];

    estab_config_init(&config);
    config.connections = 600;
    config.records = 2048;
    config.chunks = 8192;
    config.chunk_bytes = 2048;
    config.receive_reserve = 8192;
    if (!sim)
        return NULL;
    if (!link_config_parse(&link_config, link, error) ||
        sim_stack_add(sim, "client", &config) != CLIENT ||
        sim_stack_add(sim, "server", &config) != SERVER ||
        sim_join(sim, &a, &b, &link_config, &link_config) < 0 || !sim_observe(sim, &observer)) {
        sim_free(sim);
        return NULL;
    }
    sim_set_user(sim, c);
    return sim;
}

void crowd_start(struct sim *sim)
{
    struct crowd *c = sim_user(sim);
    struct estab_listen listen = {.size = sizeof listen, .local.port = PORT, .backlog = 1024};

    expect(c, estab_listen(sim_stack(sim, SERVER), &listen, &c->listener));
    for (unsigned i = 0; i < c->at_once; i++)
        client_open(sim, c);
    if (c->hold)
        sim_at(sim, sim_now(sim) + c->hold, client_ask, NULL);
}
