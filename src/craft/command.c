/* SPDX-License-Identifier: MIT */
/*
 * command.c - from left to right, one word at a time.
 *
 * Every reader of a word returns false when it has complained; the first complaint counts.
 */
#include "craft/command.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/writer.h"
#include "packet/address.h"
#include "packet/tcp_header.h"
#include "sim/words.h"

#define WORD_SHOWN  32 /* bytes of a wrong word that a sentence shows */
#define WITHIN_MOST (3600 * ESTAB_SECOND)

enum field_type { NUMBER, SEQUENCE, FLAGS, SUM, OPTION, MARK, TEXT, ADDRESS, MAC };

static const struct craft_field_info infos[CRAFT_FIELDS] = {
#define FIELD(id, name, type, most, argument, meaning) [CRAFT_##id] = {name, argument, meaning},
#include "craft/field.def"
};

static const struct {
    uint8_t type;
    uint32_t most;
} kinds[CRAFT_FIELDS] = {
#define FIELD(id, name, type, most, argument, meaning) [CRAFT_##id] = {type, most},
#include "craft/field.def"
};

static const char *const flag_names[] = {"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"};

struct parse {
    struct craft_command *command;
    const char *line;
    size_t n, at;
    /* The present word: as it stands there, `=` and what follows included. */
    size_t start, length;
};

const struct craft_field_info *craft_field_at(unsigned i)
{
    return i < CRAFT_FIELDS ? &infos[i] : NULL;
}

/* ---- complaints ------------------------------------------------------------------------------------- */

static bool complain(struct parse *p, size_t at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool complain(struct parse *p, size_t at, const char *format, ...)
{
    va_list list;

    p->command->column = (unsigned)at + 1;
    va_start(list, format);
    vsnprintf(p->command->error, sizeof p->command->error, format, list);
    va_end(list);
    return false;
}

/* The word, as a sentence may show it. */
static const char *shown(const struct parse *p, char out[WORD_SHOWN + 4])
{
    size_t n = p->length < WORD_SHOWN ? p->length : WORD_SHOWN;

    for (size_t i = 0; i < n; i++) {
        char c = p->line[p->start + i];
        out[i] = c >= ' ' && c <= '~' ? c : '?';
    }
    memcpy(out + n, p->length > n ? "..." : "", p->length > n ? 4 : 1);
    return out;
}

/* ---- words -------------------------------------------------------------------------------------------- */

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The next word; a quote in it goes on to its end.  False at the end of the line. */
static bool next_word(struct parse *p)
{
    bool quoted = false;

    while (p->at < p->n && blank(p->line[p->at]))
        p->at++;
    p->start = p->at;
    if (p->at < p->n && p->line[p->at] == '#')
        p->at = p->n;
    else
        while (p->at < p->n && (quoted || !blank(p->line[p->at]))) {
            if (p->line[p->at] == '\\' && quoted && p->at + 1 < p->n)
                p->at++;
            else if (p->line[p->at] == '"')
                quoted = !quoted;
            p->at++;
        }
    p->length = p->at - p->start;
    if (p->length > 0 && p->line[p->start] == '#')
        p->length = 0;
    return p->length > 0;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same(const char *s, size_t n, const char *name)
{
    if (strlen(name) != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (lower(s[i]) != name[i])
            return false;
    return true;
}

static bool word_is(const struct parse *p, const char *name)
{
    return same(p->line + p->start, p->length, name);
}

/* ---- numbers ------------------------------------------------------------------------------------------- */

static int digit_of(char c)
{
    c = lower(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* All of it: decimal, or 0x and hexadecimal. */
static bool read_number(const char *s, size_t n, uint32_t most, uint32_t *out)
{
    uint64_t value = 0;
    int base = 10;

    if (n > 2 && s[0] == '0' && lower(s[1]) == 'x') {
        base = 16;
        s += 2;
        n -= 2;
    }
    for (size_t i = 0; i < n; i++) {
        if (digit_of(s[i]) >= base)
            return false;
        value = value * (unsigned)base + (unsigned)digit_of(s[i]);
        if (value > most)
            return false;
    }
    *out = (uint32_t)value;
    return n > 0;
}

static bool read_hex(const char *s, size_t n, uint8_t *out, size_t room, size_t *length)
{
    if (n % 2 || n / 2 > room)
        return false;
    for (size_t i = 0; i < n; i += 2) {
        if (digit_of(s[i]) > 15 || digit_of(s[i + 1]) > 15)
            return false;
        out[i / 2] = (uint8_t)(digit_of(s[i]) << 4 | digit_of(s[i + 1]));
    }
    *length = n / 2;
    return true;
}

/* What stands before the separator; moves *s behind it.  Without one, all of it. */
static size_t cut(const char **s, size_t *n, char separator, const char **part)
{
    const char *found = memchr(*s, separator, *n);
    size_t length = found ? (size_t)(found - *s) : *n;

    *part = *s;
    *s += found ? length + 1 : length;
    *n -= found ? length + 1 : length;
    return length;
}

/* ---- flags ----------------------------------------------------------------------------------------------- */

/* "syn,ack": the names, or false. */
static bool read_flags(const char *s, size_t n, uint8_t *out)
{
    uint8_t flags = 0;

    while (n > 0) {
        const char *part;
        size_t length = cut(&s, &n, ',', &part);
        unsigned bit = 0;

        while (bit < 8 && !same(part, length, flag_names[bit]))
            bit++;
        if (bit == 8)
            return false;
        flags |= (uint8_t)(1u << bit);
    }
    *out = flags;
    return flags != 0;
}

static bool read_exact_flags(const char *s, size_t n, uint8_t *out)
{
    uint32_t number;

    if (same(s, n, "none")) {
        *out = 0;
        return true;
    }
    if (!read_number(s, n, 255, &number))
        return read_flags(s, n, out);
    *out = (uint8_t)number;
    return true;
}

/* ---- options ---------------------------------------------------------------------------------------------- */

static bool option_sack(struct writer *w, const char *s, size_t n)
{
    uint8_t count = 1;
    uint32_t left, right;

    for (size_t i = 0; i < n; i++)
        count = (uint8_t)(count + (s[i] == ','));
    if (count > 4)
        return false;
    writer_u8(w, 5); /* RFC 2018 section 3 */
    writer_u8(w, (uint8_t)(2 + 8 * count));
    while (n > 0) {
        const char *block, *edge;
        size_t length = cut(&s, &n, ',', &block), first = cut(&block, &length, '-', &edge);

        if (!read_number(edge, first, UINT32_MAX, &left) ||
            !read_number(block, length, UINT32_MAX, &right))
            return false;
        writer_u32(w, left);
        writer_u32(w, right);
    }
    return true;
}

static bool option_timestamps(struct writer *w, const char *s, size_t n)
{
    const char *value;
    size_t length = cut(&s, &n, ':', &value);
    uint32_t val, ecr = 0;

    if (!read_number(value, length, UINT32_MAX, &val) ||
        (n > 0 && !read_number(s, n, UINT32_MAX, &ecr)))
        return false;
    writer_u8(w, TCPOPT_TIMESTAMPS);
    writer_u8(w, 10);
    writer_u32(w, val);
    writer_u32(w, ecr);
    return true;
}

/* END and NOP are a kind alone. */
static bool option_any(struct writer *w, const char *s, size_t n)
{
    uint8_t bytes[CRAFT_OPTIONS_MAX];
    const char *kind;
    size_t length = cut(&s, &n, ':', &kind), count = 0;
    uint32_t number;

    if (!read_number(kind, length, 255, &number) || !read_hex(s, n, bytes, sizeof bytes, &count))
        return false;
    writer_u8(w, (uint8_t)number);
    if (number != TCPOPT_END && number != TCPOPT_NOP)
        writer_u8(w, (uint8_t)(2 + count));
    writer_bytes(w, bytes, count);
    return true;
}

static bool option_number(struct writer *w, enum craft_field field, const char *s, size_t n)
{
    uint32_t number;

    if (!read_number(s, n, kinds[field].most, &number))
        return false;
    writer_u8(w, field == CRAFT_MSS ? TCPOPT_MSS : TCPOPT_WINDOW_SCALE);
    writer_u8(w, field == CRAFT_MSS ? 4 : 3);
    if (field == CRAFT_MSS)
        writer_u16(w, (uint16_t)number);
    else
        writer_u8(w, (uint8_t)number);
    return true;
}

static bool write_option(struct writer *w, enum craft_field field, const char *s, size_t n)
{
    switch (field) {
    case CRAFT_SACKOK:
        writer_u8(w, TCPOPT_SACK_PERMITTED);
        writer_u8(w, 2);
        return true;
    case CRAFT_NOP:
        writer_u8(w, TCPOPT_NOP);
        return true;
    case CRAFT_EOL:
        writer_u8(w, TCPOPT_END);
        return true;
    case CRAFT_TS:
        return option_timestamps(w, s, n);
    case CRAFT_SACK:
        return option_sack(w, s, n);
    case CRAFT_OPT:
        return option_any(w, s, n);
    default:
        return option_number(w, field, s, n);
    }
}

static bool add_option(struct parse *p, enum craft_field field, const char *s, size_t n)
{
    struct craft_segment *g = &p->command->segment;
    struct writer w =
        writer_of(g->options + g->options_length, sizeof g->options - g->options_length);
    char word[WORD_SHOWN + 4];

    if (!write_option(&w, field, s, n))
        return complain(p, p->start, "expected %s=%s, not '%s'", infos[field].name,
                        infos[field].argument, shown(p, word));
    if (!writer_ok(&w))
        return complain(p, p->start,
                        "'%s' is one option too many: expected at most 40 bytes of them",
                        shown(p, word));
    g->options_length = (uint8_t)(g->options_length + writer_len(&w));
    return true;
}

/* ---- values -------------------------------------------------------------------------------------------------- */

static bool read_address(const char *s, size_t n, struct estab_addr *out)
{
    char text[INET6_ADDRSTRLEN];
    uint32_t byte[4];

    if (memchr(s, ':', n)) {
        if (n >= sizeof text)
            return false;
        memcpy(text, s, n);
        text[n] = '\0';
        return inet_pton(AF_INET6, text, out->b) == 1 && !addr_is_ipv4(out);
    }
    for (unsigned i = 0; i < 4; i++) {
        const char *part;
        size_t length = cut(&s, &n, '.', &part);

        if (!read_number(part, length, 255, &byte[i]) || (i < 3 && n == 0))
            return false;
    }
    *out = estab_ipv4((uint8_t)byte[0], (uint8_t)byte[1], (uint8_t)byte[2], (uint8_t)byte[3]);
    return n == 0;
}

static bool read_mac(const char *s, size_t n, uint8_t out[6])
{
    if (n != 17)
        return false;
    for (unsigned i = 0; i < 6; i++) {
        size_t length;
        if (!read_hex(s + 3 * i, 2, out + i, 1, &length) || (i < 5 && s[3 * i + 2] != ':'))
            return false;
    }
    return true;
}

static bool read_sequence(struct craft_segment *g, enum craft_field field, const char *s, size_t n)
{
    bool minus = n > 0 && s[0] == '-', signs = minus || (n > 0 && s[0] == '+');
    uint32_t number;

    if (!read_number(s + signs, n - signs, UINT32_MAX, &number))
        return false;
    g->relative[field] = signs;
    g->number[field] = minus ? 0 - number : number;
    return true;
}

static bool read_value(struct craft_segment *g, enum craft_field field, const char *s, size_t n)
{
    size_t length;

    switch ((enum field_type)kinds[field].type) {
    case SEQUENCE:
        return read_sequence(g, field, s, n);
    case FLAGS:
        return read_exact_flags(s, n, &g->flags);
    case SUM:
        g->bad[field] = same(s, n, "bad");
        if (g->bad[field])
            return true;
        break;
    case ADDRESS:
        return read_address(s, n, field == CRAFT_SRC ? &g->src : &g->dst);
    case MAC:
        return read_mac(s, n, field == CRAFT_SMAC ? g->smac : g->dmac);
    case TEXT:
        if (n == 0 || !read_hex(s, n, g->bytes, sizeof g->bytes, &length))
            return false;
        g->text = true;
        g->length = (uint32_t)length;
        return true;
    default:
        break;
    }
    return read_number(s, n, kinds[field].most, &g->number[field]);
}

static bool wrong_value(struct parse *p, enum craft_field field)
{
    char word[WORD_SHOWN + 4];
    const char *argument = infos[field].argument;

    shown(p, word);
    if (kinds[field].type == NUMBER)
        return complain(p, p->start, "expected %s= and a number from 0 to %" PRIu32 ", not '%s'",
                        infos[field].name, kinds[field].most, word);
    return complain(p, p->start, "expected %s=%s, not '%s'", infos[field].name, argument, word);
}

static bool is_option(enum craft_field field)
{
    return kinds[field].type == OPTION || kinds[field].type == MARK;
}

/* The options may come again, in any order; everything else once. */
static bool take_field(struct parse *p, enum craft_field field, const char *s, size_t n)
{
    struct craft_segment *g = &p->command->segment;

    if (is_option(field)) {
        g->given |= UINT64_C(1) << field;
        return add_option(p, field, s, n);
    }
    if (craft_has(g, field))
        return complain(p, p->start, "%s= stands here twice", infos[field].name);
    if ((field == CRAFT_HEX || field == CRAFT_LEN) && g->text)
        return complain(p, p->start, "a segment has one text: expected one of data, len= and hex=");
    if (field == CRAFT_FLAGS && g->flags)
        return complain(p, p->start, "flags= is all of them: expected no other word for a flag");
    if (!read_value(g, field, s, n))
        return wrong_value(p, field);
    g->given |= UINT64_C(1) << field;
    if (field == CRAFT_LEN) {
        g->text = true;
        g->length = g->number[field];
    }
    return true;
}

/* ---- text ---------------------------------------------------------------------------------------------------- */

/* What a backslash means; the number of bytes read behind it, 0 if nothing. */
static size_t escape(const char *s, size_t n, uint8_t *out)
{
    static const char names[] = "nrt0\"\\", bytes[] = "\n\r\t\0\"\\";
    const char *found = n > 0 && s[0] ? strchr(names, s[0]) : NULL;
    size_t length;

    if (found) {
        *out = (uint8_t)bytes[found - names];
        return 1;
    }
    return n > 2 && s[0] == 'x' && read_hex(s + 1, 2, out, 1, &length) ? 3 : 0;
}

static bool take_text(struct parse *p)
{
    struct craft_segment *g = &p->command->segment;
    const char *s = p->line + p->start;
    bool quoted = s[0] == '"';
    size_t i = quoted;

    if (g->text)
        return complain(p, p->start, "a segment has one text: expected one of data, len= and hex=");
    g->text = true;
    while (i < p->length && (!quoted || s[i] != '"')) {
        size_t taken = 0;
        if (quoted && s[i] == '\\') {
            taken = escape(s + i + 1, p->length - i - 1, &g->bytes[g->length]);
            if (taken == 0)
                return complain(p, p->start + i,
                                "expected \\n, \\r, \\t, \\0, \\\", \\\\ or \\xHH in a text");
        } else {
            g->bytes[g->length] = (uint8_t)s[i];
        }
        g->length++;
        i += taken + 1;
    }
    if (quoted && i + 1 != p->length)
        return complain(p, p->start + i, "expected a \" at the end of the text%s",
                        i < p->length ? ", and a blank behind it" : "");
    return true;
}

/* ---- segments --------------------------------------------------------------------------------------------------- */

static bool wrong_word(struct parse *p)
{
    char word[WORD_SHOWN + 4];

    return complain(p, p->start,
                    "expected syn, ack, fin, rst, psh, urg, data TEXT, a field such as seq=N, or "
                    "help; not '%s'",
                    shown(p, word));
}

static bool take_data(struct parse *p)
{
    size_t behind = p->at;

    if (!next_word(p))
        return complain(p, behind, "expected a text behind data: data hello, data \"two words\"");
    return take_text(p);
}

static enum craft_field field_named(const char *s, size_t n)
{
    unsigned field = 0;

    while (field < CRAFT_FIELDS && !same(s, n, infos[field].name))
        field++;
    return (enum craft_field)field;
}

/* One word of a segment. */
static bool take_word(struct parse *p)
{
    struct craft_segment *g = &p->command->segment;
    const char *s = p->line + p->start;
    const char *equals = memchr(s, '=', p->length);
    size_t name = equals ? (size_t)(equals - s) : p->length;
    enum craft_field field = field_named(s, name);
    uint8_t flags;

    if (!equals && read_flags(s, name, &flags)) {
        if (craft_has(g, CRAFT_FLAGS))
            return complain(p, p->start,
                            "flags= is all of them: expected no other word for a flag");
        g->flags |= flags;
        return true;
    }
    if (!equals && word_is(p, "data"))
        return take_data(p);
    if (field == CRAFT_FIELDS || (kinds[field].type == MARK) != !equals)
        return wrong_word(p);
    if (!equals)
        return take_field(p, field, s, 0);
    return take_field(p, field, equals + 1, p->length - name - 1);
}

/* The rest of the line. */
static bool take_segment(struct parse *p)
{
    const struct craft_segment *g = &p->command->segment;

    do {
        if (!take_word(p))
            return false;
    } while (next_word(p));
    if (g->flags || g->text || craft_has(g, CRAFT_FLAGS))
        return true;
    return complain(p, p->n, "expected a flag such as syn, too, or data, or flags=none");
}

/* ---- the words that send nothing ---------------------------------------------------------------------------------- */

static bool nothing_more(struct parse *p)
{
    char word[WORD_SHOWN + 4];

    if (!next_word(p))
        return true;
    return complain(p, p->start, "expected nothing more, not '%s'", shown(p, word));
}

static bool take_time(struct parse *p, const char *behind)
{
    size_t at = p->at;
    char text[WORD_MAX], word[WORD_SHOWN + 4];
    struct words w;

    if (!next_word(p))
        return complain(p, at, "expected a time behind %s, such as 200ms or 1s", behind);
    snprintf(text, sizeof text, "%.*s", (int)(p->length < WORD_MAX ? p->length : WORD_MAX - 1),
             p->line + p->start);
    w = words_of(text);
    if (p->length >= WORD_MAX ||
        !words_take_number(&w, word_times, WITHIN_MOST, &p->command->within_ns) || !words_end(&w))
        return complain(p, p->start,
                        "expected a time such as 200ms or 1s, an hour at most; not '%s'",
                        shown(p, word));
    p->command->within = true;
    return true;
}

static bool parse_wait(struct parse *p)
{
    return take_time(p, "wait") && nothing_more(p);
}

/* Fields by which an arriving segment can be told. */
static bool may_be_expected(struct parse *p)
{
    static const enum craft_field fields[] = {CRAFT_SEQ, CRAFT_ACK,   CRAFT_FLAGS, CRAFT_WIN,
                                              CRAFT_URG, CRAFT_SPORT, CRAFT_DPORT, CRAFT_LEN,
                                              CRAFT_HEX, CRAFT_TTL,   CRAFT_OFF};
    const struct craft_segment *g = &p->command->segment;
    uint64_t can = 0;

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        can |= UINT64_C(1) << fields[i];
    if (g->given & ~can)
        return complain(p, p->start,
                        "expected only flags, seq=, ack=, win=, urg=, off=, sport=, dport=, ttl=, "
                        "len=, hex= and data behind expect");
    if (g->relative[CRAFT_SEQ] || g->relative[CRAFT_ACK])
        return complain(p, p->start, "expected a plain number behind expect, without + or -");
    return true;
}

/* expect [nothing] [WORD...] [within TIME] */
static bool parse_expect(struct parse *p)
{
    size_t behind = p->at;
    bool any = false;

    while (next_word(p)) {
        if (word_is(p, "within"))
            return take_time(p, "within") && nothing_more(p) &&
                   (any || complain(p, behind, "expected what to expect: nothing, or flags"));
        if (p->command->silence)
            return complain(p, p->start, "expected only within TIME behind nothing");
        if (!any && word_is(p, "nothing"))
            p->command->silence = true;
        else if (!take_word(p) || !may_be_expected(p))
            return false;
        any = true;
    }
    return any || complain(p, behind, "expected what to expect: nothing, or flags");
}

static bool parse_set(struct parse *p)
{
    struct craft_segment *g = &p->command->segment;
    size_t at = p->at;

    while (next_word(p))
        if (!take_word(p))
            return false;
    if (g->text || g->flags || craft_has(g, CRAFT_SEQ) || craft_has(g, CRAFT_ACK))
        return complain(p, at + 1,
                        "expected fields that stay, such as ttl=, win=, sport= or options: "
                        "not flags, text, seq= or ack=");
    return true;
}

static bool parse_new(struct parse *p)
{
    char word[WORD_SHOWN + 4];
    uint32_t port;

    if (!next_word(p))
        return true;
    if (!read_number(p->line + p->start, p->length, 65535, &port) || port == 0)
        return complain(p, p->start, "expected a port from 1 to 65535 behind new, not '%s'",
                        shown(p, word));
    p->command->port = (uint16_t)port;
    return nothing_more(p);
}

static const struct {
    const char *name;
    enum craft_verb verb;
    bool (*parse)(struct parse *);
} verbs[] = {
    {"expect", CRAFT_EXPECT, parse_expect}, {"wait", CRAFT_WAIT, parse_wait},
    {"set", CRAFT_SET, parse_set},          {"again", CRAFT_AGAIN, nothing_more},
    {"new", CRAFT_NEW, parse_new},          {"show", CRAFT_SHOW, nothing_more},
    {"help", CRAFT_HELP, nothing_more},     {"quit", CRAFT_QUIT, nothing_more},
    {"exit", CRAFT_QUIT, nothing_more},
};

bool craft_parse(struct craft_command *command, const char *line, size_t n)
{
    struct parse p = {.command = command, .line = line, .n = n};

    memset(command, 0, sizeof *command);
    if (n >= CRAFT_LINE_MAX)
        return complain(&p, CRAFT_LINE_MAX, "expected a line of less than %u bytes",
                        CRAFT_LINE_MAX);
    if (!next_word(&p))
        return true;
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (!word_is(&p, verbs[i].name))
            continue;
        command->verb = verbs[i].verb;
        return verbs[i].parse(&p);
    }
    command->verb = CRAFT_SEND;
    return take_segment(&p);
}
