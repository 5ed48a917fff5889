/* SPDX-License-Identifier: MIT */
/*
 * From a stack to what is said of it: its UDP sockets, and its pools with their limits.  How it is carried is
 * test_control.c's.
 */
#include "control/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "estab_udp.h"

#define NOW (100 * ESTAB_SECOND)

static struct estab_room room;
static estab_stack *stack;
static char answer[1 << 16];

/* One listener, one connection in SYN-SENT, and pools that no default is like. */
static int setup(void **state)
{
    struct estab_interface i = {.size = sizeof i,
                                .link = ESTAB_LINK_IP,
                                .prefix_length = 24,
                                .address = estab_ipv4(10, 11, 0, 1),
                                .mtu = 1500};
    struct estab_open open = {.size = sizeof open, .remote = {estab_ipv4(10, 11, 0, 101), 80}};
    struct estab_listen listen = {.size = sizeof listen, .local.port = 1, .backlog = 5};
    struct estab_config c;
    estab_listener listener;
    estab_conn conn;

    (void)state;
    estab_config_init(&c);
    c.connections = c.records = 16;
    c.listeners = 8;
    c.chunks = 1024;
    c.sack_spares = 3;
    c.udp_sockets = 5;
    c.datagrams = 6;
    c.fragments = 64;
    c.neighbours = 24;
    c.replies = 7;
    room.size = estab_stack_size(&c);
    room.base = mmap(NULL, room.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack = estab_stack_init(room, &c, NOW);
    assert_non_null(stack);
    assert_int_equal(estab_interface_add(stack, &i), 0);
    assert_int_equal(estab_listen(stack, &listen, &listener), ESTAB_OK);
    assert_int_equal(estab_open(stack, &open, &conn, NOW), ESTAB_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return munmap(room.base, room.size);
}

static void find_names(void *context, struct names *names)
{
    (void)context;
    assert_true(names_add(names, estab_ipv4(10, 11, 0, 1), "server"));
    assert_true(names_add(names, estab_ipv4(10, 11, 0, 101), "client"));
}

static void ask(const char *request)
{
    struct control_config config = {.program = "estab test",
                                    .on = "nothing",
                                    .name = "server",
                                    .stack = stack,
                                    .names = find_names,
                                    .diag = -1};
    struct answer_source source = answer_source_of(&config);
    struct text out = text_of(answer, sizeof answer, false);
    struct answer a;

    answer_begin(&a, &source, answer_request(request, strlen(request)));
    answer_fill(&a, &source, &out, NOW);
    assert_int_equal(a.request, ANSWER_NONE); /* it was all of it */
    assert_false(out.cut);
}

static void expect(const char *part)
{
    if (!strstr(answer, part))
        fail_msg("\"%s\" has no \"%s\"", answer, part);
}

/* ---- UDP sockets --------------------------------------------------------------------------------------- */

static void open_udp(struct estab_endpoint local, struct estab_endpoint remote, estab_udp *out)
{
    struct estab_udp_open open = {.size = sizeof open, .local = local, .remote = remote};

    assert_int_equal(estab_udp_open(stack, &open, out), ESTAB_OK);
}

/* Those of both families, of one, and one with a peer, to whom two datagrams of 100 bytes are under way. */
static void udp_sockets_are_listed(void **state)
{
    const struct estab_endpoint nobody = {0}, peer = {estab_ipv4(10, 11, 0, 101), 53};
    static const uint8_t text[100];
    const char *row;
    estab_udp udp;

    (void)state;
    open_udp((struct estab_endpoint){.port = 7}, nobody, &udp);
    open_udp((struct estab_endpoint){estab_ipv4(0, 0, 0, 0), 9}, nobody, &udp);
    open_udp((struct estab_endpoint){.port = 5000}, peer, &udp);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(estab_udp_send(stack, udp, NULL, text, sizeof text, NOW), ESTAB_OK);
    ask("connections");
    expect("\"request\":\"connections\",\"count\":5}\n");
    row = strstr(answer, "\"schema\":\"estab.udp/1\"");
    assert_non_null(row);
    assert_true(row > strstr(answer, "SYN-SENT"));
    assert_non_null(strstr(row, "\"proto\":\"udp6\",\"local\":\"[::]:7\",\"remote\":\"[::]:*\","
                                "\"local_name\":\"server\",\"remote_name\":null,\"pid\":"));
    assert_non_null(strstr(row, "\"proto\":\"udp\",\"local\":\"0.0.0.0:9\",\"remote\":\"0.0.0.0:*\","
                                "\"local_name\":\"server\",\"remote_name\":null,\"pid\":"));
    row = strstr(row, "\"proto\":\"udp\",\"local\":\"10.11.0.1:5000\",\"remote\":\"10.11.0.101:53\","
                      "\"local_name\":\"server\",\"remote_name\":\"client\",\"pid\":");
    assert_non_null(row);
    assert_non_null(strstr(row, "\"program\":\"estab test\",\"on\":\"nothing\","
                                "\"recv_queue\":0,\"send_queue\":200,\"waiting\":0,\"receive_buffer\":"));
    assert_null(strstr(row, "\"state\""));
}

static void receive_a_datagram(uint8_t length)
{
    uint8_t bytes[20 + 8 + 100] = {0x45, 0, 0, [8] = 64, 17, [12] = 10, 11, 0, 101, 10, 11, 0, 1,
                                   [21] = 53, [23] = 7};
    struct estab_frame f = {.length = 28u + length,
                            .link = ESTAB_LINK_IP,
                            .parts = 1,
                            .part[0] = {bytes, 28u + length}};
    uint32_t sum = 0;

    assert_true(length <= 100);
    bytes[3] = (uint8_t)(28 + length);
    bytes[25] = (uint8_t)(8 + length);
    for (unsigned i = 0; i < 20; i += 2)
        sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    sum = ~((sum & 0xffff) + (sum >> 16));
    bytes[10] = (uint8_t)(sum >> 8);
    bytes[11] = (uint8_t)sum;
    estab_input(stack, &f, 1, NOW);
}

static void datagrams_that_wait_are_seen(void **state)
{
    estab_udp udp;

    (void)state;
    open_udp((struct estab_endpoint){.port = 7}, (struct estab_endpoint){0}, &udp);
    receive_a_datagram(100);
    receive_a_datagram(20);
    ask("connections");
    expect("\"recv_queue\":196,\"send_queue\":0,\"waiting\":2,"); /* 38 in front of each */
    assert_non_null(strstr(answer, "\"received\":2,\"sent\":0,\"dropped\":0}"));
}

/* ---- pools ---------------------------------------------------------------------------------------------- */

/* What is in use, and what the configuration has made room for. */
static void pools_and_their_limits(void **state)
{
    static const char *const parts[] = {
        "\"connections\":1,\"connections_total\":16,", "\"records\":0,\"records_total\":16,",
        "\"listeners\":1,\"listeners_total\":8,",     "\"chunks_used\":1,\"chunks_total\":1024,",
        "\"cold_blocks\":1,\"cold_blocks_total\":16,", "\"scoreboards\":0,\"scoreboards_total\":16,",
        "\"spares\":0,\"spares_total\":3,",            "\"udp_sockets\":1,\"udp_sockets_total\":5,",
        "\"datagrams\":1,\"datagrams_total\":6,",      "\"fragments\":0,\"fragments_total\":64,",
        "\"neighbours\":0,\"neighbours_total\":24,",   "\"replies\":0,\"replies_total\":7",
    };
    const struct estab_endpoint peer = {estab_ipv4(10, 11, 0, 101), 53};
    uint64_t cursor = 8; /* behind the listeners */
    struct estab_status st = {.size = sizeof st};
    estab_udp udp;

    (void)state;
    open_udp((struct estab_endpoint){.port = 5000}, peer, &udp);
    assert_int_equal(estab_udp_send(stack, udp, NULL, "x", 1, NOW), ESTAB_OK);
    assert_true(estab_list(stack, &cursor, &st));
    assert_int_equal(estab_set(stack, st.conn, ESTAB_OPTION_SYN_RETRIES, 1, NOW), ESTAB_OK);
    ask("statistics");
    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strstr(answer, parts[i]))
            fail_msg("\"%s\" has no \"%s\"", answer, parts[i]);
    assert_int_equal(estab_set(stack, st.conn, ESTAB_OPTION_SYN_RETRIES, 0, NOW), ESTAB_OK);
    ask("statistics");
    expect("\"cold_blocks\":0,\"cold_blocks_total\":16,");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(udp_sockets_are_listed),
        T(datagrams_that_wait_are_seen),
        T(pools_and_their_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
