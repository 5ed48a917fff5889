/* SPDX-License-Identifier: MIT */
/*
 * tap.c - TAP and TUN: a network interface of the kernel whose other end is a descriptor.
 *
 * One system call moves one frame.  With IFF_VNET_HDR a frame may be a super-segment of 64 KB, both
 * ways, which is what makes this the fastest of the devices.  The kernel gives such only after
 * TUNSETOFFLOAD says that we understand them; it takes them from us in any case.
 *
 * The node /dev/net/tun usually belongs to root (mode 0600 or 0666, as the distribution likes).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "device/device.h"

#define NODE "/dev/net/tun"

static int open_failed(const char *prefix, const char *ifname, struct estab_host_error *error)
{
    if (errno == EACCES || errno == EPERM)
        host_fail(error, ESTAB_HOST_PERMISSION, errno,
                  "%s%s: this user may not open " NODE "; run as root, or let an administrator "
                  "allow it: chmod 0666 " NODE,
                  prefix, ifname);
    else if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
        host_fail(error, ESTAB_HOST_NOT_FOUND, errno,
                  "%s%s: there is no " NODE "; an administrator makes it with: modprobe tun",
                  prefix, ifname);
    else
        host_fail(error, ESTAB_HOST_IO, errno, "%s%s: cannot open " NODE, prefix, ifname);
    return -1;
}

static int attach_failed(const char *prefix, const char *ifname, struct estab_host_error *error)
{
    bool tap = prefix[1] == 'a';
    if (errno == EPERM || errno == EACCES)
        host_fail(error, ESTAB_HOST_PERMISSION, errno,
                  "%s%s: this user may not use it; run as root, or let an administrator make it: "
                  "ip tuntap add %s mode %s user $USER",
                  prefix, ifname, ifname, tap ? "tap" : "tun");
    else if (errno == EBUSY)
        host_fail(error, ESTAB_HOST_IO, errno, "%s%s: another program has it open", prefix, ifname);
    else if (errno == EINVAL)
        host_fail(error, ESTAB_HOST_USAGE, errno,
                  "%s%s: there is an interface of this name that is not a %s device", prefix,
                  ifname, tap ? "TAP" : "TUN");
    else
        host_fail(error, ESTAB_HOST_IO, errno, "%s%s: cannot be made", prefix, ifname);
    return -1;
}

static int tap_open(const struct device_kind *kind, const char *ifname,
                    struct estab_host_error *error)
{
    int fd = open(NODE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return open_failed(kind->prefix, ifname, error);
    short flags = kind->link == ESTAB_LINK_ETHERNET ? IFF_TAP : IFF_TUN;
    struct ifreq request = {.ifr_flags = (short)(flags | IFF_NO_PI | IFF_VNET_HDR)};
    memcpy(request.ifr_name, ifname, strlen(ifname) + 1);
    if (ioctl(fd, TUNSETIFF, &request) == 0)
        return fd;
    attach_failed(kind->prefix, ifname, error);
    close(fd);
    return -1;
}

/* Asks for the MTU and brings the interface up, both in this namespace.  Not being allowed to is
 * no error: an administrator may have done it. */
static uint32_t mtu_of(const char *ifname)
{
    struct ifreq request = {0};
    memcpy(request.ifr_name, ifname, strlen(ifname) + 1);
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s < 0)
        return 0;
    uint32_t mtu = 0;
    if (ioctl(s, SIOCGIFMTU, &request) == 0 && request.ifr_mtu > 0)
        mtu = (uint32_t)request.ifr_mtu;
    if (ioctl(s, SIOCGIFFLAGS, &request) == 0 && !(request.ifr_flags & IFF_UP)) {
        request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
        (void)ioctl(s, SIOCSIFFLAGS, &request);
    }
    close(s);
    return mtu;
}

static bool tap_start(estab_device *d, struct estab_host_error *error)
{
    struct ifreq request = {0};
    short mode = d->kind->link == ESTAB_LINK_ETHERNET ? IFF_TAP : IFF_TUN;
    if (ioctl(d->fd, TUNGETIFF, &request) != 0 || !(request.ifr_flags & mode) ||
        !(request.ifr_flags & IFF_NO_PI)) {
        host_fail(error, ESTAB_HOST_USAGE, 0,
                  "%s: the descriptor is not one of " NODE " in this mode, with IFF_NO_PI",
                  d->name);
        return false;
    }
    if (!d->mtu)
        d->mtu = mtu_of(d->ifname);
    if (!d->mtu) {
        host_fail(error, ESTAB_HOST_NOT_FOUND, 0, "%s: its MTU is unknown", d->name);
        return false;
    }
    int header = sizeof(struct virtio_net_hdr);
    unsigned offloads = d->plain ? 0 : TUN_F_CSUM | TUN_F_TSO4;
    d->vnet = request.ifr_flags & IFF_VNET_HDR;
    if (d->vnet && (ioctl(d->fd, TUNSETVNETHDRSZ, &header) != 0 ||
                    ioctl(d->fd, TUNSETOFFLOAD, (unsigned long)offloads) != 0)) {
        host_fail(error, ESTAB_HOST_IO, errno, "%s: cannot set its offloads", d->name);
        return false;
    }
    return fcntl(d->fd, F_SETFL, fcntl(d->fd, F_GETFL) | O_NONBLOCK) == 0;
}

/* The kernel cuts a frame silently to the room it finds: one more byte of room tells. */
static bool receive_one(estab_device *d, struct estab_frame *frame)
{
    struct device_slot *slot = &d->slot[0];
    uint32_t room;
    uint8_t more;
    unsigned n = device_scatter(d, slot, frame, &room);
    slot->piece[n++] = (struct iovec){.iov_base = &more, .iov_len = 1};
    size_t header = d->vnet ? sizeof slot->vnet : 0;
    ssize_t got = readv(d->fd, slot->piece, (int)n);
    frame->length = 0;
    if (got < 0) {
        if (errno != EAGAIN && errno != EINTR)
            d->counters.last_error = errno;
        return false;
    }
    if ((size_t)got > header + room)
        d->counters.cut++;
    else if ((size_t)got > header)
        device_received(d, slot, frame, (uint32_t)((size_t)got - header));
    return true;
}

static size_t tap_receive(estab_device *d, struct estab_frame *in, size_t n)
{
    size_t got = 0;
    while (got < n && receive_one(d, &in[got]))
        got++;
    return got;
}

static size_t tap_send(estab_device *d, const struct estab_frame *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned pieces = device_gather(d, &d->slot[0], &out[i]);
        if (writev(d->fd, d->slot[0].piece, (int)pieces) >= 0) {
            d->counters.frames_out++;
            d->counters.bytes_out += out[i].length;
        } else if (errno == EAGAIN || errno == EINTR) {
            return i;
        } else {
            device_refused(d, errno);
        }
    }
    return n;
}

const struct device_kind device_tap = {
    .prefix = "tap:",
    .link = ESTAB_LINK_ETHERNET,
    .open = tap_open,
    .start = tap_start,
    .receive = tap_receive,
    .send = tap_send,
};

const struct device_kind device_tun = {
    .prefix = "tun:",
    .link = ESTAB_LINK_IP,
    .open = tap_open,
    .start = tap_start,
    .receive = tap_receive,
    .send = tap_send,
};
