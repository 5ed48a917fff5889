/* SPDX-License-Identifier: MIT */
/*
 * hub_ends.h - a hub over socket pairs, in virtual time, and six ends to speak to it: each test is the
 * hub's only clock.
 */
#ifndef TESTS_UNIT_WIRE_HUB_ENDS_H
#define TESTS_UNIT_WIRE_HUB_ENDS_H

#include "wire/envelope.h"
#include "wire/hub.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define MS ESTAB_MS

#ifndef HUB_CARRIES
#define HUB_CARRIES NULL
#endif

struct end {
    int fd;
    uint8_t bytes[ENVELOPE_MAX];
    struct envelope got, welcome;
};

static struct hub *hub;
static estab_time now;
static struct end end[6];

static inline int begin(void **state)
{
    struct hub_config config = hub_defaults("test", 1);
    (void)state;
    config.carry = HUB_CARRIES;
    now = 1000 * ESTAB_SECOND;
    hub = hub_new(&config, -1, now);
    for (unsigned i = 0; i < 6; i++)
        end[i].fd = -1;
    return hub ? 0 : -1;
}

static inline int finish(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 6; i++)
        if (end[i].fd >= 0)
            close(end[i].fd);
    hub_free(hub);
    return 0;
}

static inline void pass(estab_time ns)
{
    now += ns;
    hub_turn(hub, now);
}

static inline void enter(struct end *e)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
    assert_true(hub_adopt(hub, pair[1], now));
    e->fd = pair[0];
}

static inline void say(struct end *e, const struct envelope *what)
{
    static uint8_t bytes[ENVELOPE_MAX];
    size_t n = envelope_write(what, bytes, sizeof bytes);
    assert_true(n > 0);
    assert_int_equal(send(e->fd, bytes, n, MSG_NOSIGNAL), n);
}

/* The next message; false: there is none. */
static inline bool hear(struct end *e)
{
    ssize_t n = recv(e->fd, e->bytes, sizeof e->bytes, MSG_DONTWAIT);
    if (n <= 0)
        return false;
    assert_null(envelope_read(&e->got, e->bytes, (size_t)n));
    return true;
}

/* The next message of this type, others left out. */
static inline const struct envelope *hear_a(struct end *e, enum envelope_type type)
{
    while (hear(e))
        if (e->got.type == type)
            return &e->got;
    return NULL;
}

static inline bool gone(const struct end *e)
{
    uint8_t byte;
    ssize_t n = recv(e->fd, &byte, 1, MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN);
}

static inline const struct envelope *order(struct end *e, enum envelope_type type, const char *text)
{
    struct envelope o;
    envelope_init(&o, type);
    if (text)
        envelope_text(&o, text);
    say(e, &o);
    pass(0);
    assert_true(hear(e));
    return &e->got;
}

static inline void join_as(struct end *e, uint32_t flags, const char *name)
{
    struct envelope j;
    enter(e);
    envelope_init(&j, SAY_JOIN);
    j.has = HAS_FLAGS;
    j.flags = flags;
    envelope_word(&j, HAS_PROGRAM, "a test");
    if (name)
        envelope_word(&j, HAS_NAME, name);
    say(e, &j);
    pass(0);
    assert_true(hear(e));
    e->welcome = e->got;
    while (e->got.type == SAY_STATION || e->got.type == SAY_WELCOME)
        if (!hear(e))
            break;
}

static inline void two(uint32_t flags)
{
    join_as(&end[0], flags | STATION_SERVER, NULL);
    join_as(&end[1], flags, NULL);
    while (hear(&end[0])) /* STATION */
        ;
}

static inline size_t frame_bytes(const struct end *from, const struct end *to, uint8_t *out, size_t n)
{
    memset(out, 0, n);
    memcpy(out, to ? to->welcome.mac : (const uint8_t *)"\xff\xff\xff\xff\xff\xff", 6);
    memcpy(out + 6, from->welcome.mac, 6);
    out[12] = 0x88; /* an ethertype for experiments */
    out[13] = 0xb5;
    return n;
}

static inline void send_frame(struct end *from, const struct end *to, uint64_t serial, size_t n)
{
    static uint8_t bytes[65535];
    struct envelope f;
    envelope_init(&f, SAY_FRAME);
    f.has = HAS_SERIAL | HAS_FRAME | HAS_WHY | HAS_STATION;
    f.serial = serial;
    f.station = 77; /* it cannot pretend to be another one */
    envelope_word(&f, HAS_WHY, "text of the user");
    f.frame_length = (uint32_t)frame_bytes(from, to, bytes, n);
    f.frame = bytes;
    say(from, &f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)

#endif
