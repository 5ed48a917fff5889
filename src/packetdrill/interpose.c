/* SPDX-License-Identifier: MIT */
/*
 * interpose.c - what packetdrill asks the kernel although the stack is ours.
 *
 * With LD_PRELOAD these stand before libc's.  Descriptors that are not ours, and processes without an
 * adapter (packetdrill's shells), get what the kernel says.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/times.h>

#include "packetdrill/adapter.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT int getsockopt(int fd, int level, int option, void *restrict value, socklen_t *restrict n);
EXPORT int close(int fd);
EXPORT clock_t times(struct tms *buffer);
EXPORT int mlockall(int flags);

/* %{ }% reads TCP_INFO, TCP_CC_INFO and SO_MEMINFO. */
int getsockopt(int fd, int level, int option, void *restrict value, socklen_t *restrict n)
{
    const struct adapter *a = adapter_current;

    if (a && adapter_owns(a, fd))
        return estab_posix_getsockopt(a->virtual.posix, fd, level, option, value, n);
    return (int)syscall(SYS_getsockopt, fd, level, option, value, n);
}

/* At the end packetdrill closes what the script left open. */
int close(int fd)
{
    const struct adapter *a = adapter_current;

    if (a && adapter_owns(a, fd))
        return estab_posix_close(a->virtual.posix, fd);
    return (int)syscall(SYS_close, fd);
}

/* packetdrill looks until this has changed ten times: a tenth of a second. */
clock_t times(struct tms *buffer)
{
    struct adapter *a = adapter_current;

    if (a && !buffer)
        return ++a->ticks;
    return (clock_t)syscall(SYS_times, buffer);
}

/* For exact times, which virtual ones are by themselves; a user's limit would not allow it. */
int mlockall(int flags)
{
    (void)flags;
    return 0;
}
