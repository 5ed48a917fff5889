/* SPDX-License-Identifier: MIT */
/* packet_text.c - packets as a script writes them, and what makes two of them differ. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "script/packet.h"

struct line {
    char *p;
    size_t size, used;
};

static void add(struct line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct line *l, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(l->p + l->used, l->size - l->used, format, args);
    va_end(args);
    if (n > 0)
        l->used += (size_t)n < l->size - l->used ? (size_t)n : l->size - l->used - 1;
}

static uint32_t load(const uint8_t *p, size_t n)
{
    uint32_t v = 0;

    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

/* ---- parts ------------------------------------------------------------------------------------------- */

static void add_flags(struct line *l, uint16_t flags, bool ace)
{
    static const char letters[] = "FSRPxUEW"; /* from the lowest bit; ACK is the point */
    unsigned count = (flags & PACKET_AE ? 4 : 0) | (flags & CTL_CWR ? 2 : 0) |
                     (flags & CTL_ECE ? 1 : 0);

    if (ace)
        flags &= (uint16_t)~(PACKET_AE | CTL_CWR | CTL_ECE);
    if (!flags && !ace)
        add(l, "-");
    for (unsigned bit = 0; bit < 8; bit++) {
        if (flags >> bit & 1 && 1u << bit != CTL_ACK)
            add(l, "%c", letters[bit]);
    }
    if (flags & PACKET_AE)
        add(l, "A");
    if (flags & CTL_ACK)
        add(l, ".");
    if (ace)
        add(l, "%u", count);
}

static void add_hex(struct line *l, const char *name, const uint8_t *p, size_t n)
{
    add(l, "%s%s", name, n ? " " : "");
    for (size_t i = 0; i < n; i++)
        add(l, "%02x", p[i]);
}

static void add_blocks(struct line *l, const uint8_t *o, size_t n)
{
    add(l, "sack");
    for (size_t at = 2; at + 8 <= n; at += 8)
        add(l, " %u:%u", load(o + at, 4), load(o + at + 4, 4));
}

static void add_accecn(struct line *l, const uint8_t *o, size_t n)
{
    static const char *const order[2][3] = {{"e0b", "ceb", "e1b"}, {"e1b", "ceb", "e0b"}};

    add(l, "ECN");
    for (size_t i = 0; i < 3 && 2 + 3 * i + 3 <= n; i++)
        add(l, " %s %u", order[o[0] == 174][i], load(o + 2 + 3 * i, 3));
}

static void add_option(struct line *l, const uint8_t *o, size_t n)
{
    if (o[0] == TCPOPT_NOP)
        add(l, "nop");
    else if (o[0] == TCPOPT_END)
        add(l, "eol");
    else if (o[0] == TCPOPT_MSS && n == 4)
        add(l, "mss %u", load(o + 2, 2));
    else if (o[0] == TCPOPT_WINDOW_SCALE && n == 3)
        add(l, "wscale %u", o[2]);
    else if (o[0] == TCPOPT_SACK_PERMITTED && n == 2)
        add(l, "sackOK");
    else if (o[0] == 5)
        add_blocks(l, o, n);
    else if (o[0] == TCPOPT_TIMESTAMPS && n == 10)
        add(l, "TS val %u ecr %u", load(o + 2, 4), load(o + 6, 4));
    else if (o[0] == TCPOPT_USER_TIMEOUT && n == 4)
        add(l, load(o + 2, 2) & 0x8000 ? "uto %u min" : "uto %u", load(o + 2, 2) & 0x7fff);
    else if (o[0] == 19)
        add_hex(l, "md5", o + 2, n - 2);
    else if (o[0] == 34)
        add_hex(l, "FO", o + 2, n - 2);
    else if (o[0] == 254 && n >= 4 && load(o + 2, 2) == 0xf989)
        add_hex(l, "FOEXP", o + 4, n - 4);
    else if (o[0] == 172 || o[0] == 174)
        add_accecn(l, o, n);
    else {
        add(l, "opt %u", o[0]);
        add_hex(l, "", o + 2, n - 2);
    }
}

static void add_options(struct line *l, const struct packet_spec *spec)
{
    struct option_walk w = {.p = spec->option, .left = spec->option_length};
    const uint8_t *o;
    bool first = true;

    if (spec->any_options)
        add(l, " <...>");
    if (!spec->option_length)
        return;
    add(l, " <");
    while (option_next(&w, &o)) {
        add(l, "%s", first ? "" : ",");
        add_option(l, o, w.length);
        first = false;
    }
    add(l, ">");
}

static const char *icmp_type_name(const struct packet_spec *spec)
{
    const struct packet_icmp *four = &spec->icmp[0], *six = &spec->icmp[1];

#define TYPE(number, name)                                                                         \
    if (four->known && four->type == (number))                                                     \
        return name;
#define TYPE6(number, name)                                                                        \
    if (!four->known && six->type == (number))                                                     \
        return name;
#include "script/icmp.def"
    return "unknown";
}

static const char *icmp_code_name(const struct packet_spec *spec)
{
    const struct packet_icmp *four = &spec->icmp[0], *six = &spec->icmp[1];

#define UNREACHABLE(number, name)                                                                  \
    if (four->known && four->type == ICMP_UNREACHABLE && four->code == (number))                   \
        return name;
#define CODE6(kind, number, name)                                                                  \
    if (!four->known && six->type == (kind) && six->code == (number))                              \
        return name;
#include "script/icmp.def"
    return NULL;
}

static void add_icmp(struct line *l, const struct packet_spec *spec)
{
    const char *code = icmp_code_name(spec);

    add(l, "icmp %s", icmp_type_name(spec));
    if (code)
        add(l, " %s", code);
    if (spec->mtu >= 0)
        add(l, " mtu %lld", (long long)spec->mtu);
    if (spec->has_echoed)
        add(l, " [%u:%u(%u)]", spec->seq, spec->seq + spec->length, spec->length);
}

static void add_tos(struct line *l, const struct packet_spec *spec)
{
    static const char *const ecn[] = {"noecn", "ect1", "ect0", "ce"};

    if (spec->tos_check == TOS_ECT01)
        add(l, "[ect01] ");
    else if (spec->tos_check == TOS_ECN)
        add(l, "[%s] ", ecn[spec->tos & 3]);
    else if (spec->tos_check == TOS_BYTE && spec->tos)
        add(l, "[tos 0x%x] ", spec->tos);
}

void packet_text(const struct packet_spec *spec, char *out, size_t size)
{
    struct line l = {.p = out, .size = size};

    add(&l, "%c ", spec->out ? '>' : '<');
    add_tos(&l, spec);
    if (spec->sport || spec->dport)
        add(&l, "%u > %u ", spec->sport, spec->dport);
    if (spec->kind == PACKET_ICMP) {
        add_icmp(&l, spec);
        return;
    }
    if (spec->kind == PACKET_UDP) {
        add(&l, "udp (%u)", spec->length);
        return;
    }
    add_flags(&l, spec->flags, spec->ace);
    add(&l, " %u:%u(%u)", spec->seq, spec->seq + spec->length, spec->length);
    if (spec->has_ack || spec->ack)
        add(&l, " ack %u", spec->ack);
    if (!spec->any_window)
        add(&l, " win %u", spec->window);
    if (spec->urgent)
        add(&l, " urg %u", spec->urgent);
    add_options(&l, spec);
}

/* ---- differences -------------------------------------------------------------------------------------------- */

static bool number_differs(const char *name, uint32_t expected, uint32_t actual, struct line *why)
{
    if (expected == actual)
        return false;
    add(why, "%s: expected %u, got %u", name, expected, actual);
    return true;
}

static bool flags_differ(const struct packet_spec *e, const struct packet_spec *a, struct line *why)
{
    if (e->flags == a->flags)
        return false;
    add(why, "flags: expected ");
    add_flags(why, e->flags, e->ace);
    add(why, ", got ");
    add_flags(why, a->flags, e->ace);
    return true;
}

static bool ip_differs(const struct packet_spec *e, const struct packet_spec *a, struct line *why)
{
    unsigned ecn = a->tos & 3;

    if (e->tos_check == TOS_BYTE && number_differs("TOS byte", e->tos, a->tos, why))
        return true;
    if (e->flow_label && number_differs("flow label", e->flow, a->flow, why))
        return true;
    if (e->tos_check == TOS_ECN && number_differs("ECN bits", e->tos, ecn, why))
        return true;
    if (e->tos_check == TOS_ECT01 && ecn != 1 && ecn != 2) {
        add(why, "ECN bits: expected 1 or 2, got %u", ecn);
        return true;
    }
    return e->ttl && number_differs("time to live", e->ttl, a->ttl, why);
}

/* Timestamps are compared only if the script says how long a tick is. */
static bool ts_differs(const uint8_t *e, const uint8_t *a, const struct script_settings *s,
                       int64_t delta_us, struct line *why)
{
    int64_t tolerance = s->tolerance_ppm * delta_us / 1000000;
    int64_t off = (int32_t)(load(a + 2, 4) - load(e + 2, 4));

    if (tolerance < s->tolerance_us)
        tolerance = s->tolerance_us;
    if (!s->ts_tick_us || (off < 0 ? -off : off) * s->ts_tick_us <= tolerance)
        return false;
    add(why, "TS val: expected %u, got %u, tolerance %lld us", load(e + 2, 4), load(a + 2, 4),
        (long long)tolerance);
    return true;
}

static bool options_differ(const struct packet_spec *e, const struct packet_spec *a,
                           const struct script_settings *s, int64_t delta_us, struct line *why)
{
    struct option_walk we = {.p = e->option, .left = e->option_length};
    struct option_walk wa = {.p = a->option, .left = a->option_length};
    const uint8_t *oe, *oa;

    if (e->any_options)
        return false;
    for (;;) {
        bool more_e = option_next(&we, &oe), more_a = option_next(&wa, &oa);

        if (!more_e && !more_a)
            return false;
        if (!more_e || !more_a || we.kind != wa.kind || we.length != wa.length)
            break;
        if (we.kind == TCPOPT_TIMESTAMPS && we.length == 10) {
            if (ts_differs(oe, oa, s, delta_us, why))
                return true;
        } else if (memcmp(oe, oa, we.length) != 0) {
            break;
        }
    }
    add(why, "options: expected%s", e->option_length ? "" : " none");
    add_options(why, e);
    add(why, ", got%s", a->option_length ? "" : " none");
    add_options(why, a);
    return true;
}

bool packet_differs(const struct packet_spec *e, const struct packet_spec *a,
                    const struct script_settings *s, int64_t delta_us, char *out, size_t size)
{
    struct line why = {.p = out, .size = size};

    if (e->kind != a->kind) {
        add(&why, "expected a packet of another protocol");
        return true;
    }
    return ip_differs(e, a, &why) || flags_differ(e, a, &why) ||
           number_differs("length", e->length, a->length, &why) ||
           number_differs("sequence number", e->seq, a->seq, &why) ||
           number_differs("acknowledgment number", e->ack, a->ack, &why) ||
           (!e->any_window && number_differs("window", e->window, a->window, &why)) ||
           number_differs("urgent pointer", e->urgent, a->urgent, &why) ||
           options_differ(e, a, s, delta_us, &why);
}

bool packet_append(struct packet_spec *sum, const struct packet_spec *next)
{
    uint16_t both = CTL_SYN | CTL_RST | CTL_URG | CTL_ACK;

    if (sum->kind != PACKET_TCP || next->kind != PACKET_TCP ||
        next->seq != sum->seq + sum->length || next->ack != sum->ack ||
        (next->flags & both) != (sum->flags & both) || sum->flags & CTL_FIN ||
        next->window != sum->window || !next->length)
        return false;
    sum->length += next->length;
    sum->flags = next->flags;
    return true;
}
