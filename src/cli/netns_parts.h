/* SPDX-License-Identifier: MIT */
/* netns_parts.h - what the files of netns share. */
#ifndef CLI_NETNS_PARTS_H
#define CLI_NETNS_PARTS_H

#include "cli/netns_build.h"

#define NETNS_HOSTS_MAX 65536 /* bytes of a hosts file */

struct netns {
    struct netns_options options;
    int fd[NETNS_FDS];
    char note[256];
    pid_t child[NETNS_CHILDREN_MAX]; /* 0: free */
};

/* Makes a mount namespace in which the names resolve, and what their file is; false with errno. */
bool netns_names(const struct netns_options *, int *hosts);

/* Sends *built with its descriptors; in the message fd[i] is not a number, but -1 or "one follows". */
bool netns_bring(int to, struct netns_built *built);
bool netns_take(int from, struct netns_built *built);

#endif
