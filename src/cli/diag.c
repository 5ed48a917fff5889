/* SPDX-License-Identifier: MIT */
#include "cli/diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

int diag_open(void)
{
    return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
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

static struct netns_socket describe(const struct inet_diag_msg *m)
{
    return (struct netns_socket){
        .local = endpoint(m->idiag_family, m->id.idiag_src, m->id.idiag_sport),
        .remote = endpoint(m->idiag_family, m->id.idiag_dst, m->id.idiag_dport),
        .state = diag_state(m->idiag_state),
        .receive_queue = m->idiag_rqueue,
        .send_queue = m->idiag_wqueue,
    };
}

/* A bound socket that neither listens nor connects is of no interest. */
static void add(const struct nlmsghdr *h, struct netns_socket *out, size_t n, int *count)
{
    struct inet_diag_msg m;
    if (h->nlmsg_len < NLMSG_LENGTH(sizeof m))
        return;
    memcpy(&m, NLMSG_DATA(h), sizeof m);
    struct netns_socket s = describe(&m);
    if (s.state == ESTAB_STATE_CLOSED)
        return;
    if ((size_t)*count < n)
        out[*count] = s;
    (*count)++;
}

/* One datagram of the answer; 1: more follow, 0: that was the end, -1: refused. */
static int read_some(int diag, struct netns_socket *out, size_t n, int *count)
{
    _Alignas(struct nlmsghdr) uint8_t buffer[32768];
    ssize_t got = recv(diag, buffer, sizeof buffer, 0);
    if (got < 0)
        return errno == EINTR ? 1 : -1;
    unsigned left = (unsigned)got;
    for (struct nlmsghdr *h = (struct nlmsghdr *)buffer; NLMSG_OK(h, left);
         h = NLMSG_NEXT(h, left)) {
        if (h->nlmsg_type == NLMSG_DONE)
            return 0;
        if (h->nlmsg_type == NLMSG_ERROR)
            return -1;
        add(h, out, n, count);
    }
    return 1;
}

/* IPv6 may be missing from the kernel, which is no error. */
int diag_list(int diag, struct netns_socket *out, size_t n)
{
    int count = 0, more;
    for (unsigned i = 0; i < 2; i++) {
        uint8_t family = i == 0 ? AF_INET : AF_INET6;
        if (!ask(diag, family))
            return -1;
        while ((more = read_some(diag, out, n, &count)) > 0)
            ;
        if (more < 0 && family == AF_INET)
            return -1;
    }
    return count;
}
