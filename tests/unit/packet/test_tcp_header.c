/* SPDX-License-Identifier: MIT */
/* test_tcp_header.c - TCP headers and options on the wire (RFC 9293 sections 3.1 and 3.2). */
#include "packet/tcp_header.h"
#include "support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Parses a header with these option bytes, which are padded to 32 bits with zeros (MUST-69), from
 * memory that ends where the header does. */
static enum reason parse(const char *options, size_t n, unsigned flags, struct tcp_header *h)
{
    size_t length = 20 + (n + 3) / 4 * 4;
    uint8_t *p = calloc(1, length);
    enum reason reason;

    assert_non_null(p);
    p[1] = p[3] = 7;
    p[12] = (uint8_t)(length / 4 << 4);
    p[13] = (uint8_t)flags;
    memcpy(p + 20, options, n);
    reason = tcp_header_parse(p, length, h);
    free(p);
    return reason;
}

#define PARSE(options, flags, h) parse(options, sizeof(options) - 1, flags, h)
#define ON_SYN(options)          PARSE(options, CTL_SYN, &h)
#define REFUSED(options)         assert_int_equal(ON_SYN(options), REASON_TCP_OPTIONS)
#define TAKEN(options)           assert_int_equal(ON_SYN(options), REASON_NONE)

static struct tcp_header h;

static void fields_are_read(void **state)
{
    (void)state;
    static const uint8_t p[24] = {0x12, 0x34, 0x56, 0x78, 0xde, 0xad, 0xbe, 0xef,
                                  0xfe, 0xed, 0xfa, 0xce, 0x5f, 0x3f, 0xab, 0xcd,
                                  0x11, 0x22, 0x33, 0x44, 'x',  'y',  'z',  '!'};
    assert_int_equal(tcp_header_parse(p, sizeof p, &h), REASON_NONE);
    assert_int_equal(h.sport, 0x1234);
    assert_int_equal(h.dport, 0x5678);
    assert_int_equal(h.seq, 0xdeadbeef);
    assert_int_equal(h.ack, 0xfeedface);
    assert_int_equal(h.length, 20);
    assert_int_equal(h.flags, 0x3f); /* the reserved bits beside the offset are ignored */
    assert_int_equal(h.wnd, 0xabcd);
    assert_int_equal(h.checksum, 0x1122);
    assert_int_equal(h.up, 0x3344);
    assert_int_equal(h.opt.present, 0);
}

/* Every length that is too short, from memory that ends there; every data offset. */
static void short_headers_are_refused(void **state)
{
    (void)state;
    for (size_t n = 0; n < 60; n++) {
        uint8_t *p = calloc(1, n ? n : 1);

        assert_non_null(p);
        if (n > 3)
            p[1] = p[3] = 7;
        for (unsigned offset = 0; offset < 16; offset++) {
            bool good = n >= 20 && offset >= 5 && offset * 4 <= n;

            if (n > 12)
                p[12] = (uint8_t)(offset << 4);
            assert_int_equal(tcp_header_parse(p, n, &h), good ? REASON_NONE : REASON_TCP_HEADER);
        }
        free(p);
    }
}

static void ports_of_zero_are_refused(void **state)
{
    (void)state;
    uint8_t p[20] = {[1] = 7, [12] = 0x50};
    assert_int_equal(tcp_header_parse(p, 20, &h), REASON_TCP_PORT);
    p[1] = 0;
    p[3] = 7;
    assert_int_equal(tcp_header_parse(p, 20, &h), REASON_TCP_PORT);
    p[1] = 7;
    assert_int_equal(tcp_header_parse(p, 20, &h), REASON_NONE);
}

/* MUST-4, MUST-5: END, NOP, and MSS, which begin on any byte (MUST-64). */
static void usual_options_are_read(void **state)
{
    (void)state;
    TAKEN("\2\4\5\264");
    assert_int_equal(h.opt.present, OPT_MSS);
    assert_int_equal(h.opt.mss, 1460);
    TAKEN("\1\2\4\5\264\3\3\7\4\2\10\12\0\0\0\1\0\0\0\2");
    assert_int_equal(h.opt.present,
                     OPT_MSS | OPT_WINDOW_SCALE | OPT_SACK_PERMITTED | OPT_TIMESTAMPS);
    assert_int_equal(h.opt.wscale, 7);
    assert_int_equal(h.opt.tsval, 1);
    assert_int_equal(h.opt.tsecr, 2);
    TAKEN("\0\2\4\5\264"); /* END: what follows is padding */
    assert_int_equal(h.opt.present, 0);
    TAKEN("\1\1\1\1");
    assert_int_equal(h.opt.present, 0);
    TAKEN("\2\4\1\1\2\4\2\2"); /* twice: the last counts */
    assert_int_equal(h.opt.mss, 0x202);
}

/* MUST-6: skipped by their length. */
static void unknown_options_are_skipped(void **state)
{
    (void)state;
    for (unsigned kind = 5; kind < 256; kind++) {
        char options[8] = {(char)kind, 4, 9, 9, 2, 4, 1, 2};

        if (kind == TCPOPT_TIMESTAMPS || kind == TCPOPT_SACK || kind == TCPOPT_USER_TIMEOUT)
            continue;
        assert_int_equal(parse(options, 8, CTL_SYN, &h), REASON_NONE);
        assert_int_equal(h.opt.present, OPT_MSS);
        assert_int_equal(h.opt.mss, 0x102);
    }
    TAKEN("\375\2\2\4\1\2");
    assert_int_equal(h.opt.mss, 0x102);
}

/* RFC 5482 section 3.2, on any segment. */
static void a_user_timeout_is_read_and_written(void **state)
{
    uint8_t bytes[TCP_HEADER_MAX];
    struct tcp_header w = {.sport = 1, .dport = 2, .flags = CTL_ACK};

    (void)state;
    assert_int_equal(parse("\34\4\200\5", 4, CTL_SYN, &h), REASON_NONE);
    assert_int_equal(h.opt.present, OPT_USER_TIMEOUT);
    assert_int_equal(h.opt.user_timeout, 0x8005);
    assert_int_equal(parse("\34\3\1\0", 4, CTL_ACK, &h), REASON_NONE);
    assert_int_equal(h.opt.present, 0);
    w.opt = (struct tcp_options){.present = OPT_USER_TIMEOUT, .user_timeout = 0x8005};
    assert_int_equal(tcp_header_write(bytes, &w), TCP_HEADER_MIN + 4);
    assert_memory_equal(bytes + TCP_HEADER_MIN, "\34\4\200\5", 4);
}

/* MUST-7: lengths that cannot be. */
static void illegal_lengths_are_refused(void **state)
{
    (void)state;
    REFUSED("\2\0\5\264");
    REFUSED("\2\1\5\264");
    REFUSED("\2\5\5\264");
    REFUSED("\375\0\0\0");
    REFUSED("\375\1\0\0");
    REFUSED("\1\1\1\375"); /* the length byte is missing */
    REFUSED("\1\1\1\2");
    REFUSED("\375\377\0\0");
    REFUSED("\2\4\5\264\375\5\0\0"); /* a good one before it */
    REFUSED("\10\12\0\0\0\1\0\0\0\2\375\3");
}

/* Of a known kind with another length: not what it says, so it is skipped as unknown. */
static void other_lengths_of_known_options_are_skipped(void **state)
{
    (void)state;
    TAKEN("\2\2\1\1");
    assert_int_equal(h.opt.present, 0);
    TAKEN("\2\3\5\1");
    assert_int_equal(h.opt.present, 0);
    TAKEN("\2\6\5\264\5\264\1\1");
    assert_int_equal(h.opt.present, 0);
    TAKEN("\3\2\1\1");
    assert_int_equal(h.opt.present, 0);
    TAKEN("\3\4\1\1\4\4\1\1\10\4\1\1");
    assert_int_equal(h.opt.present, 0);
}

/* "This option may be sent in the initial connection request ... only" - MSS; so it is with window
 * scale and SACK-permitted. R7323-3. */
static void some_options_belong_to_a_syn(void **state)
{
    (void)state;
    assert_int_equal(PARSE("\2\4\5\264\3\3\7\4\2\1\1\1\10\12\0\0\0\1\0\0\0\2", CTL_ACK, &h),
                     REASON_NONE);
    assert_int_equal(h.opt.present, OPT_TIMESTAMPS);
}

/* MUST-64, MUST-68: sixty bytes of header, every option there is room for. */
static void the_longest_header(void **state)
{
    (void)state;
    char options[40];

    memset(options, 1, sizeof options);
    memcpy(options + 36, "\2\4\1\2", 4);
    assert_int_equal(parse(options, 40, CTL_SYN, &h), REASON_NONE);
    assert_int_equal(h.length, 60);
    assert_int_equal(h.opt.mss, 0x102);
}

/* ---- written ------------------------------------------------------------------------------------ */

/* MUST-68. */
static void linux_order(void **state)
{
    (void)state;
    static const uint8_t want[] = "\2\4\5\264\4\2\10\12\0\0\0\1\0\0\0\2\1\3\3\7";
    struct tcp_header out = {
        .sport = 1,
        .dport = 2,
        .flags = CTL_SYN,
        .opt = {.present = OPT_MSS | OPT_WINDOW_SCALE | OPT_SACK_PERMITTED | OPT_TIMESTAMPS,
                .mss = 1460,
                .wscale = 7,
                .tsval = 1,
                .tsecr = 2},
    };
    uint8_t p[TCP_HEADER_MAX];

    assert_int_equal(tcp_header_length(&out), 40);
    assert_int_equal(tcp_header_write(p, &out), 40);
    assert_memory_equal(p + 20, want, 20);
    out.flags = CTL_ACK;
    out.opt.present = OPT_TIMESTAMPS;
    assert_int_equal(tcp_header_write(p, &out), 32);
    assert_memory_equal(p + 20, "\1\1\10\12\0\0\0\1\0\0\0\2", 12);
    out.opt.present |= OPT_SACK;
    out.opt.sacks = 1;
    out.opt.sack[0] = (struct tcp_sack_block){3, 4};
    assert_int_equal(tcp_header_write(p, &out), 44);
    assert_memory_equal(p + 20, "\1\1\10\12\0\0\0\1\0\0\0\2\1\1\5\12\0\0\0\3\0\0\0\4", 24);
    out.flags = CTL_SYN;
    out.opt.present = OPT_MSS | OPT_WINDOW_SCALE | OPT_SACK_PERMITTED;
    assert_int_equal(tcp_header_write(p, &out), 32);
    assert_memory_equal(p + 20, "\2\4\5\264\1\1\4\2\1\3\3\7", 12);
}

/* MUST-69: in every set of options that we write, an END would have only zeros behind it. */
static void nothing_follows_an_end(void **state)
{
    (void)state;
    for (unsigned present = 0; present < 32; present++) {
        struct tcp_header out = {.sport = 1,
                                 .dport = 2,
                                 .opt = {.present = (uint8_t)present,
                                         .mss = 1460,
                                         .wscale = 7,
                                         .tsval = 1,
                                         .tsecr = 2,
                                         .sacks = 1}};
        uint8_t p[TCP_HEADER_MAX];
        size_t n = tcp_header_write(p, &out), i = 20;

        while (i < n && p[i] != TCPOPT_END)
            i += p[i] == TCPOPT_NOP ? 1 : p[i + 1];
        for (; i < n; i++)
            assert_int_equal(p[i], 0);
    }
}

/* RFC 2018 section 3: one to four blocks of eight bytes; of another length it is no such option. */
static void sack_blocks_are_read(void **state)
{
    (void)state;
    assert_int_equal(PARSE("\1\1\5\22\0\0\0\1\0\0\0\2\377\0\0\1\0\0\0\3", CTL_ACK, &h),
                     REASON_NONE);
    assert_int_equal(h.opt.present, OPT_SACK);
    assert_int_equal(h.opt.sacks, 2);
    assert_int_equal(h.opt.sack[0].left, 1);
    assert_int_equal(h.opt.sack[0].right, 2);
    assert_int_equal(h.opt.sack[1].left, 0xff000001);
    assert_int_equal(h.opt.sack[1].right, 3);
    for (unsigned length = 2; length <= 36; length++) {
        char options[40] = {5, (char)length};
        bool whole = length > 2 && (length - 2) % 8 == 0;

        assert_int_equal(parse(options, 40, CTL_ACK, &h), REASON_NONE);
        assert_int_equal(h.opt.present, whole ? OPT_SACK : 0);
        assert_int_equal(h.opt.sacks, whole ? (length - 2) / 8 : 0);
    }
    assert_int_equal(PARSE("\5\12\0\0\0\1\0\0\0\2\0\0", CTL_SYN, &h), REASON_NONE);
    assert_int_equal(h.opt.present, 0);
}

/* What is written is read again, and is a multiple of four long. */
static void round_trip(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20000; seed++) {
        uint64_t random = seed;
        struct tcp_header out = {
            .seq = (uint32_t)random_next(&random),
            .ack = (uint32_t)random_next(&random),
            .sport = (uint16_t)(random_next(&random) | 1),
            .dport = (uint16_t)(random_next(&random) | 1),
            .wnd = (uint16_t)random_next(&random),
            .up = (uint16_t)random_next(&random),
            .flags = (uint8_t)(random_next(&random) | CTL_SYN),
            .opt = {.present = (uint8_t)(seed % 16)},
        };
        uint8_t p[TCP_HEADER_MAX];
        size_t n;

        if (out.opt.present & OPT_MSS)
            out.opt.mss = (uint16_t)random_next(&random);
        if (out.opt.present & OPT_WINDOW_SCALE)
            out.opt.wscale = (uint8_t)random_next(&random);
        if (out.opt.present & OPT_TIMESTAMPS) {
            out.opt.tsval = (uint32_t)random_next(&random);
            out.opt.tsecr = (uint32_t)random_next(&random);
        }
        n = tcp_header_write(p, &out);
        assert_int_equal(n % 4, 0);
        assert_int_equal(n, tcp_header_length(&out));
        assert_int_equal(n, out.length);
        assert_int_equal(tcp_header_parse(p, n, &h), REASON_NONE);
        if (memcmp(&h, &out, sizeof h) != 0)
            fail_msg("seed %u: it is not what was written", (unsigned)seed);
    }
}

/* Any bytes at all: nothing beyond the header is read, nothing loops. */
static void random_bytes_are_survived(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 100000; seed++) {
        uint64_t random = seed;
        size_t n = random_next(&random) % 61;
        uint8_t *p = malloc(n ? n : 1);
        enum reason reason;

        assert_non_null(p);
        random_fill(&random, p, n);
        reason = tcp_header_parse(p, n, &h);
        if (reason == REASON_NONE || reason == REASON_TCP_OPTIONS)
            assert_true(h.length >= 20 && h.length <= n && h.length % 4 == 0);
        free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_read),
        cmocka_unit_test(short_headers_are_refused),
        cmocka_unit_test(ports_of_zero_are_refused),
        cmocka_unit_test(usual_options_are_read),
        cmocka_unit_test(unknown_options_are_skipped),
        cmocka_unit_test(a_user_timeout_is_read_and_written),
        cmocka_unit_test(illegal_lengths_are_refused),
        cmocka_unit_test(other_lengths_of_known_options_are_skipped),
        cmocka_unit_test(some_options_belong_to_a_syn),
        cmocka_unit_test(the_longest_header),
        cmocka_unit_test(linux_order),
        cmocka_unit_test(nothing_follows_an_end),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(sack_blocks_are_read),
        cmocka_unit_test(random_bytes_are_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
