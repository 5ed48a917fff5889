/* SPDX-License-Identifier: MIT */
/*
 * Every form of the line, as literals.  The initial sequence numbers wrap: client's is 2^32 - 1.
 */
#include "capture/describe.h"
#include "support/made_frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { F = CTL_FIN, S = CTL_SYN, R = CTL_RST, P = CTL_PSH, A = CTL_ACK };

#define CLIENTS UINT32_MAX
#define SERVERS UINT32_C(1000)

static const char syn_options[] =
    "\x02\x04\x05\xb4\x04\x02\x08\x0a\x00\x00\x10\x00\x00\x00\x00\x00\x01\x03\x03\x07";
static const char options[] = "\x01\x01\x08\x0a\x00\x00\x10\x01\x00\x00\x20\x00";

static struct describe d;
static struct names names;
static uint8_t bytes[MADE_FRAME_MAX];
static struct frame_view view;
static char out[DESCRIBE_MAX];

static struct estab_endpoint client(void)
{
    return (struct estab_endpoint){estab_ipv4(10, 11, 0, 101), 40000};
}

static struct estab_endpoint server(void)
{
    return (struct estab_endpoint){estab_ipv4(10, 11, 0, 1), 3333};
}

static void begin(unsigned width, bool letters)
{
    names.count = 0;
    assert_true(names_add(&names, client().addr, letters ? "A" : "client"));
    assert_true(names_add(&names, server().addr, letters ? "B" : "server"));
    describe_init(&d, &(struct describe_config){.names = &names, .width = width});
}

/* A segment of the client's, or of the server's; `seq` and `ack` are relative. */
static struct describe_packet packet(bool of_client, uint8_t flags, uint32_t seq, uint32_t ack,
                                     const char *text, estab_time now)
{
    struct made_tcp m = {
        .src = of_client ? client() : server(),
        .dst = of_client ? server() : client(),
        .seq = seq + (of_client ? CLIENTS : SERVERS),
        .ack = flags & A ? ack + (of_client ? SERVERS : CLIENTS) : 0,
        .window = flags & S ? 65535 : 512,
        .flags = flags,
        .text = text ? text : "",
        .options = flags & S ? syn_options : options,
        .options_length = flags & S ? 20 : flags & R ? 0 : 12,
    };

    view_bytes(&view, bytes, made_tcp(bytes, &m, false), ESTAB_LINK_ETHERNET);
    return describe_packet(&view, now);
}

static const char *line(struct describe_packet *p)
{
    size_t n;

    describe_see(&d, p);
    n = describe_line(&d, p, out, sizeof out);
    assert_int_equal(n, strlen(out));
    return out;
}

static struct end_state moved(enum tcp_state from, enum tcp_event event)
{
    struct end_state end = end_in(from);
    const struct tcp_edge *edge = fsm_next(from, event);
    assert_non_null(edge);
    end_move(&end, event, (enum tcp_state)edge->to);
    return end;
}

static struct end_state inferred(struct end_state end)
{
    end.inferred = true;
    return end;
}

/* SYN, SYN,ACK and ACK, so that numbers and windows are known. */
static void handshake(void)
{
    struct describe_packet p = packet(true, S, 0, 0, NULL, 0);
    line(&p);
    p = packet(false, S | A, 0, 1, NULL, 0);
    line(&p);
    p = packet(true, A, 1, 1, NULL, 0);
    line(&p);
}

/* ---- the line ---- */

static void one_line_each_without_a_width(void **state)
{
    (void)state;
    struct describe_packet p;

    begin(0, true);
    p = packet(true, S, 0, 0, NULL, 0);
    p.from = moved(TCP_CLOSED, EV_ACTIVE_OPEN);
    p.to = end_in(TCP_LISTEN);
    assert_string_equal(line(&p), "0.000000 A>B [SYN]     seq 0           win 65535 "
                                  "<mss 1460,sackOK,ts,ws 7>  | "
                                  "A: CLOSED -> SYN-SENT (by active OPEN, 3.10.1)  B: LISTEN");
    p = packet(false, S | A, 0, 1, NULL, 20135999);
    p.from = moved(TCP_LISTEN, EV_RCV_SYN);
    p.to = end_in(TCP_SYN_SENT);
    assert_string_equal(line(&p), "0.020135 B>A [SYN,ACK] seq 0   ack 1   win 65535 "
                                  "<mss 1460,sackOK,ts,ws 7>  | "
                                  "A: SYN-SENT  B: LISTEN -> SYN-RECEIVED (by rcv SYN, 3.10.7.2)");
    p = packet(true, A, 1, 1, NULL, 40270000);
    p.from = moved(TCP_SYN_SENT, EV_RCV_SYN_ACK);
    p.to = inferred(moved(TCP_SYN_RECEIVED, EV_RCV_ACK_OF_SYN));
    assert_string_equal(line(&p),
                        "0.040270 A>B [ACK]     seq 1   ack 1   win 65536                          "
                        "  | A: SYN-SENT -> ESTABLISHED (by rcv SYN,ACK, 3.10.7.3)  "
                        "~B: SYN-RECEIVED -> ESTABLISHED (by rcv ACK of SYN, 3.10.7.4 step 5)");
    p = packet(true, P | A, 1, 1, "GET / HTTP/1.1\r\nHost: server\r\n\r\n", 50000000);
    assert_string_equal(line(&p), "0.050000 A>B [PSH,ACK] seq 1   ack 1   win 65536 len 32 "
                                  "\"GET / HTTP/1.1\\r\\n\"...");
}

static void two_ends_that_stay(void **state)
{
    (void)state;
    struct describe_packet p;

    begin(120, false);
    handshake();
    p = packet(false, P | A, 1, 1, "hello", 61 * ESTAB_SECOND);
    p.from = inferred(end_in(TCP_ESTABLISHED));
    p.to = end_in(TCP_ESTABLISHED);
    assert_string_equal(line(&p), "61.000000 server>client [PSH,ACK] seq 1   ack 1   win 65536 "
                                  "len 5 \"hello\"   | client: ESTABLISHED  ~server: ESTABLISHED");
    p.from.known = false;
    describe_line(&d, &p, out, sizeof out);
    assert_non_null(strstr(out, "| client: ESTABLISHED"));
    assert_null(strstr(out, "server:"));
}

/* At 120 columns; what does not fit gives way in this order: section, text and options, padding. */
static void lines_give_way(void **state)
{
    (void)state;
    struct describe_packet p;

    begin(120, true);
    handshake();
    p = packet(true, F | A, 1, 1, NULL, 0);
    p.from = moved(TCP_ESTABLISHED, EV_CLOSE);
    p.to = end_in(TCP_ESTABLISHED);
    assert_string_equal(line(&p), "0.000000 A>B [FIN,ACK] seq 1   ack 1   win 65536 | "
                                  "A: ESTABLISHED -> FIN-WAIT-1 (by CLOSE)  B: ESTABLISHED");
    p = packet(true, P | A, 2, 1, "GET / HTTP/1.1\r\nHost: server\r\n\r\n", 0);
    p.from = p.to = end_in(TCP_ESTABLISHED);
    p.note = "lost";
    d.config.width = 110;
    assert_string_equal(line(&p), "0.000000 A>B [PSH,ACK] seq 2   ack 1   win 65536 len 32 "
                                  "\"GET / \"... (lost)  | A: ESTABLISHED  B: ESTABLISHED");
    d.config.width = 120;
    describe_line(&d, &p, out, sizeof out);
    assert_string_equal(out, "0.000000 A>B [PSH,ACK] seq 2   ack 1   win 65536 len 32 "
                             "\"GET / HTTP/1.1\\r\\n\"... (lost) | A: ESTABLISHED  B: ESTABLISHED");
    d.config.width = 80;
    describe_line(&d, &p, out, sizeof out);
    assert_string_equal(out, "0.000000 A>B [PSH,ACK] seq 2   ack 1   win 65536 len 32 "
                             "\"GET / \"... (lost)\n"
                             "         | A: ESTABLISHED  B: ESTABLISHED");
    d.config.width = 65;
    describe_line(&d, &p, out, sizeof out);
    assert_string_equal(out, "0.000000 A>B [PSH,ACK] seq 2   ack 1   win 65536 len 32 (lost)\n"
                             "         | A: ESTABLISHED  B: ESTABLISHED");
    d.config.width = 60;
    describe_line(&d, &p, out, sizeof out);
    assert_string_equal(out, "0.000000 A>B [PSH,ACK] seq 2   ack 1   win 65536 len 32\n"
                             "         | (lost)\n"
                             "         | A: ESTABLISHED  B: ESTABLISHED");
}

static void states_below_the_line(void **state)
{
    (void)state;
    struct describe_packet p;

    begin(120, false);
    p = packet(true, S, 0, 0, NULL, 0);
    p.from = moved(TCP_CLOSED, EV_ACTIVE_OPEN);
    p.to = inferred(end_in(TCP_LISTEN));
    assert_string_equal(line(&p),
                        "0.000000 client>server [SYN]     seq 0           win 65535 "
                        "<mss 1460,sackOK,ts,ws 7>\n"
                        "                       | client: CLOSED -> SYN-SENT (by active OPEN, "
                        "3.10.1)  ~server: LISTEN");
    p = packet(false, S | A, 0, 1, NULL, 0);
    p.from = inferred(moved(TCP_LISTEN, EV_RCV_SYN));
    p.to = moved(TCP_SYN_SENT, EV_RCV_SYN_ACK);
    assert_string_equal(line(&p),
                        "0.000000 server>client [SYN,ACK] seq 0   ack 1   win 65535 "
                        "<mss 1460,sackOK,ts,ws 7>\n"
                        "                       | client: SYN-SENT -> ESTABLISHED (by rcv SYN,ACK)  "
                        "~server: LISTEN -> SYN-RECEIVED (by rcv SYN)");
    d.config.width = 110;
    describe_line(&d, &p, out, sizeof out);
    assert_string_equal(out,
                        "0.000000 server>client [SYN,ACK] seq 0   ack 1   win 65535 "
                        "<mss 1460,sackOK,ts,ws 7>\n"
                        "                       | client: SYN-SENT -> ESTABLISHED (by rcv SYN,ACK, "
                        "3.10.7.3)\n"
                        "                       | ~server: LISTEN -> SYN-RECEIVED (by rcv SYN, "
                        "3.10.7.2)");
    begin(60, false); /* so narrow that options follow below, too */
    p = packet(true, S, 0, 0, NULL, 0);
    p.from = moved(TCP_CLOSED, EV_ACTIVE_OPEN);
    p.to = inferred(end_in(TCP_LISTEN));
    assert_string_equal(line(&p), "0.000000 client>server [SYN]     seq 0           win 65535\n"
                                  "         | <mss 1460,sackOK,ts,ws 7>\n"
                                  "         | client: CLOSED -> SYN-SENT (by active OPEN)\n"
                                  "         | ~server: LISTEN");
}

static void several_moves_with_one_packet(void **state)
{
    (void)state;
    struct describe_packet p;

    begin(0, true);
    handshake();
    p = packet(false, F | A, 1, 2, NULL, 0);
    p.from = inferred(moved(TCP_ESTABLISHED, EV_RCV_FIN));
    end_move(&p.from, EV_CLOSE, TCP_LAST_ACK);
    assert_string_equal(line(&p),
                        "0.000000 B>A [FIN,ACK] seq 1   ack 2   win 65536                          "
                        "  | ~B: ESTABLISHED -> CLOSE-WAIT (by rcv FIN, 3.10.7.4 step 8) -> LAST-ACK "
                        "(by CLOSE, 3.10.4)");
    p.from = end_in(TCP_CLOSED);
    end_move(&p.from, (enum tcp_event)TCP_EVENTS, TCP_LISTEN); /* nobody knows why */
    describe_states(&d, &p, out, sizeof out);
    assert_string_equal(out, "B: CLOSED -> LISTEN");
}

static void a_move_without_a_packet(void **state)
{
    (void)state;
    struct describe_move m = {.time = 3 * ESTAB_SECOND,
                              .local = client(),
                              .remote = server(),
                              .end = moved(TCP_TIME_WAIT, EV_TIMEOUT_2MSL),
                              .reason = REASONS};

    begin(0, true);
    describe_move_line(&d, &m, out, sizeof out);
    assert_string_equal(out,
                        "3.000000                                                                  "
                        "  | A: TIME-WAIT -> CLOSED (by timeout 2MSL, 3.10.8)");
    begin(80, false);
    m.reason = REASON_TIME_WAIT_END;
    m.note = "61 s";
    describe_move_line(&d, &m, out, sizeof out);
    assert_string_equal(out,
                        "3.000000 | client: TIME-WAIT -> CLOSED (by timeout 2MSL, 3.10.8) over: "
                        "2 MSL have passed (61 s)");
}

/* ---- numbers ---- */

static void absolute_numbers(void **state)
{
    (void)state;
    struct describe_packet p;

    begin(0, true);
    describe_init(&d, &(struct describe_config){.names = &names, .absolute_seq = true});
    p = packet(true, S, 0, 0, NULL, 0);
    assert_string_equal(line(&p), "0.000000 A>B [SYN]     seq 4294967295                win 65535 "
                                  "<mss 1460,sackOK,ts,ws 7>");
    p = packet(false, S | A, 0, 1, NULL, 0);
    assert_string_equal(line(&p), "0.000000 B>A [SYN,ACK] seq 1000       ack 0          win 65535 "
                                  "<mss 1460,sackOK,ts,ws 7>");
}

static void relative_numbers_do_not_wrap(void **state)
{
    (void)state;
    struct describe_packet p;

    begin(0, true);
    handshake();
    for (uint32_t i = 0; i < 4; i++) {
        p = packet(true, A, 1 + (i << 30), 1, NULL, 0);
        line(&p);
    }
    p = packet(true, A, 5, 1, NULL, 0); /* 2^32 + 5 */
    assert_string_equal(line(&p), "0.000000 A>B [ACK]     seq 4294967301 ack 1   win 65536");
    p = packet(true, A, 4, 1, NULL, 0);
    assert_int_equal((line(&p), p.flow.seq), INT64_C(4294967300));
}

static void numbers_without_a_syn(void **state)
{
    (void)state;
    struct describe_packet p;

    begin(0, true);
    p = packet(true, A | P, 700, 900, "x", 0);
    assert_string_equal(line(&p), "0.000000 A>B [PSH,ACK] seq 1   ack 1   win 512   len 1 \"x\"");
    p = packet(false, A, 900, 701, NULL, 0);
    assert_string_equal(line(&p), "0.000000 B>A [ACK]     seq 1   ack 2   win 512");
    p = packet(true, A, 600, 900, NULL, 0); /* from before */
    assert_string_equal(line(&p), "0.000000 A>B [ACK]     seq -99 ack 1   win 512");
}

/* An old duplicate of a SYN does not move the base; a new one on a closed connection does. */
static void a_port_used_again(void **state)
{
    (void)state;
    struct describe_packet p;

    begin(0, true);
    handshake();
    assert_int_equal(d.flows.numbers, 1);
    p = packet(true, S, 5000, 0, NULL, 0);
    assert_int_equal((line(&p), p.flow.seq), 5000);
    p = packet(false, R | A, 1, 5001, NULL, 0);
    line(&p);
    p = packet(true, S, 9000, 0, NULL, 0);
    assert_int_equal((line(&p), p.flow.seq), 0);
    assert_int_equal(p.flow.number, 2);
    assert_false(p.flow.several);
}

static void times(void **state)
{
    (void)state;
    struct describe_packet p;

    begin(0, true);
    d.config.origin = 5 * ESTAB_SECOND;
    p = packet(false, R, 0, 0, NULL, 5 * ESTAB_SECOND + 1500);
    assert_string_equal(line(&p), "0.000001 B>A [RST]     seq 0           win 512");
    d.config.ts = DESCRIBE_ABSOLUTE;
    d.config.epoch_ns = UINT64_C(1700000000) * ESTAB_SECOND;
    describe_line(&d, &p, out, sizeof out);
    assert_string_equal(out, "1700000005.000001 B>A [RST]     seq 0           win 512");
    begin(0, true);
    d.config.ts = DESCRIBE_DELTA;
    line(&p);
    p = packet(false, R, 0, 0, NULL, 5 * ESTAB_SECOND + 3500);
    assert_string_equal(line(&p), "0.000002 B>A [RST]     seq 0           win 512");
}

/* ---- marks ---- */

static void marks_of_the_core_and_of_numbers(void **state)
{
    (void)state;
    struct describe_packet p;

    begin(0, true);
    handshake();
    p = packet(true, P | A, 1, 1, "abc", 0);
    line(&p);
    assert_string_equal(line(&p), "0.000000 A>B [PSH,ACK] seq 1   ack 1   win 65536 len 3 "
                                  "\"abc\" (retransmission)");
    p.why = WHY_RETRANSMIT_TIMEOUT;
    assert_string_equal(line(&p), "0.000000 A>B [PSH,ACK] seq 1   ack 1   win 65536 len 3 "
                                  "\"abc\" (retransmission, timeout)");
    p = packet(false, A, 1, 1, NULL, 0);
    line(&p);
    assert_string_equal(line(&p),
                        "0.000000 B>A [ACK]     seq 1   ack 1   win 65536 (duplicate ACK)");
    p = packet(false, A, 1, 4, NULL, 0);
    line(&p);
    p = packet(true, A, 3, 1, NULL, 0);
    assert_string_equal(line(&p), "0.000000 A>B [ACK]     seq 3   ack 1   win 65536 (keep-alive)");
    p = packet(false, S | A, 0, 1, NULL, 0);
    assert_string_equal(line(&p), "0.000000 B>A [SYN,ACK] seq 0   ack 1   win 65535 "
                                  "<mss 1460,sackOK,ts,ws 7> (retransmission)");
    p = packet(false, A, 1, 4, NULL, 0);
    p.why = WHY_ACK_CHALLENGE;
    assert_string_equal(line(&p),
                        "0.000000 B>A [ACK]     seq 1   ack 4   win 65536 (challenge ACK)");
}

static void probes_of_a_window_of_zero(void **state)
{
    (void)state;
    struct describe_packet p;

    begin(0, true);
    handshake();
    p = packet(false, A, 1, 1, NULL, 0);
    view.tcp.window = 0;
    assert_string_equal(line(&p), "0.000000 B>A [ACK]     seq 1   ack 1   win 0");
    p = packet(true, A, 1, 1, "x", 0); /* one new byte */
    assert_string_equal(line(&p), "0.000000 A>B [ACK]     seq 1   ack 1   win 65536 len 1 \"x\" "
                                  "(zero-window probe)");
    p = packet(true, A, 1, 1, "x", 0); /* once more */
    assert_string_equal(line(&p), "0.000000 A>B [ACK]     seq 1   ack 1   win 65536 len 1 \"x\" "
                                  "(zero-window probe)");
    p = packet(true, A, 1, 1, NULL, 0); /* Linux's */
    assert_string_equal(line(&p),
                        "0.000000 A>B [ACK]     seq 1   ack 1   win 65536 (zero-window probe)");
}

static void what_is_broken_is_marked(void **state)
{
    (void)state;
    struct describe_packet p;

    begin(0, true);
    p = packet(true, S | F, 0, 0, NULL, 0);
    view.checksum = VIEW_SUM_BAD;
    assert_string_equal(line(&p), "0.000000 A>B [SYN,FIN] seq 0           win 65535 "
                                  "<mss 1460,sackOK,ts,ws 7> "
                                  "(malformed: SYN and FIN are both set) (bad checksum)");
    p = packet(true, A, 1, 1, "abc", 0);
    bytes[46] = 0xf0;
    view_bytes(&view, bytes, 69, ESTAB_LINK_ETHERNET);
    line(&p);
    assert_non_null(strstr(out, "(malformed: the TCP data offset points beyond the end)"));
    view_bytes(&view, bytes, 40, ESTAB_LINK_ETHERNET);
    assert_string_equal(line(&p), "0.000000 A>B [TCP] (malformed: the IPv4 packet is longer in its "
                                  "header than on the link)");
    view_bytes(&view, bytes, 9, ESTAB_LINK_ETHERNET);
    assert_string_equal(line(&p),
                        "0.000000     [?] 9 bytes (malformed: too short for an Ethernet header)");
}

/* ---- options, text, verbosity ---- */

static void options_and_text(void **state)
{
    (void)state;
    struct describe_packet p;

    begin(0, true);
    handshake();
    p = packet(true, A, 1, 1, "\x16\x03\x01 binary", 0);
    assert_string_equal(line(&p), "0.000000 A>B [ACK]     seq 1   ack 1   win 65536 len 10");
    p = packet(true, A | CTL_URG, 11, 1, "say \"no\"\t\\", 0);
    view.tcp.urgent = 3;
    assert_string_equal(line(&p), "0.000000 A>B [ACK,URG] seq 11  ack 1   win 65536 urg 3 len 10 "
                                  "\"say \\\"no\\\"\\t\\\\\"");
    p = packet(false, A, 1, 1, NULL, 0);
    view.tcp.sacks = 2;
    view.tcp.sack[0].left = CLIENTS + 11;
    view.tcp.sack[0].right = CLIENTS + 21;
    view.tcp.sack[1].left = CLIENTS + 31;
    view.tcp.sack[1].right = CLIENTS + 41;
    view.tcp.option[0].kind = VIEW_OPTION_SACK;
    assert_string_equal(line(&p),
                        "0.000000 B>A [ACK]     seq 1   ack 1   win 65536 <sack 11-21 31-41>");
    d.config.verbose = true;
    p = packet(false, A, 1, 21, NULL, 0);
    view.segments = 3;
    view.payload_length = 4000;
    view.preview_length = 0;
    assert_string_equal(line(&p), "0.000000 B:3333>A:40000 [ACK]     seq 1   ack 21  win 65536 "
                                  "len 4000 in 3 <nop,nop,ts 4097 ecr 8192> #1");
}

static void unknown_and_bad_options(void **state)
{
    (void)state;
    struct made_tcp m = {.src = client(),
                         .dst = server(),
                         .flags = S,
                         .window = 1,
                         .options = "\xfd\x02\x13\x02\x02\x09\x00\x00",
                         .options_length = 8};
    struct describe_packet p = describe_packet(&view, 0);

    begin(0, true);
    view_bytes(&view, bytes, made_tcp(bytes, &m, true), ESTAB_LINK_IP);
    assert_string_equal(line(&p), "0.000000 A>B [SYN]     seq 0           win 1     "
                                  "<kind 253,md5,mss bad length> "
                                  "(malformed: a TCP option has an illegal length)");
}

static void ports_tell_connections_apart(void **state)
{
    (void)state;
    struct describe_packet p;

    begin(0, true);
    handshake();
    p = packet(true, S, 0, 0, NULL, 0);
    view.src.port = 40001;
    assert_string_equal(line(&p), "0.000000 A:40001>B:3333 [SYN]     seq 0           win 65535 "
                                  "<mss 1460,sackOK,ts,ws 7>");
    p = packet(true, R, 1, 0, NULL, 0); /* the first one ends */
    line(&p);
    p = packet(true, S, 0, 0, NULL, 0);
    view.src.port = 40001;
    assert_string_equal(line(&p), "0.000000 A>B            [SYN]     seq 0           win 65535 "
                                  "<mss 1460,sackOK,ts,ws 7> (retransmission)");
    view.dst.addr = view.src.addr; /* to itself */
    line(&p);
    assert_memory_equal(out, "0.000000 A:40001>A:3333 [SYN]", 29);
}

/* ---- everything that is not TCP ---- */

static void other_packets(void **state)
{
    (void)state;
    static const uint8_t reply[] = {0, 0, 0xd2, 0x33, 0, 1, 0, 2, 'a', 'b', 'c', 'd'};
    static const uint8_t strange[8] = {42, 7, 0xd5, 0xf8};
    uint8_t error[36] = {3, 3};
    struct describe_packet p = describe_packet(&view, 0);
    struct made_tcp m = {.src = server(), .dst = client()};
    size_t n;

    begin(120, false);
    view_bytes(&view, bytes, made_arp(bytes, 1, client().addr, server().addr), ESTAB_LINK_ETHERNET);
    assert_string_equal(line(&p),
                        "0.000000 client>all    [ARP] who has 10.11.0.1? tell 10.11.0.101");
    view_bytes(&view, bytes, made_arp(bytes, 2, server().addr, client().addr), ESTAB_LINK_ETHERNET);
    assert_string_equal(line(&p), "0.000000 server>client [ARP] 10.11.0.1 is at 02:00:0a:0b:00:01");
    n = made_ip(bytes, server().addr, client().addr, 1, reply, sizeof reply, true);
    view_bytes(&view, bytes, n, ESTAB_LINK_IP);
    view.checksum = VIEW_SUM_GOOD;
    assert_string_equal(line(&p), "0.000000 server>client [ICMP] echo reply id 1 seq 2 len 4");
    made_tcp(bytes, &m, true);
    memcpy(error + 8, bytes, 28);
    n = made_ip(bytes, client().addr, server().addr, 1, error, sizeof error, true);
    view_bytes(&view, bytes, n, ESTAB_LINK_IP);
    assert_string_equal(line(&p), "0.000000 client>server [ICMP] port unreachable for "
                                  "server:3333>client:40000 (bad checksum)");
    n = made_ip(bytes, client().addr, server().addr, 1, strange, sizeof strange, true);
    view_bytes(&view, bytes, n, ESTAB_LINK_IP);
    assert_string_equal(line(&p), "0.000000 client>server [ICMP] type 42 code 7");
    n = made_ip(bytes, client().addr, estab_ipv4(192, 0, 2, 1), 17, "\0\x35\0\x36\0\x09\0\0x", 9,
                false);
    view_bytes(&view, bytes, n, ESTAB_LINK_ETHERNET);
    assert_string_equal(line(&p), "0.000000 client>192.0.2.1 [UDP] 53>54 len 1");
    bytes[23] = 47;
    view_bytes(&view, bytes, n, ESTAB_LINK_ETHERNET);
    assert_string_equal(line(&p), "0.000000 client>192.0.2.1 [IP] protocol 47 "
                                  "(malformed: the IPv4 header checksum is wrong)");
    bytes[12] = 0x88;
    bytes[13] = 0xcc;
    view_bytes(&view, bytes, n, ESTAB_LINK_ETHERNET);
    assert_string_equal(line(&p), "0.000000                  [Ethernet] 02:00:0a:0b:00:65>"
                                  "02:00:c0:00:02:01 type 0x88cc len 29");
}

/* ---- why, colours ---- */

static void why_has_its_own_line(void **state)
{
    (void)state;
    struct describe_packet p;

    begin(120, true);
    d.config.why = true;
    handshake();
    p = packet(true, A, 90000, 1, NULL, 0);
    p.from = p.to = end_in(TCP_ESTABLISHED);
    p.why = WHY_ACK_NOW;
    p.reason = REASON_SEQ_UNACCEPTABLE;
    assert_string_equal(line(&p),
                        "0.000000 A>B [ACK]     seq 90000 ack 1   win 65536                "
                        "            | A: ESTABLISHED  B: ESTABLISHED\n"
                        "         why: sent: acknowledgment;\n"
                        "              received: outside the receive window, "
                        "acknowledged and dropped (RFC 9293 3.10.7.4 step 1)");
}

static void why_tells_moves(void **state)
{
    (void)state;
    struct describe_packet p;

    begin(0, true);
    handshake();
    p = packet(false, A, 1, 2, NULL, 0);
    p.from = inferred(moved(TCP_ESTABLISHED, EV_RCV_FIN));
    p.to = moved(TCP_FIN_WAIT_1, EV_RCV_ACK_OF_FIN);
    p.reason = REASON_NONE;
    describe_see(&d, &p);
    describe_why(&d, &p, out, sizeof out);
    assert_string_equal(out, "A in FIN-WAIT-1: rcv ACK of FIN (RFC 9293 3.10.7.4 step 5); "
                             "~B in ESTABLISHED: rcv FIN, snd ACK (RFC 9293 3.10.7.4 step 8)");
    p.from = p.to = end_in(TCP_ESTABLISHED);
    assert_int_equal(describe_why(&d, &p, out, sizeof out), 0);
    p.to.known = false;
    assert_int_equal(describe_states(&d, &p, out, sizeof out), 14);
    assert_string_equal(out, "B: ESTABLISHED");
}

static void colours_change_no_column(void **state)
{
    (void)state;
    char plain[DESCRIBE_MAX], stripped[DESCRIBE_MAX], *to = stripped;
    struct describe_packet p;

    begin(100, false);
    p = packet(true, S, 0, 0, NULL, 0);
    p.from = moved(TCP_CLOSED, EV_ACTIVE_OPEN);
    p.to = end_in(TCP_LISTEN);
    p.note = "lost";
    line(&p);
    memcpy(plain, out, sizeof plain);
    d.config.colour = true;
    describe_line(&d, &p, out, sizeof out);
    for (const char *from = out; *from; from++) {
        if (*from == '\033') {
            from = strchr(from, 'm');
            assert_non_null(from);
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
    assert_true(strlen(out) > strlen(stripped));
    assert_string_equal(stripped, plain);
}

/* ---- JSON ---- */

static void json_of_a_packet(void **state)
{
    (void)state;
    struct describe_packet p;

    begin(0, false);
    handshake();
    p = packet(false, F | A, 1, 2, "bye", 20135000);
    p.from = inferred(moved(TCP_CLOSE_WAIT, EV_CLOSE));
    p.to = end_in(TCP_FIN_WAIT_2);
    p.reason = REASON_SEQ_UNACCEPTABLE;
    p.note = "lost \"here\"";
    describe_see(&d, &p);
    describe_json(&d, &p, out, sizeof out);
    assert_string_equal(
        out,
        "{\"schema\":\"estab.packet/1\",\"time\":0.020135000,\"from\":\"server\",\"to\":\"client\","
        "\"src\":\"10.11.0.1\",\"src_port\":3333,\"dst\":\"10.11.0.101\",\"dst_port\":40000,"
        "\"proto\":\"tcp\",\"len\":3,\"flags\":[\"FIN\",\"ACK\"],\"seq\":1,\"seq_absolute\":1001,"
        "\"ack\":2,\"ack_absolute\":1,\"win\":65536,\"win_field\":512,\"urgent\":null,"
        "\"options\":[{\"kind\":1,\"name\":\"nop\"},{\"kind\":1,\"name\":\"nop\"},"
        "{\"kind\":8,\"name\":\"ts\",\"value\":4097,\"echo\":8192}],\"connection\":1,"
        "\"mark\":null,\"checksum\":\"good\",\"malformed\":null,\"states\":{"
        "\"client\":{\"before\":\"FIN-WAIT-2\",\"after\":\"FIN-WAIT-2\",\"event\":null,"
        "\"inferred\":false,\"moves\":[]},"
        "\"server\":{\"before\":\"CLOSE-WAIT\",\"after\":\"LAST-ACK\",\"event\":\"CLOSE\","
        "\"inferred\":true,\"moves\":[{\"from\":\"CLOSE-WAIT\",\"to\":\"LAST-ACK\","
        "\"event\":\"CLOSE\",\"section\":\"3.10.4\"}]}},"
        "\"reason\":{\"name\":\"SEQ_UNACCEPTABLE\",\"rfc\":\"RFC 9293 3.10.7.4 step 1\","
        "\"sentence\":\"outside the receive window, acknowledged and dropped\"},"
        "\"why\":null,\"comment\":\"lost \\\"here\\\"\"}");
}

static void json_of_other_things(void **state)
{
    (void)state;
    struct describe_packet p = describe_packet(&view, 0);
    struct describe_move m = {.local = client(),
                              .remote = server(),
                              .reason = REASON_TIME_WAIT_END,
                              .end = moved(TCP_TIME_WAIT, EV_TIMEOUT_2MSL)};

    begin(0, false);
    view_bytes(&view, bytes, made_arp(bytes, 1, client().addr, server().addr), ESTAB_LINK_ETHERNET);
    p.why = WHY_ACK_NOW;
    describe_see(&d, &p);
    describe_json(&d, &p, out, sizeof out);
    assert_string_equal(
        out, "{\"schema\":\"estab.packet/1\",\"time\":0.000000000,\"from\":\"client\","
             "\"to\":\"server\",\"src\":\"10.11.0.101\",\"src_port\":null,\"dst\":\"10.11.0.1\","
             "\"dst_port\":null,\"proto\":\"arp\",\"len\":0,"
             "\"text\":\"[ARP] who has 10.11.0.1? tell 10.11.0.101\",\"checksum\":null,"
             "\"malformed\":null,\"states\":{},\"reason\":null,\"why\":\"acknowledgment\","
             "\"comment\":null}");
    describe_move_json(&d, &m, out, sizeof out);
    assert_string_equal(
        out, "{\"schema\":\"estab.state/1\",\"time\":0.000000000,\"end\":\"client\","
             "\"local\":\"10.11.0.101\",\"local_port\":40000,\"remote\":\"10.11.0.1\","
             "\"remote_port\":3333,\"state\":{\"before\":\"TIME-WAIT\",\"after\":\"CLOSED\","
             "\"event\":\"timeout 2MSL\",\"inferred\":false,\"moves\":[{\"from\":\"TIME-WAIT\","
             "\"to\":\"CLOSED\",\"event\":\"timeout 2MSL\",\"section\":\"3.10.8\"}]},"
             "\"reason\":{\"name\":\"TIME_WAIT_END\",\"rfc\":\"RFC 9293 3.10.8\","
             "\"sentence\":\"over: 2 MSL have passed\"},\"comment\":null}");
}

/* The largest that a frame can make of it fits, so that an object is never cut. */
static void the_longest_object_fits(void **state)
{
    (void)state;
    static char note[2 * DESCRIBE_MAX];
    struct describe_packet p;

    begin(0, false);
    handshake();
    memset(note, '\x01', sizeof note - 1);
    p = packet(false, 0xff, 1, 2, "bye", UINT64_MAX);
    view.tcp.options = VIEW_OPTIONS_MAX;
    for (unsigned i = 0; i < VIEW_OPTIONS_MAX; i++)
        view.tcp.option[i] = (struct view_option){TCPOPT_TIMESTAMPS, 10, false, 54};
    view.malformed = "a TCP option has an illegal length";
    p.from = p.to = end_in(TCP_SYN_RECEIVED);
    for (unsigned i = 0; i < END_MOVES; i++) {
        end_move(&p.from, EV_RCV_RST_PASSIVE, TCP_SYN_RECEIVED);
        end_move(&p.to, EV_RCV_RST_PASSIVE, TCP_SYN_RECEIVED);
    }
    p.reason = REASON_IP_PROTOCOL;
    p.why = WHY_RETRANSMIT_FAST;
    p.note = note;
    d.config.verbose = true;
    describe_see(&d, &p);
    assert_true(describe_json(&d, &p, out, sizeof out) < sizeof out - 1);
    assert_int_equal(out[strlen(out) - 1], '}');
    assert_true(describe_line(&d, &p, out, sizeof out) < sizeof out);
    assert_int_equal(describe_line(&d, &p, out, 10), 9);
}

/* ---- many connections ---- */

static void the_oldest_connection_is_forgotten(void **state)
{
    (void)state;
    struct describe_packet p;

    begin(0, true);
    for (unsigned i = 0; i <= FLOWS_MAX; i++) {
        p = packet(true, S, i, 0, NULL, 0);
        view.src.port = (uint16_t)(1 + i);
        describe_see(&d, &p);
        assert_int_equal(p.flow.number, i + 1);
    }
    p = packet(true, A, 50, 1, NULL, 0);
    view.src.port = 1; /* the first one: forgotten */
    describe_see(&d, &p);
    assert_int_equal(p.flow.number, FLOWS_MAX + 2);
    assert_int_equal(p.flow.seq, 1);
    p = packet(true, A, 53, 1, NULL, 0);
    view.src.port = 4;
    describe_see(&d, &p);
    assert_int_equal(p.flow.number, 4);
    assert_int_equal(p.flow.seq, 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_line_each_without_a_width),
        cmocka_unit_test(two_ends_that_stay),
        cmocka_unit_test(lines_give_way),
        cmocka_unit_test(states_below_the_line),
        cmocka_unit_test(several_moves_with_one_packet),
        cmocka_unit_test(a_move_without_a_packet),
        cmocka_unit_test(absolute_numbers),
        cmocka_unit_test(relative_numbers_do_not_wrap),
        cmocka_unit_test(numbers_without_a_syn),
        cmocka_unit_test(a_port_used_again),
        cmocka_unit_test(times),
        cmocka_unit_test(marks_of_the_core_and_of_numbers),
        cmocka_unit_test(probes_of_a_window_of_zero),
        cmocka_unit_test(what_is_broken_is_marked),
        cmocka_unit_test(options_and_text),
        cmocka_unit_test(unknown_and_bad_options),
        cmocka_unit_test(ports_tell_connections_apart),
        cmocka_unit_test(other_packets),
        cmocka_unit_test(why_has_its_own_line),
        cmocka_unit_test(why_tells_moves),
        cmocka_unit_test(colours_change_no_column),
        cmocka_unit_test(json_of_a_packet),
        cmocka_unit_test(json_of_other_things),
        cmocka_unit_test(the_longest_object_fits),
        cmocka_unit_test(the_oldest_connection_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
