/* SPDX-License-Identifier: MIT */
/* lexer.c - one function for each kind of token; the longest reading wins. */
#include "script/lexer.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 24 /* digits that a number may have */

void lexer_init(struct lexer *l, const char *text, size_t n, struct arena *arena,
                struct script_fault *fault)
{
    memset(l, 0, sizeof *l);
    l->p = text;
    l->end = text + n;
    l->at = (struct span){1, 1};
    l->arena = arena;
    l->fault = fault;
    if (n > LEXER_SOURCE_MAX)
        script_fail(fault, l->at, "expected a script of at most %u bytes", LEXER_SOURCE_MAX);
}

bool lexer_define(struct lexer *l, const char *name, const char *value)
{
    for (unsigned i = 0; i < l->defines; i++) {
        if (strcmp(l->define[i].name, name) == 0) {
            l->define[i].value = value;
            return true;
        }
    }
    if (l->defines == LEXER_DEFINES_MAX)
        return false;
    l->define[l->defines++] = (struct lexer_define){name, value};
    return true;
}

bool lexer_time(const char *text, int64_t *us)
{
    int64_t value = 0, scale = 1000000;
    bool digits = false;

    for (; isdigit((unsigned char)*text); text++, digits = true) {
        value = value * 10 + (*text - '0') * INT64_C(1000000);
        if (value > INT64_C(31536000000000))
            return false;
    }
    if (*text == '.') {
        for (text++; isdigit((unsigned char)*text); text++, digits = true) {
            scale /= 10;
            value += (*text - '0') * scale;
        }
    }
    *us = value;
    return digits && !*text;
}

const char *lexer_describe(const struct token *t, char *out, size_t size)
{
    switch (t->kind) {
    case TOKEN_END:
        return "the end of the script";
    case TOKEN_STRING:
        return "a string";
    case TOKEN_COMMAND:
        return "a shell command";
    case TOKEN_CODE:
        return "%{ code }%";
    case TOKEN_ELLIPSIS:
        return "`...`";
    case TOKEN_OPTION:
        snprintf(out, size, "`--%.40s`", t->text);
        return out;
    default:
        snprintf(out, size, "`%.40s`", t->text);
        return out;
    }
}

/* ---- characters --------------------------------------------------------------------------------- */

static int peek(const struct lexer *l, size_t ahead)
{
    return (size_t)(l->end - l->p) > ahead ? (unsigned char)l->p[ahead] : -1;
}

static bool starts(const struct lexer *l, const char *with)
{
    size_t n = strlen(with);

    return (size_t)(l->end - l->p) >= n && memcmp(l->p, with, n) == 0;
}

static void skip(struct lexer *l, size_t n)
{
    for (; n && l->p < l->end; n--, l->p++) {
        if (*l->p == '\n') {
            l->at.line++;
            l->at.column = 1;
        } else {
            l->at.column++;
        }
    }
}

static bool is_word(int c)
{
    return c >= 0 && (isalnum(c) || c == '_');
}

static struct token lex_fail(struct lexer *l, struct span at, const char *text)
{
    script_fail(l->fault, at, "%s", text);
    l->p = l->end;
    return (struct token){.kind = TOKEN_END, .at = at, .text = ""};
}

/* A token of the next `n` characters. */
static struct token cut(struct lexer *l, enum token_kind kind, size_t n)
{
    struct token t = {.kind = kind, .at = l->at, .length = n};

    t.text = arena_copy(l->arena, l->p, n);
    if (!t.text)
        return lex_fail(l, l->at, "expected a smaller script: its memory is used up");
    skip(l, n);
    return t;
}

/* ---- what lies between tokens -------------------------------------------------------------------- */

static void skip_line(struct lexer *l)
{
    const char *end = memchr(l->p, '\n', (size_t)(l->end - l->p));

    skip(l, (size_t)((end ? end : l->end) - l->p));
}

static bool skip_c_comment(struct lexer *l)
{
    struct span at = l->at;

    for (skip(l, 2); l->p < l->end; skip(l, 1)) {
        if (starts(l, "*/")) {
            skip(l, 2);
            return true;
        }
    }
    lex_fail(l, at, "expected */ after this /*");
    return false;
}

static char *cut_line(struct lexer *l, size_t n)
{
    char *text;

    while (n && isspace((unsigned char)l->p[n - 1]))
        n--;
    text = arena_copy(l->arena, l->p, n);
    skip(l, n);
    return text;
}

/* How many of `n` characters stand before a comment that is outside a string. */
static size_t before_comment(const char *p, size_t n)
{
    char quote = 0;

    for (size_t i = 0; i < n; i++) {
        if (quote)
            quote = p[i] == quote ? 0 : quote;
        else if (p[i] == '"' || p[i] == '`')
            quote = p[i];
        else if (p[i] == '/' && i + 1 < n && (p[i + 1] == '/' || p[i + 1] == '*'))
            return i;
    }
    return n;
}

/* `#define NAME VALUE`, the `#` being next. */
static bool take_define(struct lexer *l)
{
    struct span at = l->at;
    size_t n = 0;
    char *name, *value;

    skip(l, strlen("#define"));
    while (peek(l, 0) == ' ' || peek(l, 0) == '\t')
        skip(l, 1);
    while (is_word(peek(l, n)))
        n++;
    name = cut_line(l, n);
    while (peek(l, 0) == ' ' || peek(l, 0) == '\t')
        skip(l, 1);
    const char *end = memchr(l->p, '\n', (size_t)(l->end - l->p));
    value = cut_line(l, before_comment(l->p, (size_t)((end ? end : l->end) - l->p)));
    if (!name || !value || !*name || !*value) {
        lex_fail(l, at, "expected #define NAME VALUE");
        return false;
    }
    if (!lexer_define(l, name, value)) {
        lex_fail(l, at, "expected fewer definitions: there may be 256");
        return false;
    }
    return true;
}

/* Moves to the next token; false after a fault. */
static bool skip_space(struct lexer *l)
{
    for (;;) {
        int c = peek(l, 0);

        if (c >= 0 && isspace(c)) {
            skip(l, 1);
        } else if (starts(l, "//")) {
            skip_line(l);
        } else if (starts(l, "/*")) {
            if (!skip_c_comment(l))
                return false;
        } else if (starts(l, "#define") && !is_word(peek(l, 7))) {
            if (!take_define(l))
                return false;
        } else if (c == '#') {
            skip_line(l);
        } else {
            return true;
        }
    }
}

/* ---- numbers, words, addresses --------------------------------------------------------------------- */

static size_t digits_at(const struct lexer *l, size_t i)
{
    size_t n = 0;

    while (peek(l, i + n) >= 0 && isdigit(peek(l, i + n)))
        n++;
    return n;
}

/* The length of a.b.c.d, or 0. */
static size_t ipv4_length(const struct lexer *l, size_t i)
{
    size_t start = i;

    for (unsigned part = 0; part < 4; part++) {
        size_t n = digits_at(l, i);

        if (!n)
            return 0;
        i += n;
        if (part < 3 && peek(l, i++) != '.')
            return 0;
    }
    return i - start;
}

/* The length of an IPv6 address: hexadecimal groups and colons, with `::` or seven colons.  So
 * 1:1001 is none. */
static size_t ipv6_length(const struct lexer *l)
{
    size_t n = 0;
    unsigned colons = 0;
    bool twice = false;

    for (;; n++) {
        int c = peek(l, n);

        if (c == ':') {
            colons++;
            twice = twice || peek(l, n + 1) == ':';
        } else if (c < 0 || !isxdigit(c)) {
            break;
        }
    }
    if (!twice && colons != 7)
        return 0;
    if (peek(l, n) == '.') { /* ::ffff:192.0.2.1 */
        while (n && peek(l, n - 1) != ':')
            n--;
        n += ipv4_length(l, n);
    }
    return n;
}

static struct token lex_integer(struct lexer *l, size_t n)
{
    struct token t = cut(l, TOKEN_INTEGER, n);

    if (t.kind != TOKEN_INTEGER)
        return t;
    t.hex = t.length > 2 && (t.text[1] == 'x' || t.text[1] == 'X');
    errno = 0;
    t.number = (int64_t)strtoll(t.text, NULL, t.hex ? 16 : 10);
    if (errno || t.length > NUMBER_MAX)
        return lex_fail(l, t.at, "expected a number that fits 64 bits");
    return t;
}

/* A number that starts here, or a word; `minus` is 1 if the character is a minus. */
static struct token lex_number(struct lexer *l, size_t minus)
{
    size_t whole = digits_at(l, minus), n = minus + whole;
    size_t fraction = peek(l, n) == '.' ? digits_at(l, n + 1) : 0;

    if (!minus && ipv4_length(l, 0))
        return cut(l, TOKEN_ADDRESS, ipv4_length(l, 0));
    if (fraction)
        return cut(l, TOKEN_FRACTION, n + 1 + fraction);
    if (!minus && whole == 1 && peek(l, 0) == '0' && peek(l, 1) == 'x') {
        for (n = 2; peek(l, n) >= 0 && isxdigit(peek(l, n));)
            n++;
        if (n > 2 && !is_word(peek(l, n)))
            return lex_integer(l, n);
    }
    if (!minus && is_word(peek(l, whole))) {
        for (n = whole; is_word(peek(l, n));)
            n++;
        return cut(l, TOKEN_WORD, n);
    }
    return lex_integer(l, minus + whole);
}

/* The value of a definition as the token that it would be in the script. */
static struct token lex_defined(struct lexer *l, struct token word, const char *value)
{
    struct lexer inner;
    struct token t, rest;

    lexer_init(&inner, value, strlen(value), l->arena, l->fault);
    t = lexer_next(&inner);
    rest = lexer_next(&inner);
    if (rest.kind != TOKEN_END || t.kind == TOKEN_END)
        return lex_fail(l, word.at, "expected a definition of exactly one token");
    t.at = word.at;
    return t;
}

static struct token lex_word(struct lexer *l)
{
    size_t n = 0;
    struct token t;

    while (is_word(peek(l, n)))
        n++;
    t = cut(l, TOKEN_WORD, n);
    for (unsigned i = 0; t.kind == TOKEN_WORD && i < l->defines; i++) {
        if (strcmp(l->define[i].name, t.text) == 0)
            return lex_defined(l, t, l->define[i].value);
    }
    return t;
}

/* ---- what has delimiters ----------------------------------------------------------------------------- */

static int hex_value(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = tolower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte for which the characters after a backslash stand; -1 if none.  Moves past them. */
static int escape(struct lexer *l)
{
    static const char names[] = "nrt0\\\"'", bytes[] = "\n\r\t\0\\\"'";
    int c = peek(l, 0);
    const char *at = c > 0 ? strchr(names, c) : NULL;

    if (at && *at) {
        skip(l, 1);
        return (unsigned char)bytes[at - names];
    }
    if (c == 'x' && peek(l, 1) >= 0 && peek(l, 2) >= 0) {
        int high = hex_value(peek(l, 1)), low = hex_value(peek(l, 2));

        skip(l, 3);
        return high < 0 || low < 0 ? -1 : high * 16 + low;
    }
    return -1;
}

static struct token lex_string(struct lexer *l)
{
    struct token t = {.kind = TOKEN_STRING, .at = l->at};
    size_t n = 0;
    char *bytes;

    skip(l, 1);
    while (peek(l, n) >= 0 && peek(l, n) != '"')
        n += peek(l, n) == '\\' && peek(l, n + 1) >= 0 ? 2 : 1;
    bytes = peek(l, n) == '"' ? arena_take(l->arena, n + 1) : NULL;
    if (!bytes)
        return lex_fail(l, t.at, "expected a closing \" after this one");
    while (peek(l, 0) != '"') {
        int c = (unsigned char)*l->p;
        struct span at = l->at;

        skip(l, 1);
        if (c == '\\' && (c = escape(l)) < 0)
            return lex_fail(l, at, "expected one of \\n \\r \\t \\0 \\\\ \\\" \\xHH");
        bytes[t.length++] = (char)c;
    }
    skip(l, 1);
    t.text = bytes;
    return t;
}

static struct token lex_command(struct lexer *l)
{
    struct span at = l->at;
    struct token t;
    size_t n = 0;

    skip(l, 1);
    while (peek(l, n) >= 0 && peek(l, n) != '`')
        n += peek(l, n) == '\\' && peek(l, n + 1) >= 0 ? 2 : 1;
    if (peek(l, n) != '`')
        return lex_fail(l, at, "expected a closing ` after this one");
    t = cut(l, TOKEN_COMMAND, n);
    t.at = at;
    skip(l, 1);
    return t;
}

static struct token lex_code(struct lexer *l)
{
    struct span at = l->at;
    struct token t;
    size_t n = 0;

    skip(l, 2);
    while (peek(l, n) >= 0 && !(peek(l, n) == '}' && peek(l, n + 1) == '%'))
        n++;
    if (peek(l, n) < 0)
        return lex_fail(l, at, "expected }% after this %{");
    t = cut(l, TOKEN_CODE, n);
    skip(l, 2);
    return t;
}

static struct token lex_option(struct lexer *l)
{
    size_t n = 0;
    struct token t;

    while (is_word(peek(l, 2 + n)))
        n++;
    t = cut(l, TOKEN_OPTION, 2 + n);
    if (t.kind == TOKEN_OPTION) {
        t.text += 2;
        t.length -= 2;
    }
    return t;
}

/* ---- one token ----------------------------------------------------------------------------------------- */

static struct token lex_sign(struct lexer *l)
{
    int c = peek(l, 0), next = peek(l, 1);

    if (starts(l, "..."))
        return cut(l, TOKEN_ELLIPSIS, 3);
    if (starts(l, "--") && peek(l, 2) >= 0 && isalpha(peek(l, 2)))
        return lex_option(l);
    if (starts(l, "%{"))
        return lex_code(l);
    if (c == '"')
        return lex_string(l);
    if (c == '`')
        return lex_command(l);
    if (c == '.' && next >= 0 && isdigit(next))
        return lex_number(l, 0);
    if (c == '-' && next >= 0 && (isdigit(next) || (next == '.' && digits_at(l, 2))))
        return lex_number(l, 1);
    if (c < ' ' || c > '~')
        return lex_fail(l, l->at, "expected text: this byte is no printable character of ASCII");
    return cut(l, TOKEN_SIGN, 1);
}

struct token lexer_next(struct lexer *l)
{
    size_t address;
    int c;

    if (script_faulty(l->fault) || !skip_space(l) || l->p == l->end)
        return (struct token){.kind = TOKEN_END, .at = l->at, .text = ""};
    c = peek(l, 0);
    address = c == ':' || isxdigit(c) ? ipv6_length(l) : 0;
    if (address)
        return cut(l, TOKEN_ADDRESS, address);
    if (isdigit(c))
        return lex_number(l, 0);
    if (is_word(c))
        return lex_word(l);
    return lex_sign(l);
}
