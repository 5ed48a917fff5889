/* SPDX-License-Identifier: MIT */
/* talk_wire.h - a verb that talks, as a station of a wire. */
#ifndef CLI_TALK_WIRE_H
#define CLI_TALK_WIRE_H

#include "cli/talk.h"

/* Joins the wire of --on, with --name, --ip and --mac; NULL with `error`. */
struct station *talk_join(struct talk *, bool listens, struct estab_host_error *error);
/* Tells the story who is who. */
void talk_wire_names(struct talk *);
/* --impair and --rule are for all on the wire.  False with `error`. */
bool talk_wire_impair(struct talk *, struct estab_host_error *error);
/* Whether somebody on the wire has this address: then silence is the wire's, and will end. */
bool talk_wire_has(const struct talk *, const struct estab_addr *);
/* HOST as the user wrote it; false: the user has been told. */
bool talk_wire_resolve(struct talk *, const char *host, uint16_t port, struct estab_addr *out);

#endif
