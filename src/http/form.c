/* SPDX-License-Identifier: MIT */
/* form.c - see form.h. */
#include "http/form.h"

#include <string.h>

struct form_text form_text(const char *text)
{
    return (struct form_text){text, strlen(text)};
}

/* 0 to 15, or 16 for what is no hexadecimal digit. */
static unsigned digit(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A') + 10;
    return 16;
}

static bool escape_at(struct form_text text, size_t at)
{
    return text.length - at > 2 && digit(text.at[at + 1]) < 16 && digit(text.at[at + 2]) < 16;
}

bool form_check(struct form_text text, size_t *wrong)
{
    for (size_t i = 0; i < text.length; i++) {
        *wrong = i;
        if (text.at[i] == '%' && !escape_at(text, i))
            return false;
    }
    return true;
}

/* The octet at *at, which moves beyond it. */
static uint8_t decoded(struct form_text text, size_t *at, bool plus)
{
    char c = text.at[*at];

    if (c == '%' && escape_at(text, *at)) {
        *at += 3;
        return (uint8_t)(digit(text.at[*at - 2]) << 4 | digit(text.at[*at - 1]));
    }
    *at += 1;
    return plus && c == '+' ? ' ' : (uint8_t)c;
}

void form_decode(struct writer *w, struct form_text text, bool plus)
{
    for (size_t at = 0; at < text.length;)
        writer_u8(w, decoded(text, &at, plus));
}

bool form_is(struct form_text text, const char *plain, bool plus)
{
    size_t at = 0;

    while (at < text.length && *plain)
        if (decoded(text, &at, plus) != (uint8_t)*plain++)
            return false;
    return at == text.length && !*plain;
}

/* What stands before the first `mark`; `rest` is what stands behind it, or nothing. */
static struct form_text before(struct form_text text, char mark, struct form_text *rest)
{
    const char *at = text.length > 0 ? memchr(text.at, mark, text.length) : NULL;
    size_t length = at ? (size_t)(at - text.at) : text.length;

    *rest = at ? (struct form_text){at + 1, text.length - length - 1} : (struct form_text){0};
    return (struct form_text){text.at, length};
}

bool form_find(struct form_text text, const char *name, struct form_text *value)
{
    while (text.length > 0) {
        struct form_text pair = before(text, '&', &text);
        if (form_is(before(pair, '=', value), name, true))
            return true;
    }
    return false;
}
