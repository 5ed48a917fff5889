/* SPDX-License-Identifier: MIT */
/*
 * text.h - text put together in a buffer of the caller's, cut where it does not fit.
 *
 * The buffer always ends with a zero.  Colours are counted apart, so that columns can be kept.
 */
#ifndef CAPTURE_TEXT_H
#define CAPTURE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

enum text_colour { TEXT_PLAIN, TEXT_DIM, TEXT_BOLD, TEXT_RED, TEXT_GREEN, TEXT_YELLOW, TEXT_CYAN };

struct text {
    char *p;
    size_t size, length; /* length < size, unless size is 0 */
    size_t line;         /* where the present line begins */
    size_t hidden;       /* bytes of this line that take no column */
    bool colour;
    bool cut; /* something did not fit */
};

struct text text_of(char *p, size_t size, bool colour);
void text_put(struct text *, const char *bytes, size_t n);
void text_add(struct text *, const char *string);
void text_format(struct text *, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Adds a text of one line, with its colours. */
void text_append(struct text *, const struct text *other);
void text_newline(struct text *);
/* Adds the string in a colour, if there are colours. */
void text_paint(struct text *, enum text_colour, const char *string);
/* Columns of the present line. */
size_t text_columns(const struct text *);
/* Spaces up to a column. */
void text_pad(struct text *, size_t column);
/* Takes the spaces at the end away. */
void text_trim(struct text *);

/* Bytes as a string of JSON, with its quotes; what is not ASCII is escaped one byte at a time. */
void text_json(struct text *, const char *bytes, size_t n);
/* Bytes as people quote them: "GET /\r\n". */
void text_quote(struct text *, const void *bytes, size_t n);

#endif
