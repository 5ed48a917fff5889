/* SPDX-License-Identifier: MIT */
/*
 * parser.h - the language of packetdrill, read by recursive descent with one token of look-ahead.
 *
 * Limits: LEXER_SOURCE_MAX bytes, PARSER_EVENTS_MAX events, expressions nested PARSER_DEPTH_MAX deep,
 * and the arena's.  A fault names line, column and what was expected.
 */
#ifndef SCRIPT_PARSER_H
#define SCRIPT_PARSER_H

#include "script/ast.h"
#include "script/lexer.h"

#define PARSER_EVENTS_MAX 100000
#define PARSER_DEPTH_MAX  24

/* One line of `--option` in a script or of the command line; false and a fault: it is not one. */
typedef bool parser_option(void *context, struct lexer *, const struct script_option *,
                           struct script_fault *);

/* Reads what the lexer was given, into its arena.  NULL: its fault says why.  `option` (or NULL) is
 * called for each option before the events are read, since --define changes how they are. */
struct script *script_parse(struct lexer *, parser_option *option, void *context);

/* ---- between the parser's files ------------------------------------------------------------------- */

struct parser {
    struct lexer *lexer;
    struct arena *arena;
    struct script_fault *fault;
    struct token token; /* the present one */
    unsigned depth;
};

/* Moves on; returns the token that was the present one. */
struct token parser_take(struct parser *);
bool parser_is(const struct parser *, const char *word_or_sign);
/* If the present token is this word or sign, moves on. */
bool parser_accept(struct parser *, const char *word_or_sign);
/* Faults unless it is. */
void parser_expect(struct parser *, const char *word_or_sign);
/* A number of `low`..`high`; `what` it is, for the fault. */
int64_t parser_number(struct parser *, const char *what, int64_t low, int64_t high);
/* "expected WHAT, found ...". */
void parser_expected(struct parser *, const char *what);
void *parser_room(struct parser *, size_t size);

struct packet_spec *parser_packet(struct parser *);
/* The present token begins a call: its name. */
struct call_spec *parser_call(struct parser *);

#endif
