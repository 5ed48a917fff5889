/* SPDX-License-Identifier: MIT */
/*
 * afpacket.c - an interface of this machine, shared with the kernel, through AF_PACKET.
 *
 * Frames come as they cross the interface, which on a veth or a loopback is before anyone finished
 * their checksums or cut their super-segments.  PACKET_VNET_HDR tells of both, and lets us send
 * alike.  Where the kernel refuses it, PACKET_AUXDATA still tells of the checksum, and the segment
 * size of a frame that is longer than the MTU is taken to be what fills the MTU.
 *
 * The interface is promiscuous while the socket lives, since our MAC address is not its own.
 * Wireless interfaces and many virtual machines' do not do this.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "device/device.h"

#define QUEUE_BYTES  (8 << 20)
#define INTERFACE_IP 40 /* bytes of IPv4 and TCP header in a full segment */

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

_Static_assert(sizeof(struct sockaddr_ll) <= sizeof((struct device_slot *)0)->address, "fits");
_Static_assert(CMSG_SPACE(sizeof(struct tpacket_auxdata)) <=
                   sizeof((struct device_slot *)0)->control,
               "fits");

static int packet_open(const struct device_kind *kind, const char *ifname,
                       struct estab_host_error *error)
{
    /* Protocol 0: nothing is queued before packet_start has bound it. */
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0)
        return fd;
    if (errno == EPERM || errno == EACCES)
        host_fail(error, ESTAB_HOST_PERMISSION, errno,
                  "%s%s needs CAP_NET_RAW: run as root, or in a network namespace of your own",
                  kind->prefix, ifname);
    else
        host_fail(error, ESTAB_HOST_IO, errno, "%s%s: this kernel gives no packet socket",
                  kind->prefix, ifname);
    return -1;
}

/* The names of the interfaces that there are, "lo, eth0". */
static void list_interfaces(int fd, char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (int i = 1; i < 256; i++) {
        struct ifreq request = {.ifr_ifindex = i};
        if (ioctl(fd, SIOCGIFNAME, &request) != 0)
            continue;
        int n = snprintf(text + used, size - used, "%s%.15s", used ? ", " : "", request.ifr_name);
        if (n < 0 || (size_t)n >= size - used)
            return;
        used += (size_t)n;
    }
}

static bool not_found(estab_device *d, struct estab_host_error *error)
{
    char names[160];
    list_interfaces(d->fd, names, sizeof names);
    host_fail(error, ESTAB_HOST_NOT_FOUND, 0, "there is no interface '%s'; there is %s", d->ifname,
              names[0] ? names : "none");
    return false;
}

/* Index, MTU, link type; the ioctls act in the socket's own namespace, wherever we are. */
static bool learn(estab_device *d, struct estab_host_error *error)
{
    struct ifreq request = {0};
    memcpy(request.ifr_name, d->ifname, sizeof request.ifr_name);
    if (ioctl(d->fd, SIOCGIFINDEX, &request) != 0)
        return not_found(d, error);
    d->ifindex = request.ifr_ifindex;
    if (ioctl(d->fd, SIOCGIFFLAGS, &request) != 0 || !(request.ifr_flags & IFF_UP)) {
        host_fail(error, ESTAB_HOST_NOT_FOUND, 0,
                  "interface '%s' is down; it comes up with: ip link set %s up", d->ifname,
                  d->ifname);
        return false;
    }
    if (!d->mtu && ioctl(d->fd, SIOCGIFMTU, &request) == 0)
        d->mtu = (uint32_t)request.ifr_mtu;
    if (ioctl(d->fd, SIOCGIFHWADDR, &request) != 0)
        return not_found(d, error);
    unsigned type = request.ifr_hwaddr.sa_family;
    d->link = type == ARPHRD_ETHER || type == ARPHRD_LOOPBACK ? ESTAB_LINK_ETHERNET : ESTAB_LINK_IP;
    if (d->link == ESTAB_LINK_ETHERNET || type == ARPHRD_NONE)
        return true;
    host_fail(error, ESTAB_HOST_USAGE, 0,
              "interface '%s' carries neither Ethernet nor bare IP (hardware type %u)", d->ifname,
              type);
    return false;
}

static bool set(const estab_device *d, int level, int option, int value)
{
    return setsockopt(d->fd, level, option, &value, sizeof value) == 0;
}

static bool packet_start(estab_device *d, struct estab_host_error *error)
{
    if (!learn(d, error))
        return false;
    d->vnet = set(d, SOL_PACKET, PACKET_VNET_HDR, 1);
    (void)set(d, SOL_PACKET, PACKET_AUXDATA, 1);
    (void)set(d, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
    /* Root gets what it asks for; others what net.core.rmem_max allows. */
    if (!set(d, SOL_SOCKET, SO_RCVBUFFORCE, QUEUE_BYTES))
        (void)set(d, SOL_SOCKET, SO_RCVBUF, QUEUE_BYTES);
    if (!set(d, SOL_SOCKET, SO_SNDBUFFORCE, QUEUE_BYTES))
        (void)set(d, SOL_SOCKET, SO_SNDBUF, QUEUE_BYTES);
    struct packet_mreq promiscuous = {.mr_ifindex = d->ifindex, .mr_type = PACKET_MR_PROMISC};
    (void)setsockopt(d->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous);

    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = d->ifindex};
    if (bind(d->fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        fcntl(d->fd, F_SETFL, fcntl(d->fd, F_GETFL) | O_NONBLOCK) == 0)
        return true;
    host_fail(error, ESTAB_HOST_IO, errno, "%s: cannot bind a packet socket", d->name);
    return false;
}

/* ---- receiving ------------------------------------------------------------------------------ */

static uint32_t aux_status(struct msghdr *m, unsigned *vlan)
{
    *vlan = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
            continue;
        struct tpacket_auxdata aux;
        memcpy(&aux, CMSG_DATA(c), sizeof aux);
        *vlan = aux.tp_status & TP_STATUS_VLAN_VALID ? aux.tp_vlan_tci & 0xfffu : 0;
        return aux.tp_status;
    }
    return 0;
}

/* What the vnet header would have told. */
static void read_status(const estab_device *d, uint32_t status, struct estab_frame *frame)
{
    if (status & (TP_STATUS_CSUMNOTREADY | TP_STATUS_CSUM_VALID))
        frame->checksum = ESTAB_CHECKSUM_GOOD;
    uint32_t header = d->link == ESTAB_LINK_ETHERNET ? ETHER_HDR_LEN : 0;
    if (frame->length > d->mtu + header && d->mtu > INTERFACE_IP)
        frame->segment_size = (uint16_t)(d->mtu - INTERFACE_IP);
}

static void take(estab_device *d, unsigned i, struct estab_frame *frame)
{
    struct msghdr *m = &d->message[i].msg_hdr;
    struct device_slot *slot = &d->slot[i];
    size_t header = d->vnet ? sizeof slot->vnet : 0;
    struct sockaddr_ll from;
    memcpy(&from, slot->address, sizeof from);
    unsigned vlan;
    uint32_t status = aux_status(m, &vlan);
    frame->length = 0;
    if (from.sll_pkttype == PACKET_OUTGOING || vlan || d->message[i].msg_len <= header) {
        d->counters.not_ours++;
    } else if (m->msg_flags & MSG_TRUNC) {
        d->counters.cut++;
    } else {
        device_received(d, slot, frame, (uint32_t)(d->message[i].msg_len - header));
        if (!d->vnet)
            read_status(d, status, frame);
    }
}

static void prepare(estab_device *d, unsigned i, const struct estab_frame *frame)
{
    struct device_slot *slot = &d->slot[i];
    uint32_t room;
    unsigned pieces = device_scatter(d, slot, frame, &room);
    d->message[i].msg_hdr = (struct msghdr){
        .msg_name = slot->address,
        .msg_namelen = sizeof slot->address,
        .msg_iov = slot->piece,
        .msg_iovlen = pieces,
        .msg_control = slot->control,
        .msg_controllen = sizeof slot->control,
    };
}

static size_t packet_receive(estab_device *d, struct estab_frame *in, size_t n)
{
    for (unsigned i = 0; i < n; i++)
        prepare(d, i, &in[i]);
    int got = recvmmsg(d->fd, d->message, (unsigned)n, MSG_DONTWAIT, NULL);
    if (got < 0) {
        if (errno != EAGAIN && errno != EINTR)
            d->counters.last_error = errno;
        return 0;
    }
    for (unsigned i = 0; i < (unsigned)got; i++)
        take(d, i, &in[i]);
    return (size_t)got;
}

/* ---- sending -------------------------------------------------------------------------------- */

/* On an interface without link headers the kernel cannot read the protocol off the frame. */
static void address_ip(estab_device *d, unsigned i, const struct estab_frame *frame)
{
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = d->ifindex};
    const uint8_t *first = frame->head_length ? frame->head : frame->part[0].base;
    to.sll_protocol = htons(*first >> 4 == 6 ? ETH_P_IPV6 : ETH_P_IP);
    memcpy(d->slot[i].address, &to, sizeof to);
    d->message[i].msg_hdr.msg_name = d->slot[i].address;
    d->message[i].msg_hdr.msg_namelen = sizeof to;
}

static void count_sent(estab_device *d, const struct estab_frame *out, size_t n)
{
    d->counters.frames_out += n;
    for (size_t i = 0; i < n; i++)
        d->counters.bytes_out += out[i].length;
}

static size_t packet_send(estab_device *d, const struct estab_frame *out, size_t n)
{
    for (unsigned i = 0; i < n; i++) {
        unsigned pieces = device_gather(d, &d->slot[i], &out[i]);
        d->message[i].msg_hdr = (struct msghdr){.msg_iov = d->slot[i].piece, .msg_iovlen = pieces};
        if (d->link == ESTAB_LINK_IP)
            address_ip(d, i, &out[i]);
    }
    size_t done = 0;
    while (done < n) {
        int sent = sendmmsg(d->fd, d->message + done, (unsigned)(n - done), MSG_DONTWAIT);
        if (sent > 0) {
            count_sent(d, out + done, (size_t)sent);
            done += (size_t)sent;
        } else if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
            break;
        } else {
            device_refused(d, errno);
            done++;
        }
    }
    return done;
}

/* The kernel forgets its count when it is read. */
static void packet_count(estab_device *d)
{
    struct tpacket_stats stats;
    socklen_t size = sizeof stats;
    if (getsockopt(d->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0)
        d->counters.lost += stats.tp_drops;
}

const struct device_kind device_packet = {
    .prefix = "packet:",
    .link = ESTAB_LINK_ETHERNET,
    .open = packet_open,
    .start = packet_start,
    .receive = packet_receive,
    .send = packet_send,
    .count = packet_count,
};
