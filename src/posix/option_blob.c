/* SPDX-License-Identifier: MIT */
/* option_blob.c - options that are structs or strings: SO_LINGER, time limits, TCP_CONGESTION. */
#include <string.h>

#include "posix/posix.h"

#define NAME_MOST 16 /* TCP_CA_NAME_MAX */

#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

/* The stack's congestion controls by Linux's names. */
static const char congestion_names[][NAME_MOST] = {
    [ESTAB_CONGESTION_NEWRENO] = "reno",
    [ESTAB_CONGESTION_CUBIC] = "cubic",
};

enum { MEMINFO_RMEM, MEMINFO_RCVBUF, MEMINFO_WMEM, MEMINFO_SNDBUF, MEMINFO_FWD, MEMINFO_WMEM_QUEUED,
       MEMINFO_OPTMEM, MEMINFO_BACKLOG, MEMINFO_DROPS, MEMINFO_WORDS };

static int meminfo_get(const struct estab_posix *p, struct sock *s, void *value,
                       socklen_t *length)
{
    uint32_t words[MEMINFO_WORDS] = {0};
    struct estab_status st;

    (void)sock_state(p, s, &st);
    words[MEMINFO_RMEM] = st.receive_queued + st.out_of_order;
    words[MEMINFO_RCVBUF] = (uint32_t)sock_rcvbuf(p, s);
    words[MEMINFO_WMEM] = words[MEMINFO_WMEM_QUEUED] = sendbuf_used(p, s, &st);
    words[MEMINFO_SNDBUF] = (uint32_t)sock_sndbuf(p, s);
    return option_out(value, length, words, sizeof words);
}

static int pacing_get(const struct sock *s, void *value, socklen_t *length)
{
    uint64_t rate = s->opt.pacing_rate;
    uint32_t narrow = rate < UINT32_MAX ? (uint32_t)rate : UINT32_MAX;

    if (*length >= sizeof rate)
        return option_out(value, length, &rate, sizeof rate);
    return option_out(value, length, &narrow, sizeof narrow);
}

static int socket_get(struct estab_posix *p, struct sock *s, int name, void *value,
                      socklen_t *length)
{
    switch (name) {
    case SO_LINGER:
        return option_out(value, length, &s->opt.linger, sizeof s->opt.linger);
    case SO_RCVTIMEO:
        return option_out(value, length, &s->opt.rcvtimeo, sizeof s->opt.rcvtimeo);
    case SO_SNDTIMEO:
        return option_out(value, length, &s->opt.sndtimeo, sizeof s->opt.sndtimeo);
    case SO_MEMINFO:
        return meminfo_get(p, s, value, length);
    case SO_MAX_PACING_RATE:
        return pacing_get(s, value, length);
    default:
        return -ENOPROTOOPT;
    }
}

int option_blob_get(struct estab_posix *p, struct sock *s, int level, int name, void *value,
                    socklen_t *length)
{
    if (level == SOL_SOCKET)
        return socket_get(p, s, name, value, length);
    if (level != IPPROTO_TCP)
        return -ENOPROTOOPT;
    switch (name) {
    case TCP_INFO:
        return info_get(p, s, value, length);
    case TCP_CONGESTION:
        return option_out(value, length, congestion_names[s->opt.congestion], NAME_MOST);
    case TCP_CC_INFO: /* neither has any */
        return option_out(value, length, "", 0);
    default:
        return -ENOPROTOOPT;
    }
}

/* ---- set ---------------------------------------------------------------------------------------------- */

static int linger_set(struct sock *s, const void *value, socklen_t length)
{
    struct linger linger;

    if (length < sizeof linger)
        return -EINVAL;
    memcpy(&linger, value, sizeof linger);
    linger.l_onoff = linger.l_onoff != 0;
    if (linger.l_linger < 0)
        linger.l_linger = INT32_MAX;
    if (!linger.l_onoff)
        linger.l_linger = s->opt.linger.l_linger;
    s->opt.linger = linger;
    return 0;
}

static int limit_set(struct timeval *limit, const void *value, socklen_t length)
{
    struct timeval t;

    if (length < sizeof t)
        return -EINVAL;
    memcpy(&t, value, sizeof t);
    if (t.tv_usec < 0 || t.tv_usec >= 1000000)
        return -EDOM;
    if (t.tv_sec < 0) /* as Linux: it gives up at once */
        t = (struct timeval){.tv_usec = 1};
    *limit = t;
    return 0;
}

/* In 32 bits, where all ones are no bound, or in 64. */
static int pacing_set(struct estab_posix *p, struct sock *s, const void *value, socklen_t length)
{
    uint32_t narrow;

    if (length < sizeof narrow)
        return -EINVAL;
    if (length == sizeof s->opt.pacing_rate) {
        memcpy(&s->opt.pacing_rate, value, length);
    } else {
        memcpy(&narrow, value, sizeof narrow);
        s->opt.pacing_rate = narrow == UINT32_MAX ? UINT64_MAX : narrow;
    }
    option_changed(p, s, SOL_SOCKET, SO_MAX_PACING_RATE);
    return 0;
}

static int congestion_set(struct estab_posix *p, struct sock *s, const void *value, socklen_t length)
{
    char name[NAME_MOST] = {0};

    if (length < 1)
        return -EINVAL;
    memcpy(name, value, length < NAME_MOST ? length : NAME_MOST - 1);
    for (size_t i = 0; i < sizeof congestion_names / sizeof congestion_names[0]; i++)
        if (strcmp(name, congestion_names[i]) == 0) {
            s->opt.congestion = (int)i;
            option_changed(p, s, IPPROTO_TCP, TCP_CONGESTION);
            return 0;
        }
    return -ENOENT;
}

int option_blob_set(struct estab_posix *p, struct sock *s, int level, int name, const void *value,
                    socklen_t length)
{
    if (level == IPPROTO_TCP && name == TCP_CONGESTION)
        return congestion_set(p, s, value, length);
    if (level != SOL_SOCKET)
        return -ENOPROTOOPT;
    switch (name) {
    case SO_LINGER:
        return linger_set(s, value, length);
    case SO_RCVTIMEO:
        return limit_set(&s->opt.rcvtimeo, value, length);
    case SO_SNDTIMEO:
        return limit_set(&s->opt.sndtimeo, value, length);
    case SO_MAX_PACING_RATE:
        return pacing_set(p, s, value, length);
    default:
        return -ENOPROTOOPT;
    }
}
