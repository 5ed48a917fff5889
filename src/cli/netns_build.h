/* SPDX-License-Identifier: MIT */
/*
 * netns_build.h - what the child does that makes a namespace, and what it brings back.
 */
#ifndef CLI_NETNS_BUILD_H
#define CLI_NETNS_BUILD_H

#include "cli/netns.h"

enum netns_fd {
    NETNS_FD_USER, /* only without root */
    NETNS_FD_NET,
    NETNS_FD_MNT,  /* with NETNS_FD_ROOT, unless there is a note */
    NETNS_FD_ROOT, /* our root directory, as it is in that mount namespace */
    NETNS_FD_DEVICE,
    NETNS_FD_DIAG,
    NETNS_FD_HOSTS, /* the file that is /etc/hosts in there */
    NETNS_FDS,
};

struct netns_built {
    struct estab_host_error error;
    char note[256];    /* why names do not resolve, or "" */
    int fd[NETNS_FDS]; /* -1 where there is none */
};

/* Leaves the caller inside the new namespaces: for a child only. */
void netns_build(const struct netns_options *, struct netns_built *out);

/* Says what failed, and what would allow it. */
void netns_why(struct estab_host_error *error, int number, const char *what);

#endif
