/* SPDX-License-Identifier: MIT */
/*
 * diag.h - the kernel's own list of its TCP sockets (inet_diag).
 */
#ifndef CLI_DIAG_H
#define CLI_DIAG_H

#include <stddef.h>

#include "cli/netns.h"

/* A socket for the calls below, bound to the namespace it was opened in; or -1 with errno. */
int diag_open(void);
/* Up to `n` sockets of IPv4, also those that IPv6 sockets serve; how many there are, or -1. */
int diag_list(int diag, struct netns_socket *out, size_t n);
/* RFC 9293's name for the kernel's number of a state (include/net/tcp_states.h). */
enum estab_state diag_state(unsigned number);

#endif
