/* SPDX-License-Identifier: MIT */
/*
 * flags.h - the text of --so_flags: NAME=VALUE, separated by commas.
 *
 *      local=192.168.0.1    the stack's address, --local_ip of packetdrill
 *      prefix=16            of its network (64 for IPv6)
 *      mtu=1500             of its link (1520 for IPv6)
 *      mss=1000             inbound packets with more text count as several segments of so much
 *      sysctls=/proc/sys    where sysctls are read when the first socket is made
 *      net.ipv4.NAME=VALUE  a sysctl; those of the tree come later and win
 *
 * docs/conformance.md describes them to users.
 */
#ifndef PACKETDRILL_FLAGS_H
#define PACKETDRILL_FLAGS_H

#include "virtual/stack.h"
#include "virtual/sysctl.h"

struct flags {
    struct virtual_link link;
    uint32_t mss; /* 0: packets are as they are */
    char sysctls[4096]; /* empty: none are read */
    bool prefix_set, mtu_set;
    struct estab_config stack;
    struct estab_posix_config posix;
};

/* `text` may be NULL.  False: `error` says what was expected. */
bool flags_read(struct flags *, const char *text, char *error, size_t size);

#endif
