/* SPDX-License-Identifier: MIT */
/*
 * value.h - what can stand behind an option: its reading, its storing, and the sentence that says
 * what was expected.
 */
#ifndef CLI_VALUE_H
#define CLI_VALUE_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/verb.h"

/* name, size of the field that it fills */
#define VALUE_TYPES(X)                                                                             \
    X(flag, sizeof(bool))                                                                          \
    X(count, sizeof(unsigned))                                                                     \
    X(number16, 2)                                                                                 \
    X(number32, 4)                                                                                 \
    X(number64, 8)                                                                                 \
    X(seconds, 8)                                                                                  \
    X(seconds_never, 8)                                                                            \
    X(choice, 1)                                                                                   \
    X(color, sizeof(bool))                                                                         \
    X(word, sizeof(char *))                                                                        \
    X(verb, sizeof(char *))                                                                        \
    X(text, sizeof(char *))                                                                        \
    X(files, sizeof(struct cli_texts))                                                             \
    X(setting, sizeof(struct cli_texts))                                                           \
    X(host, sizeof(char *))                                                                        \
    X(station, sizeof(char *))                                                                     \
    X(words, sizeof(char *[CLI_WORDS_MAX]))                                                        \
    X(device, sizeof(struct cli_on))                                                               \
    X(prefix, sizeof(struct cli_prefix))                                                           \
    X(server, sizeof(struct cli_servers))                                                          \
    X(mac, 6)                                                                                      \
    X(impair, sizeof(struct link_config))                                                          \
    X(rule, sizeof(struct cli_rules))                                                              \
    X(command, sizeof(char **))

enum value_type {
#define X(name, size) VALUE_##name,
    VALUE_TYPES(X)
#undef X
};

enum value_size {
#define X(name, size) VALUE_SIZE_##name = (size),
    VALUE_TYPES(X)
#undef X
};

#define VALUE_WORD 24 /* a word of a choice, with its zero */

/* Reads `text` as the option's value and stores it into its field of *o. */
bool value_read(const struct cli_option *, const char *text, struct cli_options *o);
/* Why value_read refused `text`: "expected a number from 1 to 65535". */
void value_expected(const struct cli_option *, const char *text, FILE *);
/* "1 to 65535" into text[48]; "" where the type or the name says it already. */
void value_range(const struct cli_option *, char text[48]);
/* The word `i` of "text|dot|svg" in word[16]; its length, 0 past the last. */
unsigned value_choice(const struct cli_option *, unsigned i, char word[VALUE_WORD]);

#endif
