/* SPDX-License-Identifier: MIT */
/*
 * sockets.c - a name for each process.
 *
 * A socket is bound under a name that begins with '.' and renamed once it listens, so that a socket
 * which refuses under its own name is dead for certain, and not just being made.
 */
#include "control/sockets.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "device/error.h"
#include "device/runtime.h"

#define BACKLOG    16
#define NUMBER_MAX 999 /* sockets of one process */

_Static_assert(RUNTIME_PATH_MAX - 1 + sizeof "/.4294967295-999" <=
                   sizeof(((struct sockaddr_un *)0)->sun_path),
               "every name fits");

/* ---- names ------------------------------------------------------------------------------------------- */

static struct sockaddr_un address_of(const char *folder, const struct socket_name *name,
                                     const char *before)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    snprintf(a.sun_path, sizeof a.sun_path, "%s/%s%u-%u", folder, before, name->pid,
             name->number % (NUMBER_MAX + 1));
    return a;
}

/* "123-0", or ".123-0" of a socket that is being made; false for anything else. */
static bool name_of(const char *text, struct socket_name *name, bool *made)
{
    char again[32];

    *made = text[0] != '.';
    if (sscanf(text + !*made, "%9u-%3u", &name->pid, &name->number) != 2)
        return false;
    snprintf(again, sizeof again, "%u-%u", name->pid, name->number);
    return strcmp(again, text + !*made) == 0;
}

static int by_name(const void *a, const void *b)
{
    const struct socket_name *x = a, *y = b;

    if (x->pid != y->pid)
        return x->pid < y->pid ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

/* A process that was killed between two calls has left its socket under its first name. */
static void remove_unmade(const char *folder, const struct socket_name *name)
{
    struct sockaddr_un a = address_of(folder, name, ".");

    if (kill((pid_t)name->pid, 0) != 0 && errno == ESRCH)
        unlink(a.sun_path);
}

size_t sockets_list(const char *folder, struct socket_name out[CONTROL_SOCKETS_MAX])
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    struct socket_name name;
    size_t n = 0;
    bool made;

    while (dir && n < CONTROL_SOCKETS_MAX && (entry = readdir(dir))) {
        if (!name_of(entry->d_name, &name, &made))
            continue;
        if (made)
            out[n++] = name;
        else
            remove_unmade(folder, &name);
    }
    if (dir)
        closedir(dir);
    qsort(out, n, sizeof *out, by_name);
    return n;
}

/* ---- sockets ----------------------------------------------------------------------------------------- */

void sockets_remove(const char *folder, const struct socket_name *name)
{
    struct sockaddr_un a = address_of(folder, name, "");
    unlink(a.sun_path);
}

int sockets_connect(const char *folder, const struct socket_name *name)
{
    struct sockaddr_un a = address_of(folder, name, "");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), number;

    if (fd < 0 || connect(fd, (const struct sockaddr *)&a, sizeof a) == 0)
        return fd;
    number = errno;
    close(fd);
    if (number == ECONNREFUSED)
        unlink(a.sun_path);
    errno = number;
    return -1;
}

void sockets_sweep(const char *folder)
{
    struct socket_name names[CONTROL_SOCKETS_MAX];
    size_t n = sockets_list(folder, names);

    for (size_t i = 0; i < n; i++) {
        int fd = sockets_connect(folder, &names[i]);
        if (fd >= 0)
            close(fd);
    }
}

/* The first number that is free: only this process takes names with its pid. */
static bool bind_free(const char *folder, int fd, struct socket_name *name)
{
    struct sockaddr_un first, last;

    for (name->number = 0; name->number <= NUMBER_MAX; name->number++) {
        first = address_of(folder, name, ".");
        last = address_of(folder, name, "");
        if (access(last.sun_path, F_OK) == 0)
            continue;
        if (bind(fd, (const struct sockaddr *)&first, sizeof first) != 0) {
            if (errno == EADDRINUSE)
                continue;
            return false;
        }
        if (listen(fd, BACKLOG) == 0 && rename(first.sun_path, last.sun_path) == 0)
            return true;
        unlink(first.sun_path);
        return false;
    }
    errno = EADDRINUSE;
    return false;
}

int sockets_listen(const char *folder, struct socket_name *name, struct estab_host_error *error)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    *name = (struct socket_name){.pid = (uint32_t)getpid()};
    if (fd >= 0 && bind_free(folder, fd, name))
        return fd;
    host_fail(error, ESTAB_HOST_IO, errno, "no control socket can be made in %s", folder);
    if (fd >= 0)
        close(fd);
    return -1;
}
