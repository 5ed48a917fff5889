/* SPDX-License-Identifier: MIT */
/*
 * netns_why.c - who forbade the namespace, and the one line that would allow it.
 *
 * The kernel only says EPERM, ENOSPC or EACCES.  Distributions and containers have four locks; each
 * can be looked at.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/netns_build.h"
#include "device/error.h"

#define ROOT ", or run as root"

/* The number in a file, -1 if there is none. */
static long number_in(const char *path)
{
    char text[32] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    char *end;
    long number = strtol(text, &end, 10);
    return n > 0 && end != text ? number : -1;
}

static bool seccomp_filters(void)
{
    char text[4096] = "";
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    const char *line = n > 0 ? strstr(text, "\nSeccomp:") : NULL;
    return line && strtol(line + strlen("\nSeccomp:"), NULL, 10) == 2;
}

static const char *remedy(int number)
{
    if (number == EINVAL)
        return "this kernel has no user namespaces (CONFIG_USER_NS); run as root";
    if (number == ENOSYS)
        return "this kernel has no namespaces; there is no remedy but another kernel";
    if (number_in("/proc/sys/user/max_user_namespaces") == 0)
        return "an administrator allows it with: sysctl -w user.max_user_namespaces=15000" ROOT;
    if (number_in("/proc/sys/user/max_net_namespaces") == 0)
        return "an administrator allows it with: sysctl -w user.max_net_namespaces=15000";
    if (number == ENOSPC || number == EUSERS)
        return "there are too many namespaces already, or nested too deep; see "
               "/proc/sys/user/max_user_namespaces and max_net_namespaces";
    if (number_in("/proc/sys/kernel/unprivileged_userns_clone") == 0)
        return "an administrator allows it with: sysctl -w "
               "kernel.unprivileged_userns_clone=1" ROOT;
    if (number_in("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") > 0)
        return "AppArmor forbids it; an administrator allows it with: sysctl -w "
               "kernel.apparmor_restrict_unprivileged_userns=0" ROOT;
    if (seccomp_filters())
        return "a seccomp filter forbids it, as in a container; start the container with: "
               "--security-opt seccomp=unconfined --cap-add NET_ADMIN --cap-add SYS_ADMIN";
    if (geteuid() == 0)
        return "this root lacks CAP_SYS_ADMIN, as in a container; start it with: "
               "--cap-add NET_ADMIN --cap-add SYS_ADMIN";
    return "inside a chroot the kernel forbids it; elsewhere a security module may; run as root";
}

void netns_why(struct estab_host_error *error, int number, const char *what)
{
    bool denied = number == EPERM || number == EACCES || number == ENOSPC || number == EUSERS ||
                  number == ENOSYS || number == EINVAL;
    if (denied)
        host_fail(error, ESTAB_HOST_PERMISSION, 0, "%s: %s; %s", what, strerror(number),
                  remedy(number));
    else
        host_fail(error, ESTAB_HOST_IO, number, "%s", what);
}
