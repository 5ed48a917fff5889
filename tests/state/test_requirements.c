/* SPDX-License-Identifier: MIT */
/*
 * test_requirements.c - requirements of RFC 9293 that no other test has for its subject
 * (docs/rfc9293.md lists them all): checksums, options in any segment, addresses, the interface's
 * words, and what the defaults have to be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/made_frame.h"
#include "support/wire.h"

#define CLOSED ESTAB_EVENT_CLOSED

static void start(struct wire *w)
{
    struct estab_config c = wire_config();

    wire_start(w, &c);
}

static void set(struct wire *w, enum estab_option option, uint32_t value)
{
    assert_int_equal(estab_set(w->stack, w->conn, option, value, WIRE_START + w->now), ESTAB_OK);
    wire_pump(w);
}

static uint8_t bytes[2048];

/* A segment of the peer with these option bytes; its length as a packet, in `bytes`. */
static size_t with_options(const struct wire *w, unsigned flags, uint32_t seq, uint32_t ack,
                           const char *options, size_t n, uint32_t length)
{
    static char text[1024];
    struct made_tcp m = {.src = {WIRE_PEER, WIRE_RPORT},
                         .dst = {WIRE_OWN, WIRE_PORT},
                         .seq = w->irs + seq,
                         .ack = w->iss + ack,
                         .window = 65535,
                         .flags = (uint8_t)flags,
                         .options = options,
                         .options_length = (uint8_t)n,
                         .text = text,
                         .length = length};

    for (uint32_t i = 0; i < length; i++)
        text[i] = (char)text_at(seq - 1 + i);
    return made_tcp(bytes, &m, true);
}

/* ---- section 3.1: the header ---------------------------------------------------------------------- */

/* MUST-1: 32768 and more are large windows, and no negative ones. */
WIRE_TEST(a_window_is_never_negative)
{
    start(w);
    OPEN(32768);
    SEND(100);
    OUT(0, ACK | PSH, 1, 1, 100);
    IN(ACK, 1, 101, 0, .wnd = 65535);
    SEND(100);
    OUT(0, ACK | PSH, 101, 1, 100);
    CHECK_EQ(STATUS.snd_wnd, 65535);
}

/* MUST-3: of a segment whose checksum is wrong nothing is believed, and nothing is said. */
WIRE_TEST(a_wrong_checksum_is_no_segment)
{
    size_t n;

    start(w);
    OPEN(65535);
    for (unsigned bit = 0; bit < 16; bit++) {
        n = with_options(w, ACK | PSH, 1, 1, "", 0, 10);
        bytes[36 + bit / 8] ^= (uint8_t)(1 << bit % 8);
        wire_packet(w, bytes, n);
    }
    n = with_options(w, RST | ACK, 1, 1, "", 0, 0);
    bytes[36] ^= 1;
    wire_packet(w, bytes, n);
    CHECK_EQ(wire_reason(w, "TCP_CHECKSUM"), 17);
    QUIET(1 * S);
    CHECK_EQ(STATUS.rcv_nxt, w->irs + 1);
    CHECK_EQ(STATUS.state, ESTAB_STATE_ESTABLISHED);
}

/* MUST-2: at even and odd lengths, with and without options; the peer computes it byte by byte. */
WIRE_TEST(what_is_sent_has_its_checksum)
{
    uint64_t frames = 0;

    start(w);
    OPEN(65535, .ts = true, .tsval = 1);
    set(w, ESTAB_OPTION_NAGLE, 0);
    for (uint32_t n = 1, seq = 1; n < 60; seq += n++) {
        SEND(n);
        OUT(0, ACK | PSH, seq, 1, n);
        IN(ACK, 1, seq + n, 0, .wnd = 65535, .ts = true, .tsval = 1);
    }
    frames = w->frames;
    CHECK(frames > 60);
}

/* MUST-5: in the SYN,ACK, with text, with urgent text, with a FIN; those that belong to a SYN change
 * nothing elsewhere. */
WIRE_TEST(options_come_in_any_segment)
{
    static const char odd[] = "\1\375\5abc\2\4\0\100\1"; /* unknown; an MSS of 64, on no boundary */
    struct estab_open open = {.size = sizeof open,
                              .local = {WIRE_OWN, WIRE_PORT},
                              .remote = {WIRE_PEER, WIRE_RPORT},
                              .fixed_iss = true,
                              .iss = w->iss};

    start(w);
    assert_int_equal(estab_open(w->stack, &open, &w->conn, WIRE_START), ESTAB_OK);
    OUT(0, SYN, 0, 0, 0);
    wire_packet(w, bytes, with_options(w, SYN | ACK, 0, 1, "\1\2\4\4\0\376\2\0", 8, 0));
    OUT(0, ACK, 1, 1, 0);
    CHECK_EQ(STATUS.snd_mss, 1024);
    wire_packet(w, bytes, with_options(w, ACK | PSH, 1, 1, odd, 12, 10));
    RECEIVE(10);
    CHECK_EQ(STATUS.snd_mss, 1024);
    SEND(5);
    OUT(0, ACK | PSH, 1, 11, 5);
    wire_packet(w, bytes, with_options(w, ACK, 11, 6, odd, 12, 0));
    CHECK_EQ(STATUS.snd_una, w->iss + 6);
    wire_packet(w, bytes, with_options(w, ACK | FIN, 11, 6, odd, 12, 0));
    CHECK_EQ(STATUS.state, ESTAB_STATE_CLOSE_WAIT);
    OUT(0, ACK, 6, 12, 0);
}

/* MUST-65: a SYN has one, and nothing else has: ACK, text, what is sent again, FIN. */
WIRE_TEST(an_mss_is_in_syns_only)
{
    struct estab_open open = {.size = sizeof open,
                              .local = {WIRE_OWN, WIRE_PORT},
                              .remote = {WIRE_PEER, WIRE_RPORT},
                              .fixed_iss = true,
                              .iss = w->iss};

    start(w);
    assert_int_equal(estab_open(w->stack, &open, &w->conn, WIRE_START), ESTAB_OK);
    CHECK_EQ(OUT(0, SYN, 0, 0, 0)->mss, 1460);
    CHECK_EQ(OUT(1 * S, SYN, 0, 0, 0)->mss, 1460);
    IN(SYN | ACK, 0, 1, 0, .wnd = 65535, .mss = 1460);
    CHECK(OUT(1 * S, ACK, 1, 1, 0)->mss == -1);
    SEND(10);
    CHECK(OUT(1 * S, ACK | PSH, 1, 1, 10)->mss == -1);
    CHECK(OUT(4 * S, ACK | PSH, 1, 1, 10)->mss == -1);
    IN(ACK, 1, 11, 0, .wnd = 65535);
    assert_int_equal(estab_close(w->stack, w->conn, WIRE_START + w->now), ESTAB_OK);
    CHECK(OUT(4 * S, FIN | ACK, 11, 1, 0)->mss == -1);
}

/* SHLD-2: a reset may say in text why. MUST-12. */
WIRE_TEST(a_reset_has_text)
{
    start(w);
    OPEN(65535);
    IN(RST | ACK, 1, 1, 30, .wnd = 0);
    EVENTS(CLOSED);
    CHECK_EQ(w->error, ESTAB_RESET);
    QUIET(10 * S);
}

/* ---- section 3.8.6: windows ------------------------------------------------------------------------ */

/* MAY-8: a user that takes nothing for a week keeps its window closed; each probe is answered. */
WIRE_TEST(a_window_stays_closed_for_a_week)
{
    struct estab_config c = wire_config();

    c.receive_reserve = c.receive_buffer = 4096;
    wire_start(w, &c);
    ACCEPT(65535);
    IN(ACK, 1, 1, 4096, .wnd = 65535);
    CHECK_EQ(OUT(0, ACK, 1, 4097, 0)->wnd, 0);
    for (unsigned hour = 1; hour <= 7 * 24; hour++) {
        wire_run(w, hour * 3600 * S);
        IN(ACK, 4097, 1, 1, .wnd = 65535);
        CHECK_EQ(OUT(hour * 3600 * S, ACK, 1, 4097, 0)->wnd, 0);
    }
    CHECK_EQ(STATUS.state, ESTAB_STATE_ESTABLISHED);
    RECEIVE(4096);
    CHECK_EQ(OUT(w->now, ACK, 1, 4097, 0)->wnd, 4096);
}

/* SHLD-29: the RTO that was measured, and not the least one. */
WIRE_TEST(the_first_probe_waits_for_the_rto)
{
    estab_time closed;

    start(w);
    OPEN(65535);
    SEND(100);
    OUT(0, ACK | PSH, 1, 1, 100);
    wire_run(w, 150 * MS);
    for (unsigned i = 0; i < 20; i++) { /* SRTT nears 150 ms: the RTO is 200 ms more */
        SEND(100);
        IN(ACK, 1, 101 + 100 * i, 0, .wnd = 65535);
        SKIP;
        wire_run(w, w->now + 150 * MS);
    }
    IN(ACK, 1, 2101, 0, .wnd = 0);
    CHECK(STATUS.rto_us > 330000);
    closed = w->now;
    SEND(10);
    OUT(closed + STATUS.rto_us * US, ACK, 2100, 1, 0);
}

/* ---- section 3.9.1: the interface ------------------------------------------------------------------- */

/* SHLD-27: what each SEND pushed goes in one segment, and has one PSH. */
WIRE_TEST(successive_pushes_collapse)
{
    start(w);
    OPEN(0);
    set(w, ESTAB_OPTION_NAGLE, 0);
    for (unsigned i = 0; i < 20; i++)
        wire_send(w, 100, ESTAB_PUSH, HERE);
    IN(ACK, 1, 1, 0, .wnd = 65535);
    OUT(0, ACK, 1, 1, 1460);
    OUT(0, ACK | PSH, 1461, 1, 540);
    QUIET(100 * MS);
}

/* SHLD-13: nothing is urgent that its user did not call so. */
WIRE_TEST(nothing_is_urgent_by_itself)
{
    const struct wire_segment *s;

    start(w);
    OPEN(65535);
    SEND(5000);
    while ((s = wire_any(w, 10 * S)))
        CHECK(!(s->flags & URG) && s->up == 0);
}

/* SHLD-22: unchanged, on each kind of segment; SHLD-23: and the same from first to last. */
WIRE_TEST(the_diffserv_field_stays)
{
    static const struct estab_setting wish = {ESTAB_OPTION_DIFFSERV, 46};
    struct estab_open open = {.size = sizeof open,
                              .local = {WIRE_OWN, WIRE_PORT},
                              .remote = {WIRE_PEER, WIRE_RPORT},
                              .fixed_iss = true,
                              .iss = w->iss,
                              .settings = &wish,
                              .setting_count = 1};

    start(w);
    assert_int_equal(estab_open(w->stack, &open, &w->conn, WIRE_START), ESTAB_OK);
    CHECK_EQ(OUT(0, SYN, 0, 0, 0)->diffserv, 46);
    CHECK_EQ(OUT(1 * S, SYN, 0, 0, 0)->diffserv, 46);
    IN(SYN | ACK, 0, 1, 0, .wnd = 65535);
    CHECK_EQ(OUT(1 * S, ACK, 1, 1, 0)->diffserv, 46);
    SEND(10);
    CHECK_EQ(OUT(1 * S, ACK | PSH, 1, 1, 10)->diffserv, 46);
    CHECK_EQ(OUT(4 * S, ACK | PSH, 1, 1, 10)->diffserv, 46);
    IN(ACK, 1, 11, 0, .wnd = 65535);
    assert_int_equal(estab_close(w->stack, w->conn, WIRE_START + w->now), ESTAB_OK);
    CHECK_EQ(OUT(4 * S, FIN | ACK, 11, 1, 0)->diffserv, 46);
}

/* ---- section 3.9.1.1, 3.9.2: addresses ----------------------------------------------------------------- */

static void second_interface(struct wire *w)
{
    struct estab_interface second = {.size = sizeof second,
                                     .link = ESTAB_LINK_IP,
                                     .prefix_length = 24,
                                     .address = estab_ipv4(10, 12, 0, 1),
                                     .mtu = 1500};

    assert_int_equal(estab_interface_add(w->stack, &second), 1);
}

/* The next packet's source, by its last but two bytes; whether it has the flags. */
static struct estab_addr source_of(struct wire *w, unsigned flags)
{
    struct estab_frame f;

    assert_int_equal(estab_output(w->stack, &f, 1, WIRE_START + w->now), 1);
    assert_int_equal(f.head[33], flags);
    estab_output_done(w->stack, &f, 1);
    return estab_ipv4(f.head[12], f.head[13], f.head[14], f.head[15]);
}

static void opened_to(struct wire *w, struct estab_addr remote, struct estab_addr local)
{
    struct estab_open open = {
        .size = sizeof open, .remote = {remote, 80}, .local = {local, WIRE_PORT}};

    assert_int_equal(estab_open(w->stack, &open, &w->conn, WIRE_START), ESTAB_OK);
}

#define FROM(flags, address)                                                                       \
    do {                                                                                           \
        struct estab_addr from_ = source_of(w, flags), want_ = address;                            \
        assert_memory_equal(&from_, &want_, sizeof want_);                                         \
    } while (0)

/* MUST-44: without an address of its own an OPEN takes the one that its route begins at. */
WIRE_TEST(the_route_chooses_the_source)
{
    static const struct estab_addr none;

    start(w);
    second_interface(w);
    opened_to(w, estab_ipv4(10, 12, 0, 9), none);
    FROM(SYN, estab_ipv4(10, 12, 0, 1));
    opened_to(w, estab_ipv4(10, 0, 0, 9), none);
    FROM(SYN, WIRE_OWN);
}

/* MUST-43: the address that an OPEN names is used, whatever the route. */
WIRE_TEST(an_open_names_its_source)
{
    start(w);
    second_interface(w);
    opened_to(w, estab_ipv4(10, 12, 0, 9), WIRE_OWN);
    FROM(SYN, WIRE_OWN);
}

/* MUST-45: afterwards it is the connection's, also where the peer has chosen it. */
WIRE_TEST(the_connection_keeps_its_address)
{
    struct estab_listen listen = {.size = sizeof listen, .local.port = WIRE_PORT, .backlog = 4};
    struct estab_addr own = estab_ipv4(10, 12, 0, 1);
    struct made_tcp m = {.src = {WIRE_PEER, WIRE_RPORT}, .dst = {own, WIRE_PORT}, .text = ""};
    size_t taken;

    start(w);
    second_interface(w);
    listen.fixed_iss = true;
    listen.iss = w->iss;
    assert_int_equal(estab_listen(w->stack, &listen, &w->listener), ESTAB_OK);
    for (unsigned step = 0; step < 2; step++) {
        struct estab_frame f;

        m.flags = step ? ACK : SYN;
        m.seq = w->irs + step;
        m.ack = step ? w->iss + 1 : 0;
        m.window = 1000;
        f = made_frame(bytes, made_tcp(bytes, &m, true), true);
        estab_input(w->stack, &f, 1, WIRE_START);
        if (step == 0)
            FROM(SYN | ACK, own);
    }
    assert_int_equal(estab_accept(w->stack, w->listener, &w->conn), ESTAB_OK);
    assert_int_equal(estab_send(w->stack, w->conn, "x", 1, 0, &taken, WIRE_START), ESTAB_OK);
    FROM(ACK | PSH, own);
    assert_int_equal(estab_abort(w->stack, w->conn, WIRE_START), ESTAB_OK);
    FROM(RST | ACK, own);
}

/* An IPv4 packet with eight bytes of options around the peer's SYN. */
static size_t syn_with_ip_options(const struct wire *w, const char *options)
{
    struct made_tcp m = {.src = {WIRE_PEER, WIRE_RPORT},
                         .dst = {WIRE_OWN, WIRE_PORT},
                         .seq = w->irs,
                         .flags = SYN,
                         .window = 1000,
                         .text = ""};
    size_t n = made_tcp(bytes, &m, true);
    uint16_t sum;

    memmove(bytes + 28, bytes + 20, n - 20);
    memcpy(bytes + 20, options, 8);
    n += 8;
    bytes[0] = 0x47;
    bytes[3] = (uint8_t)n;
    bytes[10] = bytes[11] = 0;
    sum = made_sum(0, bytes, 28);
    bytes[10] = (uint8_t)(sum >> 8);
    bytes[11] = (uint8_t)sum;
    return n;
}

/* MUST-50: a timestamp, a record of the route, and what nobody knows, are passed over; a source
 * route is refused (RFC 7126 section 4.3): MUST-51 to MUST-53 and SHLD-24 are waived for it. */
WIRE_TEST(options_of_ip_are_ignored)
{
    static const char *const harmless[] = {"\104\10\5\0\0\0\0\0", "\7\7\4\0\0\0\0\0",
                                           "\236\6wxyz\1\0"};
    struct estab_listen listen = {.size = sizeof listen, .local.port = WIRE_PORT, .backlog = 4};

    start(w);
    listen.fixed_iss = true;
    listen.iss = w->iss;
    assert_int_equal(estab_listen(w->stack, &listen, &w->listener), ESTAB_OK);
    for (unsigned i = 0; i < 3; i++) {
        wire_packet(w, bytes, syn_with_ip_options(w, harmless[i]));
        OUT(0, SYN | ACK, 0, 1, 0);
    }
    wire_packet(w, bytes, syn_with_ip_options(w, "\203\7\4\12\0\0\11\0"));
    wire_packet(w, bytes, syn_with_ip_options(w, "\211\7\4\12\0\0\11\0"));
    CHECK_EQ(wire_reason(w, "IP_SOURCE_ROUTE"), 2);
    QUIET(100 * MS);
}

/* ---- numbers --------------------------------------------------------------------------------------------- */

/* SHLD-10: R1 is three retransmissions at least; SHLD-11: R2 100 s; MUST-23: and 3 minutes of a SYN;
 * MUST-25: no keep-alives. */
static void what_the_defaults_have_to_be(void **state)
{
    struct estab_config c[2] = {{.size = sizeof c[0]}, {.size = sizeof c[1]}};

    (void)state;
    estab_config_init(&c[0]);
    estab_config_rfc(&c[1]);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(c[i].r1_retries >= 3);
        assert_true(c[i].r2_ms >= 100000);
        assert_true(c[i].r2_syn_ms >= 180000);
        assert_int_equal(c[i].keepalive_idle_ms, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_is_never_negative),
        cmocka_unit_test(a_wrong_checksum_is_no_segment),
        cmocka_unit_test(what_is_sent_has_its_checksum),
        cmocka_unit_test(options_come_in_any_segment),
        cmocka_unit_test(an_mss_is_in_syns_only),
        cmocka_unit_test(a_reset_has_text),
        cmocka_unit_test(a_window_stays_closed_for_a_week),
        cmocka_unit_test(the_first_probe_waits_for_the_rto),
        cmocka_unit_test(successive_pushes_collapse),
        cmocka_unit_test(nothing_is_urgent_by_itself),
        cmocka_unit_test(the_diffserv_field_stays),
        cmocka_unit_test(the_route_chooses_the_source),
        cmocka_unit_test(an_open_names_its_source),
        cmocka_unit_test(the_connection_keeps_its_address),
        cmocka_unit_test(options_of_ip_are_ignored),
        cmocka_unit_test(what_the_defaults_have_to_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
