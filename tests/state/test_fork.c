/* SPDX-License-Identifier: MIT */
/*
 * A memcpy of the room is a fork.  In every state, with text in every place where text can be, the
 * room is copied to another address and the original is destroyed; the copy then lives on as the
 * original did: the same segments at the same times, the same events, and in the end the same bytes
 * in memory.  A second copy that hears something else goes a way of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/rig.h"

/* ---- where text can be -------------------------------------------------------------------------------- */

/* The peer's window is closed: what is sent stays queued. */
static void text_queued(struct rig *r)
{
    uint32_t seq = rig_status(r).rcv_nxt - r->irs, ack = rig_status(r).snd_nxt - r->iss;

    IN(r, ACK, seq, ack, .wnd = NO_WINDOW);
    (void)rig_send(r, 1500, 0);
}

/* Sent, not acknowledged; frames not done yet hold their text. */
static void text_in_flight(struct rig *r)
{
    r->hold = true;
    (void)rig_send(r, 1500, 0);
    r->hold = false;
    if (r->held_count == 0)
        rig_fail(r, "no frame is held");
}

static void text_unread(struct rig *r)
{
    IN(r, PSH | ACK, 1, 1, .len = 700);
}

static void text_beyond_gaps(struct rig *r)
{
    IN(r, PSH | ACK, 1001, 1, .len = 700);
    IN(r, PSH | ACK, 2001, 1, .len = 100);
    IN(r, FIN | PSH | ACK, 2101, 1, .len = 100);
}

static void everything(struct rig *r)
{
    text_in_flight(r);
    text_unread(r);
    text_beyond_gaps(r);
    (void)rig_send(r, 3000, 0);
    IN(r, URG | ACK, 701, 1, .up = 50);
}

static void nothing(struct rig *r)
{
    (void)r;
}

struct scene {
    const char *name;
    enum rig_state state;
    void (*before)(struct rig *);
    bool keep_unread;
    bool ethernet;
};

static const struct scene scenes[] = {
    {"CLOSED", CLOSED, nothing, false, false},
    {"LISTEN", LISTEN, nothing, false, false},
    {"SYN-SENT", SYN_SENT, nothing, false, false},
    {"SYN-RECEIVED", SYN_RECEIVED, nothing, false, false},
    {"ESTABLISHED", ESTABLISHED, nothing, false, false},
    {"ESTABLISHED, on Ethernet", ESTABLISHED, everything, false, true},
    {"ESTABLISHED, text queued", ESTABLISHED, text_queued, false, false},
    {"ESTABLISHED, text in flight", ESTABLISHED, text_in_flight, false, false},
    {"ESTABLISHED, text unread", ESTABLISHED, text_unread, false, false},
    {"ESTABLISHED, text beyond gaps", ESTABLISHED, text_beyond_gaps, false, false},
    {"ESTABLISHED, text everywhere", ESTABLISHED, everything, false, false},
    {"FIN-WAIT-1", FIN_WAIT_1, nothing, false, false},
    {"FIN-WAIT-1, text beyond gaps", FIN_WAIT_1, text_beyond_gaps, false, false},
    {"FIN-WAIT-2", FIN_WAIT_2, nothing, false, false},
    {"FIN-WAIT-2, text unread", FIN_WAIT_2, text_unread, false, false},
    {"CLOSE-WAIT", CLOSE_WAIT, nothing, false, false},
    {"CLOSE-WAIT, text queued", CLOSE_WAIT, text_queued, false, false},
    {"CLOSE-WAIT, text in flight", CLOSE_WAIT, text_in_flight, false, false},
    {"CLOSING", CLOSING, nothing, false, false},
    {"LAST-ACK", LAST_ACK, nothing, false, false},
    {"TIME-WAIT, a record", TIME_WAIT, nothing, false, false},
    {"TIME-WAIT, a TCB", TIME_WAIT, nothing, true, false},
};

/* ---- futures ---------------------------------------------------------------------------------------------- */

/* The peer acknowledges what there is, and sends `length` bytes at `seq`. */
static void peer_sends(struct rig *r, uint32_t seq, uint32_t length)
{
    struct rig_seg s = {.flags = ACK, .seq = seq, .len = length};

    s.ack = rig_status(r).snd_nxt - r->iss;
    rig_in(r, &s);
}

/* Everybody does something, whatever the state; then time passes until nothing is left. */
static void future(struct rig *r, uint32_t length)
{
    rig_done(r);
    if (rig_state(r) == CLOSED)
        (void)rig_open_active(r);
    rig_at(r, 10);
    IN(r, SYN, 0, 0);
    IN(r, SYN | ACK, 0, 1);
    IN(r, ACK, 1, 1);
    if (r->conn.generation == 0)
        (void)rig_accept(r);
    (void)rig_send(r, length, ESTAB_PUSH);
    peer_sends(r, 1, length);
    rig_at(r, 700);
    peer_sends(r, 1, 1000);
    peer_sends(r, 1701, 300);
    (void)rig_receive(r, 100);
    (void)rig_receive(r, 5000);
    (void)rig_close(r);
    rig_at(r, 3000);
    peer_sends(r, 2200, 1);
    rig_in(r, &(struct rig_seg){.flags = FIN | ACK,
                                .seq = rig_status(r).rcv_nxt - r->irs,
                                .ack = rig_status(r).snd_nxt - r->iss});
    rig_at(r, 10000);
    (void)rig_receive(r, 5000);
    rig_at(r, 2000000);
    (void)rig_abort(r);
    rig_pull(r);
}

/* ---- the comparison ---------------------------------------------------------------------------------------- */

static void assert_same_output(const struct rig *r, const struct rig *copy)
{
    if (r->out_count != copy->out_count)
        rig_fail(r, "the copy sent %u segments, not %u", copy->out_count, r->out_count);
    for (unsigned i = 0; i < r->out_count; i++) {
        const struct rig_sent *a = &r->out[i], *b = &copy->out[i];

        if (a->at != b->at || a->seq != b->seq || a->ack != b->ack ||
            a->seg.flags != b->seg.flags || a->seg.len != b->seg.len || a->seg.wnd != b->seg.wnd ||
            a->seg.up != b->seg.up || a->protocol != b->protocol || !b->text_good)
            rig_fail(r, "segment %u of the copy differs", i);
    }
    if (r->events != copy->events || r->error != copy->error || r->received != copy->received)
        rig_fail(r, "the copy's user heard something else");
}

static bool same_output(const struct rig *r, const struct rig *copy)
{
    return r->out_count == copy->out_count && r->received == copy->received &&
           r->sent == copy->sent;
}

static void destroy(struct rig *r)
{
    memset((void *)r->stack, 0xee, r->room_size);
    rig_end(r);
}

static struct rig original, copy, other;

static void forked(const struct scene *scene, enum rig_way way, const uint32_t isns[2])
{
    struct rig *r = &original;
    void *memory;

    if (scene->ethernet)
        rig_start_on_ethernet(r, NULL, isns[0], isns[1]);
    else
        rig_start(r, NULL, isns[0], isns[1]);
    r->where = scene->name;
    r->keep_unread = scene->keep_unread;
    rig_become(r, way, scene->state);
    scene->before(r);
    rig_forget(r);
    rig_fork(&copy, r);
    rig_fork(&other, r);
    assert_ptr_equal(estab_stack_adopt((struct estab_room){copy.stack, copy.room_size}), copy.stack);

    future(r, 900);
    memory = malloc(r->room_size);
    assert_non_null(memory);
    memcpy(memory, r->stack, r->room_size);
    destroy(r);

    future(&copy, 900);
    assert_same_output(r, &copy);
    if (memcmp(memory, copy.stack, r->room_size) != 0)
        rig_fail(r, "the copy's memory differs");
    free(memory);
    future(&other, 901);
    if (scene->state == ESTABLISHED && same_output(r, &other))
        rig_fail(r, "another future was the same");
    destroy(&copy);
    rig_end(&other);
}

static void a_copy_lives_on_in_every_state(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++)
        for (unsigned way = 0; way < RIG_WAYS; way++)
            for (unsigned n = 0; n < RIG_ISNS; n += 2)
                if (rig_can_become((enum rig_way)way, scenes[i].state))
                    forked(&scenes[i], (enum rig_way)way, rig_isns[n]);
}

/* Events that nobody has taken, and the trace, are part of the room. */
static void what_was_not_taken_is_copied(void **state)
{
    struct rig *r = &original;
    struct estab_trace a, b;
    (void)state;
    rig_start(r, NULL, 1, 2);
    r->keep_events = true;
    rig_become(r, ACTIVE, CLOSE_WAIT);
    rig_fork(&copy, r);
    for (unsigned i = 0; estab_trace_next(r->stack, &a); i++) {
        assert_true(estab_trace_next(copy.stack, &b));
        assert_memory_equal(&a, &b, sizeof a);
        assert_int_equal(a.serial, i + 1);
    }
    assert_false(estab_trace_next(copy.stack, &b));
    destroy(r);
    copy.keep_events = false;
    rig_pull(&copy);
    rig_happened(&copy, ESTAB_EVENT_OPENED | ESTAB_EVENT_PEER_CLOSED, ESTAB_OK);
    rig_end(&copy);
}

/* A stack that has taken a way of its own does not hear of the other. */
static void futures_do_not_touch(void **state)
{
    struct rig *r = &original;
    (void)state;
    rig_start(r, NULL, UINT32_MAX, 7);
    rig_become(r, ACTIVE, ESTABLISHED);
    rig_fork(&copy, r);
    IN(r, RST, 1, 0);
    IS(r, CLOSED);
    IS(&copy, ESTABLISHED);
    IN(&copy, PSH | ACK, 1, 1, .len = 10);
    assert_int_equal(rig_receive(&copy, 10), 10);
    rig_end(r);
    rig_end(&copy);
}

static bool adopted(const struct rig *r, size_t size)
{
    return estab_stack_adopt((struct estab_room){r->stack, size}) != NULL;
}

/* Each bit of the header the other way round: whether it matters or not, it is read within bounds; and a
 * room that is cut short is none. */
static void a_damaged_header_is_refused(void **state)
{
    enum { HEADER = 16384 };
    struct rig *r = &original;
    unsigned refused = 0;
    (void)state;
    rig_start(r, NULL, 1, 2);
    rig_become(r, ACTIVE, FIN_WAIT_2);
    uint8_t *bytes = (uint8_t *)r->stack;
    for (size_t bit = 0; bit < 8 * (size_t)HEADER && bit / 8 < r->room_size; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        refused += !adopted(r, r->room_size);
        if (bit < 64)
            assert_int_equal(refused, bit + 1); /* not even initialised */
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_true(refused > 1000);
    assert_false(adopted(r, r->room_size - 1));
    assert_false(adopted(r, 0));
    assert_true(adopted(r, r->room_size));
    rig_end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_lives_on_in_every_state),
        cmocka_unit_test(what_was_not_taken_is_copied),
        cmocka_unit_test(futures_do_not_touch),
        cmocka_unit_test(a_damaged_header_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
