/* SPDX-License-Identifier: MIT */
/*
 * What is written is read back as it was; what nobody wrote is refused, with what was expected.
 */
#include "control/object.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static char line[CONTROL_LINE_MAX];
static struct text t;
static struct control_object seen;

static void begin(void)
{
    t = text_of(line, sizeof line, false);
}

/* The line that was written, read. */
static void read_back(void)
{
    assert_false(t.cut);
    assert_true(t.length > 0 && line[t.length - 1] == '\n');
    assert_null(memchr(line, '\n', t.length - 1));
    assert_null(control_read(line, t.length - 1, &seen));
}

static struct control_row row(void)
{
    struct control_row r = control_row_empty();

    r.local = (struct estab_endpoint){estab_ipv4(10, 11, 0, 1), 3333};
    r.remote = (struct estab_endpoint){estab_ipv4(10, 11, 0, 101), 40000};
    r.state = ESTAB_STATE_SYN_RECEIVED;
    r.timer = ESTAB_TIMER_RETRANSMIT;
    r.timer_ms = 1999;
    r.recv_queue = 0;
    r.send_queue = UINT32_MAX;
    r.iss = UINT32_MAX;
    r.pid = 4711;
    strcpy(r.program, "estab listen");
    strcpy(r.on, "packet:eth0");
    strcpy(r.local_name, "server");
    return r;
}

static void assert_same(const struct control_row *a, const struct control_row *b)
{
#define X(member) assert_int_equal(a->member, b->member);
    X(kernel) X(udp) X(v6) X(state) X(timer) X(pid)
    CONTROL_ROW_NUMBERS(X)
#undef X
    assert_memory_equal(&a->local.addr, &b->local.addr, sizeof a->local.addr);
    assert_memory_equal(&a->remote.addr, &b->remote.addr, sizeof a->remote.addr);
    assert_int_equal(a->local.port, b->local.port);
    assert_int_equal(a->remote.port, b->remote.port);
    assert_string_equal(a->local_name, b->local_name);
    assert_string_equal(a->remote_name, b->remote_name);
    assert_string_equal(a->program, b->program);
    assert_string_equal(a->on, b->on);
}

/* ---- what is written ----------------------------------------------------------------------------------- */

static void a_row_as_it_is_written(void **state)
{
    struct control_row r = row();

    (void)state;
    r.iss = CONTROL_UNKNOWN;
    begin();
    control_write_row(&t, &r);
    assert_string_equal(
        line, "{\"schema\":\"estab.connection/1\",\"stack\":\"estab\",\"proto\":\"tcp\","
              "\"local\":\"10.11.0.1:3333\",\"remote\":\"10.11.0.101:40000\","
              "\"local_name\":\"server\",\"remote_name\":null,\"state\":\"SYN-RECEIVED\","
              "\"pid\":4711,\"program\":\"estab listen\",\"on\":\"packet:eth0\","
              "\"timer\":\"retransmission\",\"recv_queue\":0,\"send_queue\":4294967295,"
              "\"timer_ms\":1999}\n");
}

static void rows_are_read_back(void **state)
{
    struct control_row r = row();

    (void)state;
    for (unsigned i = 0; i <= ESTAB_STATE_TIME_WAIT; i++) {
        r.state = (enum estab_state)i;
        r.timer = (enum estab_timer)(i % (ESTAB_TIMER_OVERRIDE + 1));
        begin();
        control_write_row(&t, &r);
        read_back();
        assert_int_equal(seen.schema, CONTROL_CONNECTION);
        assert_same(&seen.row, &r);
    }
}

/* Of UDP there is no state and no timer, and another schema says so. */
static void a_udp_socket(void **state)
{
    struct control_row r = row();

    (void)state;
    r.udp = true;
    r.state = ESTAB_STATE_CLOSED;
    r.timer = ESTAB_TIMER_NONE;
    r.timer_ms = r.iss = CONTROL_UNKNOWN;
    r.waiting = 2;
    r.dropped = 1;
    begin();
    control_write_row(&t, &r);
    assert_string_equal(
        line, "{\"schema\":\"estab.udp/1\",\"stack\":\"estab\",\"proto\":\"udp\","
              "\"local\":\"10.11.0.1:3333\",\"remote\":\"10.11.0.101:40000\","
              "\"local_name\":\"server\",\"remote_name\":null,"
              "\"pid\":4711,\"program\":\"estab listen\",\"on\":\"packet:eth0\","
              "\"recv_queue\":0,\"send_queue\":4294967295,\"waiting\":2,\"dropped\":1}\n");
    read_back();
    assert_int_equal(seen.schema, CONTROL_UDP);
    assert_same(&seen.row, &r);
    r.v6 = true;
    begin();
    control_write_row(&t, &r);
    read_back();
    assert_string_equal(control_proto(&seen.row), "udp6");
    assert_same(&seen.row, &r);
}

static void every_number_is_read_back(void **state)
{
    struct control_row r = row();
    uint64_t value = 1;

    (void)state;
#define X(member) r.member = value++;
    CONTROL_ROW_NUMBERS(X)
#undef X
    r.cwnd = CONTROL_NUMBER_MAX;
    r.pid = CONTROL_UNKNOWN;
    begin();
    control_write_row(&t, &r);
    read_back();
    assert_same(&seen.row, &r);
}

static void ends_of_every_kind(void **state)
{
    static const struct {
        struct estab_endpoint end;
        bool v6;
        const char *text;
    } rows[] = {
        {{{{0}}, 3333}, false, "0.0.0.0:3333"},
        {{{{0}}, 0}, false, "0.0.0.0:*"},
        {{{{0}}, 22}, true, "[::]:22"},
        {{{{[15] = 1}}, 65535}, true, "[::1]:65535"},
        {{{{0xfd, 0x11, [15] = 9}}, 1}, true, "[fd11::9]:1"},
        {{{{[10] = 0xff, 0xff, 192, 0, 2, 1}}, 80}, true, "[::ffff:192.0.2.1]:80"},
        {{{{[10] = 0xff, 0xff, 192, 0, 2, 1}}, 80}, false, "192.0.2.1:80"},
    };
    char text[CONTROL_ENDPOINT_MAX];
    struct control_row r = row();

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        control_endpoint(text, &rows[i].end, rows[i].v6);
        assert_string_equal(text, rows[i].text);
        r.kernel = true;
        r.v6 = rows[i].v6;
        r.local = r.remote = rows[i].end;
        begin();
        control_write_row(&t, &r);
        read_back();
        assert_same(&seen.row, &r);
    }
}

/* The most that there can be fits into a line. */
static void a_full_table_of_names(void **state)
{
    struct control_stack s = {.pid = 1, .stack = true, .version = "0.1.0", .on = "kernel"};
    char name[NAMES_TEXT_MAX];

    (void)state;
    memset(s.program, '"', sizeof s.program - 1);
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (unsigned i = 0; i < NAMES_MAX; i++) {
        struct estab_addr a;
        memset(&a, 0xee, sizeof a);
        a.b[15] = (uint8_t)i;
        assert_true(names_add(&s.names, a, name));
    }
    begin();
    control_write_stack(&t, &s);
    read_back();
    assert_int_equal(seen.schema, CONTROL_STACK);
    assert_int_equal(seen.stack.names.count, NAMES_MAX);
    assert_memory_equal(&seen.stack.names.entry[31].addr, &s.names.entry[31].addr, 16);
    assert_string_equal(seen.stack.names.entry[31].text, name);
    assert_string_equal(seen.stack.program, s.program);
    assert_string_equal(seen.stack.name, "");
}

static void the_others_are_read_back(void **state)
{
    struct control_counters c = {.pid = 7};
    struct control_reason r = {7, 12, "SEQ_UNACCEPTABLE", "RFC 9293", "a \"quoted\" sentence"};
    struct control_end e = {"connections", 99};
    uint64_t value = 100;

    (void)state;
#define X(member) c.member = value++;
    CONTROL_COUNTERS_OF(X)
#undef X
    begin();
    control_write_counters(&t, &c);
    read_back();
    assert_int_equal(seen.schema, CONTROL_COUNTERS);
    assert_memory_equal(&seen.counters, &c, sizeof c);
    begin();
    control_write_reason(&t, &r);
    read_back();
    assert_int_equal(seen.reason.count, 12);
    assert_string_equal(seen.reason.sentence, r.sentence);
    begin();
    control_write_end(&t, &e);
    read_back();
    assert_int_equal(seen.end.count, 99);
    assert_string_equal(seen.end.request, "connections");
    begin();
    control_write_error(&t, "\x1b[2J and \\ no more");
    read_back();
    assert_string_equal(seen.error, "?[2J and \\ no more"); /* for a terminal */
}

/* ---- what is refused ------------------------------------------------------------------------------------ */

#define ROW                                                                                        \
    "\"schema\":\"estab.connection/1\",\"stack\":\"estab\",\"proto\":\"tcp\",\"state\":\"LISTEN\"," \
    "\"timer\":\"off\""
#define ENDS   ",\"local\":\"1.2.3.4:5\",\"remote\":\"0.0.0.0:*\""
#define QUEUES ",\"recv_queue\":0,\"send_queue\":0"

static void what_is_refused(void **state)
{
    static const struct {
        const char *line, *says;
    } rows[] = {
        {"", "one object"},
        {"hello", "one object"},
        {"[1]", "one object"},
        {"{\"schema\":\"estab.end/1\"} {}", "one object"},
        {"{\"schema\":1}", "its schema"},
        {"{}", "its schema"},
        {"{\"schema\":\"estab.end/1\",\"schema\":\"estab.end/1\"}", "one object"},
        {"{\"schema\":\"estab.end/1\",\"request\":\"x\"}", "a count"},
        {"{\"schema\":\"estab.end/1\",\"request\":\"x\",\"count\":-1}", "a count"},
        {"{\"schema\":\"estab.end/1\",\"request\":\"x\",\"count\":9007199254740993}", "a count"},
        {"{\"schema\":\"estab.end/1\",\"request\":\"x\",\"count\":1.5}", "a count"},
        {"{" ROW ENDS "}", "two queues"},
        {"{" ROW QUEUES "}", "two ends"},
        {"{" ROW QUEUES ",\"local\":\"1.2.3.4\",\"remote\":\"0.0.0.0:*\"}", "two ends"},
        {"{" ROW QUEUES ",\"local\":\"1.2.3.4:65536\",\"remote\":\"0.0.0.0:*\"}", "two ends"},
        {"{" ROW QUEUES ",\"local\":\"1.2.3.4:-1\",\"remote\":\"0.0.0.0:*\"}", "two ends"},
        {"{" ROW QUEUES ",\"local\":\"[::1]:1\",\"remote\":\"0.0.0.0:*\"}", "two ends"},
        {"{" ROW QUEUES ENDS ",\"pid\":\"1\"}", "pid"},
        {"{" ROW QUEUES ENDS ",\"cwnd\":{}}", "cwnd"},
        {"{" ROW QUEUES ENDS ",\"program\":5}", "names"},
        {"{\"schema\":\"estab.connection/1\",\"stack\":\"bsd\",\"proto\":\"tcp\"}", "a stack"},
        {"{\"schema\":\"estab.connection/1\",\"stack\":\"estab\",\"proto\":\"udp\"}", "tcp or tcp6"},
        {"{\"schema\":\"estab.udp/1\",\"stack\":\"estab\",\"proto\":\"tcp\"" ENDS QUEUES "}", "udp or udp6"},
        {"{\"schema\":\"estab.udp/1\",\"stack\":\"estab\",\"proto\":\"udp\"" QUEUES "}", "two ends"},
        {"{\"schema\":\"estab.udp/1\",\"stack\":\"estab\",\"proto\":\"udp6\"" ENDS QUEUES "}", "two ends"},
        {"{\"schema\":\"estab.udp/1\",\"stack\":\"estab\",\"proto\":\"udp\"" ENDS "}", "two queues"},
        {"{\"schema\":\"estab.stack/1\",\"stack\":true}", "number of a process"},
        {"{\"schema\":\"estab.stack/1\",\"stack\":true,\"pid\":1,\"version\":\"\",\"program\":\"\","
         "\"on\":\"\",\"names\":{}}",
         "list of names"},
        {"{\"schema\":\"estab.stack/1\",\"stack\":true,\"pid\":1,\"version\":\"\",\"program\":\"\","
         "\"on\":\"\",\"names\":[{\"name\":\"a b\",\"address\":\"1.2.3.4\"}]}",
         "each with its address"},
        {"{\"schema\":\"estab.counters/1\",\"pid\":1}", "frames_in"},
        {"{\"schema\":\"estab.reason/1\",\"pid\":1}", "a reason"},
        {"{\"schema\":\"estab.error/1\"}", "error's text"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *why = control_read(rows[i].line, strlen(rows[i].line), &seen);
        if (!why || !strstr(why, rows[i].says))
            fail_msg("%s: \"%s\", not \"%s\"", rows[i].line, why ? why : "accepted", rows[i].says);
    }
    assert_null(control_read("{" ROW ENDS QUEUES "}", strlen("{" ROW ENDS QUEUES "}"), &seen));
}

static void a_later_version(void **state)
{
    static const char later[] = "{\"schema\":\"estab.connection/2\",\"all\":\"new\"}";
    static const char more[] = "{" ROW ENDS QUEUES ",\"colour\":[1,2],\"timer\":\"lunch\"}";
    static const char timer[] = "{\"schema\":\"estab.connection/1\",\"stack\":\"kernel\","
                                "\"proto\":\"tcp\",\"state\":\"LISTEN\",\"timer\":\"lunch\"" ENDS
                                    QUEUES ",\"colour\":[1,2]}";

    (void)state;
    assert_null(control_read(later, strlen(later), &seen));
    assert_int_equal(seen.schema, CONTROL_OTHER);
    assert_non_null(control_read(more, strlen(more), &seen)); /* twice the same member */
    assert_null(control_read(timer, strlen(timer), &seen));
    assert_int_equal(seen.row.timer, ESTAB_TIMER_NONE);
}

static void a_line_that_is_too_long(void **state)
{
    static char text[CONTROL_LINE_MAX + 1];

    (void)state;
    memset(text, ' ', sizeof text);
    text[0] = '{';
    assert_string_equal(control_read(text, sizeof text, &seen), "expected a shorter line");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_as_it_is_written),  cmocka_unit_test(rows_are_read_back),
        cmocka_unit_test(every_number_is_read_back), cmocka_unit_test(ends_of_every_kind),
        cmocka_unit_test(a_full_table_of_names),   cmocka_unit_test(the_others_are_read_back),
        cmocka_unit_test(what_is_refused),         cmocka_unit_test(a_later_version),
        cmocka_unit_test(a_line_that_is_too_long), cmocka_unit_test(a_udp_socket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
