/* SPDX-License-Identifier: MIT */
/*
 * oracle.h - the true state changes of the kernel's TCP sockets, for root.
 *
 * The tracepoint sock:inet_sock_set_state reports every one of them.  It is read through tracefs,
 * which is mounted for the purpose in a private mount namespace where it is not mounted already,
 * and through a trace instance of our own ("estab.PID"), so that no other tracing is disturbed.
 *
 * What it cannot tell: once the user has closed, the kernel replaces a socket in FIN-WAIT-2 by a
 * small record, and reports FIN-WAIT-2 -> CLOSED; whether that record stands for FIN-WAIT-2 or for
 * TIME-WAIT, netns_sockets can tell.  Likewise CLOSING -> CLOSED without a RST is TIME-WAIT.
 */
#ifndef CLI_ORACLE_H
#define CLI_ORACLE_H

#include <estab_host.h>

struct oracle;

struct oracle_event {
    estab_time time; /* on estab_now's clock, to the microsecond */
    struct estab_endpoint local, remote;
    enum estab_state from, to;
};

/* Events of IPv4 sockets whose local address is `local` (unspecified: all).  NULL: `error` says
 * why not, PERMISSION without root. */
ESTAB_MUST_CHECK struct oracle *oracle_open(struct estab_addr local, struct estab_host_error *);
void oracle_close(struct oracle *);
/* Readable when there may be events. */
int oracle_fd(const struct oracle *);
/* The next event; false when there is none for now. */
bool oracle_next(struct oracle *, struct oracle_event *);

#endif
