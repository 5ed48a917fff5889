/* SPDX-License-Identifier: MIT */
/*
 * help.h - what the program says about itself.
 */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "cli/verb.h"

/* `estab` alone: five commands to begin with. */
void help_first(FILE *);
/* `estab help`: all verbs. */
void help_all(FILE *, bool colour);
/* `estab VERB --help`. */
void help_verb(const struct cli_verb *, FILE *, bool colour);
/* The manual page in mdoc of a verb; of the program if NULL. */
void man_page(const struct cli_verb *, FILE *);

/* The first five verbs are those to begin with. */
#define HELP_FIRST 5

#endif
