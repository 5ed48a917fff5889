/* SPDX-License-Identifier: MIT */
/*
 * rtnl.c - a request is a header and attributes, some of them nested; the kernel answers each with
 * an NLMSG_ERROR, whose error is 0 if all went well (RFC 3549 section 2.3.2.2).
 */
#include "cli/rtnl.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "packet/address.h"

struct request {
    struct nlmsghdr header;
    uint8_t body[1024];
};

static void begin(struct request *r, uint16_t type, uint16_t flags)
{
    memset(r, 0, sizeof *r);
    r->header.nlmsg_type = type;
    r->header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
    r->header.nlmsg_len = NLMSG_HDRLEN;
}

/* Requests are of our own making and short: what would not fit is a bug. */
static void *append(struct request *r, size_t size)
{
    size_t at = NLMSG_ALIGN(r->header.nlmsg_len);
    if (at + NLMSG_ALIGN(size) > sizeof *r)
        __builtin_trap();
    r->header.nlmsg_len = (uint32_t)(at + size);
    return (uint8_t *)r + at;
}

static struct rtattr *attribute(struct request *r, uint16_t type, const void *data, size_t size)
{
    struct rtattr *a = append(r, RTA_LENGTH(size));
    a->rta_type = type;
    a->rta_len = (uint16_t)RTA_LENGTH(size);
    if (size)
        memcpy(RTA_DATA(a), data, size);
    return a;
}

static void attribute_text(struct request *r, uint16_t type, const char *text)
{
    attribute(r, type, text, strlen(text) + 1);
}

static struct rtattr *nest(struct request *r, uint16_t type)
{
    return attribute(r, type, NULL, 0);
}

static void nest_end(struct request *r, struct rtattr *a)
{
    a->rta_len = (uint16_t)((uint8_t *)r + r->header.nlmsg_len - (uint8_t *)a);
}

static int ask(int rtnl, struct request *r)
{
    struct {
        struct nlmsghdr header;
        struct nlmsgerr error;
        uint8_t rest[2048]; /* of our own request, and the kernel's remarks */
    } answer;
    if (send(rtnl, r, r->header.nlmsg_len, 0) < 0)
        return errno;
    ssize_t got;
    do
        got = recv(rtnl, &answer, sizeof answer, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno;
    if ((size_t)got < NLMSG_LENGTH(sizeof answer.error) || answer.header.nlmsg_type != NLMSG_ERROR)
        return EPROTO;
    return -answer.error.error;
}

static struct ifinfomsg *link_message(struct request *r, uint16_t flags, int index)
{
    begin(r, RTM_NEWLINK, flags);
    struct ifinfomsg *info = append(r, sizeof *info);
    info->ifi_index = index;
    return info;
}

int rtnl_open(void)
{
    return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
}

int rtnl_veth(int rtnl, const char *name, const char *peer, uint32_t mtu)
{
    struct request r;
    link_message(&r, NLM_F_CREATE | NLM_F_EXCL, 0);
    attribute_text(&r, IFLA_IFNAME, name);
    attribute(&r, IFLA_MTU, &mtu, sizeof mtu);
    struct rtattr *info = nest(&r, IFLA_LINKINFO);
    attribute_text(&r, IFLA_INFO_KIND, "veth");
    struct rtattr *data = nest(&r, IFLA_INFO_DATA);
    struct rtattr *other = nest(&r, VETH_INFO_PEER);
    append(&r, sizeof(struct ifinfomsg));
    attribute_text(&r, IFLA_IFNAME, peer);
    attribute(&r, IFLA_MTU, &mtu, sizeof mtu);
    nest_end(&r, other);
    nest_end(&r, data);
    nest_end(&r, info);
    return ask(rtnl, &r);
}

/* The name as an attribute instead of an index needs Linux 5.5 or so; the index works everywhere. */
static int index_of(const char *name)
{
    return (int)if_nametoindex(name);
}

int rtnl_mtu(int rtnl, const char *name, uint32_t mtu)
{
    struct request r;
    link_message(&r, 0, index_of(name));
    attribute(&r, IFLA_MTU, &mtu, sizeof mtu);
    return ask(rtnl, &r);
}

int rtnl_up(int rtnl, const char *name, bool arp)
{
    struct request r;
    struct ifinfomsg *info = link_message(&r, 0, index_of(name));
    info->ifi_change = IFF_UP | (arp ? 0 : IFF_NOARP);
    info->ifi_flags = info->ifi_change;
    return ask(rtnl, &r);
}

static bool operates(struct nlmsghdr *link)
{
    struct ifinfomsg *info = NLMSG_DATA(link);
    unsigned left = (unsigned)IFLA_PAYLOAD(link);
    for (struct rtattr *a = IFLA_RTA(info); RTA_OK(a, left); a = RTA_NEXT(a, left))
        if (a->rta_type == IFLA_OPERSTATE)
            return *(uint8_t *)RTA_DATA(a) == 6; /* RFC 2863: IF_OPER_UP */
    return false;
}

/* The answer is the link, then the acknowledgment.  IFF_RUNNING would not do: it is set as well
 * while the state is still unknown. */
static bool is_up(int rtnl, const char *name)
{
    struct request r;
    union {
        struct nlmsghdr header;
        uint8_t bytes[16384];
    } answer;
    begin(&r, RTM_GETLINK, 0);
    struct ifinfomsg *info = append(&r, sizeof *info);
    info->ifi_index = index_of(name);
    if (send(rtnl, &r, r.header.nlmsg_len, 0) < 0)
        return false;
    bool up = false;
    do {
        ssize_t got = recv(rtnl, &answer, sizeof answer, 0);
        if (got < 0 || !NLMSG_OK(&answer.header, (size_t)got))
            return false;
        if (answer.header.nlmsg_type == RTM_NEWLINK)
            up = operates(&answer.header);
    } while (answer.header.nlmsg_type != NLMSG_ERROR);
    return up;
}

int rtnl_await(int rtnl, const char *name)
{
    struct timespec pause = {.tv_nsec = 1000 * 1000};
    for (unsigned i = 0; i < 2000; i++) {
        if (is_up(rtnl, name))
            return 0;
        (void)nanosleep(&pause, NULL);
    }
    return ETIMEDOUT;
}

int rtnl_no_autoconf(int rtnl, const char *name)
{
    struct request r;
    uint8_t mode = IN6_ADDR_GEN_MODE_NONE;
    link_message(&r, 0, index_of(name));
    struct rtattr *families = nest(&r, IFLA_AF_SPEC);
    struct rtattr *inet6 = nest(&r, AF_INET6);
    attribute(&r, IFLA_INET6_ADDR_GEN_MODE, &mode, sizeof mode);
    nest_end(&r, inet6);
    nest_end(&r, families);
    return ask(rtnl, &r);
}

int rtnl_address(int rtnl, const char *name, struct estab_addr address, uint8_t prefix_length)
{
    bool six = !addr_is_ipv4(&address);
    struct request r;
    begin(&r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
    struct ifaddrmsg *info = append(&r, sizeof *info);
    info->ifa_family = six ? AF_INET6 : AF_INET;
    info->ifa_flags = six ? IFA_F_NODAD : 0; /* nobody else is there */
    info->ifa_prefixlen = prefix_length;
    info->ifa_index = (uint32_t)index_of(name);
    attribute(&r, IFA_LOCAL, six ? address.b : address.b + 12, six ? 16 : 4);
    attribute(&r, IFA_ADDRESS, six ? address.b : address.b + 12, six ? 16 : 4);
    return ask(rtnl, &r);
}

/* Checksums first: without them the kernel cannot segment in the device, and says no to both. */
int rtnl_plain(const char *name)
{
    static const uint32_t commands[] = {ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO};
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s < 0)
        return errno;
    int error = 0;
    for (unsigned i = 0; i < sizeof commands / sizeof *commands && !error; i++) {
        struct ethtool_value off = {.cmd = commands[i], .data = 0};
        struct ifreq request = {.ifr_data = (char *)&off};
        strncpy(request.ifr_name, name, IFNAMSIZ - 1);
        if (ioctl(s, SIOCETHTOOL, &request) != 0 && errno != EOPNOTSUPP)
            error = errno;
    }
    close(s);
    return error;
}
