/* SPDX-License-Identifier: MIT */
/*
 * Every combination of SYN, FIN, RST and ACK, at every interesting sequence and acknowledgment
 * number, with and without text, in every state: the stack against a model that spells section
 * 3.10.7 of RFC 9293 (with RFC 5961) as the RFC does, step by step, and knows nothing else.
 *
 * The other four flags change nothing here but for ECE and CWR of a SYN to a listener, which grants
 * ECN, and vary along.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/rig.h"

/* ---- the model --------------------------------------------------------------------------------------- */

/* Relative numbers, as in the rig. */
struct model {
    enum rig_state state;
    bool passive;
    uint32_t snd_una, snd_nxt, rcv_nxt, rcv_edge;
    struct rig_seg now, later; /* what is sent at once, and by the delayed-ACK timer */
};

static bool before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static uint32_t length_of(const struct rig_seg *s)
{
    return s->len + !!(s->flags & SYN) + !!(s->flags & FIN);
}

static void answer(struct model *m, unsigned flags, uint32_t seq, uint32_t ack)
{
    m->now = (struct rig_seg){.flags = flags, .seq = seq, .ack = ack};
}

static void answer_ack(struct model *m)
{
    answer(m, ACK, m->snd_nxt, m->rcv_nxt);
}

/* <SEQ=SEG.ACK><CTL=RST>, or <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>. */
static void answer_reset(struct model *m, const struct rig_seg *s)
{
    if (s->flags & ACK)
        answer(m, RST, s->ack, 0);
    else
        answer(m, RST | ACK | ZERO_SEQ, 0, s->seq + length_of(s));
}

/* Table 6; with a window of zero what begins at RCV.NXT is let through, for its ACK or RST. */
static bool acceptable(const struct model *m, const struct rig_seg *s)
{
    uint32_t length = length_of(s), window = m->rcv_edge - m->rcv_nxt;

    if (window == 0)
        return s->seq == m->rcv_nxt;
    return s->seq - m->rcv_nxt < window ||
           (length > 0 && s->seq + length - 1 - m->rcv_nxt < window);
}

static void step_1_refuses(struct model *m, const struct rig_seg *s)
{
    if (!(s->flags & RST))
        answer_ack(m);
}

static void step_2_rst(struct model *m, const struct rig_seg *s)
{
    if (s->seq != m->rcv_nxt)
        answer_ack(m);
    else
        m->state = m->state == SYN_RECEIVED && m->passive ? LISTEN : CLOSED;
}

static void step_4_syn(struct model *m)
{
    if (m->state == SYN_RECEIVED && m->passive)
        m->state = LISTEN;
    else
        answer_ack(m);
}

/* False: the segment is dropped. */
static bool step_5_ack(struct model *m, const struct rig_seg *s, bool fin_sent)
{
    bool fin_acked;

    if (!(s->flags & ACK))
        return false;
    if (m->state == SYN_RECEIVED) {
        if (!before(m->snd_una, s->ack) || before(m->snd_nxt, s->ack)) {
            answer_reset(m, s);
            return false;
        }
        m->state = ESTABLISHED;
    }
    if (before(m->snd_nxt, s->ack) || before(s->ack, m->snd_una - RIG_PEER_WINDOW)) {
        answer_ack(m);
        return false;
    }
    if (before(m->snd_una, s->ack))
        m->snd_una = s->ack;
    fin_acked = fin_sent && m->snd_una == m->snd_nxt;
    if (m->state == FIN_WAIT_1 && fin_acked)
        m->state = FIN_WAIT_2;
    else if (m->state == CLOSING && fin_acked)
        m->state = TIME_WAIT;
    else if (m->state == LAST_ACK && fin_acked)
        m->state = CLOSED;
    return m->state != CLOSED;
}

/* Steps 7 and 8, the segment trimmed to the window. */
static void steps_7_and_8(struct model *m, const struct rig_seg *s)
{
    uint32_t seq = s->seq, end = s->seq + s->len;
    bool fin = s->flags & FIN;

    if (m->rcv_nxt == m->rcv_edge && length_of(s) > 0) { /* only its ACK was wanted */
        answer_ack(m);
        return;
    }
    if (m->state != ESTABLISHED && m->state != FIN_WAIT_1 && m->state != FIN_WAIT_2)
        return;
    if (before(seq, m->rcv_nxt))
        seq = m->rcv_nxt;
    if (fin && !before(end, m->rcv_edge))
        fin = false;
    if (before(m->rcv_edge, end))
        end = m->rcv_edge;
    if (s->len == 0 && !fin)
        return;
    if (seq != m->rcv_nxt) { /* beyond a gap: held, and told so */
        answer_ack(m);
        return;
    }
    m->rcv_nxt = end + fin;
    if (fin)
        m->state = m->state == ESTABLISHED  ? CLOSE_WAIT
                   : m->state == FIN_WAIT_1 ? CLOSING
                                            : TIME_WAIT;
    if (fin)
        answer_ack(m);
    else
        m->later = (struct rig_seg){.flags = ACK, .seq = m->snd_nxt, .ack = m->rcv_nxt};
}

static void arrives_otherwise(struct model *m, const struct rig_seg *segment)
{
    struct rig_seg s = *segment;
    bool fin_sent = m->state != SYN_RECEIVED && m->state != ESTABLISHED && m->state != CLOSE_WAIT;

    if (m->state == SYN_RECEIVED && (s.flags & SYN) && !(s.flags & RST) && s.seq == 0) {
        if (!(s.flags & ACK)) { /* our answer was lost */
            answer(m, SYN | ACK, 0, m->rcv_nxt);
            return;
        }
        s.flags &= ~(unsigned)SYN; /* figure 7, line 6 */
        s.seq++;
    } else if (!acceptable(m, &s)) {
        step_1_refuses(m, &s);
        return;
    }
    if (s.flags & RST) {
        step_2_rst(m, &s);
        return;
    }
    if (s.flags & SYN) {
        step_4_syn(m);
        return;
    }
    if (step_5_ack(m, &s, fin_sent))
        steps_7_and_8(m, &s);
}

static void arrives_syn_sent(struct model *m, const struct rig_seg *segment)
{
    struct rig_seg s = *segment;

    if ((s.flags & ACK) && s.ack != 1) {
        if (!(s.flags & RST))
            answer_reset(m, &s);
        return;
    }
    if (s.flags & RST) {
        m->state = s.flags & ACK ? CLOSED : m->state;
        return;
    }
    if (!(s.flags & SYN))
        return;
    m->rcv_nxt = s.seq + 1;
    m->rcv_edge = m->rcv_nxt + RIG_WINDOW;
    if (!(s.flags & ACK)) {
        m->state = SYN_RECEIVED;
        answer(m, SYN | ACK, 0, m->rcv_nxt);
        return;
    }
    m->state = ESTABLISHED;
    m->snd_una = 1;
    s.seq++;
    steps_7_and_8(m, &s);
    m->later.flags = 0;
    answer_ack(m); /* of the SYN, or of what came with it */
}

static void arrives_listen(struct model *m, const struct rig_seg *s)
{
    if (s->flags & RST)
        return;
    if (s->flags & ACK) {
        answer_reset(m, s);
    } else if (s->flags & SYN) {
        m->state = SYN_RECEIVED;
        m->snd_nxt = 1;
        m->rcv_nxt = s->seq + 1;
        answer(m, SYN | ACK | ((s->flags & (ECE | CWR)) == (ECE | CWR) ? ECE : 0), 0, m->rcv_nxt);
    }
}

static void arrives(struct model *m, const struct rig_seg *s)
{
    switch (m->state) {
    case CLOSED:
        if (!(s->flags & RST))
            answer_reset(m, s);
        return;
    case LISTEN:
        arrives_listen(m, s);
        return;
    case SYN_SENT:
        arrives_syn_sent(m, s);
        return;
    default:
        arrives_otherwise(m, s);
    }
}

/* ---- the comparison ------------------------------------------------------------------------------------- */

static struct rig rig;
static void *saved; /* the room, before a segment arrives */

static const uint32_t seqs[] = {0x80000000, 0u - 20, 0u - 10, 0u - 3, 0u - 2, 0u - 1, 0,     1,
                                2,          10,      1000,    3980,   4000,   4001,   100000};
static const uint32_t acks[] = {0u - 100000, 0u - 8193, 0u - 8192, 0u - 1,    0,
                                1,           2,         1000,      0x7ffffff0};
static const uint32_t lengths[] = {0, 1, 20};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void differs(const struct rig_seg *in, const char *what)
{
    char text[160];

    rig_fail(&rig, "%s arrives: %s", rig_seg_text(in, text, sizeof text), what);
}

static void check_sent(const struct model *m, const struct rig_seg *in)
{
    const struct rig_sent *sent = rig_out_any(&rig);

    if (m->now.flags) {
        if (!sent || !rig_seg_is(&rig, sent, &m->now, rig.base))
            differs(in, "another answer");
        sent = rig_out_any(&rig);
    }
    if (m->later.flags) {
        if (!sent || !rig_seg_is(&rig, sent, &m->later, rig.base + 40 * ESTAB_MS))
            differs(in, "another acknowledgment, later");
        sent = rig_out_any(&rig);
    }
    if (sent)
        differs(in, "one answer too many");
}

static void check_one(const struct model *was, const struct rig_seg *in)
{
    struct model m = *was;
    struct estab_status st;
    enum rig_state state;

    memcpy((void *)rig.stack, saved, rig.room_size);
    rig.now = rig.base;
    rig_forget(&rig);
    rig_in(&rig, in);
    rig_at(&rig, 100);
    arrives(&m, in);
    st = rig_status(&rig);
    state = (enum rig_state)(st.state + 1);
    if (state == LISTEN && rig.way == LISTENER && m.state == CLOSED)
        state = CLOSED;
    if (state != m.state)
        differs(in, rig_state_name(state));
    check_sent(&m, in);
    if (state <= SYN_RECEIVED)
        return;
    if (st.snd_una - rig.iss != m.snd_una)
        differs(in, "SND.UNA");
    if (st.rcv_nxt - rig.irs != m.rcv_nxt)
        differs(in, "RCV.NXT");
}

static void check_all(const struct model *m)
{
    uint32_t step = 0;

    for (size_t i = 0; i < COUNT(seqs); i++)
        for (size_t k = 0; k < COUNT(acks); k++)
            for (size_t n = 0; n < COUNT(lengths); n++)
                for (unsigned f = 0; f < 16; f++) {
                    struct rig_seg s = {.seq = m->rcv_nxt + seqs[i],
                                        .ack = m->snd_una + acks[k],
                                        .len = lengths[n]};
                    unsigned others = step++ * 2654435761u >> 28;

                    s.flags = (f & 1 ? FIN : 0) | (f & 2 ? SYN : 0) | (f & 4 ? RST : 0) |
                              (f & 8 ? ACK : 0) | (others & 1 ? PSH : 0) | (others & 2 ? ECE : 0) |
                              (others & 4 ? CWR : 0);
                    if ((f & 8) || k == 0)
                        check_one(m, &s);
                }
}

/* The peer fills the window, and nobody takes the text. */
static void fill_window(struct rig *r)
{
    rig_in(r, &(struct rig_seg){.flags = PSH | ACK,
                                .seq = 1,
                                .ack = rig_status(r).snd_una - r->iss,
                                .len = RIG_WINDOW});
    if (rig_status(r).rcv_wnd != 0)
        rig_fail(r, "the window is not full");
    rig_forget(r);
}

static void check_state(enum rig_way way, enum rig_state state, bool full, const uint32_t isns[2])
{
    struct estab_config config = rig_config();
    struct estab_status st;
    struct model m = {.state = state, .passive = way == LISTENER || way == SINGLE};

    config.chunks = 128;
    config.trace_records = 0;
    rig_start(&rig, &config, isns[0], isns[1]);
    rig.where = rig_state_name(state);
    rig.keep_unread = true; /* a record's window is only roughly known */
    rig_become(&rig, way, state);
    if (state == TIME_WAIT)
        rig_nobody_listens(&rig); /* whom RFC 6191 would let take the pair: test_time_wait.c */
    if (full)
        fill_window(&rig);
    rig.base = rig.now;
    st = rig_status(&rig);
    m.rcv_edge = 1 + RIG_WINDOW;
    if (state >= SYN_SENT) {
        m.snd_una = st.snd_una - rig.iss;
        m.snd_nxt = st.snd_nxt - rig.iss;
    }
    if (state >= SYN_RECEIVED)
        m.rcv_nxt = st.rcv_nxt - rig.irs;
    saved = realloc(saved, rig.room_size);
    assert_non_null(saved);
    memcpy(saved, rig.stack, rig.room_size);
    check_all(&m);
    rig_end(&rig);
}

/* BAD-13. */
static void the_stack_does_what_the_rfc_says(void **state)
{
    (void)state;
    for (unsigned s = CLOSED; s < RIG_STATES; s++)
        for (unsigned way = 0; way < RIG_WAYS; way++)
            if (rig_can_become((enum rig_way)way, (enum rig_state)s))
                check_state((enum rig_way)way, (enum rig_state)s, false, rig_isns[way + 1]);
    free(saved);
    saved = NULL;
}

/* ... where the receive window is zero, too. BAD-13. */
static void the_same_with_a_window_of_zero(void **state)
{
    static const enum rig_state states[] = {ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2};
    (void)state;
    for (size_t i = 0; i < COUNT(states); i++)
        for (unsigned way = 0; way < RIG_WAYS; way++)
            check_state((enum rig_way)way, states[i], true, rig_isns[way + 1]);
    free(saved);
    saved = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_stack_does_what_the_rfc_says),
        cmocka_unit_test(the_same_with_a_window_of_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
