/* SPDX-License-Identifier: MIT */
/*
 * command.h - a line that somebody types to make a segment by hand, as a value.
 *
 *      syn seq=100 mss=1460        data "GET / HTTP/1.1\r\n\r\n"       expect syn,ack ack=101
 *      fin ttl=3 sum=bad           rst seq=-1  # one too low           wait 200ms
 *
 * A line is words: flags (`syn`, `syn,ack`, `fin psh`), fields of field.def, `data TEXT`; or one of
 * the words that send nothing, which stand first.  What follows a `#` that begins a word is a
 * comment.  Text with blanks stands in double quotes, with \n \r \t \0 \" \\ and \xHH.
 *
 * Limits: CRAFT_LINE_MAX bytes a line, 40 bytes of options.  A wrong line is answered with its
 * column and a sentence that says what was expected; any bytes are allowed.
 */
#ifndef CRAFT_COMMAND_H
#define CRAFT_COMMAND_H

#include <estab.h>

#define CRAFT_LINE_MAX    4096
#define CRAFT_OPTIONS_MAX 40
#define CRAFT_ERROR_MAX   240

enum craft_field {
#define FIELD(id, ...) CRAFT_##id,
#include "craft/field.def"
    CRAFT_FIELDS
};

_Static_assert(CRAFT_FIELDS <= 64, "a set of fields is a uint64_t");

struct craft_segment {
    uint64_t given;  /* bits of enum craft_field */
    uint8_t flags;   /* enum tcp_ctl: of the words, or exactly those of flags= */
    bool text;       /* `data` was there, */
    uint32_t length; /* with so much text: `bytes`, or with len= so many 'x' */
    uint32_t number[CRAFT_FIELDS];
    bool relative[CRAFT_FIELDS]; /* SEQUENCE: number is to be added to the proposed one */
    bool bad[CRAFT_FIELDS];      /* SUM: any wrong one */
    struct estab_addr src, dst;
    uint8_t smac[6], dmac[6];
    uint8_t options_length;
    uint8_t options[CRAFT_OPTIONS_MAX]; /* as they were typed, without padding */
    uint8_t bytes[CRAFT_LINE_MAX];
};

static inline bool craft_has(const struct craft_segment *s, enum craft_field field)
{
    return s->given >> field & 1;
}

enum craft_verb {
    CRAFT_NOTHING, /* an empty line, a comment */
    CRAFT_SEND,    /* segment */
    CRAFT_EXPECT,  /* segment, within_ns, silence */
    CRAFT_WAIT,    /* within_ns */
    CRAFT_SET,     /* segment: for all that follow; without fields: none any more */
    CRAFT_AGAIN,
    CRAFT_NEW, /* number: the local port, or 0 */
    CRAFT_SHOW,
    CRAFT_HELP,
    CRAFT_QUIT,
};

struct craft_command {
    enum craft_verb verb;
    bool silence; /* expect nothing */
    bool within;  /* a time was given */
    estab_time within_ns;
    uint16_t port;
    struct craft_segment segment;
    unsigned column;             /* of an error, from 1 */
    char error[CRAFT_ERROR_MAX]; /* "expected ..." */
};

/* Reads a line of `n` bytes, without its newline.  False: `column` and `error` say why not. */
ESTAB_MUST_CHECK bool craft_parse(struct craft_command *, const char *line, size_t n);

/* The rows of field.def, for help; NULL past the end. */
struct craft_field_info {
    const char *name, *argument, *meaning;
};
const struct craft_field_info *craft_field_at(unsigned i);

#endif
