/* SPDX-License-Identifier: MIT */
/* settings.c - options by their names. */
#include "script/settings.h"

#include "packet/address.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define TRACE_RECORDS 8192

void settings_init(struct script_settings *s)
{
    memset(s, 0, sizeof *s);
    s->bind_port = s->connect_port = 8080;
    s->tolerance_us = 4000;
    s->tolerance_ppm = 125000;
    sysctl_defaults(&(struct sysctl_target){&s->stack, &s->posix});
    s->stack.trace_records = TRACE_RECORDS;
    s->posix.first_descriptor = 3;
}

bool settings_define(struct lexer *l, enum ip_version version)
{
    bool six = version == IP_VERSION_6, sockets6 = version != IP_VERSION_4;

    return lexer_define(l, "TFO_COOKIE", six ? "c1d1e9742a47a9bc" : "3021b9d889017eeb") &&
           lexer_define(l, "CODE", six ? "address_unreachable" : "host_unreachable") &&
           lexer_define(l, "CMSG_LEVEL_IP", sockets6 ? "SOL_IPV6" : "SOL_IP") &&
           lexer_define(l, "CMSG_TYPE_RECVERR", sockets6 ? "IPV6_RECVERR" : "IP_RECVERR");
}

static struct estab_addr address_of(const char *text)
{
    struct estab_addr a;
    uint8_t four[4];

    if (inet_pton(AF_INET, text, four) == 1)
        return estab_ipv4(four[0], four[1], four[2], four[3]);
    (void)inet_pton(AF_INET6, text, a.b);
    return a;
}

const char *settings_finish(struct script_settings *s)
{
    bool six = s->ip_version == IP_VERSION_6;

    if (addr_is_unspecified(&s->local))
        s->local = address_of(six ? "fd3d:a0b:17d6::1" : "192.168.0.1");
    if (addr_is_unspecified(&s->remote))
        s->remote = address_of(six ? "fd3d:fa7b:d17d::1" : "192.0.2.1");
    if (s->mtu == 0) /* segments are as long as over IPv4 */
        s->mtu = six ? 1520 : 1500;
    if (addr_is_ipv4(&s->local) == six || addr_is_ipv4(&s->remote) == six)
        return six ? "IPv4 addresses" : "IPv6 addresses";
    return NULL;
}

/* ---- options ---------------------------------------------------------------------------------------- */

static bool read_number(const char *text, int64_t low, int64_t high, int64_t *out)
{
    char *end;
    long long v = strtoll(text, &end, 0);

    *out = v;
    return end != text && !*end && v >= low && v <= high;
}

static bool set_port(uint16_t *port, const char *value)
{
    int64_t v;
    bool ok = read_number(value, 1, 65535, &v);

    if (ok)
        *port = (uint16_t)v;
    return ok;
}

/* IPv6's mean a run over IPv6, too. */
static bool set_address(struct script_settings *s, struct estab_addr *out, const char *value)
{
    uint8_t a[16];

    if (inet_pton(AF_INET, value, a) == 1) {
        *out = estab_ipv4(a[0], a[1], a[2], a[3]);
    } else if (inet_pton(AF_INET6, value, a) == 1) {
        memcpy(out->b, a, sizeof a);
        if (!addr_is_ipv4(out) && !s->version_kept)
            s->ip_version = IP_VERSION_6;
    }
    return !addr_is_unspecified(out);
}

static bool set_mtu(struct script_settings *s, const char *value)
{
    int64_t v;
    bool ok = read_number(value, 576, 65535, &v);

    if (ok)
        s->mtu = (uint32_t)v;
    return ok;
}

static bool set_mss(struct script_settings *s, const char *value)
{
    int64_t v;
    bool ok = read_number(value, 1, 65495, &v);

    if (ok)
        s->mss = (uint32_t)v;
    return ok;
}

static bool version_of(const char *value, enum ip_version *out)
{
    static const struct {
        const char *name;
        enum ip_version version;
    } versions[] = {
        {"ipv4", IP_VERSION_4},
        {"ipv4-mapped-ipv6", IP_VERSION_4_MAPPED},
        {"ipv4_mapped_ipv6", IP_VERSION_4_MAPPED}, /* in a script, a minus ends a word */
        {"ipv6", IP_VERSION_6},
    };

    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        if (strcmp(versions[i].name, value) == 0) {
            *out = versions[i].version;
            return true;
        }
    }
    return false;
}

static bool set_version(struct script_settings *s, const char *value)
{
    enum ip_version version;

    if (!version_of(value, &version))
        return false;
    if (!s->version_kept)
        s->ip_version = version;
    return true;
}

bool settings_keep_version(struct script_settings *s, const char *name)
{
    s->version_kept = version_of(name, &s->ip_version);
    return s->version_kept;
}

/* Percent, with up to six digits behind the point, as parts of a million. */
static bool set_percent(struct script_settings *s, const char *value)
{
    int64_t micro;

    if (!lexer_time(value, &micro) || micro > INT64_C(1000000000))
        return false;
    s->tolerance_ppm = micro / 100;
    return true;
}

static bool set_non_fatal(struct script_settings *s, const char *value)
{
    s->packets_go_on = strstr(value, "packet") != NULL;
    s->calls_go_on = strstr(value, "syscall") != NULL;
    return s->packets_go_on || s->calls_go_on;
}

static bool set_true(bool *flag, const char *value)
{
    *flag = true;
    return !*value;
}

static bool set_define(struct lexer *l, const char *value)
{
    const char *equals = strchr(value, '=');
    char *name;

    if (!equals || equals == value || !equals[1])
        return false;
    name = arena_copy(l->arena, value, (size_t)(equals - value));
    return name && lexer_define(l, name, equals + 1);
}

static bool means_nothing(const char *name)
{
    static const char *const names[] = {
        "bind_ip",      "gateway_ip",       "netmask_ip",      "speed",           "init_scripts",
        "code_command", "code_format",      "code_sockopt",    "send_omit_free",  "is_anyip",
        "so_filename",  "so_flags",         "wire_client",     "wire_server",     "wire_server_ip",
        "wire_server_at", "wire_server_port", "wire_client_dev", "wire_server_dev", "psp_udp_port",
        "debug",        "verbose",
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

/* Each row: the option's name, the condition that its value is right, what was expected. */
#define OPTIONS(X)                                                                                 \
    X("ip_version", set_version(s, value), "ipv4, ipv4-mapped-ipv6 or ipv6")                       \
    X("local_ip", set_address(s, &s->local, value), "an IP address")                               \
    X("remote_ip", set_address(s, &s->remote, value), "an IP address")                             \
    X("bind_port", set_port(&s->bind_port, value), "a port")                                       \
    X("connect_port", set_port(&s->connect_port, value), "a port")                                 \
    X("mtu", set_mtu(s, value), "bytes from 576 to 65535")                                         \
    X("mss", set_mss(s, value), "bytes from 1 to 65495")                                           \
    X("tolerance_usecs", read_number(value, 0, 1000000000, &s->tolerance_us), "microseconds")      \
    X("tolerance_percent", set_percent(s, value), "a percentage such as 12.5")                     \
    X("tcp_ts_tick_usecs", read_number(value, 0, 1000000, &s->ts_tick_us), "microseconds")         \
    X("tcp_ts_ecr_scaled", set_true(&s->ecr_scaled, value), "no value")                            \
    X("strict_segments", set_true(&s->strict_segments, value), "no value")                         \
    X("dry_run", set_true(&s->dry_run, value), "no value")                                         \
    X("non_fatal", set_non_fatal(s, value), "packet, syscall or both")                             \
    X("define", set_define(l, value), "NAME=VALUE")

bool settings_option(void *context, struct lexer *l, const struct script_option *option,
                     struct script_fault *fault)
{
    struct script_settings *s = context;
    const char *name = option->name, *value = option->value;

    if (means_nothing(name))
        return true;
#define X(known, right, what)                                                                      \
    if (strcmp(name, known) == 0) {                                                                \
        if (!(right))                                                                              \
            script_fail(fault, option->at, "expected --%s to be %s, found `%.40s`", known, what,   \
                        value);                                                                    \
        return !script_faulty(fault);                                                              \
    }
    OPTIONS(X)
#undef X
    script_fail(fault, option->at, "expected an option of packetdrill, found `--%.40s`", name);
    return false;
}

/* ---- sysctls ------------------------------------------------------------------------------------------- */

enum sysctl_result settings_sysctl(struct script_settings *s, const char *name, const char *value)
{
    struct sysctl_target target = {&s->stack, &s->posix};

    return sysctl_set(&target, name, value);
}
