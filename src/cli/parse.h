/* SPDX-License-Identifier: MIT */
/*
 * parse.h - from the words of the command line to a struct cli_options.
 */
#ifndef CLI_PARSE_H
#define CLI_PARSE_H

#include "cli/verb.h"

enum parse_result {
    PARSE_OK,
    PARSE_HELP,  /* --help was asked for */
    PARSE_ERROR, /* a sentence has been printed: exit with CLI_USAGE */
};

/* Reads the words after the verb, to the NULL that ends them; *o keeps pointers into them. */
enum parse_result parse_words(const struct cli_verb *, char **words, struct cli_options *o);

#endif
