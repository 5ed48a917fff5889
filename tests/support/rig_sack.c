/* SPDX-License-Identifier: MIT */
/* rig_sack.c - see rig_sack.h. */
#include "support/rig_sack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Text is under way, of a connection with SACK and room for the fewest ranges. */
static struct rig *sacked(void)
{
    struct estab_config c = rig_config();
    static struct rig r;

    c.sack_ranges = 8;
    c.sack_spares = 0;
    rig_start(&r, &c, UINT32_MAX, UINT32_MAX - 1);
    rig_become(&r, ACTIVE, SYN_SENT);
    IN(&r, SYN | ACK, 0, 1, .raw = "\1\1\4\2\2\4\0\144", .raw_length = 8);
    assert_int_equal(rig_send(&r, 1000, 0), ESTAB_OK);
    return &r;
}

/* An ACK with one block; the ISS is UINT32_MAX. */
static struct rig *sack_in(struct rig *r, uint32_t ack, uint32_t left, uint32_t right)
{
    char option[12] = {1, 1, 5, 10, 0, 0, (char)((left - 1) >> 8), (char)(left - 1), 0, 0,
                       (char)((right - 1) >> 8), (char)(right - 1)};

    IN(r, ACK, 1, ack, .raw = option, .raw_length = sizeof option);
    return r;
}

static struct rig *established(const struct estab_config *c)
{
    static struct rig r;

    rig_start(&r, c, UINT32_MAX, UINT32_MAX - 1);
    rig_become(&r, ACTIVE, ESTABLISHED);
    return &r;
}

struct rig *timestamp_not_agreed(void)
{
    struct rig *r = established(NULL);

    IN(r, ACK, 1, 1, .len = 1, .opt = STAMP, .tsval = 1);
    return r;
}

/* Of two echoes half of all numbers apart one is of the future, whatever our clock says. */
struct rig *timestamp_echo(void)
{
    struct estab_config c = rig_config();
    struct rig *r;

    c.timestamps = true;
    r = established(&c);
    IN(r, ACK, 1, 1, .len = 1, .opt = STAMP, .tsval = r->tsval, .tsecr = 1);
    IN(r, ACK, 2, 1, .len = 1, .opt = STAMP, .tsval = r->tsval, .tsecr = 1 + (1u << 31));
    return r;
}

struct rig *window_scale_beyond(void)
{
    static struct rig r;
    struct estab_config c = rig_config();

    c.window_scale = true;
    rig_start(&r, &c, 1, 2);
    rig_become(&r, ACTIVE, SYN_SENT);
    IN(&r, SYN | ACK, 0, 1, .opt = SCALE, .scale = 15);
    return &r;
}

/* One of two echoes half of all numbers apart is of long ago, and comes when the timer has fired. */
struct rig *timestamp_echo_old(void)
{
    struct estab_config c = rig_config();
    struct rig *r;

    c.timestamps = true;
    r = established(&c);
    assert_int_equal(rig_send(r, 1000, 0), ESTAB_OK);
    AT(r, 1500);
    IN(r, ACK, 1, 101, .opt = STAMP, .tsval = r->tsval, .tsecr = 1);
    IN(r, ACK, 1, 201, .opt = STAMP, .tsval = r->tsval, .tsecr = 1 + (1u << 31));
    return r;
}

struct rig *sack_not_agreed(void)
{
    return sack_in(established(NULL), 1, 101, 201);
}

struct rig *sack_block(void)
{
    return sack_in(sacked(), 1, 201, 101);
}

struct rig *sack_part(void)
{
    return sack_in(sacked(), 1, 150, 151);
}

struct rig *sack_no_room(void)
{
    struct rig *r = sacked();
    for (uint32_t i = 1; i < 9; i += 2)
        sack_in(r, 1, 1 + 100 * i, 101 + 100 * i);
    return r;
}

struct rig *sack_reneged(void)
{
    struct rig *r = sack_in(sacked(), 1, 101, 201);
    IN(r, ACK, 1, 101);
    return r;
}
