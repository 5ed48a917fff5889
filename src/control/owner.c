/* SPDX-License-Identifier: MIT */
/* owner.c - a walk through /proc/PID/fd, against rows in the order of their inodes. */
#include "control/owner.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct owners {
    struct control_row **by_inode;
    size_t n;
};

static int by_inode(const void *a, const void *b)
{
    const struct control_row *x = *(struct control_row *const *)a;
    const struct control_row *y = *(struct control_row *const *)b;

    return (x->inode > y->inode) - (x->inode < y->inode);
}

static void read_program(uint64_t pid, char program[CONTROL_WORD_MAX])
{
    char path[64];
    FILE *f;

    snprintf(path, sizeof path, "/proc/%" PRIu64 "/comm", pid);
    f = fopen(path, "re");
    if (!f || !fgets(program, CONTROL_WORD_MAX, f))
        program[0] = '\0';
    if (f)
        fclose(f);
    program[strcspn(program, "\n")] = '\0';
    for (char *p = program; *p; p++) /* anybody may call a program anything */
        *p = isprint((unsigned char)*p) ? *p : '?';
}

/* The same inode is in several rows only if the same namespace was listed twice. */
static void found(const struct owners *o, uint64_t inode, uint64_t pid)
{
    struct control_row key = {.inode = inode}, *at = &key;
    struct control_row **row = bsearch(&at, o->by_inode, o->n, sizeof *o->by_inode, by_inode);

    if (!row || (*row)->pid != CONTROL_UNKNOWN)
        return;
    (*row)->pid = pid;
    read_program(pid, (*row)->program);
}

static void walk_process(const struct owners *o, uint64_t pid)
{
    char path[64], link[64];
    struct dirent *entry;
    uint64_t inode;
    ssize_t n;
    DIR *dir;

    snprintf(path, sizeof path, "/proc/%" PRIu64 "/fd", pid);
    dir = opendir(path);
    while (dir && (entry = readdir(dir))) {
        n = readlinkat(dirfd(dir), entry->d_name, link, sizeof link - 1);
        link[n > 0 ? n : 0] = '\0';
        if (sscanf(link, "socket:[%" SCNu64 "]", &inode) == 1)
            found(o, inode, pid);
    }
    if (dir)
        closedir(dir);
}

static void walk(const struct owners *o)
{
    DIR *dir = opendir("/proc");
    struct dirent *entry;

    while (dir && (entry = readdir(dir)))
        if (isdigit((unsigned char)entry->d_name[0]))
            walk_process(o, strtoull(entry->d_name, NULL, 10));
    if (dir)
        closedir(dir);
}

void owner_find(struct control_row *rows, size_t n)
{
    struct owners o = {.by_inode = calloc(n ? n : 1, sizeof(struct control_row *))};

    for (size_t i = 0; o.by_inode && i < n; i++)
        if (rows[i].kernel && rows[i].inode != CONTROL_UNKNOWN)
            o.by_inode[o.n++] = &rows[i];
    if (o.n > 0) {
        qsort(o.by_inode, o.n, sizeof *o.by_inode, by_inode);
        walk(&o);
    }
    free(o.by_inode);
}
