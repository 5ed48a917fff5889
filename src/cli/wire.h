/* SPDX-License-Identifier: MIT */
/*
 * wire.h - a stack of ours on a device, in real time, told as a story.
 *
 * What arrives is told when it has arrived: then both ends' moves are known.  What leaves is told
 * when it reaches the device's other end: at once, or when the impairing link lets it go.  The
 * peer's states are inferred; where the kernel's own trace of its sockets can be read (oracle.h),
 * and agrees, they are known.  On a wire (src/wire) other stations tell theirs: then a packet of ours
 * is told when its receiver has said what it did there.
 *
 * Times here are estab_now's.  The story's count from the wire's beginning.
 */
#ifndef CLI_WIRE_H
#define CLI_WIRE_H

#include "cli/netns.h"
#include "cli/watch.h"
#include "wire/station.h"

struct wire;

struct wire_config {
    const struct cli_options *cli; /* impairment and rules */
    struct story *story;
    estab_stack *stack;
    estab_device *device;             /* the caller's */
    struct estab_interface interface; /* of the device, with our address */
    const char *name;                 /* of the interface, in the file */
    struct netns *netns;              /* the kernel's end; or NULL */
    struct estab_addr peer;           /* the kernel's address there */
    bool peer_listens;                /* it does already */
    struct station *station;          /* the device is a station of a wire; or NULL */
    uint64_t sent;                    /* frames that this station has sent already */
    void (*say)(void *context, const char *sentence); /* to the user; or NULL */
    void *context;
    estab_time begin; /* what the story calls the present moment */
};

/* NULL: `error` says why. */
ESTAB_MUST_CHECK struct wire *wire_new(const struct wire_config *, struct estab_host_error *);
void wire_free(struct wire *);

estab_loop *wire_loop(struct wire *);
/* The story's name for a moment. */
estab_time wire_time(const struct wire *, estab_time now);
/* Whether the kernel's own trace of its sockets is read; else the peer's states are inferred. */
bool wire_knows_peer(const struct wire *);
/* Whether something that has left is still to be told: its fate, or what it did. */
bool wire_untold(const struct wire *);
/* Frames that have left. */
uint64_t wire_sent(const struct wire *);
/* Tells others at once what else a frame would tell of, and sends what is to be sent. */
void wire_flush(struct wire *);
/* The wire that the device is a station of has ended. */
bool wire_gone(const struct wire *);
/* The peer listens now, where we may connect to. */
void wire_listens(struct wire *);
/* After calls into the stack: tells what they did; `remote` is the peer, if the story may not know
 * it yet, or NULL. */
void wire_calls(struct wire *, const struct estab_endpoint *remote);
/* Our address, which a router or a server of DHCP has given us since the wire was made. */
void wire_address(struct wire *, struct estab_addr address);
/* One turn of the loop, at most until `until`, and not much longer than a second. */
void wire_turn(struct wire *, estab_time until);
/* What a turn does after its loop's: for who lets another thread run the loop (and holds its lock). */
void wire_settle(struct wire *);

#endif
