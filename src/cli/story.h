/* SPDX-License-Identifier: MIT */
/*
 * story.h - what happens, told: lines for people, objects for programs, packets for a file.
 *
 *      moves of our ends (watch.c) --+
 *      moves of others (infer.h) ----+--> story --> stdout, and -w FILE
 *      packets ----------------------+
 *
 * A packet is told when it arrives, or when it is known that it never will; with it stands what it
 * did: the moves of its sender that it carries (a CLOSE sends a FIN), and those of its receiver.
 * A move that no packet carries (a timeout, a CLOSE of what was never open) has a line of its own;
 * so has a call whose packet is still under way when another one comes in: packets that cross are
 * told in the order in which things happened.
 *
 * In the file a packet's comments hold the same moves, whatever lines of their own they have had.
 *
 * Limits: STORY_PAIRS connections; the one that was spoken of longest ago makes room.
 */
#ifndef CLI_STORY_H
#define CLI_STORY_H

#include <stdio.h>

#include "capture/describe.h"
#include "capture/pcapng.h"
#include "cli/verb.h"

#define STORY_PAIRS 1024

struct story;

struct story_config {
    const struct cli_options *cli;
    FILE *out;           /* where it is told; NULL: nowhere */
    struct pcapng *file; /* or NULL; the caller's */
    estab_time epoch_ns; /* the wall clock at time 0; 0 for virtual time */
    bool all;            /* what is not TCP is told, too */
};

/* NULL: no memory. */
struct story *story_new(const struct story_config *);
void story_free(struct story *);

/* Whether there are lines. */
bool story_tells(const struct story *);
/* Tells and writes nothing from now on. */
void story_mute(struct story *);

/* Calls an address by a name; ours come first. */
void story_name(struct story *, struct estab_addr, const char *name);
/* What an address is called: its name, or itself. */
void story_label(const struct story *, struct estab_addr, char out[NAMES_ADDR_MAX]);
/* Describes an interface of the file; its number, for struct story_packet. */
unsigned story_wire(struct story *, enum estab_link, const char *name);
/* Columns of a line; 0: as many as it takes. */
unsigned story_width(const struct story *);
/* The time that lines count from; columns and numbers begin anew. */
void story_begin(struct story *, estab_time origin);

/* An end of a connection, and its peer. */
struct story_end {
    struct estab_endpoint local, remote;
};

/* What an end was before its first move. */
void story_know(struct story *, const struct story_end *, enum tcp_state, bool inferred);
/* An end has moved.  With a `carrier` that packet tells of it. */
void story_move(struct story *, const struct story_end *, const struct tcp_edge *,
                enum reason reason, uint64_t carrier, estab_time when);
/* The remote end of the connection at `local` whose peer has this port; false: there is none. */
bool story_remote(const struct story *, const struct estab_endpoint *local, uint16_t port,
                  struct estab_endpoint *remote);
/* Whether what is told of this end is inferred, from now on. */
void story_trust(struct story *, const struct story_end *, bool inferred);

/* A packet was sent: it carries what its sender has done.  Serials of a sender grow. */
void story_sent(struct story *, const struct frame_view *, uint64_t serial);
/* It is about to arrive: what its receiver did before comes first. */
void story_arriving(struct story *, const struct frame_view *);

struct story_packet {
    const struct estab_frame *frame;
    const struct frame_view *view;
    unsigned wire;
    enum pcapng_direction direction;
    uint64_t serial;    /* as it was sent with */
    enum reason reason; /* what its receiver made of it; REASONS */
    enum emit_why why;  /* WHYS */
    const char *note;   /* or NULL */
    bool gone;          /* never arrives */
    estab_time time;
};

void story_packet(struct story *, const struct story_packet *);

/* Tells the moves that no packet will carry. */
void story_settle(struct story *, estab_time now);
/* A state without a move, or anything else about an end, in the column of states. */
void story_state(struct story *, const struct story_end *, enum tcp_state, const char *note,
                 estab_time when);
/* With --why: what a sender has decided about a loss. */
void story_decision(struct story *, const struct estab_status *, const struct estab_trace *,
                    estab_time when);

#endif
