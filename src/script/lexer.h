/* SPDX-License-Identifier: MIT */
/*
 * lexer.h - a script's text cut into tokens.
 *
 * Comments are C's, C++'s and the shell's.  `#define NAME VALUE` is a line of its own: from there on
 * the word NAME is the one token VALUE.  A number is a decimal or hexadecimal integer, or a fraction
 * such as 0.25 or .3; a word is letters, digits and underscores, so `3021b9` is one too.  In strings
 * \n \r \t \0 \\ \" and \xHH stand for bytes.
 */
#ifndef SCRIPT_LEXER_H
#define SCRIPT_LEXER_H

#include <stddef.h>

#include "script/arena.h"
#include "script/fault.h"

#define LEXER_SOURCE_MAX  (1u << 20)
#define LEXER_DEFINES_MAX 256

enum token_kind {
    TOKEN_END,
    TOKEN_WORD,     /* accept, ack, 3021b9 */
    TOKEN_INTEGER,  /* -1, 0x10 */
    TOKEN_FRACTION, /* .3, 0.25 */
    TOKEN_STRING,   /* "abc" */
    TOKEN_COMMAND,  /* `sysctl ...` */
    TOKEN_CODE,     /* %{ ... }% */
    TOKEN_ADDRESS,  /* 192.0.2.1, fe80::1 */
    TOKEN_OPTION,   /* --mtu */
    TOKEN_ELLIPSIS, /* ... */
    TOKEN_SIGN,     /* one of the other characters */
};

struct token {
    enum token_kind kind;
    struct span at;
    const char *text; /* without its delimiters, ends with a zero; SIGN: one character */
    size_t length;    /* of the text, which in strings may contain zeros */
    int64_t number;   /* INTEGER */
    bool hex;         /* INTEGER: was written as 0x... */
};

struct lexer_define {
    const char *name, *value;
};

struct lexer {
    const char *p, *end;
    struct span at;
    struct arena *arena;
    struct script_fault *fault;
    unsigned defines;
    struct lexer_define define[LEXER_DEFINES_MAX];
};

/* The text need not end with a zero, and must outlive the lexer. */
void lexer_init(struct lexer *, const char *text, size_t n, struct arena *, struct script_fault *);
/* END at the end, and after a fault. */
struct token lexer_next(struct lexer *);
/* From now on `name` means `value`, which is cut into a token like the script; a later definition
 * of a name replaces the former.  False: there are too many. */
bool lexer_define(struct lexer *, const char *name, const char *value);
/* Seconds as "1", ".25" or "0.000001", into microseconds; what is finer is cut.  False: not a number,
 * or over a year. */
bool lexer_time(const char *text, int64_t *us);
/* "a word", "`>`", "the end of the script": for messages. */
const char *lexer_describe(const struct token *, char *out, size_t size);

#endif
