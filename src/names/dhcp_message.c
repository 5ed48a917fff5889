/* SPDX-License-Identifier: MIT */
/* dhcp_message.c - messages of DHCP and their options. */
#include "names/dhcp_message.h"

#include <string.h>

#include "base/reader.h"
#include "base/writer.h"
#include "packet/address.h"

enum {
    SNAME = 44,
    SNAME_LENGTH = 64,
    FILE = 108,
    FILE_LENGTH = 128,
    COOKIE = 0x63825363,
    BROADCAST = 0x8000,
};

enum option {
    OPTION_PAD = 0,
    OPTION_MASK = 1,
    OPTION_ROUTER = 3,
    OPTION_DNS = 6,
    OPTION_REQUESTED = 50,
    OPTION_LEASE = 51,
    OPTION_OVERLOAD = 52,
    OPTION_TYPE = 53,
    OPTION_SERVER = 54,
    OPTION_WANTED = 55,
    OPTION_LONGEST = 57,
    OPTION_RENEW = 58,
    OPTION_REBIND = 59,
    OPTION_CLIENT = 61,
    OPTION_END = 255,
};

struct dhcp_fault_info dhcp_fault_info(enum dhcp_fault fault)
{
    static const struct dhcp_fault_info faults[] = {
#define DHCP_FAULT(name, source, sentence) [DHCP_##name] = {#name, source, sentence},
#include "names/dhcp_fault.def"
    };

    return (size_t)fault < sizeof faults / sizeof *faults ? faults[fault] : faults[0];
}

/* ---- options, read ------------------------------------------------------------------------------------- */

struct field {
    const uint8_t *p;
    size_t n;
};

/* Where options are, in the order in which they follow each other (RFC 3396 section 5). */
struct fields {
    struct field field[3];
    unsigned count;
};

/* Of an option all parts, one behind the other; `room` octets are kept, `length` tells how many there are. */
struct gathered {
    uint8_t octet[4 * DHCP_SERVERS_MAX];
    size_t length;
};

static enum dhcp_fault gather_field(const struct field *f, unsigned code, struct gathered *out)
{
    struct reader r = reader_of(f->p, f->n);

    while (reader_left(&r) > 0) {
        unsigned option = reader_u8(&r);
        const uint8_t *value;
        size_t n;

        if (option == OPTION_END)
            return DHCP_NONE;
        if (option == OPTION_PAD)
            continue;
        n = reader_u8(&r);
        value = reader_take(&r, n);
        for (size_t i = 0; value && option == code && i < n; i++, out->length++)
            if (out->length < sizeof out->octet)
                out->octet[out->length] = value[i];
    }
    return reader_ok(&r) ? DHCP_NONE : DHCP_OPTION_CUT;
}

static enum dhcp_fault gather(const struct fields *fields, unsigned code, struct gathered *out)
{
    enum dhcp_fault fault = DHCP_NONE;

    *out = (struct gathered){.length = 0};
    for (unsigned i = 0; i < fields->count && fault == DHCP_NONE; i++)
        fault = gather_field(&fields->field[i], code, out);
    return fault;
}

/* Which fields have options: the last one, and what option 52 in there says. */
static enum dhcp_fault find_fields(const uint8_t *p, size_t n, struct fields *out)
{
    struct gathered overload;
    enum dhcp_fault fault;

    *out = (struct fields){.field = {{p + DHCP_FIXED + 4, n - DHCP_FIXED - 4}}, .count = 1};
    fault = gather(out, OPTION_OVERLOAD, &overload);
    if (fault != DHCP_NONE || overload.length == 0)
        return fault;
    if (overload.length != 1 || overload.octet[0] < 1 || overload.octet[0] > 3)
        return DHCP_OVERLOAD;
    if (overload.octet[0] & 1)
        out->field[out->count++] = (struct field){p + FILE, FILE_LENGTH};
    if (overload.octet[0] & 2)
        out->field[out->count++] = (struct field){p + SNAME, SNAME_LENGTH};
    return DHCP_NONE;
}

static struct estab_addr address_of(const uint8_t *p)
{
    return estab_ipv4(p[0], p[1], p[2], p[3]);
}

/* One address, or several of which so many are kept. */
static enum dhcp_fault read_addresses(const struct fields *f, unsigned code, struct estab_addr *out,
                                      unsigned most, unsigned *count)
{
    struct gathered g;
    enum dhcp_fault fault = gather(f, code, &g);

    *count = 0;
    if (fault != DHCP_NONE)
        return fault;
    if (g.length % 4 != 0 || (most == 1 && g.length > 4))
        return DHCP_OPTION_LENGTH;
    while (*count < most && 4 * (*count + 1u) <= g.length) {
        out[*count] = address_of(g.octet + 4 * *count);
        ++*count;
    }
    return DHCP_NONE;
}

static enum dhcp_fault read_number(const struct fields *f, unsigned code, uint32_t *out)
{
    struct gathered g;
    enum dhcp_fault fault = gather(f, code, &g);
    struct reader r = reader_of(g.octet, 4);

    if (fault == DHCP_NONE && g.length != 0 && g.length != 4)
        fault = DHCP_OPTION_LENGTH;
    *out = fault == DHCP_NONE && g.length == 4 ? reader_u32(&r) : 0;
    return fault;
}

static enum dhcp_fault read_mask(const struct fields *f, uint8_t *length)
{
    uint32_t mask, n = 0;
    enum dhcp_fault fault = read_number(f, OPTION_MASK, &mask);

    while (n < 32 && (mask << n) >> 31)
        n++;
    *length = (uint8_t)n;
    return fault == DHCP_NONE && n < 32 && mask << n ? DHCP_MASK : fault;
}

static enum dhcp_fault read_type(const struct fields *f, uint8_t *type)
{
    struct gathered g;
    enum dhcp_fault fault = gather(f, OPTION_TYPE, &g);

    *type = g.octet[0];
    if (fault == DHCP_NONE && (g.length != 1 || *type < DHCP_DISCOVER || *type > DHCP_INFORM))
        return DHCP_TYPE;
    return fault;
}

static enum dhcp_fault read_options(const struct fields *f, struct dhcp_message *m)
{
    enum dhcp_fault fault[] = {
        read_type(f, &m->type),
        read_mask(f, &m->prefix_length),
        read_addresses(f, OPTION_ROUTER, m->router, DHCP_SERVERS_MAX, &m->routers),
        read_addresses(f, OPTION_DNS, m->dns_server, DHCP_SERVERS_MAX, &m->dns),
        read_addresses(f, OPTION_REQUESTED, &m->requested, 1, &(unsigned){0}),
        read_addresses(f, OPTION_SERVER, &m->server, 1, &(unsigned){0}),
        read_number(f, OPTION_LEASE, &m->lease),
        read_number(f, OPTION_RENEW, &m->renew),
        read_number(f, OPTION_REBIND, &m->rebind),
    };

    for (unsigned i = 0; i < sizeof fault / sizeof *fault; i++)
        if (fault[i] != DHCP_NONE)
            return fault[i];
    return DHCP_NONE;
}

enum dhcp_fault dhcp_read(const uint8_t *p, size_t n, struct dhcp_message *out)
{
    static const struct estab_addr none = {{[10] = 0xff, [11] = 0xff}};
    struct reader r = reader_of(p, n), cookie = reader_of(p + DHCP_FIXED, 4);
    struct fields fields;
    unsigned operation, hardware, length;
    enum dhcp_fault fault;

    *out = (struct dhcp_message){.client = none, .yours = none, .requested = none, .server = none};
    if (n < DHCP_FIXED + 4)
        return DHCP_CUT;
    operation = reader_u8(&r);
    hardware = reader_u8(&r);
    length = reader_u8(&r);
    if (operation != 1 && operation != 2)
        return DHCP_OPERATION;
    if (hardware != 1 || length != 6)
        return DHCP_HARDWARE;
    if (reader_u32(&cookie) != COOKIE)
        return DHCP_COOKIE;
    reader_skip(&r, 1); /* hops */
    out->reply = operation == 2;
    out->xid = reader_u32(&r);
    out->seconds = reader_u16(&r);
    out->broadcast = reader_u16(&r) & BROADCAST;
    out->client = address_of(p + 12);
    out->yours = address_of(p + 16);
    memcpy(out->mac, p + 28, 6);
    fault = find_fields(p, n, &fields);
    return fault == DHCP_NONE ? read_options(&fields, out) : fault;
}

uint8_t dhcp_prefix_length(const struct dhcp_message *m)
{
    uint8_t first = m->yours.b[12];

    return m->prefix_length ? m->prefix_length : first < 128 ? 8 : first < 192 ? 16 : 24;
}

/* ---- written ------------------------------------------------------------------------------------------- */

static void write_addresses(struct writer *w, uint8_t code, const struct estab_addr *a, unsigned count)
{
    if (count == 0 || addr_is_unspecified(a))
        return;
    writer_u8(w, code);
    writer_u8(w, (uint8_t)(4 * count));
    for (unsigned i = 0; i < count; i++)
        writer_bytes(w, a[i].b + 12, 4);
}

static void write_number(struct writer *w, uint8_t code, uint32_t value)
{
    if (value == 0)
        return;
    writer_u8(w, code);
    writer_u8(w, 4);
    writer_u32(w, value);
}

/* What a client wants to know, and how long an answer may be: 576 octets as each host must take. */
static void write_wishes(struct writer *w, const struct dhcp_message *m)
{
    static const uint8_t wanted[] = {OPTION_MASK, OPTION_ROUTER, OPTION_DNS, OPTION_LEASE, OPTION_RENEW,
                                     OPTION_REBIND};

    writer_u8(w, OPTION_CLIENT); /* RFC 2132 section 9.14: the kind of its hardware, and the address */
    writer_u8(w, 7);
    writer_u8(w, 1);
    writer_bytes(w, m->mac, 6);
    if (m->type != DHCP_DISCOVER && m->type != DHCP_REQUEST)
        return;
    writer_u8(w, OPTION_LONGEST);
    writer_u8(w, 2);
    writer_u16(w, 576);
    writer_u8(w, OPTION_WANTED);
    writer_u8(w, sizeof wanted);
    writer_bytes(w, wanted, sizeof wanted);
}

static void write_options(struct writer *w, const struct dhcp_message *m)
{
    writer_u8(w, OPTION_TYPE);
    writer_u8(w, 1);
    writer_u8(w, m->type);
    write_addresses(w, OPTION_REQUESTED, &m->requested, 1);
    write_addresses(w, OPTION_SERVER, &m->server, 1);
    write_number(w, OPTION_LEASE, m->lease);
    write_number(w, OPTION_RENEW, m->renew);
    write_number(w, OPTION_REBIND, m->rebind);
    write_number(w, OPTION_MASK, m->prefix_length ? UINT32_MAX << (32 - m->prefix_length) : 0);
    write_addresses(w, OPTION_ROUTER, m->router, m->routers);
    write_addresses(w, OPTION_DNS, m->dns_server, m->dns);
    if (!m->reply)
        write_wishes(w, m);
    writer_u8(w, OPTION_END);
    if (writer_len(w) < DHCP_LEAST)
        writer_fill(w, 0, DHCP_LEAST - writer_len(w));
}

size_t dhcp_write(uint8_t out[DHCP_WRITE_MAX], const struct dhcp_message *m)
{
    const uint8_t head[] = {m->reply ? 2 : 1, 1, 6, 0}; /* op, htype, hlen, hops */
    struct writer w = writer_of(out, DHCP_WRITE_MAX);

    writer_bytes(&w, head, sizeof head);
    writer_u32(&w, m->xid);
    writer_u16(&w, m->seconds);
    writer_u16(&w, m->broadcast ? BROADCAST : 0);
    writer_bytes(&w, m->client.b + 12, 4);
    writer_bytes(&w, m->yours.b + 12, 4);
    writer_fill(&w, 0, 8); /* siaddr, giaddr */
    writer_bytes(&w, m->mac, 6);
    writer_fill(&w, 0, DHCP_FIXED - 34);
    writer_u32(&w, COOKIE);
    write_options(&w, m);
    return writer_len(&w);
}
