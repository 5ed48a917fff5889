/* SPDX-License-Identifier: MIT */
/* sim_transfer.c - see sim_transfer.h. */
#include "support/sim_transfer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define PORT 3333

static void on_event(void *arg, struct sim *sim, int stack, const struct estab_event *event);

/* Not periodic in any power of two, so that text at the wrong place is found. */
static uint8_t text_at(size_t i)
{
    return (uint8_t)(i * 31 + i / 251);
}

struct estab_config transfer_config(void)
{
    struct estab_config config;
    config.size = sizeof config;
    estab_config_init(&config);
    config.connections = 16;
    config.sack_spares = 4;
    config.records = 16;
    config.listeners = 4;
    config.chunks = 2048; /* 8 MB: a fork copies the room */
    return config;
}

struct sim *transfer_new(struct transfer *t, uint64_t seed, size_t bytes, const char *link)
{
    return transfer_new_with(t, seed, bytes, link, true);
}

static struct sim *make(struct transfer *t, uint64_t seed, const char *link, const struct estab_config *config,
                        const struct sim_end *client, const struct sim_end *server);

static struct sim_end six_at(int stack, uint8_t host, enum transfer_over over)
{
    struct estab_addr address = {{0xfd, 0x11, [14] = host == 101, [15] = host == 101 ? 1 : host}};
    struct sim_end end = sim_end_at(stack, address);

    end.interface.prefix_length = 64;
    if (over == TRANSFER_IPV6_BARE)
        end.interface.link = ESTAB_LINK_IP;
    return end;
}

struct sim *transfer_new_configured(struct transfer *t, uint64_t seed, size_t bytes, const char *link,
                                    enum transfer_over over, const struct estab_config *config)
{
    struct sim_end client = six_at(TRANSFER_CLIENT, 101, over);
    struct sim_end server = six_at(TRANSFER_SERVER, 1, over);

    if (over == TRANSFER_IPV4) {
        client = sim_end_at(TRANSFER_CLIENT, estab_ipv4(10, 11, 0, 101));
        server = sim_end_at(TRANSFER_SERVER, estab_ipv4(10, 11, 0, 1));
    }
    *t = (struct transfer){.bytes = bytes};
    return make(t, seed, link, config, &client, &server);
}

struct sim *transfer_new_over(struct transfer *t, uint64_t seed, size_t bytes, const char *link,
                              enum transfer_over over)
{
    struct estab_config config = transfer_config();

    return transfer_new_configured(t, seed, bytes, link, over, &config);
}

struct sim *transfer_new_with(struct transfer *t, uint64_t seed, size_t bytes, const char *link, bool sack)
{
    struct estab_config config = transfer_config();

    config.sack = sack;
    return transfer_new_configured(t, seed, bytes, link, TRANSFER_IPV4, &config);
}

static struct sim *make(struct transfer *t, uint64_t seed, const char *link, const struct estab_config *config,
                        const struct sim_end *client, const struct sim_end *server)
{
    struct sim_observer observer = {.event = on_event};
    struct link_config both = {0};
    char error[LINK_ERROR_MAX];
    struct sim *sim = sim_new(seed);
    if (!sim)
        return NULL;
    t->to = server->interface.address;
    sim_set_user(sim, t);
    bool done = link_config_parse(&both, link, error) &&
                sim_stack_add(sim, "client", config) == TRANSFER_CLIENT &&
                sim_stack_add(sim, "server", config) == TRANSFER_SERVER &&
                sim_observe(sim, &observer);
    if (done && sim_join(sim, client, server, &both, &both) == 0)
        return sim;
    sim_free(sim);
    return NULL;
}

static void expect(struct transfer *t, enum estab_error error)
{
    bool usual = error == ESTAB_OK || error == ESTAB_AGAIN || error == ESTAB_NO_RESOURCES;
    if (!usual && t->failed == ESTAB_OK)
        t->failed = error;
}

void transfer_start(struct sim *sim)
{
    struct transfer *t = sim_user(sim);
    struct estab_listen listen = {.size = sizeof listen, .local.port = PORT, .backlog = 4};
    struct estab_open open = {
        .size = sizeof open,
        .remote = {.addr = t->to, .port = PORT},
    };
    expect(t, estab_listen(sim_stack(sim, TRANSFER_SERVER), &listen, &t->listener));
    expect(t, estab_open(sim_stack(sim, TRANSFER_CLIENT), &open, &t->client, sim_now(sim)));
}

/* SEND what fits, CLOSE after the last byte. */
static void client_send(struct sim *sim, struct transfer *t)
{
    estab_stack *stack = sim_stack(sim, TRANSFER_CLIENT);
    enum estab_error error = ESTAB_OK;
    while (t->sent < t->bytes && error == ESTAB_OK) {
        uint8_t text[1000];
        size_t n = 0, taken = 0;
        while (n < sizeof text && t->sent + n < t->bytes) {
            text[n] = text_at(t->sent + n);
            n++;
        }
        error = estab_send(stack, t->client, text, n, 0, &taken, sim_now(sim));
        t->sent += taken;
        expect(t, error);
    }
    if (t->sent == t->bytes)
        expect(t, estab_close(stack, t->client, sim_now(sim)));
}

static void server_receive(struct sim *sim, struct transfer *t)
{
    estab_stack *stack = sim_stack(sim, TRANSFER_SERVER);
    while (!t->end_seen) {
        uint8_t text[1777];
        struct estab_received got = {0};
        enum estab_error error =
            estab_receive(stack, t->server, text, sizeof text, 0, &got, sim_now(sim));
        expect(t, error);
        if (error != ESTAB_OK)
            return;
        for (size_t i = 0; i < got.length; i++)
            t->wrong += text[i] != text_at(t->received + i);
        t->received += got.length;
        t->end_seen = got.end;
    }
    expect(t, estab_close(stack, t->server, sim_now(sim)));
}

static void on_client(struct sim *sim, struct transfer *t, const struct estab_event *event)
{
    if (event->bits & ESTAB_EVENT_OPENED)
        t->client_opened = true;
    if (event->bits & ESTAB_EVENT_CLOSED) {
        t->client_closed++;
        t->client_error = event->error;
    } else if (t->client_opened && t->sent < t->bytes) {
        client_send(sim, t);
    }
}

static void on_server(struct sim *sim, struct transfer *t, const struct estab_event *event)
{
    if (event->bits & ESTAB_EVENT_ACCEPT)
        expect(t, estab_accept(sim_stack(sim, TRANSFER_SERVER), t->listener, &t->server));
    if (event->bits & ESTAB_EVENT_CLOSED) {
        t->server_closed++;
        t->server_error = event->error;
    } else if (t->server.generation != 0 && !t->end_seen) {
        server_receive(sim, t);
    }
}

static void on_event(void *arg, struct sim *sim, int stack, const struct estab_event *event)
{
    (void)arg;
    struct transfer *t = sim_user(sim);
    if (stack == TRANSFER_CLIENT)
        on_client(sim, t, event);
    else
        on_server(sim, t, event);
}

void transfer_assert_done(struct sim *sim, const struct transfer *t)
{
    assert_int_equal(t->failed, ESTAB_OK);
    assert_int_equal(t->received, t->bytes);
    assert_int_equal(t->wrong, 0);
    assert_true(t->end_seen);
    assert_int_equal(t->client_error, ESTAB_OK);
    assert_int_equal(t->server_error, ESTAB_OK);
    assert_int_equal(t->client_closed, 1);
    assert_int_equal(t->server_closed, 1);
    for (int i = TRANSFER_CLIENT; i <= TRANSFER_SERVER; i++) {
        struct estab_counters counters = {.size = sizeof counters};
        estab_counters(sim_stack(sim, i), &counters);
        assert_int_equal(counters.connections, 0);
        assert_int_equal(counters.records, 0);
        assert_int_equal(counters.chunks_used, 0);
        assert_int_equal(counters.chunks_promised, 0);
        assert_int_equal(counters.time_steps_back, 0);
    }
}
