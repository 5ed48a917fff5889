/* SPDX-License-Identifier: MIT */
/*
 * suggest.h - the name that was probably meant.
 */
#ifndef CLI_SUGGEST_H
#define CLI_SUGGEST_H

struct suggestion {
    const char *typed, *best; /* best: NULL while nothing is near enough */
    unsigned distance;
};

/* Start with {.typed = word}; offer every name; read `best`. */
void suggest_offer(struct suggestion *, const char *name);

#endif
