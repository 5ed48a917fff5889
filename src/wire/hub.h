/* SPDX-License-Identifier: MIT */
/*
 * hub.h - a wire: what joins its stations, and does to their frames what it was told to do.
 *
 *      station --socket--> FRAME --> [ rules ] --> [ lane ] --> by MAC address --> [ queue ] --> station
 *                                    one for all   one for      like a switch      one for each
 *                                                  each sender                     reader
 *
 * Rules count what crosses the wire; delay, rate, loss and the rest apply to each sender's lane, so
 * that both directions of a connection are alike.  Reports, states and fates go beside the frames
 * and are not delayed: they are the truth, not traffic.
 *
 * Nobody can block anybody.  A reader that does not read loses what does not fit into its queue, and
 * that is counted; one sender gets at most three quarters of a queue, and HUB_TURN messages a turn;
 * HUB_FLIGHT of its frames may be under way.  Who sends what is no envelope is told so and cut off,
 * after HUB_CLOSING even if it does not read.
 *
 * What a station leaves open when it ends it may leave to the hub: its stack's room (room.h), which a
 * child of the hub's runs to its end, a child for each.  A room is memory that somebody else has
 * written, and cannot be checked to the last list; so whatever it does, it does to itself.
 *
 * The hub knows no clock and sleeps nowhere but in hub_wait: `now` is an argument, so that a test
 * can let ten minutes pass.
 */
#ifndef WIRE_HUB_H
#define WIRE_HUB_H

#include <estab.h>

#include "wire/envelope.h"

#define HUB_CLIENTS     128
#define HUB_QUEUE       1024                /* messages that wait for one reader */
#define HUB_QUEUE_BYTES (UINT32_C(4) << 20) /* and their bytes */
#define HUB_TURN        64
#define HUB_FLIGHT      16384u
#define HUB_MTU         1500u
#define HUB_MTU_MAX     65000u
#define HUB_IDLE        (600 * ESTAB_SECOND)
#define HUB_SILENCE     (5 * ESTAB_SECOND) /* after which who has not joined makes room */
#define HUB_CLOSING     ESTAB_SECOND       /* that a client has to read why it is cut off */
#define HUB_ROOMS       32                  /* that are carried on at a time */
#define HUB_ROOMS_BYTES (UINT64_C(256) << 20) /* that they have in use, all of them */
#define HUB_CARRIED     256                 /* connections of one station */
#define HUB_CARRY       (3600 * ESTAB_SECOND) /* the longest that a room is carried on */

struct hub;

/* A room that was left to the hub, and its station, in a child of the hub's. */
struct hub_guest {
    const char *wire;
    struct envelope welcome; /* as the station has heard it; the program that it was */
    int room;    /* a file of memory, not yet looked at */
    int station; /* the station's socket */
    int answer;  /* where DONE, or an ERROR, is waited for */
};

/* Runs it until nothing is left, at most for HUB_CARRY. */
typedef void hub_carry(const struct hub_guest *);

struct hub_config {
    const char *name;
    hub_carry *carry;   /* NULL: rooms are refused */
    uint64_t seed;      /* of what the links leave to chance */
    estab_time idle_ns; /* it ends so long after the last station has left */
    uint8_t network[4]; /* addresses are given from it */
    uint8_t prefix_length;
};

/* 10.11.0.0/24, and ten minutes. */
struct hub_config hub_defaults(const char *name, uint64_t seed);

/* `listener` is a listening socket that does not block, the hub's from here on, or -1.  NULL: no
 * memory. */
ESTAB_MUST_CHECK struct hub *hub_new(const struct hub_config *, int listener, estab_time now);
void hub_free(struct hub *);

/* A connected SOCK_SEQPACKET socket; it is the hub's.  Where there are too many, a client that has not
 * joined and is silent for HUB_SILENCE gives way; false: there is none, and the new one is told so and
 * closed. */
bool hub_adopt(struct hub *, int fd, estab_time now);
/* Does all that can be done now. */
void hub_turn(struct hub *, estab_time now);
/* Sleeps until there is something to do, at most until `until`. */
void hub_wait(struct hub *, estab_time until, estab_time now);
/* When something is due; ESTAB_NEVER. */
estab_time hub_deadline(const struct hub *);
/* Somebody said DOWN, or nobody has been here for long enough. */
bool hub_over(const struct hub *, estab_time now);
/* As if somebody had said DOWN; whether somebody has. */
void hub_end(struct hub *);
bool hub_down(const struct hub *);
/* Stations that have joined, and those whose connections are carried on. */
unsigned hub_stations(const struct hub *);
/* Whether somebody waits to be accepted. */
bool hub_awaited(const struct hub *);

#endif
