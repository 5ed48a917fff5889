/* SPDX-License-Identifier: MIT */
/* prose.c - see prose.h. */
#include "cli/prose.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define INDENT 2 /* of what a sentence has below its first line */

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

/* ---- sentences ------------------------------------------------------------------------------------- */

unsigned prose_columns(FILE *out)
{
    struct winsize size;

    if (!out || !isatty(fileno(out)) || ioctl(fileno(out), TIOCGWINSZ, &size) != 0 ||
        size.ws_col == 0)
        return 0;
    return size.ws_col < PROSE_LEAST ? PROSE_LEAST : size.ws_col;
}

/* Up to the next blank that a line may end at. */
static size_t piece(const char *text, size_t most)
{
    size_t n = 0;

    while (text[n] && text[n] != ' ' && text[n] != '\n') {
        const char *end = text[n] == '`' ? strchr(text + n + 1, '`') : NULL;
        size_t typed = end ? (size_t)(end - text) - n : 0;

        n += typed > 0 && typed < most && !memchr(text + n, '\n', typed) ? typed + 1 : 1;
    }
    return n;
}

void prose_fit(FILE *out, const char *text, unsigned column, unsigned columns)
{
    while (*text) {
        size_t gap = strspn(text, " "), n = piece(text + gap, columns > INDENT ? columns - INDENT : 0);

        if (columns && gap && column > INDENT && column + gap + n > columns) {
            fprintf(out, "\n%*s", INDENT, "");
            column = INDENT;
        } else {
            fprintf(out, "%*s", (int)gap, "");
            column += (unsigned)gap;
        }
        fprintf(out, "%.*s", (int)n, text + gap);
        column += (unsigned)n;
        text += gap + n;
        if (*text == '\n') {
            fputc(*text++, out);
            column = 0;
        }
    }
}

void prose_say(FILE *out, unsigned column, const char *format, va_list list)
{
    char *text = NULL, *lines = NULL;
    size_t n;
    FILE *whole = vasprintf(&text, format, list) < 0 ? NULL : open_memstream(&lines, &n);

    if (!whole)
        return;
    prose_fit(whole, text, column, prose_columns(out));
    (void)fclose(whole);
    fputs(lines ? lines : text, out); /* at once, for others write to the terminal, too */
    free(lines);
    free(text);
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
