/* SPDX-License-Identifier: MIT */
/*
 * runtime.h - the private directory in which processes of one user find each other's sockets.
 *
 *      $XDG_RUNTIME_DIR/estab            if that directory is ours
 *      $TMPDIR/estab-UID, or /tmp's      else
 *
 * It is made with mode 0700.  One that belongs to somebody else, lets anybody else in, or is a
 * symbolic link, is refused: whoever made it could read, and answer for us.
 */
#ifndef DEVICE_RUNTIME_H
#define DEVICE_RUNTIME_H

#include <estab_host.h>

#define RUNTIME_PATH_MAX 92 /* leaves 16 bytes for "/" and a socket's name in struct sockaddr_un */

/* Its path; made, if that is asked for.  *there tells whether it exists.  False with `error`. */
ESTAB_MUST_CHECK bool runtime_find(char path[RUNTIME_PATH_MAX], bool make, bool *there,
                                   struct estab_host_error *error);

#endif
