/* SPDX-License-Identifier: MIT */
/*
 * hub_names.c - names and addresses: who is here, and who may join.
 *
 * A station whose verb has ended (CARRIED) has given both back; its connections are found by their
 * endpoints.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "capture/names.h"
#include "packet/address.h"
#include "wire/hub_parts.h"

#define SERVER_HOST 1u
#define CLIENT_HOST 101u

bool names_holds(const struct client *c)
{
    return c->fd >= 0 && c->number && !c->closing &&
           !(c->flags & (STATION_CARRIED | STATION_MONITOR));
}

struct client *names_station(struct hub *h, uint32_t number)
{
    for (unsigned i = 0; i < HUB_CLIENTS && number; i++)
        if (h->client[i].fd >= 0 && h->client[i].number == number)
            return &h->client[i];
    return NULL;
}

static struct client *by_name(struct hub *h, const char *name)
{
    for (unsigned i = 0; i < HUB_CLIENTS; i++)
        if (names_holds(&h->client[i]) && strcmp(h->client[i].name, name) == 0)
            return &h->client[i];
    return NULL;
}

static struct client *by_address(struct hub *h, const struct estab_addr *address)
{
    for (unsigned i = 0; i < HUB_CLIENTS; i++)
        if (names_holds(&h->client[i]) &&
            memcmp(&h->client[i].address, address, sizeof *address) == 0)
            return &h->client[i];
    return NULL;
}

static struct client *by_mac(struct hub *h, const uint8_t mac[6])
{
    for (unsigned i = 0; i < HUB_CLIENTS; i++)
        if (names_holds(&h->client[i]) && memcmp(h->client[i].mac, mac, 6) == 0)
            return &h->client[i];
    return NULL;
}

/* ---- choosing ---------------------------------------------------------------------------------- */

static bool valid_name(const char *name)
{
    size_t n = strlen(name);

    if (n == 0 || n >= HUB_NAME || strspn(name, "0123456789.") == n || !isalnum((int)name[0]))
        return false;
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && !strchr("-_.", *name))
            return false;
    return true;
}

static bool choose_name(struct hub *h, struct client *c, const struct envelope *e)
{
    const char *stem = e->flags & STATION_SERVER ? "server" : "client";
    struct client *other;

    if (!(e->has & HAS_NAME)) {
        snprintf(c->name, sizeof c->name, "%s", stem);
        for (unsigned i = 2; by_name(h, c->name); i++)
            snprintf(c->name, sizeof c->name, "%s%u", stem, i);
        return true;
    }
    if (!valid_name(e->name) || strcmp(e->name, "localhost") == 0) {
        client_refuse(h, c, CODE_ORDER,
                      "'%s' is no name: expected 1 to %d letters, digits, '-', '_' and '.', and "
                      "not localhost",
                      e->name, HUB_NAME - 1);
        return false;
    }
    other = by_name(h, e->name);
    if (other) {
        client_refuse(h, c, CODE_NAME_IN_USE, "the name %s is in use on wire %s, by %s, process %u",
                      e->name, h->name, other->program, other->pid);
        return false;
    }
    snprintf(c->name, sizeof c->name, "%.*s", HUB_NAME - 1, e->name);
    return true;
}

static struct estab_addr host(const struct hub *h, uint32_t number)
{
    const uint8_t *n = h->config.network;

    return estab_ipv4(n[0], n[1], n[2], (uint8_t)(n[3] + number));
}

static bool free_address(struct hub *h, struct client *c, uint32_t first, uint32_t last)
{
    for (uint32_t i = first; i <= last; i++) {
        c->address = host(h, i);
        if (!by_address(h, &c->address))
            return true;
    }
    return false;
}

static bool choose_address(struct hub *h, struct client *c, const struct envelope *e)
{
    unsigned most = addr_is_ipv4(&e->address) ? 32 : 128;
    char text[NAMES_ADDR_MAX];
    struct client *other;

    c->prefix_length = h->config.prefix_length;
    if (!(e->has & HAS_ADDRESS)) {
        bool server = e->flags & STATION_SERVER;
        if ((server && free_address(h, c, SERVER_HOST, CLIENT_HOST - 1)) ||
            free_address(h, c, CLIENT_HOST, 254) || free_address(h, c, SERVER_HOST, 254))
            return true;
        client_refuse(h, c, CODE_FULL, "all addresses of wire %s are in use", h->name);
        return false;
    }
    if ((!addr_is_ipv4(&e->address) && (addr_is_unspecified(&e->address) || addr_is_multicast(&e->address))) ||
        e->prefix_length > most) {
        client_refuse(h, c, CODE_ORDER,
                      "expected an address of one host, with a prefix of 0 to 32 bits, of IPv6 0 to 128");
        return false;
    }
    c->address = e->address;
    if (e->has & HAS_PREFIX)
        c->prefix_length = (uint8_t)e->prefix_length;
    other = by_address(h, &c->address);
    if (!other)
        return true;
    names_addr_text(text, c->address);
    client_refuse(h, c, CODE_ADDRESS_IN_USE,
                  "the address %s is in use on wire %s, by %s (%s, process %u)", text, h->name,
                  other->name, other->program, other->pid);
    return false;
}

/* 02:00 and the address, so that people can read it, unless the station has one. */
static bool choose_mac(struct hub *h, struct client *c, const struct envelope *e)
{
    struct client *other;

    c->mac[0] = 0x02;
    c->mac[1] = 0;
    memcpy(c->mac + 2, c->address.b + 12, 4);
    if (e->has & HAS_MAC)
        memcpy(c->mac, e->mac, 6);
    other = by_mac(h, c->mac);
    if (other && !(e->has & HAS_MAC)) {
        c->mac[1] = (uint8_t)(h->numbers + 1); /* somebody has chosen what would have been ours */
        other = by_mac(h, c->mac);
    }
    if (!other)
        return true;
    client_refuse(h, c, CODE_MAC_IN_USE,
                  "the address %02x:%02x:%02x:%02x:%02x:%02x is in use on wire %s, by %s",
                  c->mac[0], c->mac[1], c->mac[2], c->mac[3], c->mac[4], c->mac[5], h->name,
                  other->name);
    return false;
}

/* ---- telling ------------------------------------------------------------------------------------- */

void names_describe(const struct client *c, struct envelope *e)
{
    envelope_init(e, SAY_STATION);
    e->has = HAS_STATION | HAS_FLAGS | HAS_PID | HAS_PREFIX | HAS_ADDRESS | HAS_MAC;
    e->station = c->number;
    e->flags = c->flags;
    e->pid = c->pid;
    e->prefix_length = c->prefix_length;
    e->address = c->address;
    memcpy(e->mac, c->mac, 6);
    envelope_word(e, HAS_NAME, c->name);
    envelope_word(e, HAS_PROGRAM, c->program);
    if (c->ports)
        e->has |= HAS_PORT;
    e->ports = c->ports;
    memcpy(e->port, c->port, sizeof e->port);
    envelope_count(e, "frames_in", c->counters.frames_in);
    envelope_count(e, "frames_out", c->counters.frames_out);
    envelope_count(e, "bytes_in", c->counters.bytes_in);
    envelope_count(e, "bytes_out", c->counters.bytes_out);
    envelope_count(e, "lost", c->counters.lost);
    envelope_count(e, "slow", c->counters.slow);
    envelope_count(e, "over_limit", c->counters.over_limit);
}

void names_tell(struct hub *h, const struct client *about, uint32_t more_flags)
{
    struct envelope e;
    struct packet *p;
    size_t n;

    names_describe(about, &e);
    e.flags |= more_flags;
    n = envelope_write(&e, h->out, sizeof h->out);
    p = n ? packet_of(h->out, n) : NULL;
    for (unsigned i = 0; p && i < HUB_CLIENTS; i++) {
        struct client *c = &h->client[i];
        if (c->fd >= 0 && c->number && c != about && c->flags & (STATION_TOLD | STATION_MONITOR))
            (void)client_post(c, p, NOBODY);
    }
    packet_done(p);
}

/* The station with the next greater number; NULL. */
static struct client *next_station(struct hub *h, uint32_t after)
{
    struct client *next = NULL;

    for (unsigned i = 0; i < HUB_CLIENTS; i++) {
        struct client *c = &h->client[i];
        if (c->fd >= 0 && c->number > after && !c->closing && (!next || c->number < next->number))
            next = c;
    }
    return next;
}

void names_list(struct hub *h, struct client *to)
{
    struct client *c = NULL;
    struct envelope e;

    while ((c = next_station(h, c ? c->number : 0))) {
        if (c == to)
            continue;
        names_describe(c, &e);
        client_answer(h, to, &e);
    }
}

/* ---- joining -------------------------------------------------------------------------------------- */

void names_welcome(const struct hub *h, const struct client *c, struct envelope *e)
{
    names_describe(c, e);
    e->type = SAY_WELCOME;
    e->counters = 0;
    e->has &= ~(uint32_t)HAS_COUNTER;
    e->has |= HAS_MTU | HAS_SEED;
    e->mtu = HUB_MTU;
    e->seed = h->config.seed;
    envelope_text(e, h->name);
}

static void welcome(struct hub *h, struct client *c)
{
    struct envelope e;

    names_welcome(h, c, &e);
    client_answer(h, c, &e);
    names_list(h, c);
    envelope_init(&e, SAY_DONE);
    client_answer(h, c, &e);
}

/* Who is refused may try again with other words. */
void names_join(struct hub *h, struct client *c, const struct envelope *e)
{
    if (c->number) {
        client_refuse(h, c, CODE_ORDER, "you have joined already");
        return;
    }
    snprintf(c->program, sizeof c->program, "%s", e->has & HAS_PROGRAM ? e->program : "a program");
    if (e->flags & STATION_MONITOR) {
        c->prefix_length = h->config.prefix_length;
        snprintf(c->name, sizeof c->name, "monitor");
    } else if (!choose_name(h, c, e) || !choose_address(h, c, e) || !choose_mac(h, c, e)) {
        return;
    }
    memcpy(c->heard, c->mac, 6);
    c->flags = e->flags & ~(uint32_t)(STATION_CARRIED | STATION_GONE);
    c->number = ++h->numbers;
    if (!(c->flags & STATION_MONITOR) && !frames_open(h, c)) {
        c->number = 0;
        client_refuse(h, c, CODE_FULL, "wire %s takes no more stations", h->name);
        return;
    }
    welcome(h, c);
    names_tell(h, c, 0);
}
