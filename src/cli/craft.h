/* SPDX-License-Identifier: MIT */
/*
 * craft.h - `estab craft`, in parts.
 *
 *      craft_input.c   lines, from a terminal, a pipe or a file
 *      craft.c         what each command does
 *      craft_line.c    frames in and out: a device, or craft_sim.c; ARP
 *      craft_wire.c    what stations of a wire tell beside their frames
 *      craft_say.c     what is said of them, and the proposals
 *
 * There is no state machine at our end.  What the words mean is src/craft's: command.h, build.h,
 * pair.h, judge.h.
 */
#ifndef CLI_CRAFT_H
#define CLI_CRAFT_H

#include "cli/craft_sim.h"
#include "cli/news.h"
#include "cli/talk.h"
#include "craft/build.h"
#include "craft/pair.h"
#include "sim/random.h"

#define CRAFT_CAME_MAX   64   /* segments that `expect` may still look at */
#define CRAFT_CAME_BYTES 2048 /* of each */
#define CRAFT_NEIGHBOURS 16

struct craft_input {
    int fd;
    bool terminal, end;
    const char *name; /* of the file; NULL: standard input */
    unsigned line;    /* of the last one, from 1 */
    size_t start, stop;
    char bytes[2 * CRAFT_LINE_MAX];
};

/* A segment that came since our last one. */
struct craft_came {
    struct frame_view view;
    size_t length;
    uint8_t bytes[CRAFT_CAME_BYTES];
};

struct craft_neighbour {
    struct estab_addr address;
    uint8_t mac[6];
};

struct craft {
    struct talk talk;
    struct cli_options options; /* as given, but for absolute numbers */
    struct craft_input input;
    struct random random; /* of ports and initial sequence numbers */

    struct craft_pairs pairs;
    struct craft_pair *pair; /* of which proposals speak */
    struct craft_segment set;
    bool quit;
    struct craft_command command;

    /* The line. */
    struct craft_sim *sim;
    estab_time zero; /* estab_now's, which the story calls 0 */
    unsigned wire;
    uint64_t in, out, reached; /* serials */
    struct news news;          /* on a wire */
    struct frame_view sent;    /* our last segment, */
    size_t sent_length;
    bool untold;        /* in no line yet, */
    enum reason report; /* what it did to a peer that says so, else REASONS */
    uint16_t id;
    unsigned neighbours;
    struct craft_neighbour neighbour[CRAFT_NEIGHBOURS];
    size_t room_bytes;
    uint8_t *room; /* for a frame that comes */
    size_t length; /* of the last frame of ours, */
    uint8_t frame[CRAFT_FRAME_MAX];
    uint8_t flat[CRAFT_FRAME_MAX]; /* and of one that came, in one piece */

    /* What came, and what should. */
    unsigned came, claimed;        /* since our last segment; and as far as `expect` has looked */
    struct craft_came *arrival;    /* CRAFT_CAME_MAX of them */
    struct craft_verdict expected; /* of our last segment */
    bool awaits;                   /* an answer to it */
    struct estab_addr asked;       /* by ARP */
    struct {
        uint32_t seq, ack, reset_seq;
        bool said, reset;
    } next; /* as it was said */
};

/* ---- craft_input.c ---- */

/* NULL, or a sentence. */
const char *craft_input_open(struct craft_input *, const char *file);
void craft_input_close(struct craft_input *);
/* A line without its newline, longer ones cut to CRAFT_LINE_MAX; false: there is none yet, or `end`. */
bool craft_input_line(struct craft_input *, const char **line, size_t *n);
/* Reads what is there; may wait for it. */
void craft_input_read(struct craft_input *);

/* ---- craft_line.c ---- */

/* CLI_OK, or what the process ends with. */
int craft_line_open(struct craft *);
void craft_line_close(struct craft *);
estab_time craft_now(const struct craft *); /* as the story has it */
/* Lets frames come until `done`, at most until then (craft_now's).  With `input` true ends when there
 * is something to read, too. */
void craft_run(struct craft *, bool (*done)(const struct craft *), estab_time until, bool input);
/* The wire has ended. */
bool craft_cut_off(const struct craft *);
/* Sends a frame that was built, and tells it. */
void craft_line_send(struct craft *, size_t n);
/* The station of an address; asks for it.  False: nobody answers. */
bool craft_line_mac(struct craft *, const struct estab_addr *, uint8_t mac[6]);

/* ---- craft_wire.c: all of these do nothing where there is no wire ---- */

void craft_wire_open(struct craft *);
/* Whether the peer listens, if it says so. */
void craft_wire_look(struct craft *, struct craft_pair *);
/* What goes with our next frame. */
void craft_wire_note(struct craft *);
/* Waits a moment for what the frame did to its receiver, if that will say so. */
void craft_wire_await(struct craft *);
/* A frame has come; true if its sender's state came with it, and was told. */
bool craft_wire_came(struct craft *, const struct estab_frame *, const struct frame_view *,
                     uint64_t serial, enum emit_why *);

/* ---- craft_say.c ---- */

void craft_say_verdict(struct craft *, const struct craft_verdict *, const struct frame_view *,
                       bool from_us);
/* The proposals, if they have changed, or if `always`. */
void craft_say_next(struct craft *, bool always);
void craft_say_state(struct craft *);
void craft_say_help(const struct craft *);
void craft_say_expect(struct craft *, bool met, const char *sentence);
/* "[RST,ACK] seq 0 ack 101" */
#define CRAFT_BRIEF_MAX 120
const char *craft_brief(const struct frame_view *, char out[CRAFT_BRIEF_MAX]);

/* ---- craft.c ---- */

/* The connection of an endpoint of ours and one of the peer's. */
struct craft_pair *craft_pair_of(struct craft *, const struct estab_endpoint *ours,
                                 const struct estab_endpoint *theirs);

#endif
