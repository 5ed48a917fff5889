/* SPDX-License-Identifier: MIT */
/* runtime.c - one directory, chosen and judged. */
#include "device/runtime.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device/error.h"

/* Our number as it is outside of the user namespace that we may be root of: a program of
 * `estab host` is to find the same directory as the terminal beside it. */
static unsigned outer_uid(void)
{
    unsigned inside, outside, count, uid = geteuid();
    FILE *f = fopen("/proc/self/uid_map", "re");

    while (f && fscanf(f, "%u %u %u", &inside, &outside, &count) == 3)
        if (uid >= inside && uid - inside < count) {
            uid = outside + (uid - inside);
            break;
        }
    if (f)
        fclose(f);
    return uid;
}

static bool ours(const char *path, mode_t forbidden)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
           !(st.st_mode & forbidden);
}

/* XDG_RUNTIME_DIR of somebody else is what `su` leaves behind. */
static bool choose(char path[RUNTIME_PATH_MAX], struct estab_host_error *error)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR"), *temporary = getenv("TMPDIR");
    int n;

    if (runtime && runtime[0] == '/' && ours(runtime, 0))
        n = snprintf(path, RUNTIME_PATH_MAX, "%s/estab", runtime);
    else
        n = snprintf(path, RUNTIME_PATH_MAX, "%s/estab-%u",
                     temporary && temporary[0] == '/' ? temporary : "/tmp", outer_uid());
    if (n > 0 && (size_t)n < RUNTIME_PATH_MAX)
        return true;
    host_fail(error, ESTAB_HOST_USAGE, 0,
              "the directory for sockets would have a path of more than %d bytes: expected a shorter "
              "XDG_RUNTIME_DIR or TMPDIR",
              RUNTIME_PATH_MAX - 1);
    return false;
}

bool runtime_find(char path[RUNTIME_PATH_MAX], bool make, bool *there,
                  struct estab_host_error *error)
{
    struct stat st;

    *there = false;
    if (!choose(path, error))
        return false;
    if (make && mkdir(path, 0700) != 0 && errno != EEXIST) {
        host_fail(error, errno == EACCES ? ESTAB_HOST_PERMISSION : ESTAB_HOST_IO, errno,
                  "the directory %s cannot be made", path);
        return false;
    }
    if (!make && lstat(path, &st) != 0 && errno == ENOENT)
        return true;
    *there = ours(path, 077);
    if (!*there)
        host_fail(error, ESTAB_HOST_PERMISSION, 0,
                  "%s is not safe: expected a directory of our own with mode 0700; remove it, or "
                  "set XDG_RUNTIME_DIR to one",
                  path);
    return *there;
}
