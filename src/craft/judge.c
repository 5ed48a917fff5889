/* SPDX-License-Identifier: MIT */
/*
 * judge.c - sections 3.10.7.1 to 3.10.7.4, as functions of what is known.
 *
 * An end that the packets show behind what it has received (rule 2 of infer.h: it moves when it
 * answers) is taken to have moved: judged is what it would do now.
 */
#include "craft/judge.h"

#include "base/checksum.h"
#include "packet/ipv4.h"
#include "packet/ipv6.h"

/* ---- before TCP ------------------------------------------------------------------------------------ */

static enum reason judge_tcp(const uint8_t *p, size_t n, const struct estab_addr *src,
                             const struct estab_addr *dst)
{
    struct tcp_header h;
    enum reason reason = tcp_header_parse(p, n, &h);
    uint64_t sum = ip_pseudo(src, dst, PROTO_TCP, (uint32_t)n);

    if (reason == REASON_TCP_HEADER)
        return reason;
    return checksum_good(checksum_add(sum, p, n)) ? reason : REASON_TCP_CHECKSUM;
}

static bool for_station(const uint8_t dst[6], const uint8_t *mac)
{
    static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

    return !mac || memcmp(dst, mac, 6) == 0 || memcmp(dst, all, 6) == 0;
}

static enum reason judge_ends(const struct estab_addr *src, const struct estab_addr *dst,
                              const struct estab_addr *address)
{
    if (!addr_equal(dst, address))
        return REASON_IP_NOT_OURS;
    return addr_is_unspecified(src) || addr_is_multicast(src) ? REASON_IP_SOURCE : REASON_NONE;
}

static enum reason judge_ipv4(const uint8_t *p, size_t n, const struct estab_addr *address)
{
    struct ipv4_header ip;
    enum reason reason = ipv4_parse(p, n, false, &ip);

    if (reason == REASON_NONE)
        reason = judge_ends(&ip.src, &ip.dst, address);
    if (reason != REASON_NONE)
        return reason;
    if (ip.fragment)
        return REASON_IP_FRAGMENT;
    if (ip.protocol != PROTO_TCP)
        return REASON_IP_PROTOCOL;
    return judge_tcp(p + ip.header_length, (size_t)ip.total_length - ip.header_length, &ip.src, &ip.dst);
}

static enum reason judge_ipv6(const uint8_t *p, size_t n, const struct estab_addr *address)
{
    struct ipv6_chain chain;
    struct ipv6_header ip;
    enum reason reason = ipv6_parse(p, n, &ip);

    if (reason == REASON_NONE)
        reason = judge_ends(&ip.src, &ip.dst, address);
    if (reason == REASON_NONE)
        reason = ipv6_walk(p + IPV6_HEADER, ip.payload_length, ip.next, false, &chain);
    if (reason != REASON_NONE)
        return reason;
    if (chain.fragment)
        return REASON_IP_FRAGMENT;
    if (chain.protocol != PROTO_TCP)
        return REASON_IP_PROTOCOL;
    return judge_tcp(p + IPV6_HEADER + chain.length, ip.payload_length - chain.length, &ip.src, &ip.dst);
}

enum reason judge_packet(const uint8_t *bytes, size_t n, enum estab_link link,
                         const struct estab_addr *address, const uint8_t *mac)
{
    size_t at = link == ESTAB_LINK_ETHERNET ? ETHERNET_HEADER : 0;
    bool six = n > 0 && bytes[0] >> 4 == 6;
    struct ethernet_header ethernet;

    if (n < at)
        return REASON_FRAME_SHORT;
    if (at) {
        (void)ethernet_parse(bytes, n, &ethernet);
        if (!for_station(ethernet.dst, mac))
            return REASON_FRAME_NOT_OURS;
        if (ethernet.type != ETHERTYPE_IPV4 && ethernet.type != ETHERTYPE_IPV6)
            return REASON_FRAME_ETHERTYPE;
        six = ethernet.type == ETHERTYPE_IPV6;
    }
    return six ? judge_ipv6(bytes + at, n - at, address) : judge_ipv4(bytes + at, n - at, address);
}

/* ---- what a judgement is made of --------------------------------------------------------------------- */

struct judging {
    const struct judge_end *end;
    const struct infer *i;
    const struct frame_view *v;
    uint8_t flags;
    uint32_t length; /* SEG.LEN */
    uint32_t window; /* RCV.WND */
    enum tcp_state state;
    bool fin_acked; /* in FIN-WAIT-1, where a FIN may follow in the same segment */
    struct judgement out;
};

static bool move(struct judging *j, enum tcp_event event)
{
    const struct tcp_edge *edge = fsm_next(j->state, event);

    if (!edge)
        return false;
    end_move(&j->out.end, event, (enum tcp_state)edge->to);
    j->state = (enum tcp_state)edge->to;
    return true;
}

static bool is(const struct judging *j, unsigned facts)
{
    return tcp_state_is(j->state, facts);
}

static void answer_ack(struct judging *j)
{
    j->out.flags = CTL_ACK;
    j->out.seq_known = true;
    j->out.seq = j->i->snd_nxt.v;
    j->out.ack = j->i->rcv_nxt.v;
}

/* Section 3.10.7.1: <SEQ=SEG.ACK><CTL=RST>, or <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>. */
static void answer_reset(struct judging *j)
{
    bool has_ack = j->flags & CTL_ACK;

    j->out.flags = has_ack ? CTL_RST : CTL_RST | CTL_ACK;
    j->out.seq_known = true;
    j->out.seq = has_ack ? j->v->tcp.ack : 0;
    j->out.ack = has_ack ? 0 : j->v->tcp.seq + j->length;
}

/* Always false: the segment is not taken. */
static bool drop(struct judging *j, enum reason reason)
{
    j->out.reason = reason;
    return false;
}

static bool drop_ack(struct judging *j, enum reason reason)
{
    answer_ack(j);
    return drop(j, reason);
}

static bool drop_reset(struct judging *j, enum reason reason)
{
    answer_reset(j);
    return drop(j, reason);
}

/* ---- 3.10.7.1 and 3.10.7.2 ------------------------------------------------------------------------------ */

static bool judge_closed(struct judging *j)
{
    if (j->flags & CTL_RST)
        return drop(j, REASON_CLOSED_RST);
    return drop_reset(j, REASON_CLOSED_RESET);
}

static bool judge_listen(struct judging *j)
{
    if (j->flags & CTL_RST)
        return drop(j, REASON_LISTEN_RST);
    if (j->flags & CTL_ACK)
        return drop_reset(j, REASON_LISTEN_ACK);
    if (!(j->flags & CTL_SYN))
        return drop(j, REASON_LISTEN_NEITHER);
    j->out.reason = REASON_LISTEN_SYN;
    j->out.flags = CTL_SYN | CTL_ACK;
    j->out.ack = j->v->tcp.seq + 1;
    return move(j, EV_RCV_SYN);
}

/* ---- 3.10.7.3 SYN-SENT ------------------------------------------------------------------------------------- */

static bool syn_acked(const struct judging *j)
{
    snd_seq ack = snd_of(j->v->tcp.ack);

    return snd_lt(j->i->iss, ack) && snd_leq(ack, j->i->snd_nxt);
}

static bool judge_syn_sent(struct judging *j)
{
    bool has_ack = j->flags & CTL_ACK;

    if (has_ack && !syn_acked(j))
        return j->flags & CTL_RST ? drop(j, REASON_SYN_SENT_ACK_RST)
                                  : drop_reset(j, REASON_SYN_SENT_ACK);
    if (j->flags & CTL_RST) {
        if (has_ack)
            (void)move(j, EV_RCV_RST);
        return drop(j, has_ack ? REASON_SYN_SENT_RST : REASON_SYN_SENT_RST_NO_ACK);
    }
    if (!(j->flags & CTL_SYN))
        return drop(j, REASON_SYN_SENT_NEITHER);
    j->out.flags = has_ack ? CTL_ACK : CTL_SYN | CTL_ACK;
    j->out.seq_known = true;
    j->out.seq = has_ack ? j->i->snd_nxt.v : j->i->iss.v;
    j->out.ack = j->v->tcp.seq + 1;
    (void)move(j, has_ack ? EV_RCV_SYN_ACK : EV_RCV_SYN);
    if (!has_ack)
        return true;
    j->out.ack = j->v->tcp.seq + j->length; /* text and FIN: on at the sixth step */
    if (j->flags & CTL_FIN)
        (void)move(j, EV_RCV_FIN);
    return true;
}

/* ---- 3.10.7.4, steps 1 to 5 ---------------------------------------------------------------------------------- */

static bool acceptable(const struct judging *j)
{
    uint32_t first = rcv_span(j->i->rcv_nxt, rcv_of(j->v->tcp.seq));

    if (j->window == 0)
        return j->length == 0 && first == 0;
    return first < j->window || (j->length > 0 && first + j->length - 1 < j->window);
}

static bool old_timestamp(const struct judging *j)
{
    return j->end->timestamps && j->v->tcp.has_timestamps && !(j->flags & CTL_RST) &&
           (int32_t)(j->v->tcp.tsval - j->end->ts_recent) < 0;
}

static bool step_1_seq(struct judging *j)
{
    rcv_seq seq = rcv_of(j->v->tcp.seq);

    if (j->state == TCP_SYN_RECEIVED && (j->flags & CTL_SYN) && rcv_eq(seq, j->i->irs) &&
        !(j->flags & CTL_RST)) {
        if (j->flags & CTL_ACK)
            return true;
        j->out.flags = CTL_SYN | CTL_ACK;
        j->out.seq_known = true;
        j->out.seq = j->i->iss.v;
        j->out.ack = j->i->rcv_nxt.v;
        return drop(j, REASON_SYN_AGAIN);
    }
    if (old_timestamp(j))
        return drop_ack(j, REASON_PAWS);
    if (!acceptable(j) && (j->window > 0 || !rcv_eq(seq, j->i->rcv_nxt))) {
        if (j->flags & CTL_RST)
            return drop(j, REASON_SEQ_UNACCEPTABLE_RST);
        return drop_ack(j, j->state == TCP_TIME_WAIT && (j->flags & CTL_FIN) &&
                                   rcv_eq(rcv_add(seq, j->length), j->i->rcv_nxt)
                               ? REASON_TIME_WAIT_FIN
                               : REASON_SEQ_UNACCEPTABLE);
    }
    if (j->end->timestamps && !j->v->tcp.has_timestamps && !(j->flags & (CTL_RST | CTL_SYN)))
        return drop(j, REASON_TIMESTAMP_MISSING);
    return true;
}

static bool step_2_rst(struct judging *j)
{
    if (!(j->flags & CTL_RST))
        return true;
    if (!rcv_eq(rcv_of(j->v->tcp.seq), j->i->rcv_nxt))
        return drop_ack(j, REASON_RST_CHALLENGE);
    if (j->state == TCP_SYN_RECEIVED && j->i->passive) {
        (void)move(j, EV_RCV_RST_PASSIVE);
        return drop(j, REASON_RST_TO_LISTEN);
    }
    (void)move(j, EV_RCV_RST);
    return drop(j, REASON_RST_EXACT);
}

static bool step_4_syn(struct judging *j)
{
    if (!(j->flags & CTL_SYN))
        return true;
    if (j->state == TCP_SYN_RECEIVED) {
        if (rcv_eq(rcv_of(j->v->tcp.seq), j->i->irs))
            return true;
        if (j->i->passive) {
            (void)move(j, EV_RCV_SYN);
            return drop(j, REASON_SYN_TO_LISTEN);
        }
    }
    return drop_ack(j, REASON_SYN_CHALLENGE);
}

/* Text of both may be on its way: an ACK may be as old as the greatest window, 65535 unscaled. */
static bool step_5_ack(struct judging *j)
{
    snd_seq ack = snd_of(j->v->tcp.ack), una = j->i->snd_una, nxt = j->i->snd_nxt;

    if (!(j->flags & CTL_ACK))
        return drop(j, REASON_ACK_MISSING);
    if (j->state == TCP_SYN_RECEIVED)
        return (snd_lt(j->i->iss, ack) && snd_leq(ack, nxt)) ||
               drop_reset(j, REASON_ACK_SYN_RECEIVED);
    if (!snd_leq(ack, nxt))
        return drop_ack(j, REASON_ACK_UNSENT);
    if (snd_lt(ack, snd_sub(una, j->end->offered ? 65535 : 0)))
        return drop_ack(j, REASON_ACK_ANCIENT);
    return true;
}

/* False: the connection has ended. */
static bool take_ack(struct judging *j)
{
    bool fin_acked = j->i->fin_sent && snd_eq(snd_of(j->v->tcp.ack), snd_add(j->i->fin_seq, 1));

    if (j->state == TCP_SYN_RECEIVED)
        (void)move(j, EV_RCV_ACK_OF_SYN);
    if (!fin_acked)
        return true;
    j->fin_acked = j->state == TCP_FIN_WAIT_1;
    if (!j->fin_acked)
        (void)move(j, EV_RCV_ACK_OF_FIN);
    return j->state != TCP_CLOSED;
}

/* ---- steps 7 and 8 --------------------------------------------------------------------------------------------- */

/* Where RCV.NXT would be. */
static rcv_seq advance(const struct judging *j, rcv_seq end)
{
    rcv_seq next = rcv_max(j->i->rcv_nxt, end);

    for (unsigned k = 0; k < j->i->islands; k++)
        if (rcv_leq(j->i->island[k].left, next))
            next = rcv_max(next, j->i->island[k].right);
    return next;
}

static void process_text(struct judging *j, rcv_seq from, uint32_t length)
{
    rcv_seq end = rcv_add(from, length), edge = rcv_add(j->i->rcv_nxt, j->window);

    if (!is(j, F_MAY_RECV)) {
        j->out.reason = REASON_TEXT_AFTER_FIN;
        return;
    }
    answer_ack(j);
    if (rcv_leq(end, j->i->rcv_nxt)) {
        j->out.reason = REASON_TEXT_DUPLICATE;
    } else if (rcv_lt(j->i->rcv_nxt, from)) {
        j->out.reason = REASON_TEXT_OUT_OF_ORDER;
    } else {
        bool cut = rcv_lt(edge, end);
        j->out.reason = cut ? REASON_TEXT_BEYOND_WINDOW : REASON_NONE;
        j->out.later = !cut;
        j->out.ack = advance(j, cut ? edge : end).v;
    }
}

static void check_fin(struct judging *j, rcv_seq fin)
{
    rcv_seq next = rcv_of(j->out.flags ? j->out.ack : j->i->rcv_nxt.v);

    if (rcv_lt(fin, next))
        return;
    answer_ack(j);
    j->out.later = false;
    if (!rcv_eq(fin, next)) {
        j->out.ack = next.v;
        if (j->out.reason == REASON_NONE)
            j->out.reason = REASON_TEXT_OUT_OF_ORDER;
        return;
    }
    j->out.ack = rcv_add(fin, 1).v;
    (void)move(j, j->fin_acked ? EV_RCV_FIN_ACK_OF_FIN : EV_RCV_FIN);
    j->fin_acked = false;
}

static void steps_6_to_8(struct judging *j)
{
    bool syn = j->flags & CTL_SYN, may_receive = is(j, F_MAY_RECV);
    rcv_seq from = rcv_add(rcv_of(j->v->tcp.seq), syn);
    uint32_t length = j->v->payload_length;

    if (j->window == 0 && j->length > syn) {
        answer_ack(j);
        j->out.reason = REASON_SEQ_ACK_ONLY;
        return;
    }
    if (length > 0 || (!may_receive && (j->flags & CTL_FIN)))
        process_text(j, from, length);
    if (may_receive && (j->flags & CTL_FIN))
        check_fin(j, rcv_add(from, length));
}

/* True: taken. */
static bool judge_otherwise(struct judging *j)
{
    if (!step_1_seq(j) || !step_2_rst(j) || !step_4_syn(j) || !step_5_ack(j))
        return false;
    if (!take_ack(j))
        return true;
    steps_6_to_8(j);
    if (j->fin_acked)
        (void)move(j, EV_RCV_ACK_OF_FIN);
    return true;
}

/* ---- public --------------------------------------------------------------------------------------------------------- */

/* The state with what has come and was not answered yet. */
static enum tcp_state state_of(const struct judge_end *end)
{
    const struct infer *i = end->infer;
    const struct tcp_edge *edge = NULL;

    if (i->state == TCP_CLOSED || i->state == TCP_LISTEN)
        return end->listens ? TCP_LISTEN : TCP_CLOSED;
    if (i->state == TCP_SYN_SENT && i->syn_ack_came)
        edge = fsm_next(TCP_SYN_SENT, EV_RCV_SYN_ACK);
    else if (tcp_state_is((enum tcp_state)i->state, F_SYNC | F_MAY_RECV) && i->fin_came &&
             rcv_lt(i->our_fin_seq, i->rcv_nxt))
        edge = fsm_next((enum tcp_state)i->state,
                        i->held == HELD_NOTHING ? EV_RCV_FIN : EV_RCV_FIN_ACK_OF_FIN);
    return (enum tcp_state)(edge ? edge->to : i->state);
}

struct judgement judge_segment(const struct judge_end *end, const struct frame_view *v)
{
    struct judging j = {
        .end = end,
        .i = end->infer,
        .v = v,
        .flags = v->tcp.flags,
        .length = view_seg_len(v),
        .state = state_of(end),
    };

    j.window =
        end->offered && rcv_lt(j.i->rcv_nxt, end->edge) ? rcv_span(j.i->rcv_nxt, end->edge) : 0;
    j.out.end = end_in(j.state);
    j.out.end.inferred = true;
    switch (j.state) {
    case TCP_CLOSED:
        j.out.taken = judge_closed(&j);
        break;
    case TCP_LISTEN:
        j.out.taken = judge_listen(&j);
        break;
    case TCP_SYN_SENT:
        j.out.taken = judge_syn_sent(&j);
        break;
    default:
        j.out.taken = judge_otherwise(&j);
        break;
    }
    return j.out;
}
