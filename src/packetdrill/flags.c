/* SPDX-License-Identifier: MIT */
/* flags.c - a table of names, each with what its value must be. */
#include "packetdrill/flags.h"

#include "packet/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLAG_MAX 4352 /* bytes of one */

static bool read_number(const char *text, uint32_t low, uint32_t high, uint32_t *out)
{
    char *end;
    unsigned long long v = strtoull(text, &end, 10);

    *out = (uint32_t)v;
    return *text >= '0' && *text <= '9' && !*end && v >= low && v <= high;
}

static bool set_local(struct flags *f, const char *value)
{
    uint8_t a[16];

    if (inet_pton(AF_INET, value, a) == 1)
        f->link.address = estab_ipv4(a[0], a[1], a[2], a[3]);
    else if (inet_pton(AF_INET6, value, a) == 1)
        memcpy(f->link.address.b, a, sizeof a);
    else
        return false;
    return true;
}

static bool set_prefix(struct flags *f, const char *value)
{
    uint32_t v;
    bool ok = read_number(value, 0, 128, &v);

    f->link.prefix_length = (uint8_t)v;
    f->prefix_set = true;
    return ok;
}

static bool set_mtu(struct flags *f, const char *value)
{
    f->mtu_set = true;
    return read_number(value, 576, 65535, &f->link.mtu);
}

static bool set_mss(struct flags *f, const char *value)
{
    return read_number(value, 1, 65495, &f->mss);
}

static bool set_sysctls(struct flags *f, const char *value)
{
    snprintf(f->sysctls, sizeof f->sysctls, "%s", value);
    return *value == '/' && strlen(value) < sizeof f->sysctls;
}

static const struct {
    const char *name;
    bool (*set)(struct flags *, const char *value);
    const char *expected;
} known[] = {
    {"local", set_local, "an IP address"},
    {"prefix", set_prefix, "bits from 0 to 128"},
    {"mtu", set_mtu, "bytes from 576 to 65535"},
    {"mss", set_mss, "bytes from 1 to 65495"},
    {"sysctls", set_sysctls, "a path from the root, such as /proc/sys"},
};

static bool set_sysctl(struct flags *f, const char *name, const char *value, char *error, size_t size)
{
    struct sysctl_target target = {&f->stack, &f->posix};

    switch (sysctl_set(&target, name, value)) {
    case SYSCTL_SET:
    case SYSCTL_NO_MATTER:
        return true;
    case SYSCTL_WRONG:
        snprintf(error, size, "expected a value of %.60s, found `%.40s`", name, value);
        return false;
    case SYSCTL_UNHEEDED:
        break;
    }
    snprintf(error, size, "expected a sysctl that has a counterpart here, found `%.60s=%.40s`", name,
             value);
    return false;
}

static bool set_flag(struct flags *f, const char *name, const char *value, char *error, size_t size)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(name, known[i].name) != 0)
            continue;
        if (known[i].set(f, value))
            return true;
        snprintf(error, size, "expected %s to be %s, found `%.40s`", name, known[i].expected, value);
        return false;
    }
    if (strncmp(name, "net.", 4) == 0)
        return set_sysctl(f, name, value, error, size);
    snprintf(error, size, "expected local, prefix, mtu, mss, sysctls or a name such as "
                          "net.ipv4.tcp_timestamps, found `%.40s`", name);
    return false;
}

static void set_defaults(struct flags *f)
{
    memset(f, 0, sizeof *f);
    f->link = (struct virtual_link){.address = estab_ipv4(192, 168, 0, 1), .prefix_length = 16, .mtu = 1500};
    sysctl_defaults(&(struct sysctl_target){&f->stack, &f->posix});
}

/* What packetdrill's suites are run with over IPv6: segments are as long as over IPv4. */
static void finish(struct flags *f)
{
    if (addr_is_ipv4(&f->link.address))
        return;
    if (!f->prefix_set)
        f->link.prefix_length = 64;
    if (!f->mtu_set)
        f->link.mtu = 1520;
}

bool flags_read(struct flags *f, const char *text, char *error, size_t size)
{
    char flag[FLAG_MAX];

    set_defaults(f);
    for (text = text ? text : ""; *text; text += *text == ',') {
        size_t n = strcspn(text, ",");
        char *equals;

        if (n >= sizeof flag) {
            snprintf(error, size, "expected flags of at most %u bytes each", FLAG_MAX - 1);
            return false;
        }
        memcpy(flag, text, n);
        flag[n] = '\0';
        equals = strchr(flag, '=');
        if (!equals) {
            snprintf(error, size, "expected NAME=VALUE, found `%.40s`", flag);
            return false;
        }
        *equals = '\0';
        if (!set_flag(f, flag, equals + 1, error, size))
            return false;
        text += n;
    }
    finish(f);
    return true;
}
