/* SPDX-License-Identifier: MIT */
/* test_link.c - a link in all its ways to fail: exact times, shares within bounds, literals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/siphash.h"
#include "sim/link.h"
#include "sim/random.h"
#include "support/tcp_frame.h"

static struct link *link_from(const char *text, uint64_t seed)
{
    struct link_config config = {0};
    char error[LINK_ERROR_MAX] = "";
    if (!link_config_parse(&config, text, error))
        fail_msg("%s: %s", text, error);
    struct link *link = link_new(&config, seed);
    assert_non_null(link);
    return link;
}

static void rule(struct link *link, const char *text)
{
    struct link_rule parsed;
    char error[LINK_ERROR_MAX] = "";
    if (!link_rule_parse(&parsed, text, error))
        fail_msg("%s: %s", text, error);
    assert_true(link_rule_add(link, &parsed) >= 0);
}

/* A segment of `text` bytes whose SEG.SEQ is `seq`; its frame is text + 54 bytes long. */
static struct link_passage put(struct link *link, uint32_t seq, uint16_t text, estab_time now)
{
    uint8_t bytes[TCP_FRAME_HEADERS + 2000];
    struct tcp_frame_of of = {.flags = LINK_ACK, .text = text, .seq = seq};
    struct estab_frame frame = tcp_frame(bytes, &of);
    return link_put(link, &frame, now);
}

static uint32_t seq_of(const struct estab_frame *frame)
{
    const uint8_t *p = frame->part[0].base + 14 + 20 + 4;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The next frame has this SEG.SEQ and comes exactly then. */
static struct link_passage get(struct link *link, uint32_t seq, estab_time when)
{
    struct estab_frame frame;
    struct link_passage passage;
    assert_true(link_next(link) == when);
    assert_false(when > 0 && link_get(link, &frame, &passage, when - 1));
    assert_true(link_get(link, &frame, &passage, when));
    assert_int_equal(seq_of(&frame), seq);
    assert_true(passage.due == when);
    link_release(link);
    return passage;
}

static void assert_empty(struct link *link)
{
    struct estab_frame frame;
    assert_true(link_next(link) == ESTAB_NEVER);
    assert_false(link_get(link, &frame, NULL, ESTAB_NEVER));
    assert_int_equal(link_under_way(link), 0);
}

static void assert_conserved(struct link *link)
{
    struct link_counters c = link_counters(link);
    assert_true(c.put + c.duplicated == c.delivered + link_under_way(link) + c.lost + c.ruled_out +
                                            c.queue_full + c.over_limit + c.refused);
}

/* ---- passing frames on ------------------------------------------------------------------------ */

static void a_perfect_link_delivers_at_once_in_order(void **state)
{
    (void)state;
    struct link *link = link_from("none", 1);
    assert_empty(link);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(put(link, i, 10, 5).fate, 0);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(get(link, i, 5).serial, i + 1);
    assert_empty(link);
    assert_conserved(link);
    link_free(link);
}

static void a_frame_is_copied_with_what_belongs_to_it(void **state)
{
    (void)state;
    struct link *link = link_from("none", 1);
    uint8_t bytes[TCP_FRAME_HEADERS + 10], sent[sizeof bytes];
    struct estab_frame frame = tcp_frame(bytes, &(struct tcp_frame_of){.text = 10}), got, other;
    memcpy(sent, bytes, sizeof bytes);
    /* As the stack has it: headers in the head, text in parts. */
    memcpy(frame.head, bytes, 54);
    frame.head_length = 54;
    frame.part[0] = (struct estab_part){.base = bytes + 54, .length = 3};
    frame.part[1] = (struct estab_part){.base = bytes + 57, .length = 0};
    frame.part[2] = (struct estab_part){.base = bytes + 57, .length = 7};
    frame.parts = 3;
    frame.interface = 4;
    frame.cause = 99;
    frame.checksum = ESTAB_CHECKSUM_GOOD;
    (void)link_put(link, &frame, 0);
    memset(bytes, 0, sizeof bytes);
    (void)link_put(link, &frame, 0);

    assert_true(link_get(link, &got, NULL, 0));
    assert_true(link_get(link, &other, NULL, 0)); /* both are there until link_release */
    assert_int_equal(got.length, sizeof sent);
    assert_int_equal(got.parts, 1);
    assert_int_equal(got.head_length, 0);
    assert_int_equal(got.part[0].length, sizeof sent);
    assert_memory_equal(got.part[0].base, sent, sizeof sent);
    assert_int_equal(got.interface, 4);
    assert_int_equal(got.cause, 99);
    assert_int_equal(got.link, ESTAB_LINK_ETHERNET);
    assert_int_equal(got.checksum, ESTAB_CHECKSUM_GOOD);
    link_release(link);
    link_free(link);
}

static void checksums_are_finished(void **state)
{
    (void)state;
    for (unsigned bare = 0; bare < 2; bare++)
        for (uint16_t text = 0; text < 4; text++) {
            struct link *link = link_from("none", 1);
            uint8_t bytes[TCP_FRAME_HEADERS + 4];
            struct tcp_frame_of of = {.text = text, .bare = bare, .no_sums = true};
            struct estab_frame frame = tcp_frame(bytes, &of), got;
            assert_false(tcp_frame_intact(bytes, frame.length, bare));
            (void)link_put(link, &frame, 0);
            assert_true(link_get(link, &got, NULL, 0));
            assert_int_equal(got.checksum, ESTAB_CHECKSUM_VERIFY);
            assert_true(tcp_frame_intact(got.part[0].base, got.length, bare));
            link_free(link); /* frees what was not released */
        }
}

static void what_is_no_frame_is_refused(void **state)
{
    (void)state;
    struct link *link = link_from("none", 1);
    static uint8_t bytes[LINK_FRAME_MAX + 1];
    struct tcp_frame_of of = {.text = 10};
    const struct estab_frame good = tcp_frame(bytes, &of);
    struct estab_frame frame = good;
    frame.segment_size = 1460;
    assert_int_equal(link_put(link, &frame, 0).fate, LINK_REFUSED);
    frame = (struct estab_frame){0};
    assert_int_equal(link_put(link, &frame, 0).fate, LINK_REFUSED);
    frame = good;
    frame.length = frame.part[0].length = LINK_FRAME_MAX + 1;
    assert_int_equal(link_put(link, &frame, 0).fate, LINK_REFUSED);
    frame = good;
    frame.length++;
    assert_int_equal(link_put(link, &frame, 0).fate, LINK_REFUSED);
    frame = good;
    frame.checksum = ESTAB_CHECKSUM_FINISH;
    frame.checksum_start = (uint16_t)(good.length - 17);
    assert_int_equal(link_put(link, &frame, 0).fate, LINK_REFUSED);
    assert_int_equal(link_counters(link).refused, 5);
    assert_empty(link);

    frame = good;
    frame.length = frame.part[0].length = LINK_FRAME_MAX;
    assert_int_equal(link_put(link, &frame, 0).fate, 0);
    assert_conserved(link);
    link_free(link);
}

/* ---- time ------------------------------------------------------------------------------------- */

static void delay_is_exact(void **state)
{
    (void)state;
    struct link *link = link_from("delay 20ms", 1);
    assert_true(put(link, 1, 0, 0).due == 20 * ESTAB_MS);
    (void)put(link, 2, 0, 7);
    (void)get(link, 1, 20 * ESTAB_MS);
    struct link_passage passage = get(link, 2, 20 * ESTAB_MS + 7);
    assert_true(passage.sent == 7);
    assert_empty(link);
    link_free(link);
}

static void time_does_not_step_back(void **state)
{
    (void)state;
    struct link *link = link_from("delay 10ns", 1);
    (void)put(link, 1, 0, 100);
    assert_true(put(link, 2, 0, 50).sent == 100);
    (void)get(link, 1, 110);
    (void)get(link, 2, 110);
    link_free(link);
}

/* 1000 frames: 0..1 ms above the delay, mean 0.5 ms (standard error 9 us), never out of order. */
static void jitter_stays_in_its_range_and_keeps_order(void **state)
{
    (void)state;
    struct link *link = link_from("delay 20ms jitter 1ms", 2);
    estab_time sum = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        estab_time now = i * 10 * ESTAB_MS;
        estab_time due = put(link, i, 0, now).due;
        assert_in_range(due - now, 20 * ESTAB_MS, 21 * ESTAB_MS);
        sum += due - now - 20 * ESTAB_MS;
        (void)get(link, i, due);
    }
    assert_in_range(sum / 1000, 450 * ESTAB_US, 550 * ESTAB_US);
    for (uint32_t i = 0; i < 1000; i++)
        (void)put(link, i, 0, 20 * ESTAB_SECOND + i);
    for (uint32_t i = 0; i < 1000; i++)
        (void)get(link, i, link_next(link));
    assert_int_equal(link_counters(link).overtaken, 0);
    link_free(link);
}

/* 1000 bytes at 8 Mbit/s take 1 ms; the second waits for the first, the third finds it idle. */
static void the_rate_is_exact(void **state)
{
    (void)state;
    struct link *link = link_from("rate 8mbit delay 5ms", 1);
    (void)put(link, 1, 1000 - 54, 0);
    (void)put(link, 2, 500 - 54, 0);
    (void)put(link, 3, 1000 - 54, 10 * ESTAB_MS);
    (void)get(link, 1, 6 * ESTAB_MS);
    (void)get(link, 2, 6500 * ESTAB_US);
    (void)get(link, 3, 16 * ESTAB_MS);
    link_free(link);
}

/* 100 bytes at 7 Gbit/s take 114 2/7 ns: seven frames in a row take 800 ns, none is rounded away. */
static void fractions_of_the_rate_add_up(void **state)
{
    (void)state;
    static const estab_time due[] = {114, 228, 342, 457, 571, 685, 800};
    struct link *link = link_from("rate 7gbit", 1);
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 7; i++)
            (void)put(link, i, 100 - 54, round * 5000);
        for (uint32_t i = 0; i < 7; i++)
            (void)get(link, i, round * 5000 + due[i]);
    }
    link_free(link);
}

/* One is being sent, two wait, the fourth finds no place; as one leaves there is place for one. */
static void the_queue_holds_frames(void **state)
{
    (void)state;
    struct link *link = link_from("rate 8mbit queue 2", 1);
    for (uint32_t i = 1; i <= 3; i++)
        assert_int_equal(put(link, i, 1000 - 54, 0).fate, 0);
    struct link_passage passage = put(link, 4, 1000 - 54, 0);
    assert_int_equal(passage.fate, LINK_QUEUE_FULL);
    assert_true(passage.due == ESTAB_NEVER);
    assert_int_equal(put(link, 5, 0, ESTAB_MS - 1).fate, LINK_QUEUE_FULL);
    assert_int_equal(put(link, 6, 1000 - 54, ESTAB_MS).fate, 0);
    (void)get(link, 1, ESTAB_MS);
    (void)get(link, 2, 2 * ESTAB_MS);
    (void)get(link, 3, 3 * ESTAB_MS);
    (void)get(link, 6, 4 * ESTAB_MS);
    assert_int_equal(link_counters(link).queue_full, 2);
    assert_conserved(link);
    link_free(link);
}

static void the_queue_holds_bytes(void **state)
{
    (void)state;
    struct link *link = link_from("rate 8mbit queue 1500b", 1);
    assert_int_equal(put(link, 1, 1900, 0).fate, 0); /* is sent at once: waits for nothing */
    assert_int_equal(put(link, 2, 1000 - 54, 0).fate, 0);
    assert_int_equal(put(link, 3, 501 - 54, 0).fate, LINK_QUEUE_FULL);
    assert_int_equal(put(link, 4, 500 - 54, 0).fate, 0);
    assert_int_equal(put(link, 5, 0, 0).fate, LINK_QUEUE_FULL);
    link_free(link);
}

static void a_long_queue_grows(void **state)
{
    (void)state;
    struct link *link = link_from("rate 8mbit", 1);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(put(link, i, 1000 - 54, i * ESTAB_MS / 2).fate, 0);
    for (uint32_t i = 0; i < 1000; i++)
        (void)get(link, i, (i + 1) * ESTAB_MS);
    link_free(link);
}

static void what_is_under_way_has_a_bound(void **state)
{
    (void)state;
    struct link *link = link_from("delay 1s", 1);
    static uint8_t bytes[LINK_FRAME_MAX];
    struct estab_frame frame = tcp_frame(bytes, &(struct tcp_frame_of){0});
    frame.length = frame.part[0].length = LINK_FRAME_MAX;
    uint64_t fit = LINK_FLIGHT_BYTES / LINK_FRAME_MAX;
    for (uint64_t i = 0; i < fit; i++)
        assert_int_equal(link_put(link, &frame, 0).fate, 0);
    assert_int_equal(link_put(link, &frame, 0).fate, LINK_OVER_LIMIT);
    assert_int_equal(link_counters(link).over_limit, 1);
    assert_conserved(link);
    link_free(link);

    link = link_from("delay 1s", 1);
    for (uint32_t i = 0; i < LINK_FLIGHT_FRAMES; i++)
        assert_int_equal(put(link, i, 0, 0).fate, 0);
    assert_int_equal(put(link, 1, 0, 0).fate, LINK_OVER_LIMIT);
    link_free(link);
}

/* ---- chance ----------------------------------------------------------------------------------- */

static unsigned count_fates(const char *text, uint64_t seed, unsigned frames, uint32_t fate)
{
    struct link *link = link_from(text, seed);
    unsigned count = 0;
    struct estab_frame frame;
    for (unsigned i = 0; i < frames; i++) {
        count += (put(link, i, 10, i * ESTAB_MS).fate & fate) != 0;
        while (link_get(link, &frame, NULL, i * ESTAB_MS))
            ;
        link_release(link);
    }
    assert_conserved(link);
    link_free(link);
    return count;
}

/* Of 20000 frames, 1 % is 200 with a standard deviation of 14; five of those on both sides. */
static void shares_are_kept(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        assert_in_range(count_fates("loss 1%", seed, 20000, LINK_LOST), 130, 270);
        assert_in_range(count_fates("duplicate 1%", seed, 20000, LINK_DUPLICATED), 130, 270);
        assert_in_range(count_fates("reorder 1% 3ms", seed, 20000, LINK_HELD), 130, 270);
        assert_in_range(count_fates("corrupt 1%", seed, 20000, LINK_CORRUPTED), 130, 270);
    }
    assert_int_equal(count_fates("loss 100%", 1, 100, LINK_LOST), 100);
    assert_int_equal(count_fates("none", 1, 1000, ~UINT32_C(0)), 0);
}

static uint32_t header_sum(const uint8_t *ip)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < 20; i += 2)
        sum += (uint32_t)ip[i] << 8 | ip[i + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    return (sum & 0xffff) + (sum >> 16);
}

/* How many of 20000 frames with these ECN bits came out with CE; each with a right header. */
static unsigned count_marks(uint8_t ecn)
{
    struct link *link = link_from("mark 1%", 5);
    unsigned marked = 0, said = 0;
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t bytes[TCP_FRAME_HEADERS + 2000];
        struct tcp_frame_of of = {.flags = LINK_ACK, .text = 10, .seq = i};
        struct estab_frame frame = tcp_frame(bytes, &of), out;
        bytes[15] = ecn;
        bytes[24] = bytes[25] = 0;
        uint32_t sum = ~header_sum(bytes + 14);
        bytes[24] = (uint8_t)(sum >> 8);
        bytes[25] = (uint8_t)sum;
        said += (link_put(link, &frame, 0).fate & LINK_MARKED) != 0;
        assert_true(link_get(link, &out, NULL, 0));
        assert_int_equal(header_sum(out.part[0].base + 14), 0xffff);
        assert_true(out.part[0].base[15] == ecn || out.part[0].base[15] == 3);
        marked += ecn != 3 && out.part[0].base[15] == 3;
        link_release(link);
    }
    assert_int_equal(link_counters(link).marked, said);
    assert_true(ecn == 3 || said == marked);
    link_free(link);
    return marked;
}

/* RFC 3168 section 5: who is not ECN-capable is not marked. */
static void what_is_capable_is_marked(void **state)
{
    (void)state;
    assert_int_equal(count_marks(0), 0);
    assert_in_range(count_marks(1), 130, 270);
    assert_in_range(count_marks(2), 130, 270);
    assert_int_equal(count_marks(3), 0);
}

/* The same frames are lost, by number, whatever else the link does; and 2 % includes 1 %. */
static void paired_runs_lose_the_same_frames(void **state)
{
    (void)state;
    struct link *plain = link_from("loss 1%", 8), *more = link_from("loss 2%", 8);
    struct link *other = link_from("loss 1% delay 20ms jitter 3ms rate 1mbit queue 5 corrupt 3% "
                                   "duplicate 4% reorder 5% 1ms",
                                   8);
    rule(other, "corrupt every data");
    rule(other, "drop 7");
    unsigned lost = 0;
    for (uint32_t i = 0; i < 10000; i++) {
        bool is_lost = put(plain, i, 10, i * 100).fate & LINK_LOST;
        uint32_t fate = put(other, i, 10, i * 100).fate;
        lost += is_lost;
        if (!(fate & (LINK_QUEUE_FULL | LINK_RULED_OUT)))
            assert_int_equal(is_lost, (fate & LINK_LOST) != 0);
        assert_true(!is_lost || (put(more, i, 10, i * 100).fate & LINK_LOST));
        if (!is_lost)
            (void)put(more, i, 10, i * 100);
    }
    assert_in_range(lost, 50, 150);
    link_free(plain);
    link_free(more);
    link_free(other);
}

static void held_frames_are_overtaken(void **state)
{
    (void)state;
    struct link *link = link_from("delay 5ms reorder 100% 10ms", 1);
    struct link_config config = *link_configured(link);
    struct link_passage passage = put(link, 1, 0, 0);
    assert_int_equal(passage.fate, LINK_HELD);
    assert_true(passage.due == 15 * ESTAB_MS);
    config.reorder_ppm = 0;
    link_configure(link, &config);
    (void)put(link, 2, 0, 1);
    (void)put(link, 3, 0, 10 * ESTAB_MS); /* due together with the first, which was put earlier */
    (void)get(link, 2, 5 * ESTAB_MS + 1);
    assert_int_equal(get(link, 1, 15 * ESTAB_MS).fate, LINK_HELD);
    (void)get(link, 3, 15 * ESTAB_MS);
    assert_int_equal(link_counters(link).held, 1);
    assert_int_equal(link_counters(link).overtaken, 1);
    link_free(link);
}

/* 1000 frames a microsecond apart, each held back by up to 1 ms of its own (mean 0.5 ms, standard error
 * 9 us): nearly every one is overtaken, and what reordering alone would do is added. */
static void scattered_frames_overtake_each_other(void **state)
{
    (void)state;
    struct link *link = link_from("delay 5ms scatter 1ms", 2), *both;
    estab_time sum = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        struct link_passage passage = put(link, i, 0, i * ESTAB_US);
        assert_in_range(passage.due - passage.sent, 5 * ESTAB_MS, 6 * ESTAB_MS);
        assert_int_equal(passage.fate, LINK_HELD);
        sum += passage.due - passage.sent - 5 * ESTAB_MS;
    }
    assert_in_range(sum / 1000, 450 * ESTAB_US, 550 * ESTAB_US);
    struct estab_frame frame;
    while (link_get(link, &frame, NULL, ESTAB_SECOND))
        link_release(link);
    assert_in_range(link_counters(link).overtaken, 900, 999);
    assert_conserved(link);
    link_free(link);
    both = link_from("scatter 1ms reorder 100% 10ms", 2);
    assert_in_range(put(both, 1, 0, 0).due, 10 * ESTAB_MS, 11 * ESTAB_MS);
    link_free(both);
}

static void a_duplicate_follows_its_original(void **state)
{
    (void)state;
    struct link *link = link_from("delay 5ms duplicate 100%", 1);
    assert_int_equal(put(link, 1, 0, 0).fate, LINK_DUPLICATED);
    (void)put(link, 2, 0, 0);
    assert_int_equal(get(link, 1, 5 * ESTAB_MS).fate, LINK_DUPLICATED);
    struct link_passage copy = get(link, 1, 5 * ESTAB_MS);
    assert_int_equal(copy.fate, LINK_COPY);
    assert_int_equal(copy.serial, 1);
    (void)get(link, 2, 5 * ESTAB_MS);
    assert_int_equal(get(link, 2, 5 * ESTAB_MS).serial, 2);
    assert_empty(link);
    assert_int_equal(link_counters(link).duplicated, 2);
    assert_int_equal(link_counters(link).delivered, 4);
    assert_conserved(link);
    link_free(link);
}

/* Exactly one bit differs, never in the Ethernet header, and the checksums tell. */
static void corruption_flips_one_bit_that_a_checksum_covers(void **state)
{
    (void)state;
    for (unsigned bare = 0; bare < 2; bare++) {
        struct link *link = link_from("corrupt 100%", 5);
        uint8_t bytes[TCP_FRAME_HEADERS + 10];
        struct tcp_frame_of of = {.text = 10, .bare = bare};
        struct estab_frame frame = tcp_frame(bytes, &of), got;
        unsigned header = bare ? 0 : 14, seen = 0;
        frame.checksum = ESTAB_CHECKSUM_GOOD;
        for (unsigned i = 0; i < 5000; i++) {
            unsigned flipped = 0;
            assert_int_equal(link_put(link, &frame, 0).fate, LINK_CORRUPTED);
            assert_true(link_get(link, &got, NULL, 0));
            for (unsigned k = 0; k < frame.length; k++) {
                unsigned bits = (unsigned)__builtin_popcount(bytes[k] ^ got.part[0].base[k]);
                assert_true(bits == 0 || k >= header);
                flipped += bits;
                seen |= bits && k == header ? 1u : 0;
                seen |= bits && k == frame.length - 1 ? 2u : 0;
            }
            assert_int_equal(flipped, 1);
            assert_int_equal(got.checksum, ESTAB_CHECKSUM_VERIFY);
            assert_false(tcp_frame_intact(got.part[0].base, got.length, bare));
            link_release(link);
        }
        assert_int_equal(seen, 3); /* from the first byte to the last */
        link_free(link);
    }
}

static void corrupted_arp_is_lost(void **state)
{
    (void)state;
    struct link *link = link_from("corrupt 100%", 5);
    uint8_t arp[42] = {[12] = 0x08, [13] = 0x06};
    struct estab_frame frame = {.length = sizeof arp, .parts = 1};
    frame.part[0] = (struct estab_part){.base = arp, .length = sizeof arp};
    assert_int_equal(link_put(link, &frame, 0).fate, LINK_CORRUPTED | LINK_LOST);
    assert_empty(link);
    assert_int_equal(link_counters(link).corrupted, 1);
    assert_conserved(link);
    link_free(link);
}

/* ---- rules ------------------------------------------------------------------------------------ */

static void the_nth_match_is_dropped(void **state)
{
    (void)state;
    struct link *link = link_from("none", 1);
    rule(link, "drop 2 data");
    rule(link, "drop 3 data"); /* counts on its own: not the third of what is left */
    rule(link, "drop every fin");
    assert_int_equal(put(link, 1, 0, 0).fate, 0); /* no text: does not count */
    assert_int_equal(put(link, 2, 5, 0).fate, 0);
    assert_int_equal(put(link, 3, 0, 0).fate, 0);
    struct link_passage passage = put(link, 4, 5, 0);
    assert_int_equal(passage.fate, LINK_RULED_OUT);
    assert_int_equal(passage.rules, 1);
    assert_int_equal(put(link, 5, 5, 0).fate, LINK_RULED_OUT);
    assert_int_equal(put(link, 6, 5, 0).fate, 0);
    assert_int_equal(link_rule_seen(link, 0), 4);
    assert_int_equal(link_rule_hits(link, 0), 1);
    assert_int_equal(link_rule_hits(link, 1), 1);
    assert_int_equal(link_rule_seen(link, 2), 0);
    assert_int_equal(link_counters(link).ruled_out, 2);
    assert_conserved(link);
    link_free(link);
}

static void rules_delay_duplicate_and_corrupt(void **state)
{
    (void)state;
    struct link *link = link_from("delay 1ms", 1);
    rule(link, "delay 1 data 10ms");
    rule(link, "duplicate 2 data 3ms");
    rule(link, "duplicate 3 data");
    rule(link, "corrupt 4 data");
    rule(link, "delay 4 data 2ms");
    assert_int_equal(put(link, 1, 5, 0).fate, LINK_HELD);
    assert_int_equal(put(link, 2, 5, 0).fate, LINK_DUPLICATED);
    assert_int_equal(put(link, 3, 5, 0).fate, LINK_DUPLICATED);
    struct link_passage passage = put(link, 4, 5, 0);
    assert_int_equal(passage.fate, LINK_HELD | LINK_CORRUPTED);
    assert_int_equal(passage.rules, 2);
    (void)get(link, 2, ESTAB_MS);
    (void)get(link, 3, ESTAB_MS);
    assert_int_equal(get(link, 3, ESTAB_MS).fate, LINK_COPY);
    struct estab_frame frame;
    assert_true(link_get(link, &frame, &passage, 3 * ESTAB_MS));
    assert_int_equal(passage.serial, 4);
    assert_false(tcp_frame_intact(frame.part[0].base, frame.length, false));
    assert_int_equal(get(link, 2, 4 * ESTAB_MS).fate, LINK_COPY);
    (void)get(link, 1, 11 * ESTAB_MS);
    assert_empty(link);
    link_free(link);
}

static void rules_can_be_listed_and_cleared(void **state)
{
    (void)state;
    struct link *link = link_from("none", 1);
    struct link_rule all = {.action = LINK_DROP};
    for (int i = 0; i < LINK_RULES_MAX; i++)
        assert_int_equal(link_rule_add(link, &all), i);
    assert_int_equal(link_rule_add(link, &all), -1);
    assert_int_equal(link_rules(link), LINK_RULES_MAX);
    assert_int_equal(link_rule_at(link, 3)->action, LINK_DROP);
    assert_null(link_rule_at(link, LINK_RULES_MAX));
    assert_int_equal(put(link, 1, 0, 0).rules, LINK_RULES_MAX);
    link_rules_clear(link);
    assert_int_equal(put(link, 2, 0, 0).fate, 0);
    link_free(link);
}

/* ---- the same again --------------------------------------------------------------------------- */

#define EVERYTHING                                                                                 \
    "delay 5ms jitter 2ms rate 10mbit queue 20 loss 2% duplicate 2% reorder 3% 4ms corrupt 2%"

/* Puts 3000 frames of mixed lengths and hashes all that comes out, bytes and times. */
static uint64_t run(struct link *link, uint64_t seed)
{
    struct random r = random_of(seed);
    uint8_t key[SIPHASH_KEY_BYTES] = {0};
    uint64_t hash = 0;
    estab_time now = 100 * ESTAB_SECOND;
    for (uint32_t i = 0; i < 3000; i++) {
        now += random_below(&r, 1200) * ESTAB_US;
        (void)put(link, i, (uint16_t)random_below(&r, 1461), now);
        struct estab_frame frame;
        struct link_passage passage;
        while (link_get(link, &frame, &passage, now)) {
            for (unsigned k = 0; k < 8; k++) {
                key[k] = (uint8_t)(hash >> 8 * k);
                key[8 + k] = (uint8_t)((passage.due ^ passage.fate) >> 8 * k);
            }
            hash = siphash13(key, frame.part[0].base, frame.length);
        }
        link_release(link);
    }
    assert_conserved(link);
    return hash;
}

static void a_run_is_a_literal(void **state)
{
    (void)state;
    struct link *link = link_from(EVERYTHING, 42);
    rule(link, "drop 100 data");
    uint64_t hash = run(link, 43);
    struct link_counters c = link_counters(link);
    assert_true(hash == UINT64_C(0x45a59f883e6bd399));
    assert_true(c.lost > 0 && c.queue_full > 0 && c.overtaken > 0 && c.corrupted > 0);
    link_free(link);
}

static void a_copy_goes_on_like_its_original(void **state)
{
    (void)state;
    struct link *link = link_from(EVERYTHING, 44);
    rule(link, "drop 2000 data");
    (void)run(link, 45);
    (void)put(link, 1, 10, 0);
    assert_true(link_under_way(link) > 0);
    struct estab_frame given;
    assert_true(link_get(link, &given, NULL, ESTAB_NEVER)); /* stays with the first */
    struct link *copy = link_copy(link);
    assert_non_null(copy);
    uint64_t first = run(link, 46);
    assert_true(first == run(copy, 46));
    assert_true(link_rule_hits(copy, 0) == link_rule_hits(link, 0));
    (void)run(link, 47); /* a future of its own */
    assert_true(link_counters(link).put == link_counters(copy).put + 3000);
    link_free(link);
    link_free(copy);
    link_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_perfect_link_delivers_at_once_in_order),
        cmocka_unit_test(a_frame_is_copied_with_what_belongs_to_it),
        cmocka_unit_test(checksums_are_finished),
        cmocka_unit_test(what_is_no_frame_is_refused),
        cmocka_unit_test(delay_is_exact),
        cmocka_unit_test(time_does_not_step_back),
        cmocka_unit_test(jitter_stays_in_its_range_and_keeps_order),
        cmocka_unit_test(the_rate_is_exact),
        cmocka_unit_test(fractions_of_the_rate_add_up),
        cmocka_unit_test(the_queue_holds_frames),
        cmocka_unit_test(the_queue_holds_bytes),
        cmocka_unit_test(a_long_queue_grows),
        cmocka_unit_test(what_is_under_way_has_a_bound),
        cmocka_unit_test(shares_are_kept),
        cmocka_unit_test(what_is_capable_is_marked),
        cmocka_unit_test(paired_runs_lose_the_same_frames),
        cmocka_unit_test(held_frames_are_overtaken),
        cmocka_unit_test(scattered_frames_overtake_each_other),
        cmocka_unit_test(a_duplicate_follows_its_original),
        cmocka_unit_test(corruption_flips_one_bit_that_a_checksum_covers),
        cmocka_unit_test(corrupted_arp_is_lost),
        cmocka_unit_test(the_nth_match_is_dropped),
        cmocka_unit_test(rules_delay_duplicate_and_corrupt),
        cmocka_unit_test(rules_can_be_listed_and_cleared),
        cmocka_unit_test(a_run_is_a_literal),
        cmocka_unit_test(a_copy_goes_on_like_its_original),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
