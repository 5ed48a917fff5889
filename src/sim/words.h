/* SPDX-License-Identifier: MIT */
/*
 * words.h - a text cut into words, and words read as numbers with units.
 *
 * Numbers are decimal and may have a fraction ("1.5ms"); the unit follows without a space.  They
 * become integers in the smallest unit, exactly, or not at all.
 */
#ifndef SIM_WORDS_H
#define SIM_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORD_MAX 32 /* longer words are cut: none that means anything is as long */

struct words {
    const char *rest;
    char word[WORD_MAX]; /* the present one in lower case; "" at the end */
};

/* A table of these ends with a NULL name.  For text out: the greatest unit stands first. */
struct word_unit {
    const char *name;
    uint64_t scale;
};

extern const struct word_unit word_times[];  /* to nanoseconds */
extern const struct word_unit word_rates[];  /* to bits per second */
extern const struct word_unit word_shares[]; /* to parts per million */
extern const struct word_unit word_bytes[];
extern const struct word_unit word_counts[]; /* no unit */

/* At the first word. */
struct words words_of(const char *text);
void words_next(struct words *w);
bool words_end(const struct words *w);
/* If the present word is this one, moves on. */
bool words_take(struct words *w, const char *word);
/* If the present word is a number in one of the units, no greater than `max`, stores it and moves
 * on. */
bool words_take_number(struct words *w, const struct word_unit *units, uint64_t max, uint64_t *out);

/* Appends to the text in `to`, as much as fits. */
void words_append(char *to, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Appends the number in the greatest unit that takes it without a fraction. */
void words_append_number(char *to, size_t size, uint64_t value, const struct word_unit *units);

#endif
