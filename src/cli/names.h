/* SPDX-License-Identifier: MIT */
/*
 * names.h - a HOST that is a name, for verbs that connect: what is asked of DNS on the way, told to the
 * user, and the addresses that are to be tried, one after the other.
 *
 * A line tells of each question and answer with --why or -v, an object with --json; the result is always
 * told.
 */
#ifndef CLI_NAMES_H
#define CLI_NAMES_H

#include "cli/talk.h"
#include "names/resolve.h"

struct names_found {
    unsigned count;
    struct estab_addr address[RESOLVE_ADDRESSES_MAX];
};

/* Whether HOST has to be asked for: there are servers to ask, and nobody here has that name. */
bool names_wanted(const struct talk *, const char *host);
/* Asks until there is an answer; the wire turns meanwhile.  CLI_OK, or what the process ends with: the
 * user has been told. */
int names_resolve(struct talk *, const char *host, struct names_found *);

#endif
