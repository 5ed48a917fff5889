/* SPDX-License-Identifier: MIT */
/*
 * envelope.h - one message of the wire's protocol, as a value and as bytes (docs/wire.md).
 *
 *      0       4       5      6      8
 *      | estb  | vers. | type | 0    | attribute | attribute | ...
 *                                      |
 *                                      tag (2)  length (2)  value
 *
 * Numbers are big-endian.  Attributes come in any order; those that are not known are skipped, so
 * that an older reader understands a newer writer of the same version.  The parser is pure, and
 * bounded by the message: nothing that it stores is larger than struct envelope, and text and frame
 * stay where they are.
 *
 * Words are printable ASCII: what a stranger sends can be shown on a terminal.
 */
#ifndef WIRE_ENVELOPE_H
#define WIRE_ENVELOPE_H

#include <estab.h>

#define ENVELOPE_VERSION   1
#define ENVELOPE_MAX       (UINT32_C(66) << 10) /* bytes of a message */
#define ENVELOPE_WORD      64                   /* of a word, the terminating zero included */
#define ENVELOPE_TEXT      1024                 /* of a text, without */
#define ENVELOPE_FRAME_MAX UINT32_C(65535)

enum envelope_type {
#define MESSAGE(number, name) SAY_##name = (number),
#include "wire/attribute.def"
};

enum envelope_attribute {
#define ATTRIBUTE(number, name, kind, field)     HAS_##name = 1 << ((number)-1),
#define SEVERAL(number, name, kind, field, most) HAS_##name = 1 << ((number)-1),
#include "wire/attribute.def"
};

enum {
#define SEVERAL(number, name, kind, field, most) ENVELOPE_##name##S = (most),
#include "wire/attribute.def"
};

/* FLAGS of JOIN and STATION. */
enum envelope_flag {
    STATION_SERVER = 1 << 0,  /* wants the first addresses, and to be called `server` */
    STATION_REPORTS = 1 << 1, /* tells what frames did to it (REPORT, STATE) */
    STATION_TOLD = 1 << 2,    /* wants to be told fates, reports, states and stations */
    STATION_MONITOR = 1 << 3, /* wants a copy of everything; has neither name nor address */
    STATION_KERNEL = 1 << 4,  /* a kernel host */
    STATION_CARRIED = 1 << 5, /* its verb has ended, its connections go on */
    STATION_GONE = 1 << 6,    /* has left */
};

/* FATE: what became of a frame. */
enum envelope_fate {
    FATE_LOST = 1 << 0,      /* by chance */
    FATE_RULED_OUT = 1 << 1, /* by a rule */
    FATE_QUEUE_FULL = 1 << 2,
    FATE_OVER_LIMIT = 1 << 3, /* its sender has too much under way */
    FATE_REFUSED = 1 << 4,
    FATE_HELD = 1 << 5,
    FATE_DUPLICATED = 1 << 6,
    FATE_COPY = 1 << 7,
    FATE_CORRUPTED = 1 << 8,
    FATE_NOBODY = 1 << 9, /* no station has this destination */
    FATE_SLOW = 1 << 10,  /* the receiver does not read */
    FATE_MARKED = 1 << 11, /* ECN: Congestion Experienced */

    FATE_GONE = FATE_LOST | FATE_RULED_OUT | FATE_QUEUE_FULL | FATE_OVER_LIMIT | FATE_REFUSED |
                FATE_NOBODY | FATE_SLOW,
};

/* CODE of ERROR. */
enum envelope_code {
    CODE_MALFORMED = 1,
    CODE_VERSION,
    CODE_NAME_IN_USE,
    CODE_ADDRESS_IN_USE,
    CODE_MAC_IN_USE,
    CODE_FULL,
    CODE_ORDER,      /* a message that makes no sense here and now */
    CODE_IMPAIRMENT, /* a text that is no impairment, or no rule */
};

struct envelope_move {
    uint8_t from, to; /* enum estab_state */
    uint64_t time;    /* CLOCK_MONOTONIC, in nanoseconds */
    char event[ENVELOPE_WORD];
    char reason[ENVELOPE_WORD]; /* the name of a row of reason.def, or "" */
};

struct envelope_counter {
    uint64_t value;
    char name[ENVELOPE_WORD];
};

struct envelope {
    uint8_t version, type;
    uint32_t has; /* enum envelope_attribute */
    uint64_t serial, time, seed;
    uint32_t station, to, flags, fate, code, pid, mtu, prefix_length;
    uint32_t before; /* enum estab_state */
    struct estab_addr address;
    uint8_t mac[6];
    struct estab_endpoint local, remote;
    char name[ENVELOPE_WORD], program[ENVELOPE_WORD], reason[ENVELOPE_WORD], why[ENVELOPE_WORD];
    unsigned moves, ports, counters;
    struct envelope_move move[ENVELOPE_MOVES];
    uint16_t port[ENVELOPE_PORTS];
    struct envelope_counter counter[ENVELOPE_COUNTERS];
    const char *text; /* not terminated, and printable */
    uint32_t text_length;
    const uint8_t *frame;
    uint32_t frame_length;
};

/* NULL, or what is wrong with it.  Text and frame stay in `bytes`.  The version is set whenever the
 * message is long enough to have one: ERROR is understood in every version. */
ESTAB_MUST_CHECK const char *envelope_read(struct envelope *, const void *bytes, size_t n);

/* Writes version ENVELOPE_VERSION; the bytes written, 0 if they do not fit.  The frame comes last;
 * without its bytes (frame NULL, frame_length set), these are the caller's to append. */
ESTAB_MUST_CHECK size_t envelope_write(const struct envelope *, void *out, size_t room);

/* Appends to a message of *n bytes that envelope_write made; false: it does not fit. */
ESTAB_MUST_CHECK bool envelope_append(void *out, size_t room, size_t *n, const struct envelope *);

/* Setters that also mark what is set. */
void envelope_word(struct envelope *, enum envelope_attribute, const char *word);
void envelope_text(struct envelope *, const char *text);
void envelope_count(struct envelope *, const char *name, uint64_t value);
/* An empty one of this type. */
void envelope_init(struct envelope *, enum envelope_type);

#endif
