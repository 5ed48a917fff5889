/* SPDX-License-Identifier: MIT */
/*
 * pcapng.h - a capture file for Wireshark and tshark (draft-ietf-opsawg-pcapng), written.
 *
 *      section header | interface description ... | name resolution | enhanced packet ...
 *
 * Always little-endian, and with nothing in it that the caller did not give: equal input makes equal
 * bytes on every machine.  Times are nanoseconds.  A packet carries its direction, seen from our
 * stack, and comments: the state changes and reasons that belong to it, so that
 *
 *      tshark -r FILE -Y 'frame.comment contains "CLOSING"'
 *
 * finds them.
 *
 * What is written is what a cable would carry.  An unfinished checksum is completed, also where the
 * kernel handed us a frame that never left this machine (ESTAB_CHECKSUM_GOOD with a checksum that is
 * not there yet); a super-segment is cut into its segments (segment.h).
 *
 * Errors stick: after one nothing more is written, and pcapng_error has the sentence.
 */
#ifndef CAPTURE_PCAPNG_H
#define CAPTURE_PCAPNG_H

#include <estab.h>

#include "capture/names.h"

#include <stdio.h>

#define PCAPNG_INTERFACES_MAX 64
#define PCAPNG_PACKET_MAX     (1u << 20) /* bytes of a frame, before it is cut */

enum pcapng_direction { PCAPNG_UNKNOWN, PCAPNG_IN, PCAPNG_OUT };

struct pcapng;

/* Creates the file, or overwrites it; "-" is standard output.  `application` says who writes it
 * ("estab 0.1.0"), epoch_ns is the wall clock at time 0 (0 for virtual time).  NULL: no memory; any
 * other failure is in pcapng_error. */
ESTAB_MUST_CHECK struct pcapng *pcapng_create(const char *path, const char *application,
                                              estab_time epoch_ns);
/* The same into an open stream, which stays the caller's; `name` is for error messages. */
ESTAB_MUST_CHECK struct pcapng *pcapng_stream(FILE *stream, const char *name,
                                              const char *application, estab_time epoch_ns);

/* Describes an interface, and the number it has in the file, from 0; -1: too many, or an error.
 * Interfaces may be added at any time. */
int pcapng_interface(struct pcapng *, enum estab_link link, const char *name);
/* Writes the names, which then hold for the whole file. */
void pcapng_names(struct pcapng *, const struct names *);

/* Writes a frame with `n` comments (NULL and "" are skipped); of a super-segment the first segment
 * has them. */
void pcapng_frame(struct pcapng *, unsigned interface, enum pcapng_direction,
                  const struct estab_frame *frame, const char *const *comments, size_t n,
                  estab_time now);

/* Hands everything to the operating system, so that a reader finds whole blocks. */
void pcapng_flush(struct pcapng *);
/* NULL, or what went wrong: "cannot write demo.pcapng: No space left on device". */
const char *pcapng_error(const struct pcapng *);
uint64_t pcapng_packets(const struct pcapng *);
/* Closes the file and frees.  False if anything went wrong since it was created, the closing
 * included; then *why, if given, has the sentence. */
#define PCAPNG_ERROR_MAX 512
ESTAB_MUST_CHECK bool pcapng_close(struct pcapng *, char why[PCAPNG_ERROR_MAX]);

#endif
