/* SPDX-License-Identifier: MIT */
#include "estab_udp.h"
#include "support/reasons_udp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "support/made_frame.h"

static struct rig rig;
static uint8_t bytes[RIG_FRAME_MAX];

static struct rig *begin(const struct estab_config *config)
{
    rig_start(&rig, config, 0, 0);
    return &rig;
}

enum { UDP_PORT = 53 };

/* A rig with a socket on UDP_PORT, to which a datagram of `n` bytes comes `times` times. */
static struct rig *datagrams(const struct estab_config *config, uint16_t port, size_t n, unsigned times,
                             int checksum)
{
    static const char text[3000];
    struct estab_endpoint src = {rig_peer(), 4000}, dst = {rig_us(), port};
    struct estab_udp_open open = {.size = sizeof open, .local.port = UDP_PORT};
    struct rig *r = begin(config);
    estab_udp udp;

    assert_int_equal(estab_udp_open(r->stack, &open, &udp), ESTAB_OK);
    assert_int_equal(estab_udp_set(r->stack, udp, ESTAB_UDP_RECEIVE_BUFFER, 1 << 20), ESTAB_OK);
    for (unsigned i = 0; i < times; i++)
        rig_in_bytes(r, bytes, made_udp(bytes, src, dst, text, n, checksum, true));
    return r;
}

struct rig *provoke_udp_header(void)
{
    struct rig *r = begin(NULL);

    rig_in_bytes(r, bytes, made_ip(bytes, rig_peer(), rig_us(), 17, "1234567", 7, true));
    return r;
}

struct rig *provoke_udp_length(void)
{
    struct rig *r = begin(NULL);

    rig_in_bytes(r, bytes, made_ip(bytes, rig_peer(), rig_us(), 17, "\0\1\0\2\0\7\0\0", 8, true));
    return r;
}

struct rig *provoke_udp_checksum(void)
{
    return datagrams(NULL, UDP_PORT, 5, 1, 0x1234);
}

struct rig *provoke_udp_no_port(void)
{
    return datagrams(NULL, UDP_PORT + 1, 5, 1, MADE_GOOD);
}

struct rig *provoke_udp_broadcast(void)
{
    struct rig *r = begin(NULL);

    rig_in_bytes(r, bytes,
                 made_udp(bytes, (struct estab_endpoint){rig_peer(), 67},
                          (struct estab_endpoint){estab_ipv4(255, 255, 255, 255), 68}, "hello", 5, MADE_GOOD,
                          true));
    return r;
}

struct rig *provoke_udp_buffer(void)
{
    static const char text[200];
    struct estab_config c = rig_config();

    c.udp_receive_buffer = 256;
    struct rig *r = datagrams(&c, UDP_PORT + 1, 5, 0, MADE_GOOD);
    struct estab_udp_open open = {.size = sizeof open, .local.port = UDP_PORT + 1};
    struct estab_endpoint src = {rig_peer(), 4000}, dst = {rig_us(), UDP_PORT + 1};
    estab_udp udp;

    assert_int_equal(estab_udp_open(r->stack, &open, &udp), ESTAB_OK);
    for (unsigned i = 0; i < 2; i++)
        rig_in_bytes(r, bytes, made_udp(bytes, src, dst, text, 200, MADE_GOOD, true));
    return r;
}

struct rig *provoke_udp_text_pool(void)
{
    struct estab_config c = rig_config();

    return datagrams(&c, UDP_PORT, 3000, c.chunks * c.chunk_bytes / 8 / 3000 + 1, MADE_GOOD);
}

struct rig *provoke_udp_waiting(void)
{
    struct estab_config c = rig_config();
    struct estab_udp_open open = {.size = sizeof open, .remote = {rig_peer(), 4000}};
    struct rig *r;
    estab_udp udp;

    c.datagrams = 2;
    rig_start_on_ethernet(&rig, &c, 0, 0);
    r = &rig;
    r->deaf = true;
    assert_int_equal(estab_udp_open(r->stack, &open, &udp), ESTAB_OK);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(estab_udp_send(r->stack, udp, NULL, "x", 1, r->now), ESTAB_OK);
    rig_pull(r);
    return r;
}

struct rig *provoke_icmp_udp(void)
{
    struct estab_endpoint src = {rig_us(), UDP_PORT}, dst = {rig_peer(), 4000};
    struct rig *r = datagrams(NULL, UDP_PORT, 0, 0, MADE_GOOD);
    uint8_t message[8 + 28] = {3, 3};
    uint16_t sum;

    (void)made_udp(message + 8, src, dst, "", 0, MADE_GOOD, true);
    sum = made_sum(0, message, sizeof message);
    message[2] = (uint8_t)(sum >> 8);
    message[3] = (uint8_t)sum;
    rig_in_bytes(r, bytes, made_ip(bytes, rig_peer(), rig_us(), 1, message, sizeof message, true));
    return r;
}
