/* SPDX-License-Identifier: MIT */
/*
 * runtime.h - the private directory in which processes of one user find each other's sockets.
 *
 *      $XDG_RUNTIME_DIR/estab            if that directory is ours
 *      $TMPDIR/estab-UID, or /tmp's      else
 *
 * It is made with mode 0700.  One that belongs to somebody else, lets anybody else in, or is a
 * symbolic link, is refused: whoever made it could read, and answer for us.
 *
 * The path of a socket is short by law (108 bytes), and that of a directory is not: sockets are
 * reached through a descriptor of the directory.
 */
#ifndef DEVICE_RUNTIME_H
#define DEVICE_RUNTIME_H

#include <estab_host.h>
#include <sys/un.h>

#define RUNTIME_FILE_MAX 80 /* of a socket's name there, the terminating zero included */

/* The directory, made if that is asked for, opened with O_PATH; what the dead have left in it is
 * removed.  -1 with `error`, NOT_FOUND if it is not there and was not to be made. */
ESTAB_MUST_CHECK int runtime_open(bool make, struct estab_host_error *error);

/* Where a socket of the directory is bound and connected to. */
struct sockaddr_un runtime_address(int place, const char *file);

/* Nobody listens on it any more, and nobody is about to. */
bool runtime_dead(int place, const char *file);
/* Removes sockets of the dead: of processes (PID-N), of wires and of hosts (*.wire, *.host).  The
 * latter are removed only under the lock, and left alone while somebody else holds it. */
void runtime_sweep(int place);

/* A descriptor that holds the lock until it is closed; -1 with errno, EWOULDBLOCK if somebody else
 * has held it all the time. */
ESTAB_MUST_CHECK int runtime_lock(int place, estab_time patience);

#endif
