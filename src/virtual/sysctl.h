/* SPDX-License-Identifier: MIT */
/*
 * sysctl.h - Linux's settings, as our configuration.
 *
 * sysctl.def tells which of them have a counterpart here.  Names are those of sysctl(8),
 * "net.ipv4.tcp_timestamps"; values are what /proc/sys has.
 */
#ifndef VIRTUAL_SYSCTL_H
#define VIRTUAL_SYSCTL_H

#include "estab_posix.h"

/* What they set. */
struct sysctl_target {
    struct estab_config *stack;
    struct estab_posix_config *posix;
};

enum sysctl_result {
    SYSCTL_SET,
    SYSCTL_NO_MATTER, /* what it decides cannot be seen */
    SYSCTL_UNHEEDED,  /* there is no counterpart, or not with this value */
    SYSCTL_WRONG,     /* that is no value of it */
};

enum sysctl_result sysctl_set(const struct sysctl_target *, const char *name, const char *value);

/* Reads those that have a counterpart from a tree such as /proc/sys; files that are not there, or
 * have no such value, leave things as they are.  False and errno: there is no such tree. */
bool sysctl_read(const struct sysctl_target *, const char *tree);

/* What packetdrill's scripts expect before any sysctl: Linux's values, room for many windows of fifteen
 * megabytes, and secrets that are none, so that each run is the same. */
void sysctl_defaults(const struct sysctl_target *);

#endif
