/* SPDX-License-Identifier: MIT */
/* Lines as they are typed: what they mean as bytes of a frame, and what is said of wrong ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "capture/view.h"
#include "craft/build.h"

static const struct craft_proposal proposal = {
    .mtu = 1500,
    .smac = {2, 0, 0, 0, 0, 1},
    .dmac = {2, 0, 0, 0, 0, 2},
    .src = {{{[10] = 0xff, [11] = 0xff, 10, 11, 0, 101}}, 40000},
    .dst = {{{[10] = 0xff, [11] = 0xff, 10, 11, 0, 1}}, 3333},
    .seq = 1000,
    .ack = 2000,
    .reset = 77,
    .window = 65535,
    .id = 5,
    .ttl = 64,
};

static struct craft_command command, before;
static uint8_t frame[CRAFT_FRAME_MAX];
static struct frame_view view;

/* Builds the line, and looks at it with a parser that has nothing to do with it. */
static void look(const char *line, const struct craft_segment *set)
{
    char error[CRAFT_ERROR_MAX];
    size_t n;

    if (!craft_parse(&command, line, strlen(line)))
        fail_msg("%s: column %u: %s", line, command.column, command.error);
    assert_int_equal(command.verb, CRAFT_SEND);
    n = craft_build(&command.segment, set, &proposal, frame, error);
    if (n == 0)
        fail_msg("%s: %s", line, error);
    view_bytes(&view, frame, n, ESTAB_LINK_ETHERNET);
}

/* ---- segments ------------------------------------------------------------------------------------------- */

static void segments(void **arg)
{
    static const struct {
        const char *line;
        uint8_t flags;
        uint32_t seq, ack, length;
    } rows[] = {
        {"syn", CTL_SYN, 1000, 0, 0},
        {"SYN Seq=100", CTL_SYN, 100, 0, 0},
        {"syn,ack", CTL_SYN | CTL_ACK, 1000, 2000, 0},
        {"syn ack", CTL_SYN | CTL_ACK, 1000, 2000, 0},
        {"ack seq=+1 ack=-1", CTL_ACK, 1001, 1999, 0},
        {"ack seq=0xffffffff", CTL_ACK, UINT32_MAX, 2000, 0},
        {"data hi", CTL_PSH | CTL_ACK, 1000, 2000, 2},
        {"data \"two words\\r\\n\\x00\\\"\"", CTL_PSH | CTL_ACK, 1000, 2000, 13},
        {"syn data hi", CTL_SYN, 1000, 0, 2},
        {"fin data bye # a comment", CTL_FIN | CTL_PSH | CTL_ACK, 1000, 2000, 3},
        {"fin", CTL_FIN | CTL_ACK, 1000, 2000, 0},
        {"flags=fin", CTL_FIN, 1000, 0, 0},
        {"flags=none", 0, 1000, 0, 0},
        {"flags=0xf8", 0xf8, 1000, 2000, 0},
        {"rst", CTL_RST, 77, 0, 0},
        {"rst seq=-1", CTL_RST, 76, 0, 0},
        {"rst ack=5", CTL_RST | CTL_ACK, 1000, 5, 0},
        {"ack len=1460", CTL_PSH | CTL_ACK, 1000, 2000, 1460},
        {"ack hex=00ff", CTL_PSH | CTL_ACK, 1000, 2000, 2},
        {"syn,ece,cwr", CTL_SYN | CTL_ECE | CTL_CWR, 1000, 0, 0},
        {"flags=syn ack=9", CTL_SYN, 1000, 9, 0},
    };

    (void)arg;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        look(rows[i].line, NULL);
        if (view.malformed || view.checksum != VIEW_SUM_GOOD)
            fail_msg("%s: %s", rows[i].line, view.malformed ? view.malformed : "checksum");
        if (view.tcp.flags != rows[i].flags || view.tcp.seq != rows[i].seq ||
            view.tcp.ack != rows[i].ack || view.payload_length != rows[i].length)
            fail_msg("%s: flags %02x seq %u ack %u len %u", rows[i].line, view.tcp.flags,
                     view.tcp.seq, view.tcp.ack, view.payload_length);
    }
}

static void every_field(void **arg)
{
    (void)arg;
    look("ack win=7 res=5 sport=1 dport=2 ttl=3 tos=0xb8 id=9 df=0 src=1.2.3.4 dst=5.6.7.8 "
         "smac=02:aa:00:00:00:01 dmac=02:bb:00:00:00:02 urg=6",
         NULL);
    assert_int_equal(view.tcp.window, 7);
    assert_int_equal(frame[14 + 20 + 12] & 15, 5);
    assert_int_equal(view.src.port, 1);
    assert_int_equal(view.dst.port, 2);
    assert_int_equal(view.ttl, 3);
    assert_int_equal(view.tos, 0xb8);
    assert_int_equal(view.ip_id, 9);
    assert_false(view.dont_fragment);
    assert_memory_equal(view.src.addr.b + 12, "\1\2\3\4", 4);
    assert_memory_equal(view.dst.addr.b + 12, "\5\6\7\10", 4);
    assert_int_equal(view.src_mac[1], 0xaa);
    assert_int_equal(view.dst_mac[1], 0xbb);
    assert_int_equal(view.tcp.flags, CTL_ACK | CTL_URG);
    assert_int_equal(view.tcp.urgent, 6);
    assert_int_equal(view.checksum, VIEW_SUM_GOOD);
    look("psh,urg,ack data abc", NULL);
    assert_int_equal(view.tcp.urgent, 3);
}

static void options(void **arg)
{
    static const uint8_t bytes[] = {2, 4, 5, 0xb4, 3, 3, 7, 4, 2, 1, 8, 10, 0,  0, 0, 1, 0, 0,
                                    0, 2, 5, 10,   0, 0, 0, 3, 0, 0, 0, 4,  30, 3, 9, 0, 0, 0};

    (void)arg;
    look("syn mss=1460 ws=7 sackok nop ts=1:2 sack=3-4 opt=30:09 eol", NULL);
    assert_int_equal(view.tcp.header_length, 20 + sizeof bytes);
    assert_memory_equal(frame + 14 + 20 + 20, bytes, sizeof bytes);
    assert_int_equal(view.tcp.mss, 1460);
    assert_true(view.tcp.has_sack_permitted);
}

static void wrong_on_purpose(void **arg)
{
    (void)arg;
    look("ack sum=bad", NULL);
    assert_int_equal(view.checksum, VIEW_SUM_BAD);
    look("ack sum=0x1234", NULL);
    assert_int_equal(view.tcp.checksum, 0x1234);
    look("ack ipsum=bad", NULL);
    assert_non_null(view.malformed);
    look("ack off=15", NULL);
    assert_non_null(view.malformed);
    look("ack off=4", NULL);
    assert_non_null(view.malformed);
    look("ack iplen=2000", NULL);
    assert_non_null(view.malformed);
}

static void what_was_set_holds(void **arg)
{
    (void)arg;
    assert_true(craft_parse(&before, "set ttl=9 win=5 mss=600", 23));
    assert_int_equal(before.verb, CRAFT_SET);
    look("syn win=6", &before.segment);
    assert_int_equal(view.ttl, 9);
    assert_int_equal(view.tcp.window, 6);
    assert_int_equal(view.tcp.mss, 600);
    look("syn ws=1", &before.segment);
    assert_false(view.tcp.has_mss);
    assert_true(view.tcp.has_window_scale);
}

static void too_long_for_the_mtu(void **arg)
{
    char error[CRAFT_ERROR_MAX];

    (void)arg;
    assert_true(craft_parse(&command, "ack len=1461", 12));
    assert_int_equal(craft_build(&command.segment, NULL, &proposal, frame, error), 0);
    assert_string_equal(error,
                        "expected at most 1460 bytes of text, for the MTU is 1500, not 1461");
}

/* ---- the words that send nothing ---------------------------------------------------------------------------- */

static void others(void **arg)
{
    static const struct {
        const char *line;
        enum craft_verb verb;
        estab_time within;
    } rows[] = {
        {"", CRAFT_NOTHING, 0},
        {"  # nothing", CRAFT_NOTHING, 0},
        {"wait 200ms", CRAFT_WAIT, 200 * ESTAB_MS},
        {"wait 1.5s\r", CRAFT_WAIT, 1500 * ESTAB_MS},
        {"expect syn,ack ack=101 within 2s", CRAFT_EXPECT, 2 * ESTAB_SECOND},
        {"expect data \"x y\"", CRAFT_EXPECT, 0},
        {"expect nothing", CRAFT_EXPECT, 0},
        {"expect nothing within 10ms", CRAFT_EXPECT, 10 * ESTAB_MS},
        {"set", CRAFT_SET, 0},
        {"again", CRAFT_AGAIN, 0},
        {"new", CRAFT_NEW, 0},
        {"new 4001", CRAFT_NEW, 0},
        {"show", CRAFT_SHOW, 0},
        {"help", CRAFT_HELP, 0},
        {"Quit # now", CRAFT_QUIT, 0},
        {"exit", CRAFT_QUIT, 0},
    };

    (void)arg;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!craft_parse(&command, rows[i].line, strlen(rows[i].line)))
            fail_msg("%s: %s", rows[i].line, command.error);
        assert_int_equal(command.verb, rows[i].verb);
        assert_int_equal(command.within_ns, rows[i].within);
    }
}

/* ---- wrong lines ----------------------------------------------------------------------------------------------- */

static const struct {
    const char *line;
    unsigned column;
    const char *says; /* a part of it; "": nothing is wrong */
} wrong_lines[] = {
    {"sin", 1, "expected syn, ack, fin, rst, psh, urg, data TEXT, a field"},
    {"syn seq", 5, "not 'seq'"},
    {"syn seq=", 5, "expected seq=N|+N|-N"},
    {"syn seq=4294967296", 5, "expected seq=N|+N|-N"},
    {"syn  win=65536", 6, "expected win= and a number from 0 to 65535, not 'win=65536'"},
    {"syn win=1x", 5, "expected win= and a number"},
    {"syn off=16", 5, "from 0 to 15"},
    {"syn ttl=1 ttl=2", 11, "ttl= stands here twice"},
    {"syn flags=ack", 5, "expected no other word for a flag"},
    {"flags=ack syn", 11, "expected no other word for a flag"},
    {"flags=bad", 1, "expected flags=F,F|N|none"},
    {"syn sum=worse", 5, "expected sum=N|bad"},
    {"syn src=1.2.3", 5, "expected src=ADDRESS"},
    {"syn src=1.2.3.4.5", 5, "expected src=ADDRESS"},
    {"syn src=1.2.3.256", 5, "expected src=ADDRESS"},
    {"syn dmac=02:00:00:00:00", 5, "expected dmac=MAC"},
    {"syn sackok=1", 5, "not 'sackok=1'"},
    {"syn mss", 5, "not 'mss'"},
    {"syn ts=1:", 5, ""},
    {"syn ts=x", 5, "expected ts=VAL[:ECR]"},
    {"syn sack=1", 5, "expected sack=L-R[,L-R]"},
    {"syn sack=1-2,3-4,5-6,7-8,9-10", 5, "expected sack=L-R[,L-R]"},
    {"syn opt=300", 5, "expected opt=KIND[:HEX]"},
    {"syn opt=3:0", 5, "expected opt=KIND[:HEX]"},
    {"syn ts=1 ts=2 ts=3 ts=4 nop", 25, "at most 40 bytes"},
    {"seq=1", 6, "expected a flag such as syn, too, or data, or flags=none"},
    {"data", 5, "expected a text behind data"},
    {"data # no", 5, "expected a text behind data"},
    {"data \"open", 11, "expected a \" at the end of the text"},
    {"data \"a\\q\"", 8, "expected \\n, \\r"},
    {"data \"a\"b", 8, "and a blank behind it"},
    {"data a data b", 13, "a segment has one text"},
    {"data a len=5", 8, "a segment has one text"},
    {"ack hex=0", 5, "expected hex=HEX"},
    {"ack len=65496", 5, "from 0 to 65495"},
    {"wait", 5, "expected a time behind wait"},
    {"wait 5", 6, "expected a time such as 200ms or 1s"},
    {"wait 2 s", 6, "expected a time such as 200ms or 1s"},
    {"wait 4000s", 6, "an hour at most"},
    {"wait 1s 2s", 9, "expected nothing more, not '2s'"},
    {"expect", 7, "expected what to expect"},
    {"expect within 1s", 7, "expected what to expect"},
    {"expect nothing syn", 16, "expected only within TIME"},
    {"expect syn within", 18, "expected a time behind within"},
    {"expect syn mss=5", 12, "expected only flags, seq="},
    {"expect syn seq=+1", 12, "without + or -"},
    {"set syn", 5, "expected fields that stay"},
    {"set seq=5", 5, "expected fields that stay"},
    {"new 0", 5, "expected a port from 1 to 65535"},
    {"new 1 2", 7, "expected nothing more"},
    {"show me", 6, "expected nothing more, not 'me'"},
    {"\x01\xff", 1, "not '?\?'"},
};

static void wrong(void **arg)
{
    (void)arg;
    for (size_t i = 0; i < sizeof wrong_lines / sizeof wrong_lines[0]; i++) {
        bool good = craft_parse(&command, wrong_lines[i].line, strlen(wrong_lines[i].line));

        if (!wrong_lines[i].says[0]) {
            assert_true(good);
            continue;
        }
        if (good || command.column != wrong_lines[i].column ||
            !strstr(command.error, wrong_lines[i].says))
            fail_msg("%s: %s, column %u: %s", wrong_lines[i].line, good ? "taken" : "refused",
                     command.column, command.error);
    }
}

static void long_lines(void **arg)
{
    static char line[CRAFT_LINE_MAX + 1];

    (void)arg;
    memset(line, 'x', sizeof line);
    memcpy(line, "data ", 5);
    assert_true(craft_parse(&command, line, CRAFT_LINE_MAX - 1));
    assert_int_equal(command.segment.length, CRAFT_LINE_MAX - 6);
    assert_false(craft_parse(&command, line, CRAFT_LINE_MAX));
    assert_non_null(strstr(command.error, "less than 4096 bytes"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments),
        cmocka_unit_test(every_field),
        cmocka_unit_test(options),
        cmocka_unit_test(wrong_on_purpose),
        cmocka_unit_test(what_was_set_holds),
        cmocka_unit_test(too_long_for_the_mtu),
        cmocka_unit_test(others),
        cmocka_unit_test(wrong),
        cmocka_unit_test(long_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
