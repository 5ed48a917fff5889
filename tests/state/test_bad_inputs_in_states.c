/* SPDX-License-Identifier: MIT */
/*
 * test_bad_inputs_in_states.c - inputs that broke other stacks, in every state where they can arrive.  The
 * numbers are those of the list that this project keeps of them (docs/bad-inputs.md).  Whatever comes, the
 * state stays what RFC 9293 says, the drop has its reason, and the connection is alive after it (places.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "support/made_frame.h"
#include "support/places.h"
#include "support/random.h"

static uint8_t bytes[RIG_FRAME_MAX];

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* ---- 1: options and data offsets ------------------------------------------------------------------- */

static const struct {
    const char *raw;
    uint8_t length;
} bad_options[] = {
    {"\2\0\1\1", 4},                      /* length 0 */
    {"\2\1\1\1", 4},                      /* length 1 */
    {"\1\1\1\2", 4},                      /* no length byte */
    {"\1\1\2\4", 4},                      /* past the end */
    {"\2\377\1\1", 4},                    /* far past the end */
    {"\1\1\10\12\0\0\0\0", 8},            /* half a timestamp */
    {"\376\0\1\1", 4},                    /* unknown, length 0 */
    {"\376\5\1\1", 4},                    /* unknown, past the end */
    {"\2\4\5\264\3\3\7\1\1\1\5\377", 12}, /* behind good ones */
};

/* BAD-1, MUST-7. */
static void row_1_options(struct rig *r)
{
    static const uint8_t flags[] = {ACK, SYN, SYN | ACK, RST, FIN | ACK, 0};
    struct estab_status was = rig_status(r);
    uint64_t n = 0;

    for (size_t i = 0; i < COUNT(bad_options); i++)
        for (size_t k = 0; k < sizeof flags; k++) {
            struct rig_seg s = {.flags = flags[k],
                                .seq = place_seq(r),
                                .ack = place_una(r),
                                .raw = bad_options[i].raw,
                                .raw_length = bad_options[i].length};

            rig_in(r, &s);
            place_dropped(r, &was, REASON_TCP_OPTIONS, ++n);
        }
}

/* An acceptable segment whose data offset is wrong; its checksums are right. BAD-1. */
static void row_1_data_offsets(struct rig *r)
{
    struct rig_seg s = {.flags = ACK, .seq = place_seq(r), .ack = place_una(r)};
    struct estab_status was = rig_status(r);
    uint64_t count = 0;

    for (unsigned offset = 0; offset < 16; offset++) {
        size_t n = rig_frame(r, &s, bytes);

        if (offset == 5)
            continue;
        bytes[32] = (uint8_t)(offset << 4);
        rig_resum(bytes, n);
        rig_in_bytes(r, bytes, n);
        place_dropped(r, &was, REASON_TCP_HEADER, ++count);
    }
}

/* ---- 2: an MSS of nothing, and what follows ------------------------------------------------------------- */

/* A SYN offers it, which opens a connection or changes none; no segment is smaller than 64 bytes for it.
 * BAD-2. */
static void row_2_mss(struct rig *r)
{
    enum rig_state was = rig_state(r);
    uint32_t mss = rig_status(r).snd_mss;

    IN(r, was == SYN_SENT ? SYN | ACK : SYN, was < ESTABLISHED ? 0 : place_seq(r), 1, .opt = MSS, .mss = 0);
    if (was == LISTEN && rig_state(r) == LISTEN) /* another cookie, of this MSS */
        r->iss = rig_out_any(r)->seq;
    if (was == LISTEN)
        IN(r, ACK, 1, 1);
    if (was >= SYN_RECEIVED)
        assert_int_equal(rig_status(r).snd_mss, mss);
    else if (was != CLOSED)
        assert_in_range(rig_status(r).snd_mss, 64, estab_reason_count(r->stack, REASON_LISTEN_COOKIE) ? 536 : 64);
}

/* SACK panic: each second byte of what is out is SACKed by itself: none is a segment, and each is counted, and costs
 * nothing. BAD-2. */
static void row_2_tiny_blocks(struct rig *r)
{
    uint32_t memory = rig_status(r).memory, seq = place_seq(r);

    for (uint32_t at = 2; at < PLACE_TEXT; at += 2) {
        char option[12] = {1, 1, 5, 10};

        for (unsigned i = 0; i < 4; i++) {
            option[4 + i] = (char)((r->iss + at) >> (24 - 8 * i));
            option[8 + i] = (char)((r->iss + at + 1) >> (24 - 8 * i));
        }
        IN(r, ACK, seq, 1, .raw = option, .raw_length = sizeof option);
        rig_forget(r);
    }
    rig_counted(r, REASON_SACK_PART, PLACE_TEXT / 2 - 1);
    assert_int_equal(rig_status(r).snd_una - r->iss, 1);
    assert_int_equal(rig_status(r).sacked, 0);
    if (rig_status(r).memory > memory)
        rig_fail(r, "%u bytes for a scoreboard", (unsigned)(rig_status(r).memory - memory));
}

/* ---- 3: lengths against each other ---------------------------------------------------------------------- */

/* BAD-3. */
static void row_3_lengths(struct rig *r)
{
    struct rig_seg s = {.flags = PSH | ACK, .seq = place_seq(r), .ack = place_una(r), .len = 20};
    struct estab_status was = rig_status(r);
    size_t n = rig_frame(r, &s, bytes);
    uint64_t ip = 0, tcp = 0;

    for (size_t cut = 0; cut < n; cut++) { /* the frame ends early */
        rig_in_bytes(r, bytes, cut);
        if (cut == 0) /* no frame at all */
            continue;
        place_dropped(r, &was, cut < 20 ? REASON_IP_HEADER : REASON_IP_LENGTH,
                      cut < 20 ? ++ip : cut - 19);
    }
    for (uint8_t length = 0; length < 20; length++) { /* shorter than its own header */
        bytes[3] = length;
        rig_resum(bytes, n);
        rig_in_bytes(r, bytes, n);
        place_dropped(r, &was, REASON_IP_HEADER, ++ip);
    }
    for (uint8_t length = 20; length < 40; length++) { /* no room for TCP's */
        bytes[3] = length;
        rig_resum(bytes, length);
        rig_in_bytes(r, bytes, n);
        place_dropped(r, &was, REASON_TCP_HEADER, ++tcp);
    }
    for (uint8_t words = 0; words < 5; words++) { /* an IP header of less than 20 bytes */
        n = rig_frame(r, &s, bytes);
        bytes[0] = (uint8_t)(0x40 | words);
        rig_in_bytes(r, bytes, n);
        place_dropped(r, &was, REASON_IP_HEADER, ++ip);
    }
}

/* What lies behind the packet on the link is padding, and never text. BAD-3. */
static void row_3_padding(struct rig *r)
{
    struct rig_seg s = {.flags = URG | PSH, .seq = place_seq(r), .up = 50};
    struct estab_status was = rig_status(r);
    size_t n = rig_frame(r, &s, bytes);

    memset(bytes + n, 'x', 100);
    rig_in_bytes(r, bytes, n + 100);
    place_unmoved(r, &was);
}

/* RFC 5927 section 4: an ICMP error must quote its IP header and 8 bytes; more lengths that lie. BAD-3, BAD-15. */
static void row_15_short_quotes(struct rig *r)
{
    struct made_tcp m = {.src = {rig_us(), RIG_PORT},
                         .dst = {rig_peer(), RIG_PEER_PORT},
                         .seq = rig_status(r).snd_una};
    struct estab_status was = rig_status(r);
    uint8_t icmp[8 + 40] = {3, 3};
    uint64_t count = 0;

    made_tcp(bytes, &m, true);
    memcpy(icmp + 8, bytes, 40);
    for (size_t n = 0; n < 36; n++) {
        uint16_t sum;

        icmp[2] = icmp[3] = 0;
        sum = made_sum(0, icmp, n);
        icmp[2] = (uint8_t)(sum >> 8);
        icmp[3] = (uint8_t)sum;
        rig_in_bytes(r, bytes, made_ip(bytes, rig_peer(), rig_us(), 1, icmp, n, true));
        place_dropped(r, &was, REASON_ICMP_MALFORMED, ++count);
    }
}

/* ---- 4: urgent pointers ----------------------------------------------------------------------------------- */

/* With any pointer, the text that is delivered is the text that was sent (rig_receive checks it). BAD-4. */
static void row_4_pointers(struct rig *r)
{
    static const uint16_t pointers[] = {0, 1, 10, 11, 4000, 32767, 32768, 65535};
    static const uint8_t flags[] = {URG | ACK, URG, URG | SYN, URG | SYN | ACK, URG | PSH | ACK};
    enum rig_state was = rig_state(r);

    for (size_t k = 0; k < sizeof flags; k++)
        for (size_t i = 0; i < COUNT(pointers); i++) {
            struct rig_seg s = {.flags = flags[k],
                                .seq = place_seq(r),
                                .ack = place_una(r),
                                .up = pointers[i],
                                .len = i % 3 * 5};

            rig_in(r, &s);
            if (r->conn.generation)
                (void)rig_receive(r, 100);
        }
    if (was == CLOSED || was >= ESTABLISHED)
        rig_is(r, was);
    rig_at(r, 100);
}

/* ---- 6: text that is put together --------------------------------------------------------------------------- */

/* SegmentSmack: a thousand bytes, each a segment by itself and none beside another; then all of it. BAD-6. */
static void row_6_single_bytes(struct rig *r)
{
    uint32_t seq = place_seq(r), memory = rig_status(r).memory;

    for (unsigned round = 0; round < 2; round++)
        for (uint32_t i = 1; i < 2000; i += 2) {
            IN(r, ACK, seq + i, place_una(r), .len = 1);
            rig_forget(r);
        }
    assert_true(estab_reason_count(r->stack, REASON_TEXT_OUT_OF_ORDER) > 0);
    assert_int_equal(place_seq(r), seq);
    if (rig_status(r).memory > memory + 2 * RIG_WINDOW + 10 * (r->config.chunk_bytes + 64))
        rig_fail(r, "%u bytes for them", (unsigned)(rig_status(r).memory - memory));
    IN(r, ACK, seq, place_una(r), .len = 1400);
    IN(r, ACK, seq + 1400, place_una(r), .len = 600);
    assert_int_equal(place_seq(r), seq + 2000);
    assert_int_equal(rig_receive(r, 4000), 2000);
}

/* A segment that would be taken, in fragments that overlap, that are tiny and not all, that end twice: none of
 * it comes together. BAD-6. */
static void row_6_fragments(struct rig *r)
{
    static const struct made_part parts[] = {
        {0, 64, 1, true},  {56, 120, 1, false},                    /* an overlap */
        {0, 8, 2, true},   {112, 120, 2, false}, {16, 24, 2, true}, /* tiny ones, and not all */
        {64, 120, 3, false}, {64, 96, 3, false}, {0, 64, 3, true}, /* two ends */
        {0, 60, 4, true},  {60, 120, 4, false},                    /* no multiple of eight */
    };
    static uint8_t packet[RIG_FRAME_MAX];
    struct rig_seg s = {.flags = PSH | ACK, .seq = place_seq(r), .ack = place_una(r), .len = 100};
    struct estab_status was = rig_status(r);

    assert_int_equal(rig_frame(r, &s, packet), 140);
    for (size_t i = 0; i < COUNT(parts); i++)
        rig_in_bytes(r, bytes, made_part(bytes, packet, &parts[i]));
    place_unmoved(r, &was);
    rig_counted(r, REASON_FRAGMENT_OVERLAP, 1);
    rig_forget(r);
}

/* ---- 7: extension headers ------------------------------------------------------------------------------------- */

/* An acceptable segment behind these headers, of which the first is of this kind. */
static void in_behind(struct rig *r, uint8_t kind, const uint8_t *headers, size_t length)
{
    struct rig_seg s = {.flags = PSH | ACK, .seq = place_seq(r), .ack = place_una(r), .len = 10};
    size_t n = rig_frame(r, &s, bytes), payload = n - 40 + length;

    memmove(bytes + 40 + length, bytes + 40, n - 40);
    memcpy(bytes + 40, headers, length);
    bytes[6] = kind;
    bytes[4] = (uint8_t)(payload >> 8);
    bytes[5] = (uint8_t)payload;
    rig_in_bytes(r, bytes, n + length);
}

enum { HOP_BY_HOP = 0, ROUTING = 43, NO_NEXT = 59, DESTINATION = 60 };

/* Chains, headers that are cut short, options that overrun theirs, routes, and nothing at all. BAD-7. */
static void row_7_extension_headers(struct rig *r)
{
    static const uint8_t overrun[8] = {6, 0, 1, 5, 0, 0, 0, 0}, long_[8] = {6, 255, 1, 4, 0, 0, 0, 0};
    static const uint8_t route[8] = {6, 0, 0, 1, 0, 0, 0, 0}, again[8] = {HOP_BY_HOP, 0, 1, 4, 0, 0, 0, 0};
    struct estab_status was = rig_status(r);
    uint8_t chain[9 * 8];

    for (unsigned i = 0; i < 9; i++) {
        static const uint8_t one[8] = {DESTINATION, 0, 1, 4, 0, 0, 0, 0};

        memcpy(chain + 8 * i, one, 8);
    }
    chain[8 * 8] = 6;
    in_behind(r, DESTINATION, chain, sizeof chain);
    rig_counted(r, REASON_IP6_EXTENSIONS, 1);
    in_behind(r, DESTINATION, overrun, sizeof overrun);
    in_behind(r, HOP_BY_HOP, overrun, sizeof overrun);
    in_behind(r, DESTINATION, long_, sizeof long_);
    rig_counted(r, REASON_IP6_EXTENSION, 3);
    in_behind(r, ROUTING, route, sizeof route);
    rig_counted(r, REASON_IP6_ROUTING, 1);
    in_behind(r, NO_NEXT, overrun, 0);
    rig_counted(r, REASON_IP6_NO_NEXT, 1);
    in_behind(r, DESTINATION, again, sizeof again); /* hop by hop may stand first alone */
    place_unmoved(r, &was);
    rig_forget(r);
}

/* ---- 8: blind attacks ---------------------------------------------------------------------------------------- */

/* RST, SYN, text and ACK in the window, but not where or as they must be: the connection lives. BAD-8, R5961-1. */
static void row_8_blind(struct rig *r)
{
    enum rig_state was = rig_state(r);
    struct estab_status st = rig_status(r);
    uint64_t seed = 8;

    for (int i = 0; i < 300; i++) {
        uint32_t in = 1 + (uint32_t)random_next(&seed) % 3900, seq = place_seq(r) + in;
        uint32_t far = 65536 + (uint32_t)random_next(&seed) % 0x7ff00000;

        IN(r, RST, seq, 0);
        IN(r, RST | ACK, seq, place_una(r));
        IN(r, SYN, seq, 0);
        IN(r, SYN, (uint32_t)random_next(&seed), 0);
        IN(r, RST, seq + (1u << 20) + (uint32_t)random_next(&seed) % (1u << 31), 0);
        IN(r, PSH | ACK, place_seq(r), place_una(r) - far, .len = 10);
        IN(r, PSH | ACK, place_seq(r), place_una(r) + far, .len = 10);
        IN(r, FIN | ACK, place_seq(r), place_una(r) + far);
        rig_forget(r);
    }
    rig_is(r, was);
    if (rig_status(r).rcv_nxt != st.rcv_nxt || rig_status(r).snd_una != st.snd_una)
        rig_fail(r, "a stranger has moved the connection");
}

/* RFC 5961 section 7: what strangers send costs a bounded number of answers a second. BAD-8, R5961-13. */
static void row_8_answers_are_bounded(struct rig *r)
{
    enum { MOST = 3 };

    for (unsigned i = 0; i < 300; i++) {
        unsigned kind = i % 3;

        IN(r,
           kind == 0   ? SYN
           : kind == 1 ? RST
                       : ACK,
           place_seq(r) + 1, kind == 2 ? place_una(r) + 100000 : 0);
    }
    if (r->out_count > MOST)
        rig_fail(r, "%u answers in a second", r->out_count);
}

/* ---- 9: ACKs that answer each other --------------------------------------------------------------------------- */

/* A peer whose numbers are others answers each of our ACKs with one: both fall silent. BAD-9. */
static void row_9_acks_for_ever(struct rig *r)
{
    enum { MOST = 7 };
    unsigned answers;

    for (unsigned i = 0; i < 200; i++)
        IN(r, ACK, place_seq(r) - 1 - i % 2 * 5000, place_una(r));
    answers = r->out_count;
    if (answers == 0 || answers > MOST)
        rig_fail(r, "%u answers in a second", answers);
    rig_counted(r, REASON_CHALLENGE_THROTTLED, 200 - answers);
}

/* ---- 10: a window that shrinks ---------------------------------------------------------------------------------- */

/* Below what is in flight, to nothing, and open again: all arrives in the end. BAD-10, MUST-34. */
static void row_10_window_shrinks(struct rig *r)
{
    uint32_t sent = place_sent(r), seq = place_seq(r);

    IN(r, ACK, seq, 101, .wnd = 150);
    IN(r, ACK, seq, 101, .wnd = NO_WINDOW);
    rig_quiet(r);
    rig_at(r, 5000);
    assert_true(r->out_count > 0); /* sent again, or probed */
    for (uint32_t ack = 151; ack < sent; ack += 50)
        IN(r, ACK, seq, ack, .wnd = 120);
    assert_int_equal(place_sent(r), sent);
    rig_forget(r);
}

/* ---- 11: SACK blocks that lie ------------------------------------------------------------------------------------- */

/* Upside down, empty, beyond SND.NXT, from another life: each is counted, and nothing is believed. BAD-11. */
static void row_11_blocks_that_lie(struct rig *r)
{
    static const uint32_t lies[][2] = {{301, 201}, {201, 201}, {901, 2001},          {5001, 5101},
                                       {1, 101},   {(uint32_t)-5000, 1}, {0x80000001, 301}, {501, 0x90000000}};
    uint32_t seq = place_seq(r);

    for (size_t i = 0; i < COUNT(lies); i++) {
        char option[12] = {1, 1, 5, 10};

        for (unsigned k = 0; k < 4; k++) {
            option[4 + k] = (char)((r->iss + lies[i][0]) >> (24 - 8 * k));
            option[8 + k] = (char)((r->iss + lies[i][1]) >> (24 - 8 * k));
        }
        IN(r, ACK, seq, 1, .raw = option, .raw_length = sizeof option);
        rig_counted(r, REASON_SACK_BLOCK, i + 1);
        assert_int_equal(rig_status(r).sacked, 0);
        assert_int_equal(rig_status(r).snd_una - r->iss, 1);
    }
    rig_forget(r);
}

/* ---- 12: acknowledgments of nothing --------------------------------------------------------------------------- */

/* Of what was never sent, and far in the past: an ACK says where we are, or, before that is agreed on, a RST
 * that nothing of the kind exists. BAD-12, R5961-12. */
static void row_12_acks(struct rig *r)
{
    static const uint32_t offs[] = {1000, 65536, 0x7ffffffe, 0x80000000, 0x80000001u, 0xfff00000, 0xfffeffff};
    struct estab_status was = rig_status(r);
    enum rig_state state = rig_state(r);

    for (size_t i = 0; i < COUNT(offs); i++) {
        uint32_t ack = place_sent(r) + offs[i];

        rig_at(r, 1000 * (i + 1)); /* challenges are a few a second */
        rig_forget(r);
        was = rig_status(r);
        IN(r, PSH | ACK, place_seq(r) + (state == SYN_SENT), ack, .len = 10);
        if (state < ESTABLISHED)
            OUT(r, RST, ack, 0);
        else
            OUT(r, ACK, place_sent(r), place_seq(r));
        rig_is(r, state);
        place_unmoved(r, &was);
    }
}

/* ---- 13: flags -------------------------------------------------------------------------------------------------- */

/* None, and such as say nothing without ACK; and a SYN that resets. BAD-13. */
static void row_13_flags(struct rig *r)
{
    static const uint8_t silent[] = {0, FIN, PSH, URG, FIN | PSH | URG, ECE | CWR};
    enum rig_state state = rig_state(r);
    enum reason reason = state == CLOSED     ? REASON_CLOSED_RESET
                         : state == LISTEN   ? REASON_LISTEN_NEITHER
                         : state == SYN_SENT ? REASON_SYN_SENT_NEITHER
                                             : REASON_ACK_MISSING;
    enum reason reset = state == CLOSED     ? REASON_CLOSED_RST
                        : state == LISTEN   ? REASON_LISTEN_RST
                        : state == SYN_SENT ? REASON_SYN_SENT_RST_NO_ACK
                                            : REASON_RST_CHALLENGE;
    struct estab_status was = rig_status(r);

    for (size_t i = 0; i < sizeof silent; i++) {
        IN(r, silent[i], place_seq(r), 0, .len = i % 2 * 10);
        rig_counted(r, reason, i + 1);
        if (state != CLOSED)
            rig_quiet(r);
    }
    IN(r, SYN | RST, place_seq(r) + 1, 0);
    IN(r, SYN | RST | FIN | PSH | URG, place_seq(r) + 1, 0, .len = 10);
    rig_counted(r, reset, 2);
    place_unmoved(r, &was);
}

/* ---- 15: forged ICMP ---------------------------------------------------------------------------------------------- */

/* Errors, and links that carry nothing, about a segment that is not in flight. BAD-15. */
static void row_15_forged_errors(struct rig *r)
{
    static const uint8_t kinds[][2] = {{3, 1}, {3, 2}, {3, 3}, {3, 4}, {11, 0}, {12, 0}};
    static const uint8_t mtus[] = {0, 1, 67, 68, 255};
    struct estab_status was = rig_status(r);
    uint64_t count = 0;

    for (size_t i = 0; i < COUNT(kinds); i++)
        for (size_t k = 0; k < sizeof mtus; k++) {
            struct made_tcp m = {.src = {rig_us(), RIG_PORT},
                                 .dst = {rig_peer(), RIG_PEER_PORT},
                                 .seq = r->iss + place_sent(r) + 70000};
            uint8_t icmp[8 + 40] = {kinds[i][0], kinds[i][1], 0, 0, 0, 0, 0, mtus[k]};
            uint16_t sum;

            made_tcp(bytes, &m, true);
            memcpy(icmp + 8, bytes, 40);
            sum = made_sum(0, icmp, sizeof icmp);
            icmp[2] = (uint8_t)(sum >> 8);
            icmp[3] = (uint8_t)sum;
            rig_in_bytes(r, bytes, made_ip(bytes, rig_peer(), rig_us(), 1, icmp, sizeof icmp, true));
            place_dropped(r, &was, REASON_ICMP_NO_CONNECTION, ++count);
        }
    assert_int_equal(rig_status(r).snd_mss, was.snd_mss);
}

/* ---- 16: receivers that lie ----------------------------------------------------------------------------------------- */

/* They acknowledge ahead, by single bytes, and again and again: what goes again is no more than what was out, and
 * the window not larger than what they got is worth. BAD-16. */
static void row_16_receivers_that_lie(struct rig *r)
{
    uint32_t cwnd = rig_status(r).cwnd, seq = place_seq(r), sent = place_sent(r);
    struct estab_counters c = {.size = sizeof c};

    for (unsigned i = 0; i < 100; i++)
        IN(r, ACK, seq, sent + 1 + i);
    assert_int_equal(rig_status(r).snd_una - r->iss, 1);
    for (uint32_t ack = 2; ack <= 101; ack++)
        IN(r, ACK, seq, ack);
    if (rig_status(r).cwnd > cwnd + PLACE_MSS)
        rig_fail(r, "a segment in hundred parts has opened the window to %u", (unsigned)rig_status(r).cwnd);
    for (unsigned i = 0; i < 300; i++)
        IN(r, ACK, seq, 101);
    estab_counters(r->stack, &c);
    if (c.retransmitted > PLACE_TEXT / PLACE_MSS)
        rig_fail(r, "duplicates have had %u segments sent again", (unsigned)c.retransmitted);
    rig_forget(r);
    IN(r, ACK, seq, sent - (sent > 1 + PLACE_TEXT));
    if (rig_status(r).cwnd > cwnd)
        rig_fail(r, "duplicates have opened the window to %u", (unsigned)rig_status(r).cwnd);
}

int main(void)
{
    static const struct state_case cases[] = {
        IN_STATES(row_1_options, EVERYWHERE),
        IN_STATES(row_1_data_offsets, EVERYWHERE),
        IN_STATES(row_2_mss, EVERYWHERE),
        IN_STATES(row_2_tiny_blocks, SENDING),
        IN_STATES(row_3_lengths, EVERYWHERE),
        IN_STATES(row_3_padding, EVERYWHERE),
        IN_STATES(row_4_pointers, EVERYWHERE),
        IN_STATES(row_6_single_bytes, RECEIVING),
        IN_STATES(row_6_fragments, EVERYWHERE),
        IN_STATES_OF_6(row_7_extension_headers, EVERYWHERE),
        IN_STATES(row_8_blind, SYNCHRONIZED),
        IN_STATES(row_8_answers_are_bounded, SYNCHRONIZED),
        IN_STATES(row_9_acks_for_ever, WITH_PEER),
        IN_STATES(row_10_window_shrinks, SENDING),
        IN_STATES(row_11_blocks_that_lie, SENDING),
        IN_STATES(row_12_acks, EVERYWHERE),
        IN_STATES(row_13_flags, EVERYWHERE),
        IN_STATES(row_15_short_quotes, EVERYWHERE),
        IN_STATES(row_15_forged_errors, EVERYWHERE),
        IN_STATES(row_16_receivers_that_lie, SENDING),
    };

    return places_run("bad_inputs_in_states", cases, COUNT(cases));
}
