/* SPDX-License-Identifier: MIT */
/*
 * publish.h - a port of the kernel's loopback, relayed onto a wire: for browsers, which know no wire.
 *
 *      browser --127.0.0.1:PORT--> [ relay: kernel's sockets | stack ] --wire--> server
 *
 * The relay is a child process with a stack and a station of its own (`relay`), so that its
 * connections cross the wire like anybody's.  It ends with the process that has started it.
 *
 * Limits: PUBLISH_RELAYS connections at a time; more wait in the kernel's backlog.
 */
#ifndef CLI_PUBLISH_H
#define CLI_PUBLISH_H

#include <sys/types.h>

#include "cli/verb.h"
#include "estab_host.h"

#define PUBLISH_RELAYS 128

/* Listens on 127.0.0.1:`port` and connects each that comes to `target` on the wire of --on.  Its
 * process, or -1 with `error`: the port is in use, or the wire takes no more. */
ESTAB_MUST_CHECK pid_t publish_start(const struct cli_options *, uint16_t port,
                                     const struct estab_endpoint *target,
                                     struct estab_host_error *error);
/* Ends it. */
void publish_end(pid_t);

#endif
