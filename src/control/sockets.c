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

/* ---- names ------------------------------------------------------------------------------------------- */

static void file_of(const struct socket_name *name, const char *before, char out[RUNTIME_FILE_MAX])
{
    snprintf(out, RUNTIME_FILE_MAX, "%s%u-%u", before, name->pid, name->number % (NUMBER_MAX + 1));
}

/* "123-0"; false for anything else. */
static bool name_of(const char *text, struct socket_name *name)
{
    char again[RUNTIME_FILE_MAX];

    if (sscanf(text, "%9u-%3u", &name->pid, &name->number) != 2)
        return false;
    file_of(name, "", again);
    return strcmp(again, text) == 0;
}

static int by_name(const void *a, const void *b)
{
    const struct socket_name *x = a, *y = b;

    if (x->pid != y->pid)
        return x->pid < y->pid ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

size_t sockets_list(int place, struct socket_name out[CONTROL_SOCKETS_MAX])
{
    int fd = openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    size_t n = 0;

    while (folder && n < CONTROL_SOCKETS_MAX && (entry = readdir(folder)))
        n += name_of(entry->d_name, &out[n]);
    if (folder)
        closedir(folder);
    qsort(out, n, sizeof *out, by_name);
    return n;
}

/* ---- sockets ----------------------------------------------------------------------------------------- */

void sockets_remove(int place, const struct socket_name *name)
{
    char file[RUNTIME_FILE_MAX];

    file_of(name, "", file);
    (void)unlinkat(place, file, 0);
}

int sockets_connect(int place, const struct socket_name *name)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), number;
    char file[RUNTIME_FILE_MAX];
    struct sockaddr_un a;

    file_of(name, "", file);
    a = runtime_address(place, file);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&a, sizeof a) == 0)
        return fd;
    number = errno;
    close(fd);
    if (number == ECONNREFUSED)
        (void)unlinkat(place, file, 0);
    errno = number;
    return -1;
}

/* False: it cannot be, or, with EADDRINUSE, that name is taken. */
static bool bind_as(int place, int fd, const struct socket_name *name)
{
    char first[RUNTIME_FILE_MAX], last[RUNTIME_FILE_MAX];
    struct sockaddr_un a;
    int number;

    file_of(name, ".", first);
    file_of(name, "", last);
    errno = EADDRINUSE;
    if (faccessat(place, last, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return false;
    a = runtime_address(place, first);
    if (bind(fd, (const struct sockaddr *)&a, sizeof a) != 0)
        return false;
    if (listen(fd, BACKLOG) == 0 && renameat(place, first, place, last) == 0)
        return true;
    number = errno == EADDRINUSE ? EIO : errno;
    (void)unlinkat(place, first, 0);
    errno = number;
    return false;
}

/* The first number that is free: only this process takes names with its pid. */
static bool bind_free(int place, int fd, struct socket_name *name)
{
    for (name->number = 0; name->number <= NUMBER_MAX; name->number++) {
        if (bind_as(place, fd, name))
            return true;
        if (errno != EADDRINUSE)
            return false;
    }
    return false;
}

int sockets_listen(int place, struct socket_name *name, struct estab_host_error *error)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    *name = (struct socket_name){.pid = (uint32_t)getpid()};
    if (fd >= 0 && bind_free(place, fd, name))
        return fd;
    host_fail(error, ESTAB_HOST_IO, errno, "no control socket can be made");
    if (fd >= 0)
        close(fd);
    return -1;
}
