/* SPDX-License-Identifier: MIT */
/*
 * parse_packet.c - packets:
 *
 *      packet := (`<` | `>`) tunnel* [ip] [port `>` port] tcp | udp | icmp
 *      ip     := `[` ecn | `tos` N | `ttl` N | `flowlabel` N `]`       or in parentheses
 *      tcp    := flags seq [`ack` N] [`win` N] [`urg` N] [`<` options `>`]
 *      seq    := N `:` N `(` N `)`
 *      flags  := letters of FSRPUEWA, then `.` for ACK, then a digit for ACE; `-` for none
 *      udp    := `udp` `(` N `)`
 *      icmp   := `icmp` type [code] [`mtu` N] [`id` N] [`[` what it answers `]`]
 */
#include <string.h>

#include "packet/ipv4.h"
#include "packet/tcp_header.h"
#include "script/parser.h"

/* ---- the IP header ------------------------------------------------------------------------------------- */

static const struct {
    const char *word;
    enum tos_check check;
    uint8_t bits;
} ecn_words[] = {
    {"noecn", TOS_ECN, 0}, {"ect1", TOS_ECN, 1},    {"ect0", TOS_ECN, 2},
    {"ce", TOS_ECN, 3},    {"ect01", TOS_ECT01, 0},
};

static bool parse_ecn(struct parser *p, struct packet_spec *spec)
{
    for (size_t i = 0; i < sizeof ecn_words / sizeof ecn_words[0]; i++) {
        if (parser_accept(p, ecn_words[i].word)) {
            spec->tos_check = ecn_words[i].check;
            spec->tos = ecn_words[i].bits;
            return true;
        }
    }
    return false;
}

static void parse_ip_info(struct parser *p, struct packet_spec *spec)
{
    const char *close = parser_is(p, "(") ? ")" : "]";

    if (!parser_accept(p, "(") && !parser_accept(p, "["))
        return;
    do {
        if (parse_ecn(p, spec))
            continue;
        if (parser_accept(p, "tos")) {
            spec->tos_check = TOS_BYTE;
            spec->tos = (uint8_t)parser_number(p, "a TOS byte", 0, 255);
        } else if (parser_accept(p, "ttl")) {
            spec->ttl = (uint8_t)parser_number(p, "a time to live", 1, 255);
        } else if (parser_accept(p, "flowlabel")) {
            spec->flow_label = true;
            spec->flow = (uint32_t)parser_number(p, "a flow label", 0, 0xfffff);
        } else {
            parser_expected(p, "noecn, ect0, ect1, ect01, ce, tos, ttl or flowlabel");
        }
    } while (parser_accept(p, ",") && !script_faulty(p->fault));
    parser_expect(p, close);
    if (spec->tos_check == TOS_ECT01 && !spec->out)
        script_fail(p->fault, spec->at, "expected an outbound packet: only these may have [ect01]");
}

/* Headers of tunnels are read over; the packet is then one that cannot be run. */
static void parse_tunnels(struct parser *p, struct packet_spec *spec)
{
    static const struct {
        const char *word, *name;
    } tunnels[] = {
        {"gre", "GRE"}, {"GREv0", "GRE"}, {"mpls", "MPLS"}, {"ipv4", "IPv4"}, {"ipv6", "IPv6"},
    };

    for (size_t i = 0; i < sizeof tunnels / sizeof tunnels[0]; i++) {
        if (!parser_is(p, tunnels[i].word))
            continue;
        spec->tunnel = tunnels[i].name;
        while (p->token.kind != TOKEN_END && !parser_is(p, ":"))
            parser_take(p);
        parser_expect(p, ":");
        i = (size_t)-1; /* there may be another inside */
    }
}

/* ---- TCP: flags and numbers ---------------------------------------------------------------------------- */

static const struct {
    char letter;
    uint16_t flag;
} flag_letters[] = {
    {'F', CTL_FIN}, {'S', CTL_SYN}, {'R', CTL_RST}, {'P', CTL_PSH},
    {'U', CTL_URG}, {'E', CTL_ECE}, {'W', CTL_CWR}, {'A', PACKET_AE},
};

static bool add_flag(struct packet_spec *spec, char letter)
{
    for (size_t i = 0; i < sizeof flag_letters / sizeof flag_letters[0]; i++) {
        if (flag_letters[i].letter == letter) {
            spec->flags |= flag_letters[i].flag;
            return true;
        }
    }
    return false;
}

static void parse_flag_letters(struct parser *p, struct packet_spec *spec)
{
    for (const char *c = p->token.text; *c; c++) {
        if (!add_flag(spec, *c)) {
            parser_expected(p, "the flags: letters of FSRPUEWA and `.`, or `-`");
            return;
        }
    }
    parser_take(p);
}

/* `.5`: ACK, and the three bits of ACE (RFC 9768 section 3.1) as a number. */
static void parse_ace(struct parser *p, struct packet_spec *spec)
{
    const char *text = p->token.text;
    int ace = text[0] == '.' ? text[1] - '0' : -1;

    if (ace < 0 || ace > 7 || text[2]) {
        parser_expected(p, "`.` and one digit of ACE from 0 to 7");
        return;
    }
    parser_take(p);
    spec->ace = ace != 0;
    spec->flags |= (uint16_t)(CTL_ACK | (ace & 4 ? PACKET_AE : 0) | (ace & 2 ? CTL_CWR : 0) |
                              (ace & 1 ? CTL_ECE : 0));
}

static void parse_flags(struct parser *p, struct packet_spec *spec)
{
    if (parser_accept(p, "-"))
        return;
    if (p->token.kind == TOKEN_WORD)
        parse_flag_letters(p, spec);
    else if (!parser_is(p, ".") && p->token.kind != TOKEN_FRACTION)
        parser_expected(p, "a packet's flags, `udp` or `icmp`");
    if (parser_accept(p, "."))
        spec->flags |= CTL_ACK;
    else if (p->token.kind == TOKEN_FRACTION)
        parse_ace(p, spec);
}

static void parse_seq(struct parser *p, struct packet_spec *spec)
{
    uint32_t end;
    struct span at = p->token.at;

    spec->seq = (uint32_t)parser_number(p, "a sequence number", 0, UINT32_MAX);
    parser_expect(p, ":");
    end = (uint32_t)parser_number(p, "a sequence number", 0, UINT32_MAX);
    parser_expect(p, "(");
    spec->length = (uint32_t)parser_number(p, "a length in bytes", 0, 65535);
    parser_expect(p, ")");
    if (end != spec->seq + spec->length)
        script_fail(p->fault, at, "expected the second number to be the first plus the length");
}

/* ---- TCP: options ------------------------------------------------------------------------------------------ */

static void put8(struct parser *p, struct packet_spec *spec, uint32_t v)
{
    if (spec->option_length == PACKET_OPTIONS_MAX)
        script_fail(p->fault, p->token.at, "expected at most 40 bytes of options");
    else
        spec->option[spec->option_length++] = (uint8_t)v;
}

static void put16(struct parser *p, struct packet_spec *spec, uint32_t v)
{
    put8(p, spec, v >> 8);
    put8(p, spec, v & 0xff);
}

static void put32(struct parser *p, struct packet_spec *spec, uint32_t v)
{
    put16(p, spec, v >> 16);
    put16(p, spec, v & 0xffff);
}

static void put_head(struct parser *p, struct packet_spec *spec, unsigned kind, size_t length)
{
    put8(p, spec, kind);
    put8(p, spec, (uint32_t)length);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* An option whose value is hexadecimal digits, none perhaps. */
static void parse_hex_option(struct parser *p, struct packet_spec *spec, unsigned kind,
                             uint32_t magic)
{
    bool given = p->token.kind == TOKEN_WORD || p->token.kind == TOKEN_INTEGER;
    const char *hex = given ? p->token.text : "";
    size_t n = strlen(hex);

    put_head(p, spec, kind, 2 + (magic ? 2 : 0) + n / 2);
    if (magic)
        put16(p, spec, magic);
    for (size_t i = 0; i < n; i += 2) {
        int high = hex_digit(hex[i]), low = n % 2 ? -1 : hex_digit(hex[i + 1]);

        if (high < 0 || low < 0) {
            parser_expected(p, "an even number of hexadecimal digits");
            return;
        }
        put8(p, spec, (uint32_t)(high * 16 + low));
    }
    if (given)
        parser_take(p);
}

static void parse_sack(struct parser *p, struct packet_spec *spec)
{
    uint8_t at = spec->option_length;

    put_head(p, spec, 5, 2);
    do {
        put32(p, spec, (uint32_t)parser_number(p, "a block's left edge", 0, UINT32_MAX));
        parser_expect(p, ":");
        put32(p, spec, (uint32_t)parser_number(p, "a block's right edge", 0, UINT32_MAX));
        if (!script_faulty(p->fault))
            spec->option[at + 1] = (uint8_t)(spec->option_length - at);
    } while (p->token.kind == TOKEN_INTEGER && !script_faulty(p->fault));
}

static void parse_timestamps(struct parser *p, struct packet_spec *spec)
{
    put_head(p, spec, TCPOPT_TIMESTAMPS, 10);
    parser_expect(p, "val");
    put32(p, spec, (uint32_t)parser_number(p, "a timestamp", 0, UINT32_MAX));
    parser_expect(p, "ecr");
    put32(p, spec, (uint32_t)parser_number(p, "a timestamp", 0, UINT32_MAX));
}

/* `ECN e0b N ceb N e1b N`: RFC 9768 section 3.2.3; the first field decides the option's kind. */
static void parse_accecn(struct parser *p, struct packet_spec *spec)
{
    static const char *const order[2][3] = {{"e0b", "ceb", "e1b"}, {"e1b", "ceb", "e0b"}};
    unsigned first = parser_is(p, "e1b");
    uint8_t at = spec->option_length;

    put_head(p, spec, first ? 174 : 172, 2);
    for (unsigned i = 0; i < 3 && parser_accept(p, order[first][i]); i++) {
        uint32_t v = (uint32_t)parser_number(p, "a counter of 24 bits", 0, 0xffffff);

        put8(p, spec, v >> 16);
        put16(p, spec, v & 0xffff);
        if (!script_faulty(p->fault))
            spec->option[at + 1] = (uint8_t)(spec->option_length - at);
    }
    if (!script_faulty(p->fault) && spec->option_length == at + 2)
        parser_expected(p, "`e0b` or `e1b`");
}

static void parse_mss(struct parser *p, struct packet_spec *spec)
{
    put_head(p, spec, TCPOPT_MSS, 4);
    put16(p, spec, (uint32_t)parser_number(p, "a segment size", 0, 65535));
}

static void parse_wscale(struct parser *p, struct packet_spec *spec)
{
    put_head(p, spec, TCPOPT_WINDOW_SCALE, 3);
    put8(p, spec, (uint32_t)parser_number(p, "a shift count", 0, 255));
}

/* `uto 300`, `uto 5 min`: RFC 5482 section 3.2. */
static void parse_user_timeout(struct parser *p, struct packet_spec *spec)
{
    uint32_t n;

    put_head(p, spec, TCPOPT_USER_TIMEOUT, 4);
    n = (uint32_t)parser_number(p, "seconds or minutes", 0, 32767);
    put16(p, spec, parser_accept(p, "min") ? 0x8000 | n : n);
}

/* `opt 253 f989`: an option that has no name here; packetdrill itself has none of these. */
static void parse_unknown(struct parser *p, struct packet_spec *spec)
{
    parse_hex_option(p, spec, (unsigned)parser_number(p, "an option's kind", 2, 255), 0);
}

static void parse_option(struct parser *p, struct packet_spec *spec)
{
    if (parser_accept(p, "nop"))
        put8(p, spec, TCPOPT_NOP);
    else if (parser_accept(p, "eol"))
        put8(p, spec, TCPOPT_END);
    else if (parser_accept(p, "mss"))
        parse_mss(p, spec);
    else if (parser_accept(p, "wscale"))
        parse_wscale(p, spec);
    else if (parser_accept(p, "sackOK"))
        put_head(p, spec, TCPOPT_SACK_PERMITTED, 2);
    else if (parser_accept(p, "sack"))
        parse_sack(p, spec);
    else if (parser_accept(p, "TS"))
        parse_timestamps(p, spec);
    else if (parser_accept(p, "uto"))
        parse_user_timeout(p, spec);
    else if (parser_accept(p, "md5"))
        parse_hex_option(p, spec, 19, 0);
    else if (parser_accept(p, "FO"))
        parse_hex_option(p, spec, 34, 0);
    else if (parser_accept(p, "FOEXP"))
        parse_hex_option(p, spec, 254, 0xf989);
    else if (parser_accept(p, "ECN"))
        parse_accecn(p, spec);
    else if (parser_accept(p, "opt"))
        parse_unknown(p, spec);
    else
        parser_expected(p, "an option: mss, wscale, sackOK, sack, TS, uto, nop, eol, FO, FOEXP, md5, "
                           "ECN or opt");
}

static void parse_options(struct parser *p, struct packet_spec *spec)
{
    if (!parser_accept(p, "<"))
        return;
    if (p->token.kind == TOKEN_ELLIPSIS) {
        if (!spec->out)
            parser_expected(p, "options: only an outbound packet may have <...>");
        parser_take(p);
        spec->any_options = true;
    } else {
        do
            parse_option(p, spec);
        while (parser_accept(p, ",") && !script_faulty(p->fault));
    }
    parser_expect(p, ">");
    if (spec->option_length % 4) {
        script_fail(p->fault, spec->at, "expected options of a multiple of 4 bytes, found %u: add nop",
                    spec->option_length);
    }
}

static void parse_tcp(struct parser *p, struct packet_spec *spec)
{
    spec->kind = PACKET_TCP;
    parse_flags(p, spec);
    parse_seq(p, spec);
    if (parser_accept(p, "ack")) {
        spec->has_ack = true;
        spec->ack = (uint32_t)parser_number(p, "an acknowledgment number", 0, UINT32_MAX);
    }
    spec->any_window = !parser_accept(p, "win");
    if (!spec->any_window)
        spec->window = (uint16_t)parser_number(p, "a window", 0, 65535);
    else if (!spec->out)
        script_fail(p->fault, p->token.at, "expected `win`: an inbound packet needs its window");
    if (parser_accept(p, "urg"))
        spec->urgent = (uint16_t)parser_number(p, "an urgent pointer", 0, 65535);
    parse_options(p, spec);
}

/* ---- UDP and ICMP --------------------------------------------------------------------------------------------- */

static void parse_udp_length(struct parser *p, struct packet_spec *spec)
{
    parser_expect(p, "(");
    spec->length = (uint32_t)parser_number(p, "a length in bytes", 0, 65535);
    parser_expect(p, ")");
}

/* What both families call a message; false: neither does. */
static bool find_type(struct packet_spec *spec, const char *word)
{
#define TYPE(number, name)                                                                         \
    if (strcmp(word, name) == 0)                                                                   \
        spec->icmp[0] = (struct packet_icmp){true, number, 0};
#define TYPE6(number, name)                                                                        \
    if (strcmp(word, name) == 0)                                                                   \
        spec->icmp[1] = (struct packet_icmp){true, number, 0};
#include "script/icmp.def"
    return spec->icmp[0].known || spec->icmp[1].known;
}

static bool find_code(struct packet_spec *spec, const char *word)
{
    bool four = false, six = false;

#define UNREACHABLE(number, name)                                                                  \
    if (spec->icmp[0].known && spec->icmp[0].type == ICMP_UNREACHABLE && strcmp(word, name) == 0) {  \
        spec->icmp[0].code = number;                                                               \
        four = true;                                                                               \
    }
#define CODE6(kind, number, name)                                                                  \
    if (spec->icmp[1].known && spec->icmp[1].type == (kind) && strcmp(word, name) == 0) {            \
        spec->icmp[1].code = number;                                                               \
        six = true;                                                                                \
    }
#include "script/icmp.def"
    spec->icmp[0].known = four;
    spec->icmp[1].known = six;
    return four || six;
}

/* `[0:1000(1000)]`, `[udp (1000)]`: the packet that the message answers. */
static void parse_echoed(struct parser *p, struct packet_spec *spec)
{
    if (!parser_accept(p, "["))
        return;
    spec->has_echoed = true;
    if (parser_accept(p, "udp")) {
        spec->echoed = PACKET_UDP;
        parse_udp_length(p, spec);
    } else {
        parse_seq(p, spec);
    }
    parser_expect(p, "]");
}

static void parse_message(struct parser *p, struct packet_spec *spec)
{
    spec->message = p->token.kind == TOKEN_WORD ? p->token.text : "";
    if (!find_type(spec, spec->message)) {
        parser_expected(p, "an ICMP type such as unreachable");
        return;
    }
    parser_take(p);
    if (p->token.kind != TOKEN_WORD || parser_is(p, "mtu") || parser_is(p, "id"))
        return;
    spec->message = p->token.text;
    if (find_code(spec, spec->message))
        parser_take(p);
    else
        parser_expected(p, "an ICMP code such as port_unreachable");
}

static void parse_icmp(struct parser *p, struct packet_spec *spec)
{
    spec->kind = PACKET_ICMP;
    spec->mtu = -1;
    parse_message(p, spec);
    if (parser_accept(p, "mtu"))
        spec->mtu = parser_number(p, "an MTU", 0, spec->icmp[0].known ? 65535 : UINT32_MAX);
    if (parser_accept(p, "id"))
        spec->icmp_id = (uint16_t)parser_number(p, "an identification", 0, 65535);
    parse_echoed(p, spec);
}

/* ---- any packet ------------------------------------------------------------------------------------------------- */

struct packet_spec *parser_packet(struct parser *p)
{
    struct packet_spec *spec = parser_room(p, sizeof *spec);

    if (!spec)
        return NULL;
    spec->at = p->token.at;
    spec->out = parser_is(p, ">");
    parser_take(p);
    parse_tunnels(p, spec);
    parse_ip_info(p, spec);
    if (p->token.kind == TOKEN_INTEGER) {
        spec->sport = (uint16_t)parser_number(p, "a port", 0, 65535);
        parser_expect(p, ">");
        spec->dport = (uint16_t)parser_number(p, "a port", 0, 65535);
    }
    if (parser_accept(p, "icmp")) {
        parse_icmp(p, spec);
    } else if (parser_accept(p, "udp")) {
        spec->kind = PACKET_UDP;
        parse_udp_length(p, spec);
    } else {
        parse_tcp(p, spec);
    }
    return script_faulty(p->fault) ? NULL : spec;
}
