/* SPDX-License-Identifier: MIT */
/* link_rule.c - see link_rule.h. */
#include "sim/link_rule.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/reader.h"
#include "sim/words.h"

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define PROTOCOL_TCP   6

static const char *const actions[LINK_ACTIONS] = {
    [LINK_DROP] = "drop",
    [LINK_DUPLICATE] = "duplicate",
    [LINK_DELAY] = "delay",
    [LINK_CORRUPT] = "corrupt",
};

static const struct {
    const char *set, *clear;
    uint8_t flag;
} flag_words[] = {
    {"syn", "no-syn", LINK_SYN}, {"ack", "no-ack", LINK_ACK}, {"fin", "no-fin", LINK_FIN},
    {"rst", "no-rst", LINK_RST}, {"psh", "no-psh", LINK_PSH}, {"urg", "no-urg", LINK_URG},
};

#define FLAG_WORDS (sizeof flag_words / sizeof flag_words[0])

static const struct word_unit ordinals[] = {{"", 1},   {"st", 1}, {"nd", 1},
                                            {"rd", 1}, {"th", 1}, {NULL, 0}};

/* What a filter looks at. */
struct segment {
    uint16_t source, destination;
    uint8_t flags;
    size_t text; /* bytes */
};

static bool read_segment(const uint8_t *bytes, size_t n, uint8_t link, struct segment *seg);
static bool take_action(struct words *w, struct link_rule *rule, char *error);
static bool take_nth(struct words *w, struct link_rule *rule, char *error);
static bool take_filter(struct words *w, struct link_rule *rule, char *error);
static bool take_port(struct words *w, struct link_filter *filter, char *error);
static bool take_min(struct words *w, struct link_filter *filter, char *error);
static bool take_flag(struct words *w, struct link_filter *filter);
static const char *contradiction(const struct link_rule *rule);

bool link_filter_match(const struct link_filter *filter, const uint8_t *bytes, size_t n,
                       uint8_t link)
{
    if (n < filter->min_length)
        return false;
    if (!filter->tcp && filter->flags_set == 0 && filter->flags_clear == 0 && filter->text == 0 &&
        filter->port == 0)
        return true;

    struct segment seg;
    if (!read_segment(bytes, n, link, &seg))
        return false;
    if ((seg.flags & filter->flags_set) != filter->flags_set ||
        (seg.flags & filter->flags_clear) != 0)
        return false;
    if (filter->port != 0 && filter->port != seg.source && filter->port != seg.destination)
        return false;
    return filter->text == LINK_TEXT_ANY || (filter->text == LINK_TEXT_SOME) == (seg.text > 0);
}

bool link_rule_parse(struct link_rule *rule, const char *text, char error[LINK_ERROR_MAX])
{
    struct link_rule parsed = {0};
    struct words w = words_of(text);
    if (!take_action(&w, &parsed, error) || !take_nth(&w, &parsed, error))
        return false;
    while (!words_end(&w))
        if (!take_filter(&w, &parsed, error))
            return false;
    const char *wrong = contradiction(&parsed);
    if (wrong) {
        (void)snprintf(error, LINK_ERROR_MAX, "%s", wrong);
        return false;
    }
    *rule = parsed;
    return true;
}

void link_rule_text(const struct link_rule *rule, char text[LINK_TEXT_MAX])
{
    const struct link_filter *filter = &rule->filter;
    text[0] = '\0';
    words_append(text, LINK_TEXT_MAX, "%s ", actions[rule->action]);
    if (rule->nth > 0)
        words_append(text, LINK_TEXT_MAX, "%" PRIu64, rule->nth);
    else
        words_append(text, LINK_TEXT_MAX, "every");
    if (filter->tcp)
        words_append(text, LINK_TEXT_MAX, " tcp");
    for (size_t i = 0; i < FLAG_WORDS; i++) {
        if (filter->flags_set & flag_words[i].flag)
            words_append(text, LINK_TEXT_MAX, " %s", flag_words[i].set);
        if (filter->flags_clear & flag_words[i].flag)
            words_append(text, LINK_TEXT_MAX, " %s", flag_words[i].clear);
    }
    if (filter->text != LINK_TEXT_ANY)
        words_append(text, LINK_TEXT_MAX, filter->text == LINK_TEXT_SOME ? " data" : " no-data");
    if (filter->port != 0)
        words_append(text, LINK_TEXT_MAX, " port %u", filter->port);
    if (filter->min_length != 0)
        words_append(text, LINK_TEXT_MAX, " min %" PRIu32, filter->min_length);
    if (rule->delay_ns > 0) {
        words_append(text, LINK_TEXT_MAX, " ");
        words_append_number(text, LINK_TEXT_MAX, rule->delay_ns, word_times);
    }
}

/* ---- a frame's segment --------------------------------------------------------------------------
 *
 * Each layer narrows the reader to what its own length field says: Ethernet pads short frames, and
 * padding is no text. */

static struct reader read_ipv4(struct reader *r);
static struct reader read_ipv6(struct reader *r);

static bool read_segment(const uint8_t *bytes, size_t n, uint8_t link, struct segment *seg)
{
    struct reader r = reader_of(bytes, n);
    if (link == ESTAB_LINK_ETHERNET) {
        reader_skip(&r, 12);
        uint16_t type = reader_u16(&r);
        if (type != ETHERTYPE_IPV4 && type != ETHERTYPE_IPV6)
            return false;
    }
    struct reader tcp;
    switch (reader_peek(&r) >> 4) {
    case 4:
        tcp = read_ipv4(&r);
        break;
    case 6:
        tcp = read_ipv6(&r);
        break;
    default:
        return false;
    }
    size_t length = reader_left(&tcp);
    seg->source = reader_u16(&tcp);
    seg->destination = reader_u16(&tcp);
    reader_skip(&tcp, 8); /* SEG.SEQ, SEG.ACK */
    size_t header = (size_t)(reader_u8(&tcp) >> 4) * 4;
    seg->flags = reader_u8(&tcp);
    reader_skip(&tcp, 6); /* window, checksum, urgent pointer */
    if (!reader_ok(&tcp) || header < 20 || header > length)
        return false;
    seg->text = length - header;
    return true;
}

static struct reader read_ipv4(struct reader *r)
{
    struct reader tcp = {.bad = true};
    size_t header = (size_t)(reader_u8(r) & 0x0f) * 4;
    reader_skip(r, 1);
    size_t total = reader_u16(r);
    reader_skip(r, 2);
    uint16_t fragment = reader_u16(r) & 0x1fff;
    reader_skip(r, 1);
    uint8_t protocol = reader_u8(r);
    reader_skip(r, 10);
    if (header < 20 || total < header || fragment != 0 || protocol != PROTOCOL_TCP)
        return tcp;
    reader_skip(r, header - 20);
    return reader_sub(r, total - header);
}

static struct reader read_ipv6(struct reader *r)
{
    struct reader tcp = {.bad = true};
    reader_skip(r, 4);
    size_t length = reader_u16(r);
    uint8_t protocol = reader_u8(r);
    reader_skip(r, 33);
    if (protocol != PROTOCOL_TCP)
        return tcp;
    return reader_sub(r, length);
}

/* ---- a rule's words --------------------------------------------------------------------------- */

static bool take_action(struct words *w, struct link_rule *rule, char *error)
{
    for (unsigned i = 0; i < LINK_ACTIONS; i++)
        if (words_take(w, actions[i])) {
            rule->action = (enum link_action)i;
            return true;
        }
    (void)snprintf(error, LINK_ERROR_MAX,
                   "\"%s\": expected drop, duplicate, delay or corrupt, as in \"drop 2 data\"",
                   w->word);
    return false;
}

/* Without a number: every one. */
static bool take_nth(struct words *w, struct link_rule *rule, char *error)
{
    (void)words_take(w, "the");
    if (words_take(w, "every") || !words_take_number(w, ordinals, UINT64_MAX, &rule->nth))
        return true;
    if (rule->nth > 0)
        return true;
    (void)snprintf(error, LINK_ERROR_MAX, "frames count from 1: expected 1, 2, ... or every");
    return false;
}

/* One word of the filter with its number, or the time. */
static bool take_filter(struct words *w, struct link_rule *rule, char *error)
{
    struct link_filter *filter = &rule->filter;
    if (take_flag(w, filter) || words_take_number(w, word_times, LINK_TIME_MAX, &rule->delay_ns))
        return true;
    if (words_take(w, "tcp")) {
        filter->tcp = true;
        return true;
    }
    if (words_take(w, "port"))
        return take_port(w, filter, error);
    if (words_take(w, "min"))
        return take_min(w, filter, error);
    (void)snprintf(error, LINK_ERROR_MAX,
                   "\"%s\": expected [no-]syn, -ack, -fin, -rst, -psh, -urg, [no-]data, tcp, "
                   "port N, min BYTES, or a time such as 200ms",
                   w->word);
    return false;
}

static bool take_port(struct words *w, struct link_filter *filter, char *error)
{
    struct words before = *w;
    uint64_t number;
    if (words_take_number(w, word_counts, UINT16_MAX, &number) && number > 0) {
        filter->port = (uint16_t)number;
        return true;
    }
    (void)snprintf(error, LINK_ERROR_MAX, "port: expected 1 to 65535, not \"%s\"", before.word);
    return false;
}

static bool take_min(struct words *w, struct link_filter *filter, char *error)
{
    uint64_t number;
    if (words_take_number(w, word_counts, UINT32_MAX, &number)) {
        filter->min_length = (uint32_t)number;
        return true;
    }
    (void)snprintf(error, LINK_ERROR_MAX, "min: expected a number of bytes, not \"%s\"", w->word);
    return false;
}

static bool take_flag(struct words *w, struct link_filter *filter)
{
    for (size_t i = 0; i < FLAG_WORDS; i++) {
        uint8_t flag = flag_words[i].flag;
        if (words_take(w, flag_words[i].set)) {
            filter->flags_set |= flag;
            return true;
        }
        if (words_take(w, flag_words[i].clear)) {
            filter->flags_clear |= flag;
            return true;
        }
    }
    bool none = words_take(w, "no-data");
    if (none || words_take(w, "data")) {
        filter->text = none ? LINK_TEXT_NONE : LINK_TEXT_SOME;
        return true;
    }
    return false;
}

static const char *contradiction(const struct link_rule *rule)
{
    if (rule->action == LINK_DELAY && rule->delay_ns == 0)
        return "delay: expected a time, as in \"delay 2 data 200ms\"";
    if (rule->delay_ns > 0 && rule->action != LINK_DELAY && rule->action != LINK_DUPLICATE)
        return "only delay and duplicate take a time";
    if (rule->filter.flags_set & rule->filter.flags_clear)
        return "no frame matches: a flag is expected both set and clear";
    return NULL;
}
