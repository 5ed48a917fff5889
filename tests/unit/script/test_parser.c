/* SPDX-License-Identifier: MIT */
/* test_parser.c - what a script may say, and where one that may not be is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "script/packet.h"
#include "script/parser.h"
#include "script/script.h"

#define OPEN "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"

struct read {
    struct arena arena;
    struct lexer lexer;
    struct script_fault fault;
    struct script *script;
};

static struct read *read_text(const char *text)
{
    struct read *r = calloc(1, sizeof *r);

    assert_non_null(r);
    lexer_init(&r->lexer, text, strlen(text), &r->arena, &r->fault);
    r->script = script_parse(&r->lexer, NULL, NULL);
    return r;
}

static void forget(struct read *r)
{
    arena_free(&r->arena);
    free(r);
}

/* ---- packets, as text that reads back ------------------------------------------------------------------- */

static const char *const packets[] = {
    "< S 0:0(0) win 32792 <mss 1000,sackOK,nop,nop,nop,wscale 7>",
    "> S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK,nop,wscale 8>",
    "< . 1:1(0) ack 1 win 257",
    "> P. 1:1001(1000) ack 1 <nop,nop,TS val 100 ecr 200>",
    "> . 1:1(0) ack 1 <nop,nop,sack 2001:3001 4001:5001>",
    "> FP. 1:1001(1000) ack 1",
    "> R 1:1(0)",
    "< PU. 1:11(10) ack 1 win 257 urg 10",
    "> SEW 0:0(0) <...>",
    "> [ect01] . 1:1(0) ack 1",
    "> [ect0] . 1:1(0) ack 1",
    "< [ce] . 1:1(0) ack 1 win 257",
    "> [tos 0x28] . 1:1(0) ack 1",
    "< 5000 > 8080 S 0:0(0) win 1000",
    "< - 1:1001(1000) win 20000",
    "< S 0:0(0) win 1000 <mss 1460,FO 3021b9d889017eeb,nop,nop>",
    "< S 0:0(0) win 1000 <mss 1460,FO,nop,nop>",
    "< S 0:0(0) win 1000 <FOEXP 3021b9d889017eeb>",
    "< S 0:0(0) win 1000 <opt 253 beef,eol,nop,nop,nop>",
    "> .5 1:1(0) ack 1 <ECN e0b 1 ceb 0 e1b 1,nop>",
    "< . 4294967295:4(5) ack 1 win 257",
    "< icmp unreachable frag_needed mtu 800 [0:1000(1000)]",
    "< icmp unreachable port_unreachable",
    "< icmp echo_request",
    "> udp (100)",
};

static void packets_read_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++) {
        char text[400], shown[320];
        struct read *r;

        snprintf(text, sizeof text, OPEN "+0 %s\n", packets[i]);
        r = read_text(text);
        if (!r->script)
            fail_msg("%s: %u:%u %s", packets[i], r->fault.at.line, r->fault.at.column,
                     r->fault.text);
        packet_text(r->script->events->next->packet, shown, sizeof shown);
        assert_string_equal(shown, packets[i]);
        forget(r);
    }
}

/* ---- times ------------------------------------------------------------------------------------------------ */

static const struct {
    const char *text;
    enum event_time time;
    int64_t begin_us, end_us;
} times[] = {
    {"0.25", TIME_ABSOLUTE, 250000, 0},
    {"3", TIME_ABSOLUTE, 3000000, 0},
    {"+.01", TIME_RELATIVE, 10000, 0},
    {"+0", TIME_RELATIVE, 0, 0},
    {"0.000001", TIME_ABSOLUTE, 1, 0},
    {"*", TIME_ANY, 0, 0},
    {"1~1.5", TIME_RANGE, 1000000, 1500000},
    {"+.2~+.25", TIME_RELATIVE_RANGE, 200000, 250000},
};

static void times_are_microseconds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        char text[200];
        struct read *r;
        const struct event *e;

        snprintf(text, sizeof text, OPEN "%s > . 1:1(0) ack 1\n", times[i].text);
        r = read_text(text);
        assert_non_null(r->script);
        e = r->script->events->next;
        assert_int_equal(e->time, times[i].time);
        assert_true(e->begin_us == times[i].begin_us && e->end_us == times[i].end_us);
        forget(r);
    }
}

static void blocking_calls_have_an_end(void **state)
{
    (void)state;
    struct read *r = read_text(OPEN "+.1...0.300 read(3, ..., 10) = -1 EAGAIN (Try again)\n");
    const struct call_spec *call;

    assert_non_null(r->script);
    call = r->script->events->next->call;
    assert_true(call->blocking && call->end_us == 300000);
    assert_string_equal(call->name, "read");
    assert_string_equal(call->error, "EAGAIN");
    assert_int_equal(call->count, 3);
    forget(r);
}

/* ---- expressions, comments, definitions ------------------------------------------------------------------------ */

static void expressions_keep_their_shape(void **state)
{
    (void)state;
    struct read *r = read_text(
        OPEN "+0 sendmsg(3, {msg_name(...)=..., msg_iov(2)=[{..., 40}, {\"ab\" \"c\", 3}],\n"
             "msg_flags=0}, MSG_MORE|MSG_DONTWAIT) = 43\n"
             "+0 epoll_wait(3, {events=EPOLLIN|EPOLLOUT, fd=4}, 1, 0) = 1\n"
             "+0 bind(3, {sa_family = AF_INET, sin_port = htons(80), sin_addr = "
             "inet_addr(\"192.0.2.1\")}, 16) = 0\n");
    const struct expr *e, *vector;

    assert_non_null(r->script);
    e = r->script->events->next->call->arguments->next;
    assert_int_equal(e->kind, EXPR_GROUP);
    assert_int_equal(e->number, 3);
    assert_string_equal(e->list->text, "msg_name");
    vector = e->list->next;
    assert_int_equal(vector->count->number, 2);
    assert_int_equal(vector->list->kind, EXPR_LIST);
    assert_string_equal(vector->list->list->next->list->text, "abc");
    assert_int_equal(e->next->kind, EXPR_OR);
    forget(r);
}

static void comments_and_definitions(void **state)
{
    (void)state;
    struct read *r = read_text("// one\n/* two\n * lines */ # three\n"
                               "#define FD 3 // and a comment\n"
                               "#define FILL \"xyz\"\n"
                               "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = FD\n"
                               "+0 write(FD, FILL, 3) = 3 /* end */\n");
    const struct call_spec *call;

    assert_non_null(r->script);
    assert_int_equal(r->script->events->call->result->number, 3);
    call = r->script->events->next->call;
    assert_int_equal(call->arguments->number, 3);
    assert_string_equal(call->arguments->next->text, "xyz");
    assert_int_equal(r->script->events->next->at.line, 7);
    forget(r);
}

static void options_and_commands(void **state)
{
    (void)state;
    struct read *r = read_text("--tolerance_usecs=10000\n--define=CC=\"reno\"\n--strict_segments\n"
                               "`sysctl -q a=1`\n" OPEN "+0 `echo $X`\n+0 %{ assert 1 == 1 }%\n"
                               "`cleanup`\n");
    const struct script_option *o;

    assert_non_null(r->script);
    o = r->script->options;
    assert_string_equal(o->name, "tolerance_usecs");
    assert_string_equal(o->value, "10000");
    assert_string_equal(o->next->value, "CC=\"reno\"");
    assert_string_equal(o->next->next->value, "");
    assert_string_equal(r->script->preamble, "sysctl -q a=1");
    assert_string_equal(r->script->cleanup, "cleanup");
    assert_int_equal(r->script->event_count, 3);
    forget(r);
}

static void strings_have_escapes(void **state)
{
    (void)state;
    struct read *r = read_text(OPEN "+0 write(3, \"a\\n\\x41\\0\\\\\\\"\", 6) = 6\n");
    const struct expr *e;

    assert_non_null(r->script);
    e = r->script->events->next->call->arguments->next;
    assert_int_equal(e->length, 6);
    assert_memory_equal(e->text, "a\nA\0\\\"", 6);
    forget(r);
}

/* ---- what is wrong, and where ---------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    uint32_t line, column;
    const char *expected; /* a part of the sentence */
} faults[] = {
    {"", 1, 1, "expected an event"},
    {"// nothing\n", 2, 1, "expected an event"},
    {"socket() = 3\n", 1, 1, "expected a time in seconds"},
    {"-1 close(3) = 0\n", 1, 1, "expected a time in seconds"},
    {".5 close(3) = 0\n", 1, 1, "expected the first event at time 0"},
    {"0 close(3)\n", 2, 1, "expected `=`"},
    {"0 close(3 = 0\n", 1, 11, "expected `)`"},
    {"0 close(3,) = 0\n", 1, 11, "expected an expression"},
    {"0 close(3) =\n", 2, 1, "expected an expression"},
    {"0 close[3] = 0\n", 1, 8, "expected `(`"},
    {"0 ! close(3) = 0\n", 1, 3, "expected a packet"},
    {"0 \"text\"\n", 1, 3, "expected a packet"},
    {"1e3 close(3) = 0\n", 1, 1, "expected a time in seconds"},
    {OPEN "0...x read(3, ..., 1) = 1\n", 2, 5, "expected a time in seconds"},
    {OPEN "+.5...0.3 read(3, ..., 1) = 1\n", 2, 1, "expected a call that ends after it begins"},
    {OPEN "* close(3) = 0\n", 2, 1, "only these may come at any time"},
    {OPEN "0~1 close(3) = 0\n", 2, 1, "only these may have a range"},
    {OPEN "1~.5 > . 1:1(0) ack 1\n", 2, 1, "does not run backwards"},
    {OPEN "+1~2 > . 1:1(0) ack 1\n", 2, 4, "expected `+`"},
    {OPEN "2 close(3) = 0\n1 close(3) = 0\n", 3, 1, "no earlier than the event before"},
    {OPEN "+0 > S 0:1(0)\n", 2, 8, "expected the second number to be the first plus the length"},
    {OPEN "+0 > S 0-0(0)\n", 2, 9, "expected `:`"},
    {OPEN "+0 > X 0:0(0)\n", 2, 6, "letters of FSRPUEWA"},
    {OPEN "+0 > 0:0(0)\n", 2, 7, "expected `>`"},
    {OPEN "+0 > .9 1:1(0) ack 1\n", 2, 6, "one digit of ACE"},
    {OPEN "+0 < . 1:1(0) ack 1\n", 3, 1, "an inbound packet needs its window"},
    {OPEN "+0 > . 1:1(0) ack -1\n", 2, 19, "an acknowledgment number from 0 to 4294967295"},
    {OPEN "+0 > . 1:1(0) ack 4294967296\n", 2, 19, "an acknowledgment number"},
    {OPEN "+0 < . 1:1(0) ack 1 win 65536\n", 2, 25, "a window from 0 to 65535"},
    {OPEN "+0 < S 0:0(0) win 1 <...>\n", 2, 22, "only an outbound packet may have <...>"},
    {OPEN "+0 > S 0:0(0) <mss>\n", 2, 19, "a segment size"},
    {OPEN "+0 > S 0:0(0) <foo 1>\n", 2, 16, "expected an option: mss, wscale"},
    {OPEN "+0 > S 0:0(0) <mss 1460\n", 3, 1, "expected `>`"},
    {OPEN "+0 > S 0:0(0) <sackOK>\n", 2, 4, "a multiple of 4 bytes, found 2"},
    {OPEN "+0 > S 0:0(0) <TS 1 2>\n", 2, 19, "expected `val`"},
    {OPEN "+0 > . 1:1(0) ack 1 <nop,nop,sack 1>\n", 2, 36, "expected `:`"},
    {OPEN "+0 > S 0:0(0) <FO abc>\n", 2, 19, "an even number of hexadecimal digits"},
    {OPEN "+0 > S 0:0(0) <FO 00112233445566778899aabbccddeeff"
     "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff>\n",
     2, 19, "at most 40 bytes of options"},
    {OPEN "+0 > [foo] . 1:1(0) ack 1\n", 2, 7, "expected noecn, ect0"},
    {OPEN "+0 < [ect01] . 1:1(0) ack 1 win 1\n", 2, 4, "only these may have [ect01]"},
    {OPEN "+0 > [tos 256] . 1:1(0) ack 1\n", 2, 11, "a TOS byte from 0 to 255"},
    {OPEN "+0 < icmp nonsense\n", 2, 11, "expected an ICMP type"},
    {OPEN "+0 < icmp unreachable nonsense\n", 2, 23, "expected an ICMP code"},
    {OPEN "+0 < udp 5\n", 2, 10, "expected `(`"},
    {OPEN "+0 write(3, \"abc, 3) = 3\n", 2, 13, "expected a closing \""},
    {OPEN "+0 write(3, \"\\q\", 3) = 3\n", 2, 14, "expected one of \\n"},
    {OPEN "+0 `sysctl\n", 2, 4, "expected a closing `"},
    {OPEN "+0 %{ assert 1\n", 2, 4, "expected }%"},
    {OPEN "/* no end\n", 2, 1, "expected */"},
    {OPEN "#define X\n+0 close(3) = 0\n", 2, 1, "expected #define NAME VALUE"},
    {OPEN "#define X 1 2\n+0 close(X) = 0\n", 3, 10, "exactly one token"},
    {OPEN "+0 close(99999999999999999999) = 0\n", 2, 10, "a number that fits 64 bits"},
    {"--mtu=\n", 2, 1, "expected the option's value"},
    {OPEN "`cleanup` +0 close(3) = 0\n", 2, 11, "expected the end of the script"},
    {OPEN "+0 \x01\n", 2, 4, "no printable character"},
};

static void faults_name_their_place(void **state)
{
    (void)state;
    unsigned wrong = 0;

    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct read *r = read_text(faults[i].text);

        if (r->script || !strstr(r->fault.text, faults[i].expected) || r->fault.at.line != faults[i].line ||
            r->fault.at.column != faults[i].column) {
            print_error("%s: %u:%u: %s\n", faults[i].text, r->fault.at.line, r->fault.at.column,
                        r->fault.text);
            wrong++;
        }
        forget(r);
    }
    assert_int_equal(wrong, 0);
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    char text[512] = "0 poll(";
    struct read *r;

    for (unsigned i = 0; i < PARSER_DEPTH_MAX + 2; i++)
        strcat(text, "[");
    r = read_text(text);
    assert_null(r->script);
    assert_non_null(strstr(r->fault.text, "nested at most 24 deep"));
    forget(r);
}

static void long_scripts_are_refused(void **state)
{
    (void)state;
    size_t n = LEXER_SOURCE_MAX + 1;
    char *text = malloc(n);
    struct script_fault fault = {0};

    assert_non_null(text);
    memset(text, ' ', n);
    assert_false(script_read(text, n, &fault));
    assert_non_null(strstr(fault.text, "at most 1048576 bytes"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_read_back),
        cmocka_unit_test(times_are_microseconds),
        cmocka_unit_test(blocking_calls_have_an_end),
        cmocka_unit_test(expressions_keep_their_shape),
        cmocka_unit_test(comments_and_definitions),
        cmocka_unit_test(options_and_commands),
        cmocka_unit_test(strings_have_escapes),
        cmocka_unit_test(faults_name_their_place),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(long_scripts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
