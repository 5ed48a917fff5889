/* SPDX-License-Identifier: MIT */
/* shell.c - one command after the other, each cut into words. */
#include "script/shell.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX   64
#define COMMAND_MAX 1024

struct command {
    char text[COMMAND_MAX];  /* as it was written, for `skip` */
    char room[COMMAND_MAX];  /* the words, each ending with a zero */
    size_t used;
    unsigned words;
    const char *word[WORDS_MAX];
    bool whole; /* nothing was cut, nothing was not understood */
};

/* ---- $((arithmetic)) ----------------------------------------------------------------------------- */

static int64_t sum(const char **p, unsigned depth, bool *ok);

static void blank(const char **p)
{
    while (isspace((unsigned char)**p))
        ++*p;
}

static int64_t operand(const char **p, unsigned depth, bool *ok)
{
    int64_t value = 0;
    char *end;

    blank(p);
    if (**p == '(' && depth < 16) {
        ++*p;
        value = sum(p, depth + 1, ok);
        blank(p);
        *ok = *ok && **p == ')';
        *p += **p == ')';
        return value;
    }
    errno = 0;
    value = strtoll(*p, &end, 0);
    *ok = *ok && end != *p && !errno;
    *p = end;
    return value;
}

static int64_t product(const char **p, unsigned depth, bool *ok)
{
    int64_t value = operand(p, depth, ok), by;

    for (blank(p); *ok && (**p == '*' || **p == '/'); blank(p)) {
        char op = *(*p)++;

        by = operand(p, depth, ok);
        if (op == '*')
            *ok = *ok && !__builtin_mul_overflow(value, by, &value);
        else if ((*ok = *ok && by > 0))
            value /= by;
    }
    return value;
}

static int64_t sum(const char **p, unsigned depth, bool *ok)
{
    int64_t value = product(p, depth, ok), by;

    for (blank(p); *ok && (**p == '+' || **p == '-'); blank(p)) {
        char op = *(*p)++;

        by = product(p, depth, ok);
        if (op == '+')
            *ok = *ok && !__builtin_add_overflow(value, by, &value);
        else
            *ok = *ok && !__builtin_sub_overflow(value, by, &value);
    }
    return value;
}

/* ---- words ------------------------------------------------------------------------------------------ */

static void put(struct command *c, char byte)
{
    if (c->used + 1 < sizeof c->room)
        c->room[c->used++] = byte;
    else
        c->whole = false;
}

/* `$((15*1024*1024))` as its value; other expansions are not understood. */
static const char *expand(struct command *c, const char *p)
{
    char digits[24];
    bool ok = strncmp(p, "$((", 3) == 0;
    const char *at = p + 3;
    int64_t value = ok ? sum(&at, 0, &ok) : 0;

    if (!ok || strncmp(at, "))", 2) != 0) {
        c->whole = false;
        put(c, *p);
        return p + 1;
    }
    snprintf(digits, sizeof digits, "%lld", (long long)value);
    for (const char *d = digits; *d; d++)
        put(c, *d);
    return at + 2;
}

static const char *read_word(struct command *c, const char *p)
{
    char quote = 0;
    size_t start = c->used;

    for (; *p && (quote || !strchr(" \t\r\n;&|", *p)); ) {
        if (*p == '\\' && p[1] && quote != '\'') {
            if (p[1] != '\n')
                put(c, p[1]);
            p += 2;
        } else if (*p == '$' && quote != '\'') {
            p = expand(c, p);
        } else if (quote ? *p == quote : *p == '"' || *p == '\'') {
            quote = quote ? 0 : *p;
            p++;
        } else {
            put(c, *p++);
        }
    }
    put(c, '\0');
    if (c->words < WORDS_MAX && c->used < sizeof c->room)
        c->word[c->words++] = c->room + start;
    else
        c->whole = false;
    return p;
}

static const char *skip_between(const char *p)
{
    for (;;) {
        if (*p == ' ' || *p == '\t' || *p == '\r')
            p++;
        else if (*p == '\\' && p[1] == '\n')
            p += 2;
        else
            return p;
    }
}

/* `> /dev/null`, `2>&1`: where output goes does not matter to what is never run. */
static const char *skip_redirection(const char *p)
{
    const char *at = p + strspn(p, "0123456789&");

    if (*at != '>' && *at != '<')
        return NULL;
    at += strspn(at, "<>&");
    at = skip_between(at);
    return at + strcspn(at, " \t\r\n;|");
}

static const char *end_of(const char *p)
{
    return p + strspn(p, ";&| \t\r\n");
}

/* The next command; NULL at the end. */
static const char *read_command(struct command *c, const char *p)
{
    const char *start;
    size_t n;

    *c = (struct command){.whole = true};
    p = end_of(p);
    while (*p == '#')
        p = end_of(p + strcspn(p, "\n"));
    if (!*p)
        return NULL;
    start = p;
    while (*p && *p != '\n' && *p != ';' && *p != '&' && *p != '|') {
        const char *redirected = skip_redirection(p);

        if (*p == '#')
            p += strcspn(p, "\n");
        else
            p = redirected ? redirected : read_word(c, p);
        p = skip_between(p);
    }
    n = (size_t)(p - start);
    while (n && isspace((unsigned char)start[n - 1]))
        n--;
    snprintf(c->text, sizeof c->text, "%.*s", n < 200 ? (int)n : 200, start);
    return p;
}

/* ---- commands -------------------------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

/* "/proc/sys/net/ipv4/tcp_sack=1" and "net.ipv4.tcp_sack=1". */
static bool assign(struct shell *shell, const char *word)
{
    static const char proc[] = "/proc/sys/";
    char name[128];
    const char *equals = strchr(word, '=');
    size_t n;

    if (strncmp(word, proc, sizeof proc - 1) == 0)
        word += sizeof proc - 1;
    if (!equals || equals <= word || (size_t)(equals - word) >= sizeof name)
        return false;
    n = (size_t)(equals - word);
    memcpy(name, word, n);
    name[n] = '\0';
    for (char *slash = name; (slash = strchr(slash, '/'));)
        *slash = '.';
    shell->set(shell->context, name, equals + 1);
    return true;
}

static void assign_all(struct shell *shell, const struct command *c)
{
    for (unsigned i = 1; i < c->words; i++) {
        if (c->word[i][0] != '-' && !assign(shell, c->word[i]))
            shell->skip(shell->context, c->text, "expected NAME=VALUE");
    }
}

static void read_file(struct shell *shell, const struct command *c, const char *name)
{
    char path[4096];
    char *text;
    FILE *file;
    size_t n;

    snprintf(path, sizeof path, "%s%s%s", name[0] == '/' ? "" : shell->folder,
             name[0] == '/' ? "" : "/", name);
    file = shell->depth < SHELL_DEPTH_MAX ? fopen(path, "re") : NULL;
    text = file ? arena_take(shell->arena, SHELL_FILE_MAX) : NULL;
    if (text) {
        n = fread(text, 1, SHELL_FILE_MAX - 1, file);
        text[n] = '\0';
        shell->depth++;
        shell_read(shell, text);
        shell->depth--;
    } else {
        shell->skip(shell->context, c->text, "this file cannot be read");
    }
    if (file)
        fclose(file);
}

/* tc qdisc add dev tun0 root fq: the qdisc that paces, as each device would have it by this sysctl. */
static bool is_fq(const struct command *c)
{
    return c->words == 7 && strcmp(c->word[0], "tc") == 0 && strcmp(c->word[1], "qdisc") == 0 &&
           (strcmp(c->word[2], "add") == 0 || strcmp(c->word[2], "replace") == 0) &&
           strcmp(c->word[5], "root") == 0 && strcmp(c->word[6], "fq") == 0;
}

static void obey(struct shell *shell, const struct command *c)
{
    const char *program = c->words ? c->word[0] : "";
    bool includes = strcmp(program, ".") == 0 || strcmp(program, "source") == 0;

    if (!c->whole)
        shell->skip(shell->context, c->text, "not understood");
    else if (ends_with(program, "sysctl") || ends_with(program, "set_sysctls.py"))
        assign_all(shell, c);
    else if (includes && c->words == 2)
        read_file(shell, c, c->word[1]);
    else if (ends_with(program, ".sh"))
        read_file(shell, c, program);
    else if (is_fq(c))
        shell->set(shell->context, "net.core.default_qdisc", "fq");
    else if (c->words)
        shell->skip(shell->context, c->text, "not run");
}

void shell_read(struct shell *shell, const char *text)
{
    struct command *c = arena_take(shell->arena, sizeof *c);

    for (const char *p = text; c && (p = read_command(c, p));)
        obey(shell, c);
}
