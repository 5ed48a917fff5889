/* SPDX-License-Identifier: MIT */
/*
 * prose.h - the texts of verb.def and option.def on a terminal: words, wrapped; and sentences that
 * are told while something runs.
 *
 * What stands between backquotes is typed as it stands: bold where there is colour, and else in
 * quotes if it is more than a word.  An empty line ends a paragraph.
 */
#ifndef CLI_PROSE_H
#define CLI_PROSE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#define PROSE_WIDTH 80
#define PROSE_LEAST 60

/* Writes `text` from `column`, where the line stands now; further lines begin at `indent`.  Ends
 * with a newline. */
void prose_write(FILE *, const char *text, unsigned column, unsigned indent, bool colour);

/* Columns of the terminal that `out` is, PROSE_LEAST at least; 0 if it is none. */
unsigned prose_columns(FILE *out);

/* Writes a sentence from `column` on, as it stands, but for lines that would be longer than
 * `columns`: they go on below, indented, from a blank that is not between backquotes.  What is typed
 * stays in one piece then, to be copied.  0 columns: all in one line. */
void prose_fit(FILE *out, const char *text, unsigned column, unsigned columns);

/* The same, of a format, for the terminal that `out` may be. */
__attribute__((format(printf, 3, 0))) void prose_say(FILE *out, unsigned column,
                                                     const char *format, va_list list);

/* Writes `text` as a JSON string, quotes included. */
void prose_json(FILE *, const char *text);

#endif
