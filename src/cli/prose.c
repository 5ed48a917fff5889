/* SPDX-License-Identifier: MIT */
/* prose.c - see prose.h. */
#include "cli/prose.h"

#include <string.h>

/* How a backquote is written.  One word typed is clear by itself; several need quotes. */
static const char *mark(bool opening, bool colour, bool words)
{
    if (colour)
        return opening ? "\033[1m" : "\033[0m";
    return words ? "\"" : "";
}

/* Whether there is a blank between the backquote at `p` and the next. */
static bool has_blank(const char *p)
{
    size_t length = strcspn(p + 1, "`");

    return memchr(p + 1, ' ', length) || memchr(p + 1, '\n', length);
}

struct typed {
    bool inside, words;
};

/* Writes one word with its marks, if `out` is not NULL; its width on the screen. */
static unsigned put_word(FILE *out, const char *word, size_t length, bool colour, struct typed *t)
{
    unsigned width = 0;

    for (size_t i = 0; i < length; i++) {
        if (word[i] != '`') {
            width++;
            if (out)
                fputc(word[i], out);
            continue;
        }
        t->inside = !t->inside;
        if (t->inside)
            t->words = has_blank(word + i);
        width += !colour && t->words;
        if (out)
            fputs(mark(t->inside, colour, t->words), out);
    }
    return width;
}

void prose_write(FILE *out, const char *text, unsigned column, unsigned indent, bool colour)
{
    struct typed typed = {0};
    bool first = true;

    while (*text) {
        size_t gap = strspn(text, " \n"), length = strcspn(text + gap, " \n");
        bool paragraph = strncmp(text, "\n\n", 2) == 0;
        struct typed ahead = typed;
        unsigned width = put_word(NULL, text + gap, length, colour, &ahead);

        if (paragraph || (!first && column + 1 + width > PROSE_WIDTH)) {
            fprintf(out, "%s\n%*s", paragraph ? "\n" : "", (int)indent, "");
            column = indent;
            first = true;
        }
        if (!first)
            fputc(' ', out);
        put_word(out, text + gap, length, colour, &typed);
        column += width + !first;
        first = false;
        text += gap + length;
    }
    fputc('\n', out);
}

void prose_json(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fprintf(out, "\\%c", *text);
        else if ((unsigned char)*text < 0x20)
            fprintf(out, "\\u%04x", (unsigned char)*text);
        else
            fputc(*text, out);
    }
    fputc('"', out);
}
