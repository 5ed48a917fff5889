/* SPDX-License-Identifier: MIT */
/*
 * capfile.h - capture files, read: pcapng (draft-ietf-opsawg-pcapng) and the older pcap, of either
 * byte order, with times in any resolution.
 *
 *      struct capfile *f = capfile_open("demo.pcapng");
 *      while ((result = capfile_next(f, &packet)) == CAPFILE_PACKET)
 *          ...
 *
 * Blocks and options that are not known are skipped.  A file that ends in the midst of a packet, as
 * one does whose writer was killed, ends in an error after all whole ones were given.
 *
 * Limits: CAPFILE_PACKET_MAX bytes a packet, CAPFILE_BLOCK_MAX a block, CAPFILE_INTERFACES a section.
 */
#ifndef CAPTURE_CAPFILE_H
#define CAPTURE_CAPFILE_H

#include <estab.h>

#include "capture/names.h"

#include <stdio.h>

#define CAPFILE_PACKET_MAX (1u << 20)
#define CAPFILE_BLOCK_MAX  (1u << 24)
#define CAPFILE_INTERFACES 256

/* https://www.tcpdump.org/linktypes.html */
enum {
    LINKTYPE_ETHERNET = 1,
    LINKTYPE_RAW = 101,
    LINKTYPE_SLL = 113,
    LINKTYPE_IPV4 = 228,
    LINKTYPE_IPV6 = 229,
    LINKTYPE_SLL2 = 276,
};

struct capfile;

struct capfile_packet {
    const uint8_t *bytes; /* until the next call */
    uint32_t length;      /* of them, */
    uint32_t original;    /* and of the packet on the wire */
    uint32_t linktype;
    estab_time time; /* nanoseconds since 1970; 0 where the file has none */
};

enum capfile_result { CAPFILE_PACKET, CAPFILE_END, CAPFILE_ERROR };

/* NULL: no memory; any other failure is in capfile_error.  "-" is standard input. */
ESTAB_MUST_CHECK struct capfile *capfile_open(const char *path);
/* The same from an open stream, which stays the caller's; `name` is for error messages. */
ESTAB_MUST_CHECK struct capfile *capfile_stream(FILE *stream, const char *name);
void capfile_close(struct capfile *);

enum capfile_result capfile_next(struct capfile *, struct capfile_packet *);
/* NULL, or a sentence: "demo.pcap: byte 24: expected ...". */
const char *capfile_error(const struct capfile *);
/* The names that the file has brought so far. */
const struct names *capfile_names(const struct capfile *);

/* Where the frame begins in the packet, and what it is; false: neither Ethernet nor IP. */
bool capfile_frame(const struct capfile_packet *, uint32_t *offset, enum estab_link *);

#endif
