/* SPDX-License-Identifier: MIT */
/* process.c - a walk through /proc. */
#include "wire/process.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE 512 /* bytes of one that are looked at */

static bool is_called_hub(const char *pid)
{
    char path[64], name[32] = "";
    FILE *f;

    snprintf(path, sizeof path, "/proc/%.10s/comm", pid);
    f = fopen(path, "re");
    if (!f)
        return false;
    if (!fgets(name, sizeof name, f))
        name[0] = '\0';
    fclose(f);
    name[strcspn(name, "\n")] = '\0';
    return strcmp(name, PROCESS_HUB) == 0;
}

static bool has_place(const char *pid, int place)
{
    char path[64];
    struct stat its, ours;

    snprintf(path, sizeof path, "/proc/%.10s/fd/%d", pid, PROCESS_PLACE);
    return stat(path, &its) == 0 && fstat(place, &ours) == 0 && its.st_ino == ours.st_ino &&
           its.st_dev == ours.st_dev;
}

/* The number of the socket that it listens on; 0. */
static unsigned long listener_of(const char *pid)
{
    char path[64], link[64] = "";
    unsigned long inode = 0;

    snprintf(path, sizeof path, "/proc/%.10s/fd/%d", pid, PROCESS_LISTENER);
    if (readlink(path, link, sizeof link - 1) > 0)
        (void)!sscanf(link, "socket:[%lu]", &inode);
    return inode;
}

/* A line of unix(5): Num RefCount Protocol Flags Type St Inode Path; ours ends in "/FILE". */
static bool is_bound_to(char *line, unsigned long inode, const char *file)
{
    unsigned long number = 0;
    int at = 0;
    char *name;

    line[strcspn(line, "\n")] = '\0';
    if (sscanf(line, "%*s %*s %*s %*s %*s %*s %lu %n", &number, &at) != 1 || at == 0)
        return false;
    name = strrchr(line + at, '/');
    return number == inode && name && strcmp(name + 1, file) == 0;
}

static bool listens_on(const char *pid, const char *file)
{
    unsigned long inode = listener_of(pid);
    char path[64], line[LINE];
    bool found = false;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%.10s/net/unix", pid);
    f = inode ? fopen(path, "re") : NULL;
    while (f && !found && fgets(line, sizeof line, f))
        found = is_bound_to(line, inode, file);
    if (f)
        fclose(f);
    return found;
}

pid_t process_of_hub(int place, const char *file)
{
    DIR *all = opendir("/proc");
    struct dirent *entry;
    pid_t found = 0;

    while (all && !found && (entry = readdir(all))) {
        const char *pid = entry->d_name;
        if (pid[0] >= '1' && pid[0] <= '9' && is_called_hub(pid) && has_place(pid, place) &&
            listens_on(pid, file))
            found = (pid_t)atoi(pid);
    }
    if (all)
        closedir(all);
    return found;
}
