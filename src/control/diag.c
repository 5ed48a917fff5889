/* SPDX-License-Identifier: MIT */
/* diag.c - a netlink dump for each family, read to its end. */
#include "control/diag.h"
#include "packet/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int diag_open(void)
{
    return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
}

uint64_t diag_namespace(int diag)
{
    uint64_t cookie = 0;
    socklen_t size = sizeof cookie;

    return getsockopt(diag, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

enum estab_state diag_state(unsigned number)
{
    static const enum estab_state states[] = {
        [1] = ESTAB_STATE_ESTABLISHED,  [2] = ESTAB_STATE_SYN_SENT,
        [3] = ESTAB_STATE_SYN_RECEIVED, [4] = ESTAB_STATE_FIN_WAIT_1,
        [5] = ESTAB_STATE_FIN_WAIT_2,   [6] = ESTAB_STATE_TIME_WAIT,
        [7] = ESTAB_STATE_CLOSED,       [8] = ESTAB_STATE_CLOSE_WAIT,
        [9] = ESTAB_STATE_LAST_ACK,     [10] = ESTAB_STATE_LISTEN,
        [11] = ESTAB_STATE_CLOSING,     [12] = ESTAB_STATE_SYN_RECEIVED, /* still a request */
    };
    return number < sizeof states / sizeof *states ? states[number] : ESTAB_STATE_CLOSED;
}

/* ---- asking ---------------------------------------------------------------------------------------- */

static bool ask(int diag, uint8_t family)
{
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 request;
    } message = {
        .header = {.nlmsg_len = sizeof message,
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .request = {.sdiag_family = family,
                    .sdiag_protocol = IPPROTO_TCP,
                    .idiag_states = UINT32_MAX},
    };
    return send(diag, &message, sizeof message, 0) == (ssize_t)sizeof message;
}

static enum diag_end read_some(int diag, struct diag_sink *sink)
{
    _Alignas(struct nlmsghdr) uint8_t buffer[32768];
    ssize_t got = recv(diag, buffer, sizeof buffer, 0);

    if (got < 0)
        return errno == EINTR ? DIAG_MORE : DIAG_REFUSED;
    return diag_read(buffer, (size_t)got, sink);
}

/* IPv6 may be missing from the kernel, which is no error. */
static int dump(int diag, struct diag_sink *sink)
{
    static const uint8_t families[] = {AF_INET, AF_INET6};
    enum diag_end end;

    for (unsigned i = 0; i < sizeof families; i++) {
        if (!ask(diag, families[i]))
            return -1;
        while ((end = read_some(diag, sink)) == DIAG_MORE)
            continue;
        if (end == DIAG_REFUSED && families[i] == AF_INET)
            return -1;
    }
    return sink->count;
}

int diag_list(int diag, struct diag_socket *out, size_t n)
{
    struct diag_sink sink = {.at = out, .room = n};

    return dump(diag, &sink);
}

int diag_all(int diag, struct diag_socket **out)
{
    struct diag_sink sink = {.most = DIAG_MOST};
    int count = dump(diag, &sink);

    if (count < 0) {
        free(sink.at);
        sink.at = NULL;
    }
    *out = sink.at;
    return count < 0 ? -1 : (size_t)count < sink.room ? count : (int)sink.room;
}

/* The kernel finds IPv4 connections of IPv6 sockets, too. */
bool diag_find(int diag, const struct estab_endpoint *local, const struct estab_endpoint *remote,
               struct diag_socket *out)
{
    bool four = addr_is_ipv4(&local->addr);
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 request;
    } message = {
        .header = {.nlmsg_len = sizeof message,
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST},
        .request = {.sdiag_family = four ? AF_INET : AF_INET6,
                    .sdiag_protocol = IPPROTO_TCP,
                    .idiag_states = UINT32_MAX,
                    .id = {.idiag_sport = htons(local->port),
                           .idiag_dport = htons(remote->port),
                           .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
    };
    struct diag_sink sink = {.at = out, .room = 1};

    memcpy(message.request.id.idiag_src, local->addr.b + (four ? 12 : 0), four ? 4 : 16);
    memcpy(message.request.id.idiag_dst, remote->addr.b + (four ? 12 : 0), four ? 4 : 16);
    return send(diag, &message, sizeof message, 0) == (ssize_t)sizeof message &&
           read_some(diag, &sink) != DIAG_REFUSED && sink.count == 1;
}

/* ---- reading --------------------------------------------------------------------------------------- */

static struct estab_endpoint endpoint(uint8_t family, const uint32_t address[4], uint16_t port)
{
    struct estab_endpoint e = {.port = ntohs(port)};
    if (family == AF_INET6) {
        memcpy(e.addr.b, address, 16);
    } else if (address[0]) {
        e.addr = estab_ipv4(0, 0, 0, 0);
        memcpy(e.addr.b + 12, address, 4);
    }
    return e;
}

/* The kernel's numbers of timers, as its inet_diag reports them. */
static enum estab_timer timer_of(uint8_t number)
{
    static const enum estab_timer timers[] = {
        [0] = ESTAB_TIMER_NONE,      [1] = ESTAB_TIMER_RETRANSMIT, [2] = ESTAB_TIMER_KEEPALIVE,
        [3] = ESTAB_TIMER_TIME_WAIT, [4] = ESTAB_TIMER_PERSIST,
    };
    return number < sizeof timers / sizeof *timers ? timers[number] : ESTAB_TIMER_NONE;
}

static struct diag_socket describe(const struct inet_diag_msg *m)
{
    return (struct diag_socket){
        .local = endpoint(m->idiag_family, m->id.idiag_src, m->id.idiag_sport),
        .remote = endpoint(m->idiag_family, m->id.idiag_dst, m->id.idiag_dport),
        .state = diag_state(m->idiag_state),
        .timer = timer_of(m->idiag_timer),
        .timer_ms = m->idiag_timer ? m->idiag_expires : 0,
        .retries = m->idiag_retrans,
        .receive_queue = m->idiag_rqueue,
        .send_queue = m->idiag_wqueue,
        .uid = m->idiag_uid,
        .inode = m->idiag_inode,
        .v6 = m->idiag_family == AF_INET6,
    };
}

/* Whether there is room for one more. */
static bool make_room(struct diag_sink *s)
{
    size_t room = s->room ? 2 * s->room : 64;
    struct diag_socket *more;

    if ((size_t)s->count < s->room)
        return true;
    if (s->room >= s->most)
        return false;
    room = room < s->most ? room : s->most;
    more = realloc(s->at, room * sizeof *more);
    if (!more)
        return false;
    s->at = more;
    s->room = room;
    return true;
}

/* A bound socket that neither listens nor connects is of no interest. */
static void add(const uint8_t *payload, size_t n, struct diag_sink *sink)
{
    struct inet_diag_msg m;
    struct diag_socket s;

    if (n < sizeof m)
        return;
    memcpy(&m, payload, sizeof m);
    s = describe(&m);
    if (s.state == ESTAB_STATE_CLOSED)
        return;
    if (make_room(sink))
        sink->at[sink->count] = s;
    sink->count++;
}

/* Without the system's NLMSG_NEXT, which steps past the end where the last message is unaligned. */
enum diag_end diag_read(const void *bytes, size_t n, struct diag_sink *sink)
{
    const uint8_t *p = bytes;
    struct nlmsghdr h;

    while (n >= sizeof h) {
        memcpy(&h, p, sizeof h);
        if (h.nlmsg_len < sizeof h || h.nlmsg_len > n)
            break;
        if (h.nlmsg_type == NLMSG_DONE)
            return DIAG_DONE;
        if (h.nlmsg_type == NLMSG_ERROR)
            return DIAG_REFUSED;
        add(p + NLMSG_HDRLEN, h.nlmsg_len - NLMSG_HDRLEN, sink);
        if (NLMSG_ALIGN(h.nlmsg_len) >= n)
            break;
        p += NLMSG_ALIGN(h.nlmsg_len);
        n -= NLMSG_ALIGN(h.nlmsg_len);
    }
    return DIAG_MORE;
}
