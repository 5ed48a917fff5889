/* SPDX-License-Identifier: MIT */
/*
 * dns_message.c - a question is written, its answer is read.
 *
 * An answer is walked once to see that all of its records are there; then once for each alias, as they
 * may stand in any order; then once for the addresses.  Records of other classes, types and names are
 * passed over.
 */
#include <string.h>

#include "base/reader.h"
#include "base/writer.h"
#include "names/dns_message.h"

enum { CLASS_INTERNET = 1, OPT_LENGTH = 11 };

enum {
    FLAG_RESPONSE = 0x8000,
    FLAG_OPCODE = 0x7800,
    FLAG_TRUNCATED = 0x0200,
    FLAG_RECURSE = 0x0100,
    FLAG_RCODE = 0x000f,
};

/* ---- questions ---------------------------------------------------------------------------------------- */

size_t dns_question_write(uint8_t out[DNS_QUERY_MAX], const struct dns_question *q)
{
    struct writer w = writer_of(out, DNS_QUERY_MAX);

    writer_u16(&w, q->id);
    writer_u16(&w, FLAG_RECURSE);
    writer_u16(&w, 1);
    writer_u16(&w, 0);
    writer_u16(&w, 0);
    writer_u16(&w, q->edns ? 1 : 0);
    writer_bytes(&w, q->name.octet, q->name.length);
    writer_u16(&w, q->type);
    writer_u16(&w, CLASS_INTERNET);
    if (q->edns) { /* RFC 6891 section 6.1.2: the root, OPT, our datagrams' length, no flags, no options */
        writer_u8(&w, 0);
        writer_u16(&w, DNS_OPT);
        writer_u16(&w, DNS_UDP_MAX);
        writer_u32(&w, 0);
        writer_u16(&w, 0);
    }
    return writer_len(&w);
}

/* ---- records ------------------------------------------------------------------------------------------ */

struct record {
    struct dns_name owner;
    uint16_t type, class, length;
    uint32_t ttl;
    size_t data; /* where it begins */
};

/* The record at *at, and moves beyond it. */
static enum dns_fault record_read(const uint8_t *p, size_t n, size_t *at, struct record *out)
{
    enum dns_fault fault = dns_name_read(p, n, *at, &out->owner, at);
    struct reader r;

    if (fault != DNS_NONE)
        return fault;
    r = reader_of(p + *at, n - *at);
    out->type = reader_u16(&r);
    out->class = reader_u16(&r);
    out->ttl = reader_u32(&r);
    out->length = reader_u16(&r);
    out->data = *at + 10;
    reader_skip(&r, out->length);
    if (!reader_ok(&r))
        return DNS_RECORD_CUT;
    *at = out->data + out->length;
    return DNS_NONE;
}

/* RFC 2181 section 8: a TTL with the first bit set is none. */
static uint32_t ttl_of(const struct record *r)
{
    return r->ttl >> 31 ? 0 : r->ttl;
}

struct message {
    const uint8_t *p;
    size_t n, answers_at;
    unsigned flags, answers, authorities, additionals;
};

static enum dns_fault check_length(const struct record *r)
{
    bool wrong = (r->type == DNS_A && r->length != 4) || (r->type == DNS_AAAA && r->length != 16);

    return wrong && r->class == CLASS_INTERNET ? DNS_RECORD_LENGTH : DNS_NONE;
}

/* All records are there and of the length of their types; what the last two sections say. */
static enum dns_fault walk(const struct message *m, struct dns_answer *out)
{
    unsigned all = m->answers + m->authorities + m->additionals;
    enum dns_fault fault = DNS_NONE;
    size_t at = m->answers_at;
    struct record r;

    for (unsigned i = 0; i < all && fault == DNS_NONE; i++) {
        fault = record_read(m->p, m->n, &at, &r);
        if (fault == DNS_NONE)
            fault = check_length(&r);
        if (fault != DNS_NONE)
            break;
        if (i >= m->answers && i < m->answers + m->authorities && r.type == DNS_SOA)
            out->closed = true;
        if (i >= m->answers + m->authorities && r.type == DNS_OPT)
            out->rcode |= r.ttl >> 24 << 4; /* RFC 6891 section 6.1.3 */
    }
    return fault;
}

static void less_ttl(struct dns_answer *out, bool first, const struct record *r)
{
    if (first || ttl_of(r) < out->ttl)
        out->ttl = ttl_of(r);
}

/* Follows an alias of out->name, if there is one; *found. */
static enum dns_fault follow(const struct message *m, struct dns_answer *out, bool *found)
{
    size_t at = m->answers_at, end;
    struct dns_name target;
    struct record r;

    *found = false;
    for (unsigned i = 0; i < m->answers; i++) {
        enum dns_fault fault = record_read(m->p, m->n, &at, &r);

        if (fault != DNS_NONE)
            return fault;
        if (r.type != DNS_CNAME || r.class != CLASS_INTERNET || !dns_name_equal(&r.owner, &out->name))
            continue;
        fault = dns_name_read(m->p, r.data + r.length, r.data, &target, &end);
        if (fault != DNS_NONE)
            return fault;
        if (end != r.data + r.length)
            return DNS_RECORD_LENGTH;
        if (out->aliases == DNS_ALIASES_MAX)
            return DNS_ALIASES;
        less_ttl(out, out->aliases++ == 0, &r);
        out->name = target;
        *found = true;
        return DNS_NONE;
    }
    return DNS_NONE;
}

static struct estab_addr address_of(const uint8_t *data, unsigned type)
{
    struct estab_addr a = estab_ipv4(0, 0, 0, 0);

    if (type == DNS_A)
        memcpy(a.b + 12, data, 4);
    else
        memcpy(a.b, data, 16);
    return a;
}

static enum dns_fault take_addresses(const struct message *m, unsigned type, struct dns_answer *out)
{
    size_t at = m->answers_at;
    struct record r;

    for (unsigned i = 0; i < m->answers && out->count < DNS_ADDRESSES_MAX; i++) {
        enum dns_fault fault = record_read(m->p, m->n, &at, &r);

        if (fault != DNS_NONE)
            return fault;
        if (r.type != type || r.class != CLASS_INTERNET || !dns_name_equal(&r.owner, &out->name))
            continue;
        less_ttl(out, out->aliases == 0 && out->count == 0, &r);
        out->address[out->count++] = address_of(m->p + r.data, type);
    }
    return DNS_NONE;
}

/* ---- answers ------------------------------------------------------------------------------------------ */

/* RFC 5452 section 9.1: the question is in it, the same and once. */
static enum dns_fault check_question(struct message *m, unsigned questions, const struct dns_question *q)
{
    struct dns_name name;
    enum dns_fault fault;
    struct reader r;
    size_t at;

    if (questions != 1)
        return DNS_QUESTION;
    fault = dns_name_read(m->p, m->n, DNS_HEADER, &name, &at);
    if (fault != DNS_NONE)
        return fault;
    r = reader_of(m->p + at, m->n - at);
    if (reader_u16(&r) != q->type || reader_u16(&r) != CLASS_INTERNET || !reader_ok(&r) ||
        !dns_name_equal(&name, &q->name))
        return DNS_QUESTION;
    m->answers_at = at + 4;
    return DNS_NONE;
}

static enum dns_fault read_records(const struct message *m, unsigned type, struct dns_answer *out)
{
    enum dns_fault fault = walk(m, out);
    bool found = true;

    while (fault == DNS_NONE && found)
        fault = follow(m, out, &found);
    if (fault == DNS_NONE)
        fault = take_addresses(m, type, out);
    return fault;
}

enum dns_fault dns_answer_read(const uint8_t *message, size_t n, const struct dns_question *q,
                               struct dns_answer *out)
{
    struct reader r = reader_of(message, n);
    struct message m = {.p = message, .n = n};
    uint16_t id = reader_u16(&r), questions;
    enum dns_fault fault;

    *out = (struct dns_answer){.name = q->name};
    m.flags = reader_u16(&r);
    questions = reader_u16(&r);
    m.answers = reader_u16(&r);
    m.authorities = reader_u16(&r);
    m.additionals = reader_u16(&r);
    if (!reader_ok(&r))
        return DNS_HEADER_CUT;
    if (id != q->id)
        return DNS_ID;
    if (!(m.flags & FLAG_RESPONSE) || (m.flags & FLAG_OPCODE))
        return DNS_NO_RESPONSE;
    fault = check_question(&m, questions, q);
    if (fault != DNS_NONE)
        return fault;
    out->rcode = m.flags & FLAG_RCODE;
    out->truncated = m.flags & FLAG_TRUNCATED;
    return out->truncated ? DNS_NONE : read_records(&m, q->type, out);
}
