/* SPDX-License-Identifier: MIT */
/*
 * rtnl.h - the few things that we ask of rtnetlink and ethtool: what `ip` and `ethtool` would do,
 * without needing these programs.
 *
 * All act in the network namespace in which the socket was opened, and return 0 or an errno.
 */
#ifndef CLI_RTNL_H
#define CLI_RTNL_H

#include <estab.h>

/* A socket for the calls below, or -1 with errno. */
int rtnl_open(void);

/* A veth pair, both ends down. */
ESTAB_MUST_CHECK int rtnl_veth(int rtnl, const char *name, const char *peer, uint32_t mtu);
ESTAB_MUST_CHECK int rtnl_mtu(int rtnl, const char *name, uint32_t mtu);
/* Up, with or without ARP of the kernel's. */
ESTAB_MUST_CHECK int rtnl_up(int rtnl, const char *name, bool arp);
/* Waits until a veth passes frames, which it does a moment after both its ends are up: until then
 * the kernel throws away what is sent, and reports success.  ETIMEDOUT after two seconds. */
ESTAB_MUST_CHECK int rtnl_await(int rtnl, const char *name);
/* No address that IPv6 makes up by itself. */
ESTAB_MUST_CHECK int rtnl_no_autoconf(int rtnl, const char *name);
/* An address of either family with its prefix. */
ESTAB_MUST_CHECK int rtnl_address(int rtnl, const char *name, struct estab_addr address,
                                  uint8_t prefix_length);
/* No offloads for what the kernel sends: `ethtool -K NAME tx off tso off gso off`. */
ESTAB_MUST_CHECK int rtnl_plain(const char *name);

#endif
