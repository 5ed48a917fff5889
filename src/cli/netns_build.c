/* SPDX-License-Identifier: MIT */
/*
 * netns_build.c - makes the namespaces, the interfaces and the names, from inside.
 *
 * Whoever may make a network namespace outright (root) does so; anybody else becomes root of a user
 * namespace first.  The order matters: a user namespace owns those that are made after it.
 *
 * The wire is to be quiet: what crosses it is what our stack and the kernel's TCP say, and their
 * ARP.  So IPv6 is off on both ends (not on lo, where programs may want it), unless the kernel is to have
 * an IPv6 address, and the kernel answers no ARP on our end.
 */
#include "cli/netns_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/diag.h"
#include "cli/rtnl.h"
#include "device/error.h"
#include "packet/address.h"

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool done = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    int number = errno;
    close(fd);
    errno = number;
    return done;
}

/* ---- namespaces ------------------------------------------------------------------------------- */

/* Inside, we are root; a gid may be mapped only by those who gave up setgroups(2). */
static bool map_ids(uid_t uid, gid_t gid)
{
    char users[32], groups[32];
    snprintf(users, sizeof users, "0 %u 1", (unsigned)uid);
    snprintf(groups, sizeof groups, "0 %u 1", (unsigned)gid);
    return write_file("/proc/self/setgroups", "deny") && write_file("/proc/self/uid_map", users) &&
           write_file("/proc/self/gid_map", groups);
}

static bool enter(struct netns_built *out)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    if (unshare(CLONE_NEWNET) == 0)
        return true;
    if (unshare(CLONE_NEWUSER) != 0) {
        netns_why(&out->error, errno, "no user namespace can be made");
        return false;
    }
    if (!map_ids(uid, gid)) {
        netns_why(&out->error, errno, "a user namespace can be made, but not used");
        return false;
    }
    out->fd[NETNS_FD_USER] = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
    if (unshare(CLONE_NEWNET) == 0)
        return true;
    netns_why(&out->error, errno, "no network namespace can be made");
    return false;
}

/* ---- names -------------------------------------------------------------------------------------- */

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* What fails here costs the names and nothing else. */
static void resolve(const struct netns_options *o, struct netns_built *out)
{
    if (netns_names(o, &out->fd[NETNS_FD_HOSTS])) {
        out->fd[NETNS_FD_MNT] = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
        out->fd[NETNS_FD_ROOT] = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (out->fd[NETNS_FD_MNT] >= 0 && out->fd[NETNS_FD_ROOT] >= 0)
            return;
    }
    snprintf(out->note, sizeof out->note,
             "names do not resolve in the namespace, only addresses: no hosts file of our own can "
             "be put over /etc/hosts (%s)",
             strerror(errno));
    close_fd(&out->fd[NETNS_FD_MNT]);
    close_fd(&out->fd[NETNS_FD_ROOT]);
    close_fd(&out->fd[NETNS_FD_HOSTS]);
}

/* ---- interfaces --------------------------------------------------------------------------------- */

static void quiet(int rtnl, const char *name)
{
    char path[80];
    snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
    if (!write_file(path, "1"))
        (void)!rtnl_no_autoconf(rtnl, name);
}

static bool step(struct netns_built *out, int number, const char *what)
{
    if (number == EPERM || number == EACCES)
        netns_why(&out->error, number, what);
    else if (number)
        host_fail(&out->error, ESTAB_HOST_IO, number, "%s", what);
    return number == 0;
}

static bool build_veth(const struct netns_options *o, int rtnl, struct netns_built *out)
{
    const char *help = "a veth pair cannot be made (an administrator may need: modprobe veth)";
    if (!step(out, rtnl_veth(rtnl, NETNS_KERNEL_IF, NETNS_ESTAB_IF, o->mtu), help))
        return false;
    quiet(rtnl, NETNS_ESTAB_IF);
    if (!o->offload && !step(out, rtnl_plain(NETNS_KERNEL_IF), "offloads cannot be turned off"))
        return false;
    if (!step(out, rtnl_up(rtnl, NETNS_ESTAB_IF, false), "our end of the pair does not come up"))
        return false;
    out->fd[NETNS_FD_DEVICE] = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return step(out, out->fd[NETNS_FD_DEVICE] < 0 ? errno : 0, "no packet socket can be opened");
}

static int attach(int fd, bool tap)
{
    struct ifreq request = {.ifr_name = NETNS_KERNEL_IF};
    request.ifr_flags = (short)((tap ? IFF_TAP : IFF_TUN) | IFF_NO_PI | IFF_VNET_HDR);
    return ioctl(fd, TUNSETIFF, &request) == 0 ? 0 : errno;
}

static bool build_tap(const struct netns_options *o, int rtnl, struct netns_built *out)
{
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    out->fd[NETNS_FD_DEVICE] = fd;
    if (fd < 0) {
        bool denied = errno == EACCES || errno == EPERM;
        host_fail(&out->error, denied ? ESTAB_HOST_PERMISSION : ESTAB_HOST_NOT_FOUND, errno,
                  "cannot open /dev/net/tun; an administrator allows it with: %s",
                  denied ? "chmod 0666 /dev/net/tun" : "modprobe tun");
        return false;
    }
    return step(out, attach(fd, o->kind == NETNS_TAP), "a TAP device cannot be made") &&
           step(out, rtnl_mtu(rtnl, NETNS_KERNEL_IF, o->mtu), "its MTU cannot be set");
}

static bool build_interfaces(const struct netns_options *o, int rtnl, struct netns_built *out)
{
    bool veth = o->kind == NETNS_VETH;
    if (!step(out, rtnl_up(rtnl, "lo", true), "lo does not come up") ||
        !(veth ? build_veth(o, rtnl, out) : build_tap(o, rtnl, out)))
        return false;
    if (addr_is_ipv4(&o->kernel_address))
        quiet(rtnl, NETNS_KERNEL_IF);
    int up = rtnl_up(rtnl, NETNS_KERNEL_IF, true);
    up = up || !veth ? up : rtnl_await(rtnl, NETNS_KERNEL_IF);
    up = up || !veth ? up : rtnl_await(rtnl, NETNS_ESTAB_IF);
    return step(out, up, "the interfaces do not come up") &&
           step(out, rtnl_address(rtnl, NETNS_KERNEL_IF, o->kernel_address, o->prefix_length),
                "the kernel's end takes no address");
}

void netns_build(const struct netns_options *o, struct netns_built *out)
{
    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < NETNS_FDS; i++)
        out->fd[i] = -1;
    if (!enter(out))
        return;
    resolve(o, out);
    int rtnl = rtnl_open();
    bool built = step(out, rtnl < 0 ? errno : 0, "no rtnetlink socket can be opened") &&
                 build_interfaces(o, rtnl, out);
    close_fd(&rtnl);
    out->fd[NETNS_FD_DIAG] = diag_open();
    out->fd[NETNS_FD_NET] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (built)
        step(out, out->fd[NETNS_FD_NET] < 0 ? errno : 0, "cannot open /proc/self/ns/net");
}
