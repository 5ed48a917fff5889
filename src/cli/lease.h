/* SPDX-License-Identifier: MIT */
/*
 * lease.h - --ip dhcp: an address from a server of DHCP (names/dhcp.h) before a verb begins to talk, kept while it
 * does, and given back at its end; all of it told to the user.
 */
#ifndef CLI_LEASE_H
#define CLI_LEASE_H

#include "cli/talk.h"
#include "names/dhcp.h"

struct lease {
    struct talk *t;
    struct dhcp dhcp;
    bool began;
};

/* With --ip dhcp: asks until there is an address, which is then the talk's, as are the servers of DNS unless
 * --dns named some; the wire turns meanwhile.  CLI_OK, or what the process ends with: the user has been
 * told. */
int lease_get(struct lease *, struct talk *);
/* Renews it when that is due. */
void lease_turn(struct lease *, estab_time now);
estab_time lease_deadline(const struct lease *);
void lease_end(struct lease *);

#endif
