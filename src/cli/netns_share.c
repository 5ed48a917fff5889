/* SPDX-License-Identifier: MIT */
/* netns_share.c - a namespace in the hands of several processes, and its end. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/netns_parts.h"
#include "device/error.h"

/* ---- sharing -------------------------------------------------------------------------------------- */

bool netns_share(const struct netns *ns, int to)
{
    struct netns_built built = {0};

    memcpy(built.fd, ns->fd, sizeof built.fd);
    built.fd[NETNS_FD_DEVICE] = -1;
    built.fd[NETNS_FD_HOSTS] = -1;
    memcpy(built.note, ns->note, sizeof built.note);
    return netns_bring(to, &built);
}

struct netns *netns_adopt(int from, struct estab_host_error *error)
{
    struct netns_built built;
    struct netns *ns = calloc(1, sizeof *ns);

    memset(&built, 0xff, sizeof built); /* no descriptors: -1 */
    if (ns && netns_take(from, &built) && built.fd[NETNS_FD_NET] >= 0) {
        memcpy(ns->fd, built.fd, sizeof ns->fd);
        built.note[sizeof built.note - 1] = '\0';
        memcpy(ns->note, built.note, sizeof ns->note);
        ns->options.terminal = true;
        return ns;
    }
    host_fail(error, ESTAB_HOST_IO, 0, "the host has ended, or gives its namespace to nobody");
    free(ns);
    return NULL;
}

/* ---- the end ----------------------------------------------------------------------------------------- */

static bool is_inside(const char *process, const struct stat *net)
{
    char path[64];
    struct stat st;

    snprintf(path, sizeof path, "/proc/%.20s/ns/net", process);
    return stat(path, &st) == 0 && st.st_ino == net->st_ino && st.st_dev == net->st_dev;
}

/* Until nobody is left: who is killed may just have made a child. */
void netns_clear(const struct netns *ns)
{
    struct stat net;
    bool any = fstat(ns->fd[NETNS_FD_NET], &net) == 0;

    for (unsigned round = 0; any && round < 8; round++) {
        DIR *processes = opendir("/proc");
        struct dirent *entry;
        any = false;
        while (processes && (entry = readdir(processes))) {
            if (!isdigit((unsigned char)entry->d_name[0]) || !is_inside(entry->d_name, &net))
                continue;
            any = kill((pid_t)strtol(entry->d_name, NULL, 10), SIGKILL) == 0 || any;
        }
        if (processes)
            closedir(processes);
    }
}
