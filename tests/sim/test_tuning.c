/* SPDX-License-Identifier: MIT */
/*
 * test_tuning.c - buffers become as large as the path needs: over a long fat path nothing but the
 * congestion window limits; who does not read, or has a thin path, keeps what he began with; and who
 * sets a size has that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/sim.h"

enum { CLIENT, SERVER, PORT = 3333, RESERVE = 65536, CHUNK = 4096 };

#define LONG_FAT "delay 50ms rate 100mbit"
#define THIN     "delay 5ms rate 1mbit queue 10"

static struct flow {
    struct sim *sim;
    estab_listener listener;
    estab_conn client, server;
    bool reads;
    uint64_t received;
    uint32_t queued_most; /* by the client */
} flow;

static struct estab_status status_of(int side)
{
    struct estab_status st = {.size = sizeof st};

    assert_int_equal(estab_status(sim_stack(flow.sim, side),
                                  side == CLIENT ? flow.client : flow.server, &st),
                     ESTAB_OK);
    return st;
}

static void send_all(void)
{
    static const uint8_t text[8192];
    enum estab_error error;
    size_t taken;

    do
        error = estab_send(sim_stack(flow.sim, CLIENT), flow.client, text, sizeof text, 0, &taken,
                           sim_now(flow.sim));
    while (error == ESTAB_OK);
    assert_int_equal(error, ESTAB_AGAIN);
    if (status_of(CLIENT).send_queued > flow.queued_most)
        flow.queued_most = status_of(CLIENT).send_queued;
}

static void receive_all(void)
{
    struct estab_received got;
    uint8_t text[8192];

    while (flow.reads && estab_receive(sim_stack(flow.sim, SERVER), flow.server, text, sizeof text, 0,
                                       &got, sim_now(flow.sim)) == ESTAB_OK)
        flow.received += got.length;
}

static void on_event(void *arg, struct sim *sim, int stack, const struct estab_event *event)
{
    (void)arg;
    if (event->bits & ESTAB_EVENT_ACCEPT)
        assert_int_equal(estab_accept(sim_stack(sim, SERVER), flow.listener, &flow.server), ESTAB_OK);
    if (stack == CLIENT && event->bits & (ESTAB_EVENT_OPENED | ESTAB_EVENT_WRITABLE))
        send_all();
    if (stack == SERVER && event->bits & ESTAB_EVENT_READABLE)
        receive_all();
}

/* `change` may be NULL.  The client's and the listener's sizes are set where they are not 0. */
static void start(const char *link, void (*change)(struct estab_config *), uint32_t send_buffer,
                  uint32_t receive_buffer)
{
    struct estab_listen listen = {.size = sizeof listen, .local.port = PORT, .backlog = 1};
    struct estab_setting setting = {ESTAB_OPTION_SEND_BUFFER, send_buffer};
    struct estab_open open = {.size = sizeof open,
                              .remote = {estab_ipv4(10, 11, 0, 2), PORT},
                              .settings = &setting,
                              .setting_count = send_buffer > 0};
    struct sim_end client = sim_end_at(CLIENT, estab_ipv4(10, 11, 0, 1));
    struct sim_end server = sim_end_at(SERVER, estab_ipv4(10, 11, 0, 2));
    struct sim_observer observer = {.event = on_event};
    struct link_config both = {0};
    struct estab_config config;
    char error[LINK_ERROR_MAX];

    flow = (struct flow){.sim = sim_new(9293), .reads = true};
    assert_non_null(flow.sim);
    estab_config_init(&config);
    config.connections = config.records = 4;
    if (change)
        change(&config);
    assert_true(link_config_parse(&both, link, error));
    assert_int_equal(sim_stack_add(flow.sim, "client", &config), CLIENT);
    assert_int_equal(sim_stack_add(flow.sim, "server", &config), SERVER);
    assert_int_equal(sim_join(flow.sim, &client, &server, &both, &both), 0);
    assert_true(sim_observe(flow.sim, &observer));
    assert_int_equal(estab_listen(sim_stack(flow.sim, SERVER), &listen, &flow.listener), ESTAB_OK);
    if (receive_buffer > 0)
        assert_int_equal(estab_listener_set(sim_stack(flow.sim, SERVER), flow.listener,
                                            ESTAB_OPTION_RECEIVE_BUFFER, receive_buffer),
                         ESTAB_OK);
    assert_int_equal(estab_open(sim_stack(flow.sim, CLIENT), &open, &flow.client, 0), ESTAB_OK);
}

static void run_to(unsigned ms)
{
    assert_int_equal(sim_run(flow.sim, ms * ESTAB_MS), SIM_REACHED);
}

/* Ten segments double eight times in 0.8 s, to more than the path holds (826 segments): from then on it
 * carries 1448 bytes of text in each frame of 1514 (1460 without timestamps). */
static void fills_the_path(uint32_t text)
{
    struct estab_status st;
    uint64_t before;

    run_to(1000);
    st = status_of(CLIENT);
    assert_int_equal(st.window_limited_us, 0);
    assert_int_equal(st.buffer_limited_us, 0);
    run_to(1100);
    before = flow.received;
    run_to(2100);
    assert_in_range(flow.received - before, UINT64_C(12500000) * text / 1514 - 20000, 12500000);
    st = status_of(CLIENT);
    assert_in_range(st.send_buffer, 2 * 1250000, 4194304);
    st = status_of(SERVER);
    assert_in_range(st.rcv_wnd_most, 2 * 1250000, 6291456);
    sim_free(flow.sim);
}

static void a_long_fat_path_is_filled(void **state)
{
    (void)state;
    start(LONG_FAT, NULL, 0, 0);
    fills_the_path(1448);
}

static void no_timestamps(struct estab_config *config)
{
    config->timestamps = false;
}

static void without_timestamps_too(void **state)
{
    (void)state;
    start(LONG_FAT, no_timestamps, 0, 0);
    fills_the_path(1460);
}

static void no_tuning(struct estab_config *config)
{
    config->tuning = false;
}

/* Then SEND takes all at once, and the window grows by text alone, also of who does not read. */
static void tuning_can_be_off(void **state)
{
    (void)state;
    start(LONG_FAT, no_tuning, 0, 0);
    flow.reads = false;
    run_to(3000);
    assert_int_equal(flow.queued_most, 4194304);
    assert_true(status_of(SERVER).receive_queued > 3 * 1000000);
    sim_free(flow.sim);
}

static void who_does_not_read_gets_no_more(void **state)
{
    struct estab_status st;

    (void)state;
    start(LONG_FAT, NULL, 0, 0);
    flow.reads = false;
    run_to(3000);
    st = status_of(SERVER);
    assert_in_range(st.receive_queued, RESERVE / 2, RESERVE + CHUNK);
    assert_in_range(st.rcv_wnd_most, RESERVE / 2, RESERVE + CHUNK);
    flow.reads = true; /* from now on: what he takes in a round trip decides */
    receive_all();
    run_to(6000);
    assert_true(status_of(SERVER).rcv_wnd_most > 20 * RESERVE);
    sim_free(flow.sim);
}

/* At most 10 ms and the queue of ten frames, 16 KB a round trip; an acknowledgment may wait for 40 ms. */
static void a_thin_path_needs_little(void **state)
{
    (void)state;
    start(THIN, NULL, 0, 0);
    run_to(20000);
    assert_true(flow.received > 1000000);
    assert_in_range(status_of(SERVER).rcv_wnd_most, RESERVE / 2, 2 * RESERVE);
    assert_in_range(flow.queued_most, RESERVE / 2, 5 * RESERVE); /* slow start overshot the queue */
    sim_free(flow.sim);
}

static void who_sets_a_size_has_it(void **state)
{
    (void)state;
    start(LONG_FAT, NULL, 20000, 32768);
    run_to(3000);
    assert_int_equal(flow.queued_most, 20000);
    assert_int_equal(status_of(CLIENT).send_buffer, 20000);
    assert_in_range(status_of(SERVER).rcv_wnd_most, 16384, 32768);
    sim_free(flow.sim);
    start(LONG_FAT, NULL, 500000, 1000000); /* also a larger one, and also who does not read */
    flow.reads = false;
    run_to(3000);
    assert_int_equal(flow.queued_most, 500000);
    assert_in_range(status_of(SERVER).receive_queued, 900000, 1000000 + CHUNK);
    sim_free(flow.sim);
}

static void small_pool(struct estab_config *config)
{
    config->chunks = 1024; /* 4 MB */
}

/* Windows take no more than three quarters of the pool, whatever the path could use. */
static void the_pool_bounds_it(void **state)
{
    struct estab_counters counters = {.size = sizeof counters};

    (void)state;
    start(LONG_FAT, small_pool, 0, 0);
    for (unsigned ms = 100; ms <= 3000; ms += 50) {
        run_to(ms);
        estab_counters(sim_stack(flow.sim, SERVER), &counters);
        assert_in_range(counters.chunks_promised, 0, 768);
    }
    assert_true(status_of(SERVER).rcv_wnd_most > 10 * RESERVE);
    assert_true(status_of(CLIENT).send_buffer > 10 * RESERVE);
    assert_true(flow.received > 10000000);
    sim_free(flow.sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_fat_path_is_filled),
        cmocka_unit_test(without_timestamps_too),
        cmocka_unit_test(tuning_can_be_off),
        cmocka_unit_test(who_does_not_read_gets_no_more),
        cmocka_unit_test(a_thin_path_needs_little),
        cmocka_unit_test(who_sets_a_size_has_it),
        cmocka_unit_test(the_pool_bounds_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
