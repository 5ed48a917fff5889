/* SPDX-License-Identifier: MIT */
/*
 * carrier.h - what a child of a hub does with a room that a verb has left to it (wire/hub.h).
 *
 *      verb      ...  CLOSE  FIN-WAIT-1 | exit
 *      carrier                            FIN-WAIT-1  FIN-WAIT-2  TIME-WAIT -- 2 MSL --> CLOSED, exit
 *
 * It runs the verb's stack as the verb's station, and goes on telling what it does: to the wire's other
 * stations, to monitors, and to netstat.  Its users have left: what still comes for them is answered with a
 * RST, FIN-WAIT-2 and unacknowledged text have an end (estab_release, and RFC 9293's user timeout).
 */
#ifndef CLI_CARRIER_H
#define CLI_CARRIER_H

#include "wire/place.h"

/* Of every hub that a verb starts. */
extern const struct place_start carrier_start;

#endif
