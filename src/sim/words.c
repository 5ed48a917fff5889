/* SPDX-License-Identifier: MIT */
/* words.c - see words.h. */
#include "sim/words.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct word_unit word_times[] = {
    {"s", 1000000000}, {"ms", 1000000}, {"us", 1000}, {"ns", 1}, {NULL, 0}};
const struct word_unit word_rates[] = {
    {"gbit", 1000000000}, {"mbit", 1000000}, {"kbit", 1000}, {"bit", 1}, {NULL, 0}};
const struct word_unit word_shares[] = {{"%", 10000}, {NULL, 0}};
const struct word_unit word_bytes[] = {{"mib", 1048576}, {"mb", 1000000}, {"kib", 1024},
                                       {"kb", 1000},     {"b", 1},        {NULL, 0}};
const struct word_unit word_counts[] = {{"", 1}, {NULL, 0}};

static char lower(char c);
static bool is_space(char c);
static bool is_digit(char c);
static bool read_number(const char *p, const struct word_unit *units, uint64_t *out);
static bool read_fraction(const char *p, size_t digits, uint64_t scale, uint64_t *out);
static const struct word_unit *find_unit(const struct word_unit *units, const char *name);

struct words words_of(const char *text)
{
    struct words w = {.rest = text};
    words_next(&w);
    return w;
}

void words_next(struct words *w)
{
    size_t n = 0;
    while (is_space(*w->rest))
        w->rest++;
    for (; *w->rest != '\0' && !is_space(*w->rest); w->rest++)
        if (n < WORD_MAX - 1)
            w->word[n++] = lower(*w->rest);
    w->word[n] = '\0';
}

bool words_end(const struct words *w)
{
    return w->word[0] == '\0';
}

bool words_take(struct words *w, const char *word)
{
    if (strcmp(w->word, word) != 0)
        return false;
    words_next(w);
    return true;
}

bool words_take_number(struct words *w, const struct word_unit *units, uint64_t max, uint64_t *out)
{
    uint64_t value;
    if (!read_number(w->word, units, &value) || value > max)
        return false;
    *out = value;
    words_next(w);
    return true;
}

void words_append(char *to, size_t size, const char *format, ...)
{
    size_t length = strlen(to);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(to + length, size - length, format, arguments);
    va_end(arguments);
}

void words_append_number(char *to, size_t size, uint64_t value, const struct word_unit *units)
{
    const struct word_unit *unit = units;
    while (unit->scale > 1 && (value == 0 || value % unit->scale != 0) && unit[1].name)
        unit++;
    words_append(to, size, "%" PRIu64, value / unit->scale);
    uint64_t rest = value % unit->scale; /* of a table without a unit of 1 */
    if (rest > 0)
        words_append(to, size, ".");
    for (uint64_t place = unit->scale / 10; rest > 0; place /= 10) {
        words_append(to, size, "%" PRIu64, rest / place);
        rest %= place;
    }
    words_append(to, size, "%s", unit->name);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool read_number(const char *p, const struct word_unit *units, uint64_t *out)
{
    if (!is_digit(*p))
        return false;
    uint64_t whole = 0, fraction = 0;
    for (; is_digit(*p); p++)
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, (uint64_t)(*p - '0'), &whole))
            return false;

    const char *after = p; /* "5.ms" is not a number: a point has digits on both sides */
    size_t digits = 0;
    if (*p == '.')
        for (after = p + 1; is_digit(*after); after++)
            digits++;
    if (*p == '.' && digits == 0)
        return false;

    const struct word_unit *unit = find_unit(units, after);
    if (!unit || __builtin_mul_overflow(whole, unit->scale, &whole))
        return false;
    if (digits > 0 && !read_fraction(p + 1, digits, unit->scale, &fraction))
        return false;
    return !__builtin_add_overflow(whole, fraction, out);
}

/* The digits after the point, times the scale; false if that is no whole number.  Nine digits are
 * as fine as any scale here: both are at most 10^9, so that the product fits. */
static bool read_fraction(const char *p, size_t digits, uint64_t scale, uint64_t *out)
{
    uint64_t value = 0, of = 1;
    while (digits > 0 && p[digits - 1] == '0')
        digits--;
    if (digits > 9)
        return false;
    for (size_t i = 0; i < digits; i++) {
        value = value * 10 + (uint64_t)(p[i] - '0');
        of *= 10;
    }
    *out = value * scale / of;
    return value * scale % of == 0;
}

static const struct word_unit *find_unit(const struct word_unit *units, const char *name)
{
    for (; units->name; units++)
        if (strcmp(units->name, name) == 0)
            return units;
    return NULL;
}
