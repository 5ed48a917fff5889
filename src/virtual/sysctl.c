/* SPDX-License-Identifier: MIT */
/* sysctl.c - a table of settings, by their names. */
#include "virtual/sysctl.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNKS    32768 /* 128 MB of which nothing is touched before text comes */
#define VALUE_MAX 256

static const char prefix[] = "net.ipv4.";

void sysctl_defaults(const struct sysctl_target *s)
{
    estab_config_init(s->stack);
    s->stack->chunks = CHUNKS;
    s->stack->time_wait_reset = true; /* tcp_rfc1337 is 0 */
    s->stack->mtu_probing = 0;
    memset(s->stack->isn_key, 0x5a, sizeof s->stack->isn_key);
    memset(s->stack->hash_key, 0xa5, sizeof s->stack->hash_key);
    estab_posix_config_init(s->posix);
}

static uint32_t clamp32(int64_t v, int64_t low, int64_t high)
{
    return (uint32_t)(v < low ? low : v > high ? high : v);
}

/* The time that `n` retransmissions take, the last one's timeout included: 1, 3, 7 ... seconds for a
 * SYN with its first timeout of a second. */
static uint32_t after_retries(const struct sysctl_target *s, int64_t n)
{
    uint64_t rto = s->stack->rto_initial_ms, sum = 0;

    for (int64_t i = 0; i <= n && i < 255; i++) {
        sum += rto;
        rto = rto * 2 < s->stack->rto_max_ms ? rto * 2 : s->stack->rto_max_ms;
    }
    return clamp32((int64_t)sum, 1000, 86400000);
}

/* Those beyond 2 are of AccECN; with a peer who does not have it, 3 and 4 ask for ECN, 5 answers. */
static uint8_t ecn_mode(int64_t v)
{
    return v <= 0 ? 0 : v == 2 || v >= 5 ? 2 : 1;
}

static bool read_number(const char *text, int64_t *out)
{
    char *end;

    *out = strtoll(text, &end, 0);
    return end != text && !*end;
}

static bool read_triple(const char *text, int64_t v[3])
{
    char *end;

    for (unsigned i = 0; i < 3; i++) {
        v[i] = strtoll(text, &end, 10);
        if (end == text)
            return false;
        text = end;
    }
    return !*text;
}

static enum sysctl_result set_congestion(const struct sysctl_target *s, const char *value)
{
    if (strcmp(value, "reno") == 0)
        s->stack->congestion = ESTAB_CONGESTION_NEWRENO;
    else if (strcmp(value, "cubic") == 0)
        s->stack->congestion = ESTAB_CONGESTION_CUBIC;
    else
        return SYSCTL_UNHEEDED;
    return SYSCTL_SET;
}

enum sysctl_result sysctl_set(const struct sysctl_target *s, const char *name, const char *value)
{
    if (strcmp(name, "net.core.default_qdisc") == 0) { /* of Linux's, fq alone paces */
        s->stack->pacing = strcmp(value, "fq") == 0;
        return SYSCTL_SET;
    }
    if (strncmp(name, prefix, sizeof prefix - 1) != 0)
        return SYSCTL_UNHEEDED;
    name += sizeof prefix - 1;
    if (strcmp(name, "tcp_congestion_control") == 0)
        return set_congestion(s, value);
#define NUMBER(known, statement)                                                                   \
    if (strcmp(name, #known) == 0) {                                                               \
        int64_t v;                                                                                 \
        if (!read_number(value, &v))                                                               \
            return SYSCTL_WRONG;                                                                   \
        statement;                                                                                 \
        return SYSCTL_SET;                                                                         \
    }
#define TRIPLE(known, statement)                                                                   \
    if (strcmp(name, #known) == 0) {                                                               \
        int64_t v[3];                                                                              \
        if (!read_triple(value, v))                                                                \
            return SYSCTL_WRONG;                                                                   \
        statement;                                                                                 \
        return SYSCTL_SET;                                                                         \
    }
#define FIXED(known, ours)                                                                         \
    if (strcmp(name, #known) == 0)                                                                 \
        return strtoll(value, NULL, 0) == (ours) ? SYSCTL_NO_MATTER : SYSCTL_UNHEEDED;
#define NO_MATTER(known)                                                                           \
    if (strcmp(name, #known) == 0)                                                                 \
        return SYSCTL_NO_MATTER;
#include "virtual/sysctl.def"
    return SYSCTL_UNHEEDED;
}

/* ---- from a tree of files ---------------------------------------------------------------------------- */

static void read_one(const struct sysctl_target *s, int folder, const char *name)
{
    char value[VALUE_MAX], full[64];
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, value, sizeof value - 1);

    if (fd >= 0)
        close(fd);
    if (n < 0)
        return;
    value[n] = '\0';
    value[strcspn(value, "\n")] = '\0';
    snprintf(full, sizeof full, "%s%s", prefix, name);
    (void)sysctl_set(s, full, value);
}

bool sysctl_read(const struct sysctl_target *s, const char *tree)
{
    static const char *const names[] = {
#define NUMBER(known, statement) #known,
#define TRIPLE(known, statement) #known,
#include "virtual/sysctl.def"
    };
    char path[4096];
    int folder;

    snprintf(path, sizeof path, "%s/net/ipv4", tree);
    folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        read_one(s, folder, names[i]);
    close(folder);
    return true;
}
