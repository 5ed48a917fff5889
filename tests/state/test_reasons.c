/* SPDX-License-Identifier: MIT */
/*
 * Every row of reason.def is provoked and counted: whatever is dropped, answered or ended has its
 * own reason, and each reason has its own event in the world.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "support/made_frame.h"
#include "support/reasons_fragment.h"
#include "support/reasons_link.h"
#include "support/reasons_udp.h"
#include "support/rig.h"
#include "support/rig_sack.h"
#include "support/six_reasons.h"

/* rig_config, for each provocation anew. */
static struct estab_config config;

static struct rig *begin(enum rig_way way, enum rig_state state)
{
    static struct rig r;

    rig_start(&r, &config, UINT32_MAX, UINT32_MAX - 1);
    rig_become(&r, way, state);
    return &r;
}

static struct rig *begin_with(const struct estab_config *with)
{
    static struct rig r;

    rig_start(&r, with, UINT32_MAX, UINT32_MAX - 1);
    return &r;
}

static struct rig *begin_on_ethernet(const struct estab_config *with)
{
    static struct rig r;

    rig_start_on_ethernet(&r, with, UINT32_MAX, UINT32_MAX - 1);
    return &r;
}

/* A reason whose one segment says it all. */
static struct rig *one(enum rig_way way, enum rig_state state, const struct rig_seg *s)
{
    struct rig *r = begin(way, state);

    rig_in(r, s);
    return r;
}

#define AFTER(way, state, ...) one((way), (state), &(struct rig_seg)SEG(__VA_ARGS__))

static uint8_t bytes[RIG_FRAME_MAX];

/* ---- IPv4 and TCP headers ------------------------------------------------------------------------- */

/* A SYN of which one byte is changed, with right checksums but in that byte's case. */
static struct rig *packet_with(size_t at, uint8_t value, bool resum)
{
    struct rig *r = begin(ACTIVE, CLOSED);
    size_t n =
        rig_frame(r, &(struct rig_seg)SEG(SYN, 0, 0, .raw = "\1\1\1\1", .raw_length = 4), bytes);

    bytes[at] = value;
    if (resum)
        rig_resum(bytes, n);
    rig_in_bytes(r, bytes, n);
    return r;
}

static struct rig *ip_header(void)
{
    return packet_with(0, 0x55, true);
}

static struct rig *ip_length(void)
{
    return packet_with(3, 200, true);
}

static struct rig *ip_checksum(void)
{
    return packet_with(10, 1, false);
}

static struct rig *ip_not_ours(void)
{
    return packet_with(19, 77, true);
}

static struct rig *ip_source(void)
{
    return packet_with(12, 127, true);
}

static struct rig *ip_broadcast(void)
{
    return packet_with(19, 255, true);
}

static struct rig *ip_source_route(void)
{
    struct rig *r = begin(ACTIVE, CLOSED);
    size_t n = rig_frame(r, &(struct rig_seg)SEG(SYN, 0, 0), bytes);

    memmove(bytes + 24, bytes + 20, n - 20);
    memcpy(bytes + 20, "\x83\x03\x04\x00", 4);
    bytes[0] = 0x46;
    bytes[3] = (uint8_t)(n + 4);
    rig_resum(bytes, n + 4);
    rig_in_bytes(r, bytes, n + 4);
    return r;
}

/* For our address, but in a frame for all stations. */
static struct rig *ip_link_broadcast(void)
{
    struct rig *r = begin_on_ethernet(NULL);
    size_t n = rig_frame(r, &(struct rig_seg)SEG(SYN, 0, 0), bytes);

    memset(bytes, 0xff, 6);
    rig_in_bytes(r, bytes, n);
    return r;
}

static struct rig *ip_protocol(void)
{
    struct rig *r = begin(ACTIVE, CLOSED);

    rig_in_bytes(r, bytes, made_ip(bytes, rig_peer(), rig_us(), 132, "12345678", 8, true));
    return r;
}

static struct rig *tcp_header(void)
{
    return packet_with(32, 0x40, true);
}

static struct rig *tcp_checksum(void)
{
    return packet_with(36, 1, false);
}

static struct rig *tcp_port(void)
{
    struct rig *r = begin(ACTIVE, CLOSED);
    size_t n = rig_frame(r, &(struct rig_seg)SEG(SYN, 0, 0), bytes);

    memset(bytes + 20, 0, 2);
    rig_resum(bytes, n);
    rig_in_bytes(r, bytes, n);
    return r;
}

/* ---- ICMP -------------------------------------------------------------------------------------------- */

static void icmp_in(struct rig *r, const uint8_t *text, size_t n, bool good)
{
    uint8_t icmp[128];
    uint16_t sum;

    memcpy(icmp, text, n);
    sum = made_sum(0, icmp, n);
    icmp[2] = (uint8_t)(sum >> 8);
    icmp[3] = (uint8_t)(good ? sum : sum + 1);
    rig_in_bytes(r, bytes, made_ip(bytes, rig_peer(), rig_us(), 1, icmp, n, true));
}

static struct rig *icmp_one(uint8_t type, size_t n, bool good)
{
    struct rig *r = begin(ACTIVE, CLOSED);

    icmp_in(r, (const uint8_t[64]){type}, n, good);
    return r;
}

static struct rig *icmp_malformed(void)
{
    return icmp_one(3, 8, true);
}

static struct rig *icmp_checksum(void)
{
    return icmp_one(8, 16, false);
}

static struct rig *icmp_ignored(void)
{
    return icmp_one(0, 16, true);
}

static struct rig *echo(void)
{
    return icmp_one(8, 16, true);
}

/* Port unreachable, about a segment of ours at `seq`. */
static struct rig *unreachable(struct rig *r, uint32_t seq)
{
    struct made_tcp m = {.src = {rig_us(), RIG_PORT},
                         .dst = {rig_peer(), RIG_PEER_PORT},
                         .seq = r->iss + seq,
                         .flags = ACK};
    uint8_t icmp[128] = {3, 3};

    made_tcp(bytes, &m, true);
    memcpy(icmp + 8, bytes, 28);
    icmp_in(r, icmp, 36, true);
    return r;
}

/* The peer's MSS leaves 1000 bytes to be sent; of such a segment a router says that it carries `mtu`. */
static struct rig *too_big(unsigned mtu, bool passes)
{
    struct rig *r = begin(ACTIVE, CLOSED);
    struct made_tcp m = {.src = {rig_us(), RIG_PORT},
                         .dst = {rig_peer(), RIG_PEER_PORT},
                         .seq = r->iss + (passes ? 1001 : 1),
                         .length = 1000};
    uint8_t icmp[128] = {3, 4, 0, 0, 0, 0, (uint8_t)(mtu >> 8), (uint8_t)mtu};

    assert_int_equal(rig_open_active(r), ESTAB_OK);
    IN(r, SYN | ACK, 0, 1, .opt = MSS, .mss = 1000);
    assert_int_equal(rig_send(r, 2000, 0), ESTAB_OK);
    if (passes)
        IN(r, ACK, 1, 1001);
    made_tcp(bytes, &m, true);
    memcpy(icmp + 8, bytes, 28);
    icmp_in(r, icmp, 36, true);
    return r;
}

static struct rig *icmp_mtu(void)
{
    return too_big(600, false);
}

static struct rig *icmp_mtu_lie(void)
{
    return too_big(1040, false);
}

static struct rig *icmp_mtu_passes(void)
{
    return too_big(600, true);
}

static struct rig *icmp_hard(void)
{
    return unreachable(begin(ACTIVE, SYN_SENT), 0);
}

static struct rig *icmp_soft(void)
{
    return unreachable(begin(ACTIVE, FIN_WAIT_1), 1);
}

static struct rig *icmp_no_connection(void)
{
    return unreachable(begin(ACTIVE, FIN_WAIT_1), 100);
}

/* ---- LISTEN -------------------------------------------------------------------------------------------- */

/* SYNs of `n` peers, and the ACK of each SYN,ACK if there was one. */
static struct rig *peers_come(struct rig *r, unsigned n)
{
    rig_listen(r);
    for (unsigned i = 0; i < n; i++) {
        IN(r, SYN, 0, 0, .port = (uint16_t)(50000 + i));
        IN(r, ACK, 1, 1, .port = (uint16_t)(50000 + i));
    }
    return r;
}

static struct rig *listen_backlog(void)
{
    return peers_come(begin(ACTIVE, CLOSED), 5);
}

static struct rig *listen_records(void)
{
    struct rig *r;

    config.records = 1;
    r = begin_with(&config);
    rig_listen(r);
    IN(r, SYN, 0, 0, .port = 50000);
    IN(r, SYN, 0, 0, .port = 50001);
    return r;
}

/* A SYN that is answered with a cookie, an ACK that is not its own, and one that is. */
static struct rig *listen_cookie(void)
{
    struct rig *r;

    config.syn_cookies = 2;
    r = begin_with(&config);
    rig_listen_anew(r);
    IN(r, SYN, 0, 0);
    IN(r, ACK, 1, 9);
    IN(r, ACK, 1, rig_out_any(r)->seq + 1 - r->iss);
    return r;
}

/* Four SYNs were answered twice and never heard of again. */
static struct rig *listen_recycled(void)
{
    struct rig *r = begin(LISTENER, LISTEN);

    for (uint16_t i = 0; i < 4; i++)
        IN(r, SYN, 0, 0, .port = (uint16_t)(50000 + i));
    AT(r, 1500);
    IN(r, SYN, 0, 0, .port = 50004);
    return r;
}

/* The only record is in TIME-WAIT when a SYN needs it. */
static struct rig *time_wait_recycled(void)
{
    struct rig *r;

    config.records = 1;
    r = begin(ACTIVE, TIME_WAIT);
    r->way = LISTENER;
    rig_listen(r);
    IN(r, SYN, 0, 0, .port = 50001);
    return r;
}

static struct rig *time_wait_rst(void)
{
    struct rig *r;

    config.time_wait_reset = false;
    r = begin(ACTIVE, TIME_WAIT);
    IN(r, RST, 3, 0);
    return r;
}

static struct rig *listen_connections(void)
{
    config.connections = 1;
    return peers_come(begin_with(&config), 2);
}

static struct rig *listen_text_pool(void)
{
    config.chunks = 64;
    return peers_come(begin_with(&config), 3);
}

/* ---- the eight steps ----------------------------------------------------------------------------------------- */

static struct rig *seq_ack_only(void)
{
    struct rig *r = AFTER(ACTIVE, ESTABLISHED, ACK, 1, 1, .len = RIG_WINDOW);

    IN(r, ACK, 1 + RIG_WINDOW, 1, .len = 1);
    return r;
}

static struct rig *stamped(uint8_t opt, uint32_t tsval)
{
    struct rig *r;

    config.timestamps = true;
    r = begin(ACTIVE, ESTABLISHED);
    IN(r, ACK, 1, 1, .len = 1, .opt = opt, .tsval = tsval);
    return r;
}

static struct rig *paws(void)
{
    return stamped(STAMP, 1);
}

static struct rig *timestamp_missing(void)
{
    return stamped(NO_OPTIONS, 0);
}

static struct rig *text_duplicate(void)
{
    struct rig *r = AFTER(ACTIVE, ESTABLISHED, ACK, 1, 1, .len = 10);

    IN(r, FIN | ACK, 1, 1, .len = 10);
    return r;
}

/* Single bytes far apart need a chunk each. */
static struct rig *text_no_room(void)
{
    struct rig *r = begin(ACTIVE, ESTABLISHED);

    for (uint32_t i = 0; i < 30; i++)
        IN(r, ACK, 3 + 2 * i, 1, .len = 1);
    return r;
}

static struct rig *challenge_throttled(void)
{
    struct rig *r = begin(ACTIVE, ESTABLISHED);

    for (unsigned i = 0; i < 4; i++)
        IN(r, SYN, 1, 0);
    return r;
}

/* ---- ends -------------------------------------------------------------------------------------------------- */

static struct rig *r2(void)
{
    struct rig *r = begin(ACTIVE, SYN_SENT);

    AT(r, 400000);
    return r;
}

static struct rig *user_timeout(void)
{
    struct rig *r;

    config.user_timeout_ms = 5000;
    r = begin(ACTIVE, ESTABLISHED);
    (void)rig_send(r, 1, 0);
    AT(r, 5000);
    return r;
}

static struct rig *keepalive(void)
{
    struct rig *r = begin(ACTIVE, ESTABLISHED);

    assert_int_equal(estab_set(r->stack, r->conn, ESTAB_OPTION_KEEPALIVE_IDLE_MS, 1000, r->now),
                     ESTAB_OK);
    AT(r, 1000000);
    return r;
}

static struct rig *user_abort(void)
{
    struct rig *r = begin(ACTIVE, ESTABLISHED);

    (void)rig_abort(r);
    return r;
}

static struct rig *time_wait_end(void)
{
    struct rig *r = begin(ACTIVE, TIME_WAIT);

    AT(r, 60000);
    return r;
}

/* ---- output ------------------------------------------------------------------------------------------------- */

/* More questions in one batch than there is room for answers. */
static struct rig *replies_full(void)
{
    struct rig *r = begin(ACTIVE, CLOSED);
    struct estab_frame frames[17];
    size_t n = rig_frame(r, &(struct rig_seg)SEG(SYN, 0, 0), bytes);

    for (unsigned i = 0; i < 17; i++)
        frames[i] = made_frame(bytes, n, true);
    estab_input(r->stack, frames, 17, r->now);
    return r;
}

static struct rig *no_route(void)
{
    return packet_with(12, 192, true); /* from 192.11.0.2 */
}

static struct rig *neighbour_unknown(void)
{
    struct rig *r = begin_on_ethernet(NULL);

    r->deaf = true;
    assert_int_equal(rig_open_active(r), ESTAB_OK);
    AT(r, 10000);
    return r;
}

/* Enough connections to ourselves, opened at once. */
static struct rig *loopback_limit(void)
{
    enum { PAIRS = 1500 };
    struct estab_listen listen = {.size = sizeof listen, .local.port = 80, .backlog = PAIRS};
    struct estab_open open = {.size = sizeof open, .remote = {rig_us(), 80}};
    estab_listener listener;
    estab_conn conn;
    struct rig *r;

    config.connections = 2 * PAIRS;
    config.records = PAIRS;
    config.receive_reserve = 512;
    config.receive_buffer = 1024;
    config.chunks = 16384;
    config.replies = PAIRS;
    r = begin_with(&config);
    assert_int_equal(estab_listen(r->stack, &listen, &listener), ESTAB_OK);
    for (unsigned i = 0; i < PAIRS; i++)
        assert_int_equal(estab_open(r->stack, &open, &conn, r->now), ESTAB_OK);
    rig_pull(r);
    return r;
}

static struct rig *listen_deferred(void)
{
    struct rig *r = begin(LISTENER, SYN_RECEIVED);

    assert_int_equal(estab_listener_set(r->stack, r->listener, ESTAB_OPTION_DEFER_ACCEPT_MS, 1000),
                     ESTAB_OK);
    IN(r, ACK, 1, 1);
    return r;
}

static struct rig *text_after_release(void)
{
    struct rig *r = begin(ACTIVE, ESTABLISHED);

    assert_int_equal(estab_release(r->stack, r->conn, r->now), ESTAB_OK);
    IN(r, ACK, 1, 1, .len = 1);
    return r;
}

static struct rig *syn_retries(void)
{
    struct rig *r = begin(ACTIVE, SYN_SENT);

    assert_int_equal(estab_set(r->stack, r->conn, ESTAB_OPTION_SYN_RETRIES, 1, r->now), ESTAB_OK);
    AT(r, 10000);
    return r;
}

static struct rig *orphan_recycled(void)
{
    struct rig *r;

    config.connections = 1;
    r = begin(ACTIVE, FIN_WAIT_2);
    assert_int_equal(estab_release(r->stack, r->conn, r->now), ESTAB_OK);
    return peers_come(r, 1);
}

static struct rig *fin_wait_2_end(void)
{
    struct rig *r = begin(ACTIVE, FIN_WAIT_2);

    assert_int_equal(estab_release(r->stack, r->conn, r->now), ESTAB_OK);
    AT(r, 70000);
    return r;
}

/* ECN agreed on, by a peer that asks; then an ACK with these bits. */
static struct rig *ecn_agreed(uint32_t flags, uint8_t ecn)
{
    struct rig *r = begin(LISTENER, LISTEN);

    IN(r, SYN | ECE | CWR, 0, 0);
    IN(r, ACK, 1, 1);
    IS(r, ESTABLISHED);
    IN(r, flags, 1, 1, .ecn = ecn);
    return r;
}

static struct rig *ecn_echo(void)
{
    return ecn_agreed(ECE | ACK, 0);
}

static struct rig *ecn_no_text(void)
{
    return ecn_agreed(ACK, 3);
}

static struct rig *ecn_refused(void)
{
    struct rig *r;
    config.ecn = 1;
    r = begin_with(&config);
    assert_int_equal(rig_open_active(r), ESTAB_OK);
    IN(r, RST | ACK, 0, 1);
    IS(r, SYN_SENT);
    return r;
}

/* What makes a reason: a segment in a state, or a story. */
struct provocation {
    struct rig *(*by)(void);
    enum rig_way way;
    enum rig_state state;
    struct rig_seg in;
};

/* clang-format off */
#define BY(function) {.by = (function)}
#define ONE(way_, state_, ...) {.way = (way_), .state = (state_), .in = SEG(__VA_ARGS__)}
/* clang-format on */

static const struct provocation provocations[REASONS] = {
    [REASON_NONE] = ONE(ACTIVE, LAST_ACK, ACK, 2, 2),
    [REASON_FRAME_SHORT] = BY(provoke_frame_short),
    [REASON_FRAME_ETHERTYPE] = BY(provoke_frame_ethertype),
    [REASON_FRAME_NOT_OURS] = BY(provoke_frame_not_ours),
    [REASON_FRAME_INTERFACE] = BY(provoke_frame_interface),
    [REASON_ARP_MALFORMED] = BY(provoke_arp_malformed),
    [REASON_ARP_DUPLICATE] = BY(provoke_arp_duplicate),
    [REASON_ARP_NOT_OURS] = BY(provoke_arp_not_ours),
    [REASON_NEIGHBOUR_TABLE_FULL] = BY(provoke_neighbour_table_full),
    [REASON_IP_HEADER] = BY(ip_header),
    [REASON_IP_LENGTH] = BY(ip_length),
    [REASON_IP_CHECKSUM] = BY(ip_checksum),
    [REASON_IP_FRAGMENT] = BY(fragment_waits),
    [REASON_IP_NOT_OURS] = BY(ip_not_ours),
    [REASON_IP_SOURCE] = BY(ip_source),
    [REASON_IP_SOURCE_ROUTE] = BY(ip_source_route),
    [REASON_IP_LINK_BROADCAST] = BY(ip_link_broadcast),
    [REASON_IP_PROTOCOL] = BY(ip_protocol),
    [REASON_IP_BROADCAST] = BY(ip_broadcast),
    [REASON_IP6_HEADER] = BY(six_header),
    [REASON_IP6_LENGTH] = BY(six_length),
    [REASON_IP6_MAPPED] = BY(six_mapped),
    [REASON_IP6_EXTENSION] = BY(six_extension),
    [REASON_IP6_EXTENSIONS] = BY(six_extensions),
    [REASON_IP6_OPTION] = BY(six_option),
    [REASON_IP6_ROUTING] = BY(six_routing),
    [REASON_IP6_NO_NEXT] = BY(six_no_next),
    [REASON_IP6_TENTATIVE] = BY(six_tentative),
    [REASON_NDP_MALFORMED] = BY(six_ndp_malformed),
    [REASON_NDP_NOT_OURS] = BY(six_ndp_not_ours),
    [REASON_NDP_UNASKED] = BY(six_ndp_unasked),
    [REASON_NDP_KEPT] = BY(six_ndp_kept),
    [REASON_NDP_ROUTER] = BY(six_router),
    [REASON_NDP_REDIRECT] = BY(six_redirect),
    [REASON_NDP_FULL] = BY(six_full),
    [REASON_MLD_MALFORMED] = BY(six_mld_malformed),
    [REASON_NDP_DUPLICATE] = BY(six_ndp_duplicate),
    [REASON_ADDRESS_DUPLICATE] = BY(six_address_duplicate),
    [REASON_FRAGMENT_OVERLAP] = BY(fragment_overlap), [REASON_FRAGMENT_DUPLICATE] = BY(fragment_duplicate),
    [REASON_FRAGMENT_END] = BY(fragment_end), [REASON_FRAGMENT_ECN] = BY(fragment_ecn),
    [REASON_FRAGMENT_MANY] = BY(fragment_many), [REASON_FRAGMENT_LENGTH] = BY(fragment_length),
    [REASON_FRAGMENT_EMPTY] = BY(fragment_empty), [REASON_FRAGMENT_BEYOND] = BY(fragment_beyond),
    [REASON_FRAGMENT_HEADERS] = BY(fragment_headers), [REASON_FRAGMENT_NESTED] = BY(fragment_nested),
    [REASON_FRAGMENT_TIMEOUT] = BY(fragment_timeout), [REASON_FRAGMENT_EVICTED] = BY(fragment_evicted),
    [REASON_ICMP_MALFORMED] = BY(icmp_malformed),
    [REASON_ICMP_CHECKSUM] = BY(icmp_checksum),
    [REASON_ICMP_IGNORED] = BY(icmp_ignored),
    [REASON_ICMP_NO_CONNECTION] = BY(icmp_no_connection),
    [REASON_ICMP_SOFT] = BY(icmp_soft),
    [REASON_ICMP_MTU] = BY(icmp_mtu),
    [REASON_ICMP_MTU_LIE] = BY(icmp_mtu_lie),
    [REASON_ICMP_MTU_PASSES] = BY(icmp_mtu_passes),
    [REASON_ICMP_HARD] = BY(icmp_hard),
    [REASON_ECHO] = BY(echo),
    [REASON_TCP_HEADER] = BY(tcp_header),
    [REASON_TCP_CHECKSUM] = BY(tcp_checksum),
    [REASON_TCP_OPTIONS] = ONE(ACTIVE, CLOSED, SYN, 0, 0, .raw = "\2\0\1\1", .raw_length = 4),
    [REASON_TCP_PORT] = BY(tcp_port),
    [REASON_UDP_HEADER] = BY(provoke_udp_header),
    [REASON_UDP_LENGTH] = BY(provoke_udp_length),
    [REASON_UDP_CHECKSUM] = BY(provoke_udp_checksum),
    [REASON_UDP_BROADCAST] = BY(provoke_udp_broadcast),
    [REASON_UDP_NO_PORT] = BY(provoke_udp_no_port),
    [REASON_UDP_BUFFER] = BY(provoke_udp_buffer),
    [REASON_UDP_TEXT_POOL] = BY(provoke_udp_text_pool),
    [REASON_UDP_WAITING] = BY(provoke_udp_waiting),
    [REASON_ICMP_UDP] = BY(provoke_icmp_udp),
    [REASON_CLOSED_RST] = ONE(ACTIVE, CLOSED, RST, 0, 0),
    [REASON_CLOSED_RESET] = ONE(ACTIVE, CLOSED, SYN, 0, 0),
    [REASON_LISTEN_RST] = ONE(LISTENER, LISTEN, RST, 0, 0),
    [REASON_LISTEN_ACK] = ONE(LISTENER, LISTEN, ACK, 0, 0),
    [REASON_LISTEN_NEITHER] = ONE(LISTENER, LISTEN, FIN, 0, 0),
    [REASON_LISTEN_SYN] = ONE(LISTENER, LISTEN, SYN, 0, 0),
    [REASON_LISTEN_BACKLOG] = BY(listen_backlog),
    [REASON_LISTEN_RECORDS] = BY(listen_records),
    [REASON_LISTEN_COOKIE] = BY(listen_cookie),
    [REASON_LISTEN_COOKIE_ACK] = BY(listen_cookie),
    [REASON_LISTEN_COOKIE_WRONG] = BY(listen_cookie),
    [REASON_LISTEN_RECYCLED] = BY(listen_recycled),
    [REASON_LISTEN_CONNECTIONS] = BY(listen_connections),
    [REASON_LISTEN_TEXT_POOL] = BY(listen_text_pool),
    [REASON_LISTEN_DEFERRED] = BY(listen_deferred),
    [REASON_SYN_SENT_ACK] = ONE(ACTIVE, SYN_SENT, ACK, 0, 2),
    [REASON_SYN_SENT_ACK_RST] = ONE(ACTIVE, SYN_SENT, RST | ACK, 0, 2),
    [REASON_SYN_SENT_RST] = ONE(ACTIVE, SYN_SENT, RST | ACK, 0, 1),
    [REASON_SYN_SENT_RST_NO_ACK] = ONE(ACTIVE, SYN_SENT, RST, 0, 0),
    [REASON_SYN_SENT_NEITHER] = ONE(ACTIVE, SYN_SENT, ACK, 0, 1),
    [REASON_SEQ_UNACCEPTABLE] = ONE(ACTIVE, ESTABLISHED, ACK, 0, 1),
    [REASON_SEQ_UNACCEPTABLE_RST] = ONE(ACTIVE, ESTABLISHED, RST, 0, 0),
    [REASON_SEQ_ACK_ONLY] = BY(seq_ack_only),
    [REASON_PAWS] = BY(paws),
    [REASON_TIMESTAMP_MISSING] = BY(timestamp_missing),
    [REASON_TIMESTAMP_NOT_AGREED] = BY(timestamp_not_agreed),
    [REASON_TIMESTAMP_ECHO] = BY(timestamp_echo),
    [REASON_WINDOW_SCALE] = BY(window_scale_beyond),
    [REASON_TIMESTAMP_ECHO_OLD] = BY(timestamp_echo_old),
    [REASON_SACK_NOT_AGREED] = BY(sack_not_agreed),
    [REASON_RST_EXACT] = ONE(ACTIVE, ESTABLISHED, RST, 1, 0),
    [REASON_RST_CHALLENGE] = ONE(ACTIVE, ESTABLISHED, RST, 2, 0),
    [REASON_RST_TO_LISTEN] = ONE(LISTENER, SYN_RECEIVED, RST, 1, 0),
    [REASON_SYN_CHALLENGE] = ONE(ACTIVE, ESTABLISHED, SYN, 1, 0),
    [REASON_SYN_TO_LISTEN] = ONE(LISTENER, SYN_RECEIVED, SYN, 1, 0),
    [REASON_SYN_AGAIN] = ONE(LISTENER, SYN_RECEIVED, SYN, 0, 0),
    [REASON_ACK_MISSING] = ONE(ACTIVE, ESTABLISHED, PSH, 1, 0, .len = 1),
    [REASON_ACK_SYN_RECEIVED] = ONE(LISTENER, SYN_RECEIVED, ACK, 1, 2),
    [REASON_ACK_UNSENT] = ONE(ACTIVE, ESTABLISHED, ACK, 1, 2),
    [REASON_SACK_BLOCK] = BY(sack_block),
    [REASON_SACK_PART] = BY(sack_part),
    [REASON_SACK_NO_ROOM] = BY(sack_no_room),
    [REASON_SACK_NO_SPARE] = BY(sack_no_room),
    [REASON_SACK_RENEGED] = BY(sack_reneged),
    [REASON_ACK_ANCIENT] = ONE(ACTIVE, ESTABLISHED, ACK, 1, 1 - 65536),
    [REASON_TEXT_DUPLICATE] = BY(text_duplicate),
    [REASON_TEXT_OUT_OF_ORDER] = ONE(ACTIVE, ESTABLISHED, ACK, 2, 1, .len = 1),
    [REASON_TEXT_BEYOND_WINDOW] = ONE(ACTIVE, ESTABLISHED, ACK, 1, 1, .len = RIG_WINDOW + 1),
    [REASON_TEXT_NO_ROOM] = BY(text_no_room),
    [REASON_TEXT_AFTER_FIN] = ONE(ACTIVE, CLOSE_WAIT, ACK, 2, 1, .len = 1),
    [REASON_TEXT_AFTER_RELEASE] = BY(text_after_release),
    [REASON_SYN_RETRIES] = BY(syn_retries),
    [REASON_ORPHAN_RECYCLED] = BY(orphan_recycled),
    [REASON_FIN_WAIT_2_END] = BY(fin_wait_2_end),
    [REASON_TIME_WAIT_FIN] = ONE(ACTIVE, TIME_WAIT, FIN | ACK, 2, 2),
    [REASON_CHALLENGE_THROTTLED] = BY(challenge_throttled),
    [REASON_ECN_SYN] = ONE(LISTENER, LISTEN, SYN | ECE, 0, 0),
    [REASON_ECN_SYN_ACK] = ONE(ACTIVE, SYN_SENT, SYN | ACK | ECE, 0, 1),
    [REASON_ECN_UNAGREED] = ONE(ACTIVE, ESTABLISHED, ACK | ECE, 1, 1),
    [REASON_ECN_ECHO] = BY(ecn_echo),
    [REASON_ECN_NO_TEXT] = BY(ecn_no_text),
    [REASON_ECN_REFUSED] = BY(ecn_refused),
    [REASON_R2] = BY(r2),
    [REASON_USER_TIMEOUT] = BY(user_timeout),
    [REASON_KEEPALIVE] = BY(keepalive),
    [REASON_USER_ABORT] = BY(user_abort),
    [REASON_TIME_WAIT_END] = BY(time_wait_end),
    [REASON_TIME_WAIT_RECYCLED] = BY(time_wait_recycled),
    [REASON_TIME_WAIT_RST] = BY(time_wait_rst),
    [REASON_TIME_WAIT_REOPENED] = ONE(LISTENER, TIME_WAIT, SYN, 3, 0),
    [REASON_REPLIES_FULL] = BY(replies_full),
    [REASON_NO_ROUTE] = BY(no_route),
    [REASON_NEIGHBOUR_UNKNOWN] = BY(neighbour_unknown),
    [REASON_LOOPBACK_LIMIT] = BY(loopback_limit),
};

static void every_reason_is_counted(void **state)
{
    unsigned missing = 0;
    (void)state;
    assert_int_equal(estab_reasons(), REASONS);
    for (unsigned i = 0; i < REASONS; i++) {
        const struct provocation *p = &provocations[i];
        struct rig *r;

        if (!p->by && p->state == SAME)
            fail_msg("REASON(%s) is provoked by no test", estab_reason(i).name);
        config = rig_config();
        r = p->by ? p->by() : one(p->way, p->state, &p->in);
        if (estab_reason_count(r->stack, i) == 0) {
            print_error("REASON(%s) was not counted\n", estab_reason(i).name);
            missing++;
        }
        rig_end(r);
    }
    assert_int_equal(missing, 0);
}

static void every_reason_has_words(void **state)
{
    (void)state;
    for (unsigned i = 0; i < REASONS; i++) {
        struct estab_reason_info info = estab_reason(i);

        assert_true(strlen(info.name) > 0 && strlen(info.sentence) > 0);
        assert_true(i == REASON_NONE || strlen(info.rfc) > 0);
        for (unsigned k = 0; k < i; k++)
            assert_string_not_equal(info.sentence, estab_reason(k).sentence);
    }
    assert_string_equal(estab_reason(REASONS).name, "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_is_counted),
        cmocka_unit_test(every_reason_has_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
