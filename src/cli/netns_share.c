/* SPDX-License-Identifier: MIT */
/* netns_share.c - a namespace in the hands of several processes, its names, and its end. */
#include <arpa/inet.h>
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

/* ---- names --------------------------------------------------------------------------------------- */

static size_t put_names(const struct netns_name *names, unsigned n, char *out, size_t room)
{
    size_t used = 0;

    for (unsigned i = 0; i < n && used < room; i++) {
        char address[INET_ADDRSTRLEN];
        inet_ntop(AF_INET, names[i].address.b + 12, address, sizeof address);
        used += (size_t)snprintf(out + used, room - used, "%s %s\n", address, names[i].name);
    }
    return used < room ? used : room;
}

static bool is_ours(const char *word, size_t length, const struct netns_name *names, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (strlen(names[i].name) == length && memcmp(names[i].name, word, length) == 0)
            return true;
    return false;
}

/* Takes our names out of a line of the machine's own file, in place: a name that two lines have would
 * resolve to both.  Words are cut at blanks; a comment is words like any other. */
static void take_names_out(char *line, const struct netns_name *names, unsigned n)
{
    for (char *p = line; *p;) {
        size_t length = strcspn(p, " \t");
        if (length == 0) {
            p++;
            continue;
        }
        if (p != line && is_ours(p, length, names, n))
            memset(p, ' ', length);
        p += length;
    }
}

static size_t put_file(const struct netns_name *names, unsigned n, char *out, size_t room)
{
    FILE *from = fopen("/etc/hosts", "re");
    size_t used = 0;
    char line[1024];

    while (from && fgets(line, sizeof line, from)) {
        line[strcspn(line, "\n")] = '\0';
        take_names_out(line, names, n);
        if (used < room)
            used += (size_t)snprintf(out + used, room - used, "%s\n", line);
    }
    if (from)
        fclose(from);
    return used < room ? used : room;
}

/* Written over what was there, and cut then: who reads meanwhile finds old or new lines. */
bool netns_rename(struct netns *ns, const struct netns_name *names, unsigned n)
{
    int hosts = ns->fd[NETNS_FD_HOSTS];
    char *text = malloc(NETNS_HOSTS_MAX);
    size_t used;
    bool done;

    if (hosts < 0 || !text) {
        free(text);
        return false;
    }
    used = put_names(names, n, text, NETNS_HOSTS_MAX);
    used += put_file(names, n, text + used, NETNS_HOSTS_MAX - used);
    done = pwrite(hosts, text, used, 0) == (ssize_t)used && ftruncate(hosts, (off_t)used) == 0;
    free(text);
    return done;
}

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
