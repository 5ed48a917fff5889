/* SPDX-License-Identifier: MIT */
/* text.c - vsnprintf into what is left. */
#include "capture/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct text text_of(char *p, size_t size, bool colour)
{
    if (size > 0)
        p[0] = '\0';
    return (struct text){.p = p, .size = size, .colour = colour};
}

static size_t room(const struct text *t)
{
    return t->size > 0 ? t->size - 1 - t->length : 0;
}

void text_put(struct text *t, const char *bytes, size_t n)
{
    if (n > room(t)) {
        n = room(t);
        t->cut = true;
    }
    if (n == 0)
        return;
    memcpy(t->p + t->length, bytes, n);
    t->length += n;
    t->p[t->length] = '\0';
}

void text_add(struct text *t, const char *string)
{
    text_put(t, string, strlen(string));
}

void text_format(struct text *t, const char *format, ...)
{
    va_list list;
    size_t left = t->size - t->length;
    int n;

    if (t->size == 0)
        return;
    va_start(list, format);
    n = vsnprintf(t->p + t->length, left, format, list);
    va_end(list);
    if (n < 0)
        return;
    if ((size_t)n >= left) {
        t->cut = true;
        n = (int)left - 1;
    }
    t->length += (size_t)n;
}

void text_append(struct text *t, const struct text *other)
{
    text_put(t, other->p, other->length);
    t->hidden += other->hidden;
}

void text_newline(struct text *t)
{
    text_put(t, "\n", 1);
    t->line = t->length;
    t->hidden = 0;
}

void text_paint(struct text *t, enum text_colour colour, const char *string)
{
    static const char *const codes[] = {
        [TEXT_PLAIN] = "",        [TEXT_DIM] = "\033[2m",    [TEXT_BOLD] = "\033[1m",
        [TEXT_RED] = "\033[31m",  [TEXT_GREEN] = "\033[32m", [TEXT_YELLOW] = "\033[33m",
        [TEXT_CYAN] = "\033[36m",
    };
    size_t before = t->length;

    if (!t->colour || colour == TEXT_PLAIN) {
        text_add(t, string);
        return;
    }
    text_add(t, codes[colour]);
    t->hidden += t->length - before;
    text_add(t, string);
    before = t->length;
    text_add(t, "\033[0m");
    t->hidden += t->length - before;
}

size_t text_columns(const struct text *t)
{
    return t->length - t->line - t->hidden;
}

void text_pad(struct text *t, size_t column)
{
    while (text_columns(t) < column && room(t) > 0)
        text_put(t, " ", 1);
}

void text_trim(struct text *t)
{
    while (t->length > t->line && t->p[t->length - 1] == ' ')
        t->p[--t->length] = '\0';
}

void text_json(struct text *t, const char *bytes, size_t n)
{
    text_add(t, "\"");
    for (size_t i = 0; i < n; i++) {
        uint8_t c = (uint8_t)bytes[i];
        if (c == '"' || c == '\\')
            text_format(t, "\\%c", c);
        else if (c < 0x20 || c >= 0x7f)
            text_format(t, "\\u%04x", c);
        else
            text_put(t, &bytes[i], 1);
    }
    text_add(t, "\"");
}

void text_quote(struct text *t, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;

    text_add(t, "\"");
    for (size_t i = 0; i < n; i++) {
        char c = (char)p[i];
        if (c == '\r' || c == '\n' || c == '\t')
            text_format(t, "\\%c", c == '\r' ? 'r' : c == '\n' ? 'n' : 't');
        else if (c == '"' || c == '\\')
            text_format(t, "\\%c", c);
        else if (p[i] < 0x20 || p[i] >= 0x7f)
            text_format(t, "\\x%02x", p[i]);
        else
            text_put(t, &c, 1);
    }
    text_add(t, "\"");
}
