/* SPDX-License-Identifier: MIT */
/*
 * info.c - TCP_INFO, in the layout of Linux 6.18, cut to the caller's length.
 *
 * The struct is written down here because the headers of a distribution end earlier.  docs/sockets.md
 * tells of each member where it comes from, and what differs from Linux.
 */
#include "posix/posix.h"

struct info {
    uint8_t state, ca_state, retransmits, probes, backoff, options;
    unsigned snd_wscale : 4, rcv_wscale : 4;
    uint8_t flags;
    uint32_t rto, ato, snd_mss, rcv_mss;
    uint32_t unacked, sacked, lost, retrans, fackets;
    uint32_t last_data_sent, last_ack_sent, last_data_recv, last_ack_recv;
    uint32_t pmtu, rcv_ssthresh, rtt, rttvar, snd_ssthresh, snd_cwnd, advmss, reordering;
    uint32_t rcv_rtt, rcv_space, total_retrans;
    uint64_t pacing_rate, max_pacing_rate, bytes_acked, bytes_received;
    uint32_t segs_out, segs_in, notsent_bytes, min_rtt, data_segs_in, data_segs_out;
    uint64_t delivery_rate, busy_time, rwnd_limited, sndbuf_limited;
    uint32_t delivered, delivered_ce;
    uint64_t bytes_sent, bytes_retrans;
    uint32_t dsack_dups, reord_seen, rcv_ooopack, snd_wnd, rcv_wnd, rehash;
    uint16_t total_rto, total_rto_recoveries;
    uint32_t total_rto_time;
    uint32_t received_ce, delivered_e1_bytes, delivered_e0_bytes, delivered_ce_bytes;
    uint32_t received_e1_bytes, received_e0_bytes, received_ce_bytes;
    uint16_t accecn_fail_mode, accecn_opt_seen;
};

_Static_assert(sizeof(struct info) == 280, "Linux 6.18");
_Static_assert(offsetof(struct info, rtt) == offsetof(struct tcp_info, tcpi_rtt), "as in libc");
_Static_assert(offsetof(struct info, total_retrans) == offsetof(struct tcp_info, tcpi_total_retrans),
               "as in libc");

#define SSTHRESH_INFINITE    0x7fffffff
#define UNMEASURED_MSS       536
#define UNMEASURED_RTTVAR_US 250000
#define DUPTHRESH_FIRST      3
#define RATE_IS_LIMITED      1 /* delivery_rate_app_limited, beside fastopen_client_fail */
#define FIN_RECEIVED         (STATES(CLOSE_WAIT) | STATES(CLOSING) | STATES(LAST_ACK) | STATES(TIME_WAIT))
#define FIN_ACKED            (STATES(FIN_WAIT_2) | STATES(TIME_WAIT))

static const uint8_t linux_state[] = {
    [ESTAB_STATE_CLOSED] = TCP_CLOSE,
    [ESTAB_STATE_LISTEN] = TCP_LISTEN,
    [ESTAB_STATE_SYN_SENT] = TCP_SYN_SENT,
    [ESTAB_STATE_SYN_RECEIVED] = TCP_SYN_RECV,
    [ESTAB_STATE_ESTABLISHED] = TCP_ESTABLISHED,
    [ESTAB_STATE_FIN_WAIT_1] = TCP_FIN_WAIT1,
    [ESTAB_STATE_FIN_WAIT_2] = TCP_FIN_WAIT2,
    [ESTAB_STATE_CLOSE_WAIT] = TCP_CLOSE_WAIT,
    [ESTAB_STATE_CLOSING] = TCP_CLOSING,
    [ESTAB_STATE_LAST_ACK] = TCP_LAST_ACK,
    [ESTAB_STATE_TIME_WAIT] = TCP_TIME_WAIT,
};

static const uint8_t linux_loss[] = {
    [ESTAB_LOSS_OPEN] = TCP_CA_Open,         [ESTAB_LOSS_DISORDER] = TCP_CA_Disorder,
    [ESTAB_LOSS_CWR] = TCP_CA_CWR,           [ESTAB_LOSS_RECOVERY] = TCP_CA_Recovery,
    [ESTAB_LOSS_TIMEOUT] = TCP_CA_Loss,
};

static uint32_t ms_since(estab_time then, estab_time now)
{
    return then && then < now ? (uint32_t)((now - then) / ESTAB_MS) : 0;
}

/* In segments, as Linux counts windows. */
static uint32_t segments(uint32_t bytes, uint32_t mss)
{
    return mss ? bytes / mss : 0;
}

static void info_sender(struct info *i, const struct estab_status *st)
{
    uint32_t outstanding = st->send_queued - st->not_sent;

    i->ca_state = linux_loss[st->loss];
    i->retransmits = (uint8_t)(st->retransmits < UINT8_MAX ? st->retransmits : UINT8_MAX);
    i->probes = st->probes;
    i->backoff = st->backoff;
    i->rto = st->rto_us;
    i->snd_mss = st->snd_mss;
    i->unacked = st->in_flight;
    i->sacked = st->sacked;
    i->lost = st->lost;
    i->retrans = st->retrans_out;
    i->rtt = st->srtt_us;
    i->rttvar = st->rttvar_us;
    i->snd_cwnd = segments(st->cwnd, st->snd_mss);
    i->snd_ssthresh =
        st->ssthresh >= SSTHRESH_INFINITE ? SSTHRESH_INFINITE : segments(st->ssthresh, st->snd_mss);
    i->reordering = st->reordering;
    i->total_retrans = st->segments_retransmitted;
    i->bytes_acked = st->bytes_sent + !st->passive + state_in(st->state, FIN_ACKED);
    i->bytes_sent = st->bytes_sent + outstanding + st->bytes_retransmitted;
    i->bytes_retrans = st->bytes_retransmitted;
    i->notsent_bytes = st->not_sent;
    i->min_rtt = st->min_rtt_us ? st->min_rtt_us : UINT32_MAX;
    i->busy_time = st->busy_us;
    i->rwnd_limited = st->window_limited_us;
    i->sndbuf_limited = st->buffer_limited_us;
    i->flags = st->delivery_rate_limited;
    i->delivery_rate = st->delivery_rate;
    i->total_rto = (uint16_t)(st->timeouts < UINT16_MAX ? st->timeouts : UINT16_MAX);
    i->total_rto_recoveries =
        (uint16_t)(st->timeout_recoveries < UINT16_MAX ? st->timeout_recoveries : UINT16_MAX);
    i->total_rto_time = st->timeout_ms;
    i->pacing_rate = st->pacing_rate;
    i->max_pacing_rate = st->pacing_rate_most ? st->pacing_rate_most : UINT64_MAX;
    i->delivered = st->delivered;
    i->delivered_ce = st->delivered_ce;
    i->dsack_dups = st->dsack_segments;
    i->reord_seen = st->reorderings;
    i->snd_wnd = st->snd_wnd;
}

static void info_receiver(struct info *i, const struct estab_status *st)
{
    i->ato = st->ato_us;
    i->rcv_mss = st->seen_mss;
    i->advmss = st->offered_mss;
    i->pmtu = st->path_mtu;
    i->rcv_rtt = st->receiver_rtt_us;
    i->rcv_space = st->receiver_space;
    i->received_ce = st->ce_segments;
    i->rcv_ssthresh = st->rcv_wnd_most;
    i->bytes_received = st->bytes_received + state_in(st->state, FIN_RECEIVED);
    i->rcv_ooopack = st->out_of_order_segments;
    i->rcv_wnd = st->rcv_wnd;
}

/* What there is from ESTABLISHED on. */
static void info_agreed(struct info *i, const struct estab_status *st)
{
    if (st->scaled)
        i->options |= TCPI_OPT_WSCALE;
    if (st->timestamps)
        i->options |= TCPI_OPT_TIMESTAMPS;
    if (st->sack)
        i->options |= TCPI_OPT_SACK;
    if (st->ecn)
        i->options |= TCPI_OPT_ECN;
    if (st->ecn_seen)
        i->options |= TCPI_OPT_ECN_SEEN;
    i->snd_wscale = st->snd_wscale & 0xfu;
    i->rcv_wscale = st->rcv_wscale & 0xfu;
}

static void info_connection(struct info *i, const struct estab_status *st, estab_time now)
{
    i->segs_out = st->segments_sent;
    i->segs_in = st->segments_received;
    i->data_segs_out = st->text_segments_sent;
    i->data_segs_in = st->text_segments_received;
    i->last_data_sent = ms_since(st->text_sent_at, now);
    i->last_data_recv = ms_since(st->text_received_at, now);
    i->last_ack_recv = ms_since(st->ack_received_at, now);
    info_sender(i, st);
    info_receiver(i, st);
    if (st->state != ESTAB_STATE_SYN_SENT) {
        info_agreed(i, st);
        return;
    }
    i->bytes_acked = 0;
    i->advmss = st->rcv_mss;
    i->rttvar = UNMEASURED_RTTVAR_US;
    i->flags = RATE_IS_LIMITED;
}

/* What Linux says of every socket. */
static void info_any(struct info *i, const struct estab_posix *p)
{
    i->snd_cwnd = p->core.initial_window_segments;
    i->reordering = DUPTHRESH_FIRST;
    i->pacing_rate = i->max_pacing_rate = UINT64_MAX;
}

/* Of a socket without a connection. */
static void info_fresh(struct info *i, const struct estab_posix *p)
{
    i->rto = p->core.rto_initial_ms * 1000;
    i->rttvar = UNMEASURED_RTTVAR_US;
    i->snd_mss = UNMEASURED_MSS;
    i->snd_ssthresh = SSTHRESH_INFINITE;
    i->min_rtt = UINT32_MAX;
    i->flags = RATE_IS_LIMITED;
}

/* Who waits for accept(), and how many may. */
static void info_listener(struct info *i, const struct estab_posix *p, const struct sock *s)
{
    struct estab_status st = {.size = sizeof st};
    uint64_t cursor = 0;

    while (estab_list(p->stack, &cursor, &st) && st.state == ESTAB_STATE_LISTEN) {
        if (st.listener.index != s->listener.index || st.listener.generation != s->listener.generation)
            continue;
        i->unacked = st.pending + (s->ahead != NULL);
        i->sacked = st.backlog;
    }
}

int info_get(struct estab_posix *p, struct sock *s, void *value, socklen_t *length)
{
    struct estab_status st;
    enum estab_state state = sock_state(p, s, &st);
    struct info i = {.state = linux_state[state]};

    info_any(&i, p);
    if (state == ESTAB_STATE_LISTEN) {
        info_listener(&i, p, s);
    } else if (state == ESTAB_STATE_CLOSED) {
        info_fresh(&i, p);
    } else {
        info_connection(&i, &st, time_now(p));
    }
    return option_out(value, length, &i, sizeof i);
}
