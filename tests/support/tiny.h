/* SPDX-License-Identifier: MIT */
/*
 * tiny.h - just enough TCP to talk to a kernel over a device, for tests of devices.
 *
 * One connection, no loss, no timers, no reordering: what fails with this is the device's fault.
 */
#ifndef TESTS_SUPPORT_TINY_H
#define TESTS_SUPPORT_TINY_H

#include <estab_host.h>

#define TINY_FIN 0x01
#define TINY_SYN 0x02
#define TINY_PSH 0x08
#define TINY_ACK 0x10

struct tiny {
    estab_device *device;
    struct estab_interface interface; /* with its address */
    struct estab_addr peer;
    uint8_t peer_mac[6];
    uint16_t port, peer_port;
    uint32_t snd_nxt, snd_una, rcv_nxt;
    bool opened, peer_closed;
    uint8_t *text; /* what was received; `room` bytes, or NULL: only counted */
    size_t room, received;
    /* what the frames were like */
    uint32_t longest;
    uint16_t segment_size; /* of the longest */
    unsigned unfinished;   /* frames whose checksum was not finished */
    unsigned damaged;      /* finished checksums that were wrong */
    unsigned strange;      /* frames that are neither ARP nor the connection's */
};

/* Takes frames for at most `ms`; answers ARP and SYN, acknowledges text and FIN. */
void tiny_turn(struct tiny *, unsigned ms);
/* Turns until the condition holds, up to five seconds; whether it does. */
#define TINY_UNTIL(t, condition)                                                                   \
    __extension__({                                                                                \
        estab_time tiny_end = estab_now() + 5 * ESTAB_SECOND;                                      \
        while (!(condition) && estab_now() < tiny_end)                                             \
            tiny_turn((t), 50);                                                                    \
        (condition);                                                                               \
    })
/* Asks for the peer's MAC address, if there is any, and sends a SYN. */
void tiny_connect(struct tiny *);
/* Sends one frame; with more than the segment size of text it is a super-segment. */
void tiny_send(struct tiny *, uint8_t flags, const uint8_t *text, uint32_t length);

#endif
