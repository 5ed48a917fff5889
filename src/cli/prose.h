/* SPDX-License-Identifier: MIT */
/*
 * prose.h - the texts of verb.def and option.def on a terminal: words, wrapped.
 *
 * What stands between backquotes is typed as it stands: bold where there is colour, and else in
 * quotes if it is more than a word.  An empty line ends a paragraph.
 */
#ifndef CLI_PROSE_H
#define CLI_PROSE_H

#include <stdbool.h>
#include <stdio.h>

#define PROSE_WIDTH 80

/* Writes `text` from `column`, where the line stands now; further lines begin at `indent`.  Ends
 * with a newline. */
void prose_write(FILE *, const char *text, unsigned column, unsigned indent, bool colour);

/* Writes `text` as a JSON string, quotes included. */
void prose_json(FILE *, const char *text);

#endif
