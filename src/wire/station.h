/* SPDX-License-Identifier: MIT */
/*
 * station.h - a place on a wire: a device for a loop, and what is said beside the frames.
 *
 *      struct station *s = station_join(&config, &error);         starts the hub if need be
 *      estab_loop_join(loop, interface, station_device(s));
 *
 *      leaving   --> station_note(s, ...)     how its sender stands, goes with the frame
 *      arriving  <-- station_came(s, frame)   how its sender stood when it sent it
 *      arrived   --> station_say(REPORT)      what it did here
 *      hook      <-- FATE, REPORT, STATE, STATION of others
 *
 * Closing the device leaves the wire.  A station whose hub has gone receives nothing more, and says
 * so (station_gone).
 */
#ifndef WIRE_STATION_H
#define WIRE_STATION_H

#include <estab_host.h>

#include "wire/envelope.h"
#include "wire/place.h"

#define STATION_PEERS 128

struct station;

/* Somebody else on this wire. */
struct station_peer {
    uint32_t number, flags, pid; /* flags: enum envelope_flag */
    char name[ENVELOPE_WORD], program[ENVELOPE_WORD];
    struct estab_addr address;
    uint8_t mac[6];
    unsigned ports;
    uint16_t port[ENVELOPE_PORTS]; /* that it listens on */
};

struct station_config {
    const char *wire;
    const char *name;    /* NULL: given by the hub */
    const char *program; /* for people: "estab listen" */
    uint32_t flags;      /* enum envelope_flag: SERVER, REPORTS, TOLD, MONITOR, KERNEL */
    bool has_address;    /* else given by the hub */
    struct estab_addr address;
    uint8_t prefix_length;
    const uint8_t *mac; /* NULL: given by the hub */
    const struct place_start *start; /* of the hub, if there is none; NULL: one that carries nothing on */
};

/* NULL: `error` says why; USAGE where a name or an address is in use. */
ESTAB_MUST_CHECK struct station *station_join(const struct station_config *,
                                              struct estab_host_error *);
/* Closing it ends the station. */
estab_device *station_device(struct station *);
/* For estab_interface_add: link, address, prefix, MAC address, MTU. */
void station_interface(const struct station *, struct estab_interface *);
const char *station_name(const struct station *);
const char *station_wire(const struct station *);
uint32_t station_number(const struct station *);
uint64_t station_seed(const struct station *); /* of what the wire leaves to chance */
bool station_gone(const struct station *);     /* the hub has ended */

/* Called from within estab_device_receive, for each message that is no frame; peers are up to date. */
typedef void station_hook(void *context, const struct envelope *);
void station_listen(struct station *, station_hook *, void *context);

/* What goes with the next frame that is sent, of those not yet noted: SERIAL, WHY, BEFORE, MOVE. */
void station_note(struct station *, const struct envelope *);
/* It will not be sent after all: what was noted last is forgotten. */
void station_unnote(struct station *);
/* The envelope in which a received frame came, for as long as it is borrowed; NULL. */
const struct envelope *station_came(const struct station *, const struct estab_frame *);
/* REPORT, STATE, CARRY.  False: the hub has gone, or takes no more. */
bool station_say(struct station *, const struct envelope *);

/* The others; NULL past the end, or if there is none. */
const struct station_peer *station_peer_at(const struct station *, unsigned i);
const struct station_peer *station_peer_named(const struct station *, const char *name);
const struct station_peer *station_peer_with(const struct station *, const struct estab_addr *);
const struct station_peer *station_peer_number(const struct station *, uint32_t number);

/* ---- orders, which need no joining ----------------------------------------------------------------- */

/* Sends `order` to the hub of a wire and calls `answer` for each message until DONE.  False with
 * `error`: ERROR's text, NOT_FOUND if there is no such wire and `start` is NULL. */
ESTAB_MUST_CHECK bool station_order(const char *wire, const struct place_start *start,
                                    const struct envelope *order, station_hook *answer,
                                    void *context, struct estab_host_error *error);

/* ---- what is left behind ----------------------------------------------------------------------------- */

/* Leaves the room in the file `room` (room.h), and the station with it, to the hub.  True: the stack lives
 * on there, and nobody may use ours any more.  False with `error`: nothing has changed. */
ESTAB_MUST_CHECK bool station_leave(struct station *, int room, struct estab_host_error *error);
/* The station of such a room, in the hub's child: NULL if there is no memory. */
ESTAB_MUST_CHECK struct station *station_adopt(const struct hub_guest *);
/* Answers whoever waits in station_leave: NULL is yes. */
void station_answer(const struct hub_guest *, const char *wrong);

#endif
