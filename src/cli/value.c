/* SPDX-License-Identifier: MIT */
/*
 * value.c - the readers of option values.
 *
 * A reader takes the whole text or refuses it; nothing is guessed, cut or wrapped.  Beside each
 * stands the sentence that a refusal prints.
 */
#include "cli/value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "packet/address.h"
#include "wire/place.h"

enum { PREFIX6_MAX = 127 };

typedef bool reader(const struct cli_option *, const char *text, void *field);

/* ---- numbers ------------------------------------------------------------------------------------ */

/* Decimal digits at *text, at most `high`; moves *text past them. */
static bool digits(const char **text, uint64_t high, uint64_t *out)
{
    const char *p = *text;
    uint64_t n = 0;

    for (; isdigit((unsigned char)*p); p++) {
        uint64_t digit = (uint64_t)(*p - '0');

        if (n > (UINT64_MAX - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    if (p == *text || n > high)
        return false;
    *text = p;
    *out = n;
    return true;
}

/* Decimal, or hexadecimal behind 0x, as seeds and sequence numbers are often written. */
static bool number(const struct cli_option *option, const char *text, uint64_t *out)
{
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        size_t n = strlen(text + 2);

        if (n == 0 || n > 16 || strspn(text + 2, "0123456789abcdefABCDEF") != n)
            return false;
        *out = strtoull(text + 2, NULL, 16);
    } else if (!digits(&text, UINT64_MAX, out) || *text) {
        return false;
    }
    return *out >= option->low && *out <= option->high;
}

static bool read_number16(const struct cli_option *option, const char *text, void *field)
{
    uint64_t n;

    if (!number(option, text, &n))
        return false;
    *(uint16_t *)field = (uint16_t)n;
    return true;
}

static bool read_number32(const struct cli_option *option, const char *text, void *field)
{
    uint64_t n;

    if (!number(option, text, &n))
        return false;
    *(uint32_t *)field = (uint32_t)n;
    return true;
}

static bool read_number64(const struct cli_option *option, const char *text, void *field)
{
    return number(option, text, field);
}

/* Seconds with up to three decimals, kept in milliseconds. */
static bool read_seconds(const struct cli_option *option, const char *text, void *field)
{
    uint64_t whole, ms = 0, place = 100;

    if (!digits(&text, option->high / 1000, &whole))
        return false;
    if (*text == '.') {
        if (!isdigit((unsigned char)*++text))
            return false;
        for (; isdigit((unsigned char)*text) && place; text++, place /= 10)
            ms += (uint64_t)(*text - '0') * place;
    }
    ms += whole * 1000;
    if (*text || ms < option->low || ms > option->high)
        return false;
    *(uint64_t *)field = ms;
    return true;
}

static bool read_seconds_never(const struct cli_option *option, const char *text, void *field)
{
    if (strcmp(text, "never") != 0)
        return read_seconds(option, text, field);
    *(uint64_t *)field = CLI_NEVER_MS;
    return true;
}

static bool read_flag(const struct cli_option *option, const char *text, void *field)
{
    (void)option;
    (void)text;
    *(bool *)field = true;
    return true;
}

static bool read_count(const struct cli_option *option, const char *text, void *field)
{
    (void)option;
    (void)text;
    ++*(unsigned *)field;
    return true;
}

/* ---- words --------------------------------------------------------------------------------------- */

unsigned value_choice(const struct cli_option *option, unsigned i, char word[VALUE_WORD])
{
    const char *p = option->argument;
    size_t length;

    while (i-- && p) {
        p = strchr(p, '|');
        p = p ? p + 1 : NULL;
    }
    length = p ? strcspn(p, "|") : 0;
    if (length >= VALUE_WORD)
        length = VALUE_WORD - 1;
    if (p)
        memcpy(word, p, length);
    word[length] = '\0';
    return (unsigned)length;
}

static bool read_choice(const struct cli_option *option, const char *text, void *field)
{
    char word[VALUE_WORD];

    for (unsigned i = 0; value_choice(option, i, word); i++) {
        if (strcmp(text, word) == 0) {
            *(uint8_t *)field = (uint8_t)i;
            return true;
        }
    }
    return false;
}

static void expect_choice(const struct cli_option *option, FILE *out)
{
    char word[VALUE_WORD], next[VALUE_WORD];

    fputs("expected ", out);
    for (unsigned i = 0; value_choice(option, i, word); i++)
        fprintf(out, "%s%s", !i ? "" : value_choice(option, i + 1, next) ? ", " : " or ", word);
}

static bool read_word(const struct cli_option *option, const char *text, void *field)
{
    uint8_t which;

    if (!read_choice(option, text, &which))
        return false;
    *(const char **)field = text;
    return true;
}

/* NO_COLOR: any value but the empty one (no-color.org). */
static bool read_color(const struct cli_option *option, const char *text, void *field)
{
    const char *no_color = getenv("NO_COLOR");
    uint8_t which;

    if (!read_choice(option, text, &which))
        return false;
    *(bool *)field =
        which == 1 || (which == 0 && isatty(STDOUT_FILENO) && !(no_color && *no_color));
    return true;
}

static bool read_verb(const struct cli_option *option, const char *text, void *field)
{
    (void)option;
    *(const char **)field = text;
    return verb_named(text);
}

static bool read_text(const struct cli_option *option, const char *text, void *field)
{
    (void)option;
    *(const char **)field = text;
    return *text;
}

/* ---- names of the wire ---------------------------------------------------------------------------- */

static bool ipv4(const char **text, uint8_t address[4])
{
    for (unsigned i = 0; i < 4; i++) {
        uint64_t n;

        if ((i && *(*text)++ != '.') || !digits(text, 255, &n))
            return false;
        address[i] = (uint8_t)n;
    }
    return true;
}

/* An IPv6 address that one host can have. */
static bool ipv6_host(const char *text, struct estab_addr *out)
{
    return inet_pton(AF_INET6, text, out->b) == 1 && !addr_is_ipv4(out) && !addr_is_unspecified(out) &&
           !addr_is_multicast(out) && !addr_is_loopback(out);
}

static bool ipv6_prefix(const char *text, struct cli_prefix *prefix)
{
    const char *slash = strchr(text, '/');
    char address[INET6_ADDRSTRLEN] = "";
    uint64_t length;

    if (!slash || (size_t)(slash - text) >= sizeof address)
        return false;
    memcpy(address, text, (size_t)(slash - text));
    text = slash + 1;
    if (!ipv6_host(address, &prefix->host) || !digits(&text, PREFIX6_MAX, &length) || *text || length < 1)
        return false;
    prefix->six = true;
    prefix->length = (uint8_t)length;
    return true;
}

/* What is all digits and dots is meant as an address; a mistyped one must not pass as a name. */
static bool read_host(const struct cli_option *option, const char *text, void *field)
{
    struct estab_addr six;
    uint8_t address[4];
    size_t length = strlen(text);

    (void)option;
    *(const char **)field = text;
    if (strspn(text, "0123456789.") == length)
        return ipv4(&text, address) && !*text;
    if (strchr(text, ':'))
        return ipv6_host(text, &six);
    for (const char *p = text; *p; p++) {
        if (!isalnum((unsigned char)*p) && !strchr("-._", *p))
            return false;
    }
    return length <= 253 && (isalnum((unsigned char)*text) || *text == '_');
}

static bool read_station(const struct cli_option *option, const char *text, void *field)
{
    (void)option;
    *(const char **)field = text;
    return place_name_valid(text) && strspn(text, "0123456789.") != strlen(text) &&
           strcmp(text, "localhost") != 0;
}

/* Words are kept by the parser, one after the other. */
static bool read_words(const struct cli_option *option, const char *text, void *field)
{
    (void)option;
    (void)text;
    (void)field;
    return true;
}

/* An address that one host can have: not of networks 0 and 127 or above 223, and neither the
 * network's own nor its broadcast address (RFC 1122 section 3.2.1.3). */
static bool read_prefix(const struct cli_option *option, const char *text, void *field)
{
    struct cli_prefix prefix = {.six = false};
    uint64_t length;
    uint32_t address, host_part;

    if (strcmp(text, "auto") == 0 || strcmp(text, "dhcp") == 0) {
        prefix.dhcp = text[0] == 'd';
        prefix.six = prefix.automatic = !prefix.dhcp;
        prefix.length = 64;
        memcpy(field, &prefix, sizeof(prefix));
        return true;
    }
    if (strchr(text, ':')) {
        if (!ipv6_prefix(text, &prefix))
            return false;
        memcpy(field, &prefix, sizeof(prefix));
        return true;
    }
    if (!ipv4(&text, prefix.address) || *text++ != '/' || !digits(&text, option->high, &length) ||
        *text || length < option->low)
        return false;
    address = (uint32_t)prefix.address[0] << 24 | (uint32_t)prefix.address[1] << 16 |
              (uint32_t)prefix.address[2] << 8 | prefix.address[3];
    host_part = UINT32_MAX >> length;
    if (prefix.address[0] == 0 || prefix.address[0] == 127 || prefix.address[0] > 223 ||
        (address & host_part) == 0 || (address & host_part) == host_part)
        return false;
    prefix.length = (uint8_t)length;
    prefix.host = estab_ipv4(prefix.address[0], prefix.address[1], prefix.address[2], prefix.address[3]);
    memcpy(field, &prefix, sizeof(prefix));
    return true;
}

static void expect_prefix(const struct cli_option *option, FILE *out)
{
    fprintf(out,
            "expected a host's address with its prefix, A.B.C.D/N with N from %" PRIu64 " to %" PRIu64
            ", such as 10.11.0.7/24, or of IPv6 with N from 1 to %d, such as fd11::7/64; or auto or dhcp",
            option->low, option->high, PREFIX6_MAX);
}

static bool read_server(const struct cli_option *option, const char *text, void *field)
{
    struct cli_servers *servers = field;
    struct estab_addr address;
    uint8_t four[4];

    (void)option;
    if (servers->count == CLI_SERVERS_MAX)
        return false;
    if (strchr(text, ':')) {
        if (!ipv6_host(text, &address))
            return false;
    } else {
        if (!ipv4(&text, four) || *text || four[0] == 0 || four[0] > 223)
            return false;
        address = estab_ipv4(four[0], four[1], four[2], four[3]);
    }
    servers->address[servers->count++] = address;
    return true;
}

/* Six bytes, of one station: the group bit is clear, and not all are zero. */
static bool read_mac(const struct cli_option *option, const char *text, void *field)
{
    uint8_t mac[6], any = 0;

    (void)option;
    for (unsigned i = 0; i < 6; i++) {
        char byte[3] = {text[0], text[0] ? text[1] : '\0', '\0'};

        if (!isxdigit((unsigned char)byte[0]) || !isxdigit((unsigned char)byte[1]) ||
            text[2] != (i < 5 ? ':' : '\0'))
            return false;
        mac[i] = (uint8_t)strtoul(byte, NULL, 16);
        any |= mac[i];
        text += 3;
    }
    if (mac[0] & 1 || !any)
        return false;
    memcpy(field, mac, sizeof(mac));
    return true;
}

/* A TAP device is made if it is not there; a packet socket needs an interface that is. */
static bool read_device(const struct cli_option *option, const char *text, void *field)
{
    struct cli_on on = {.kind = ON_SIM};
    const char *name = strchr(text, ':');
    size_t kind = strcspn(text, ":");

    (void)option;
    if (strcmp(text, "sim") == 0 || strcmp(text, "kernel") == 0) {
        on.kind = text[0] == 's' ? ON_SIM : ON_KERNEL;
        *(struct cli_on *)field = on;
        return true;
    }
    if (!name || !name[1] || strlen(++name) >= sizeof(on.name) || strpbrk(name, "/: \t"))
        return false;
    if (kind == 4 && memcmp(text, "wire", 4) == 0 && place_name_valid(name)) {
        on.kind = ON_WIRE;
        memcpy(on.name, name, strlen(name));
        *(struct cli_on *)field = on;
        return true;
    }
    if (strlen(name) >= IF_NAMESIZE)
        return false;
    if (kind == 6 && memcmp(text, "packet", 6) == 0 && if_nametoindex(name))
        on.kind = ON_PACKET;
    else if (kind == 3 && memcmp(text, "tap", 3) == 0)
        on.kind = ON_TAP;
    else
        return false;
    memcpy(on.name, name, strlen(name));
    *(struct cli_on *)field = on;
    return true;
}

static void expect_device(FILE *out)
{
    struct if_nameindex *list = if_nameindex();

    fputs("expected wire:NAME, sim, kernel, packet:IFACE or tap:NAME", out);
    if (!list)
        return;
    for (unsigned i = 0; list[i].if_index; i++)
        fprintf(out, "%s %s", i ? "" : "; interfaces here:", list[i].if_name);
    if_freenameindex(list);
}

/* ---- impairments ------------------------------------------------------------------------------------ */

static bool read_impair(const struct cli_option *option, const char *text, void *field)
{
    char error[LINK_ERROR_MAX];

    (void)option;
    return link_config_parse(field, text, error);
}

static void expect_impair(const char *text, FILE *out)
{
    struct link_config config = {0};
    char error[LINK_ERROR_MAX];

    if (!link_config_parse(&config, text, error))
        fputs(error, out);
}

static bool read_rule(const struct cli_option *option, const char *text, void *field)
{
    struct cli_rules *rules = field;
    char error[LINK_ERROR_MAX];

    (void)option;
    if (rules->count == CLI_RULES_MAX || !link_rule_parse(&rules->rule[rules->count], text, error))
        return false;
    rules->count++;
    return true;
}

static void expect_rule(const char *text, FILE *out)
{
    struct link_rule rule;
    char error[LINK_ERROR_MAX];

    if (link_rule_parse(&rule, text, error))
        fprintf(out, "expected at most %d rules", CLI_RULES_MAX);
    else
        fputs(error, out);
}

/* ---- words that may be given several times ------------------------------------------------------------ */

static bool read_files(const struct cli_option *option, const char *text, void *field)
{
    struct cli_texts *texts = field;

    (void)option;
    if (!*text || texts->count == CLI_TEXTS_MAX)
        return false;
    texts->text[texts->count++] = text;
    return true;
}

static bool read_setting(const struct cli_option *option, const char *text, void *field)
{
    return *text != '-' && *text != '=' && read_files(option, text, field);
}

/* The command is cut off by `--` and never read as a value. */
static bool read_command(const struct cli_option *option, const char *text, void *field)
{
    (void)option;
    (void)text;
    (void)field;
    return false;
}

/* ---- all of them ------------------------------------------------------------------------------------ */

bool value_read(const struct cli_option *option, const char *text, struct cli_options *o)
{
    static reader *const readers[] = {
#define X(name, size) [VALUE_##name] = read_##name,
        VALUE_TYPES(X)
#undef X
    };

    return readers[option->type](option, text, (char *)o + option->field);
}

void value_range(const struct cli_option *option, char text[48])
{
    uint64_t low = option->low, high = option->high;

    text[0] = '\0';
    switch (option->type) {
    case VALUE_number16:
    case VALUE_number32:
        (void)snprintf(text, 48, "%" PRIu64 " to %" PRIu64, low, high);
        break;
    case VALUE_seconds:
    case VALUE_seconds_never:
        if (low % 1000)
            (void)snprintf(text, 48, "%" PRIu64 ".%03" PRIu64 " to %" PRIu64, low / 1000,
                           low % 1000, high / 1000);
        else
            (void)snprintf(text, 48, "%" PRIu64 " to %" PRIu64, low / 1000, high / 1000);
    }
}

void value_expected(const struct cli_option *option, const char *text, FILE *out)
{
    uint64_t low = option->low, high = option->high;
    char range[48];

    value_range(option, range);
    switch ((enum value_type)option->type) {
    case VALUE_number16:
    case VALUE_number32:
    case VALUE_number64:
        fprintf(out, "expected a number from %" PRIu64 " to %" PRIu64, low, high);
        return;
    case VALUE_seconds:
    case VALUE_seconds_never:
        fprintf(out, "expected seconds from %s, such as 2 or 0.5%s", range,
                option->type == VALUE_seconds ? "" : ", or never");
        return;
    case VALUE_choice:
    case VALUE_color:
    case VALUE_word:
        expect_choice(option, out);
        return;
    case VALUE_verb:
        fputs("expected a verb", out);
        return;
    case VALUE_text:
        fputs("expected the name of a file, or - for stdout", out);
        return;
    case VALUE_files:
        fprintf(out, "expected the name of a file, at most %d of them", CLI_TEXTS_MAX);
        return;
    case VALUE_setting:
        fprintf(out, "expected NAME=VALUE or NAME, at most %d of them", CLI_TEXTS_MAX);
        return;
    case VALUE_host:
        fputs("expected an address A.B.C.D, or a name such as server, client or localhost, or an IPv6 address", out);
        return;
    case VALUE_station:
        fputs("expected a name of 1 to 23 letters, digits, '-', '_' and '.', and not localhost",
              out);
        return;
    case VALUE_words:
        fputs("expected words", out);
        return;
    case VALUE_device:
        expect_device(out);
        return;
    case VALUE_prefix:
        expect_prefix(option, out);
        return;
    case VALUE_server:
        fprintf(out, "expected the address of a server of DNS, at most %d of them", CLI_SERVERS_MAX);
        return;
    case VALUE_mac:
        fputs("expected the Ethernet address of one station, such as 02:00:00:00:00:65", out);
        return;
    case VALUE_impair:
        expect_impair(text, out);
        return;
    case VALUE_rule:
        expect_rule(text, out);
        return;
    case VALUE_flag:
    case VALUE_count:
    case VALUE_command:
        fputs("expected no value", out);
        return;
    }
}
