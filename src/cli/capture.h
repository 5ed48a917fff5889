/* SPDX-License-Identifier: MIT */
/*
 * capture.h - `estab capture`, in parts: capture.c for files and interfaces, capture_wire.c for a
 * wire, where stations tell their states beside the frames.
 */
#ifndef CLI_CAPTURE_H
#define CLI_CAPTURE_H

#include "capture/pcapng.h"
#include "cli/capture_pcap.h"
#include "cli/onlooker.h"

struct capture {
    struct cli_options options;
    FILE *out;
    struct capture_filter *filter; /* or NULL */
    struct pcapng *file;           /* or NULL */
    struct story *story;           /* since the first packet */
    struct onlooker *onlooker;
    estab_time epoch;  /* the wall clock at the story's 0 */
    unsigned wire[2];  /* of the story, by enum estab_link, plus one; 0: none yet */
    const char *where; /* for the file */
    uint64_t serial, seen, unknown;
    uint32_t told;
};

/* Whether the filter takes it; counts it. */
bool capture_wants(struct capture *, const struct capfile_packet *);
/* Makes the story, once the first packet tells what time it is.  CLI_OK, or what it ends with. */
int capture_begin(struct capture *, estab_time epoch);
/* The story's number of an interface of this link type. */
unsigned capture_wire(struct capture *, enum estab_link);
/* So many packets were asked for. */
bool capture_full(const struct capture *);

/* What passes on a wire, until it ends or enough was told. */
int capture_on_wire(struct capture *);

#endif
