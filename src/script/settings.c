/* SPDX-License-Identifier: MIT */
/* settings.c - options by their names. */
#include "script/settings.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define TRACE_RECORDS 8192

void settings_init(struct script_settings *s)
{
    memset(s, 0, sizeof *s);
    memcpy(s->local, (uint8_t[]){192, 168, 0, 1}, 4);
    memcpy(s->remote, (uint8_t[]){192, 0, 2, 1}, 4);
    s->bind_port = s->connect_port = 8080;
    s->mtu = 1500;
    s->tolerance_us = 4000;
    s->tolerance_ppm = 125000;
    sysctl_defaults(&(struct sysctl_target){&s->stack, &s->posix});
    s->stack.trace_records = TRACE_RECORDS;
    s->posix.first_descriptor = 3;
}

bool settings_define(struct lexer *l, enum ip_version version)
{
    bool mapped = version == IP_VERSION_4_MAPPED;

    return lexer_define(l, "TFO_COOKIE", "3021b9d889017eeb") &&
           lexer_define(l, "CODE", "host_unreachable") &&
           lexer_define(l, "CMSG_LEVEL_IP", mapped ? "SOL_IPV6" : "SOL_IP") &&
           lexer_define(l, "CMSG_TYPE_RECVERR", mapped ? "IPV6_RECVERR" : "IP_RECVERR");
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

static bool set_address(uint8_t out[4], const char *value)
{
    uint8_t a[4];

    if (inet_pton(AF_INET, value, a) != 1)
        return false;
    memcpy(out, a, 4);
    return true;
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

static bool set_version(struct script_settings *s, const char *value)
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
            s->ip_version = versions[i].version;
            return true;
        }
    }
    return false;
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
    X("local_ip", set_address(s->local, value), "an IPv4 address")                                 \
    X("remote_ip", set_address(s->remote, value), "an IPv4 address")                               \
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

static bool is_ipv6(const char *value)
{
    uint8_t a[16];

    return inet_pton(AF_INET6, value, a) == 1;
}

bool settings_option(void *context, struct lexer *l, const struct script_option *option,
                     struct script_fault *fault)
{
    struct script_settings *s = context;
    const char *name = option->name, *value = option->value;

    if (means_nothing(name))
        return true;
    if ((strcmp(name, "local_ip") == 0 || strcmp(name, "remote_ip") == 0) && is_ipv6(value)) {
        s->ip_version = IP_VERSION_6;
        return true;
    }
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
