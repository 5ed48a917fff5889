/* SPDX-License-Identifier: MIT */
/*
 * sockets.h - control sockets in the private directory (device/runtime.h).
 *
 * A socket's name is PID-N: which process made it, and as its how many-th.  One on which nobody
 * listens any more is removed by whoever opens the directory.
 */
#ifndef CONTROL_SOCKETS_H
#define CONTROL_SOCKETS_H

#include <estab_host.h>

#define CONTROL_SOCKETS_MAX 256

struct socket_name {
    uint32_t pid, number;
};

/* A new socket that listens, and does not wait; its name in *name.  -1 with `error`. */
ESTAB_MUST_CHECK int sockets_listen(int place, struct socket_name *name, struct estab_host_error *);
void sockets_remove(int place, const struct socket_name *);
/* The names that are there, in order; how many. */
size_t sockets_list(int place, struct socket_name out[CONTROL_SOCKETS_MAX]);
/* A connection that does not wait.  -1 with errno; with ECONNREFUSED the process is gone, and its
 * socket is now, too. */
int sockets_connect(int place, const struct socket_name *);

#endif
