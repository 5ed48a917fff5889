/* SPDX-License-Identifier: MIT */
/*
 * dns_message.h - the messages of DNS (RFC 1035 section 4) as a client needs them: a question is
 * written, its answer is read; A (section 3.4.1), AAAA (RFC 3596), aliases (CNAME), EDNS0 (RFC 6891).
 *
 * What NAME:WRECK and its like taught (RFC 9267) is held here:
 *
 * - a compression pointer leads to before the labels that it ends, and a name has so many of them at
 *   most: each name comes to its end, whatever the message says;
 * - labels have at most 63 octets, which the two reserved bits leave no choice about, names 255;
 * - lengths and counts are only believed as far as there are octets;
 * - an answer is one to our question, or nothing.
 *
 * Names are kept as on the wire, without compression, letters in lower case, so that equal names have
 * equal octets; one that has a NUL in a label cannot be mistaken for a shorter one.
 */
#ifndef NAMES_DNS_MESSAGE_H
#define NAMES_DNS_MESSAGE_H

#include "estab.h"

#define DNS_PORT          53
#define DNS_HEADER        12
#define DNS_NAME_MAX      255 /* octets on the wire, with lengths and the root */
#define DNS_LABEL_MAX     63
#define DNS_TEXT_MAX      1024 /* a name for people: each octet as four characters, "\000" */
#define DNS_POINTERS_MAX  32
#define DNS_ALIASES_MAX   8
#define DNS_ADDRESSES_MAX 16
#define DNS_UDP_MAX       1232  /* what we say that a datagram may have: no path fragments it */
#define DNS_QUERY_MAX     (DNS_HEADER + DNS_NAME_MAX + 4 + 11)

enum dns_fault {
#define DNS_FAULT(name, source, sentence) DNS_##name,
#include "names/dns_fault.def"
};

struct dns_fault_info {
    const char *name, *source, *sentence;
};

struct dns_fault_info dns_fault_info(enum dns_fault);

enum dns_type { DNS_A = 1, DNS_CNAME = 5, DNS_SOA = 6, DNS_AAAA = 28, DNS_OPT = 41 };

/* RFC 1035 section 4.1.1, RFC 6891 section 6.1.3. */
enum dns_rcode {
    DNS_NO_ERROR = 0,
    DNS_FORMAT_ERROR = 1,
    DNS_SERVER_FAILURE = 2,
    DNS_NAME_ERROR = 3, /* NXDOMAIN */
    DNS_NOT_IMPLEMENTED = 4,
    DNS_REFUSED = 5,
};

struct dns_name {
    uint8_t length; /* octets, the root's included */
    uint8_t octet[DNS_NAME_MAX];
};

/* A host's name as people write it, with or without a dot at its end: NONE, or what is wrong. */
enum dns_fault dns_name_of(const char *text, size_t n, struct dns_name *out);
/* For people: what is no letter, digit, '-' or '_' as \DDD (RFC 1035 section 5.1); its length. */
size_t dns_name_text(const struct dns_name *name, char out[DNS_TEXT_MAX]);
bool dns_name_equal(const struct dns_name *a, const struct dns_name *b);
/* The name at `at` of a message; *next: what follows it.  NONE, or what is wrong. */
enum dns_fault dns_name_read(const uint8_t *message, size_t n, size_t at, struct dns_name *out,
                             size_t *next);

struct dns_question {
    struct dns_name name;
    uint16_t type, id;
    bool edns; /* we say that we know EDNS0, and how long a datagram may be */
};

/* Writes a question; its length.  It always fits. */
size_t dns_question_write(uint8_t out[DNS_QUERY_MAX], const struct dns_question *q);

struct dns_answer {
    unsigned rcode; /* with EDNS0's eight bits more */
    bool truncated; /* it did not fit a datagram: nothing below is known */
    bool closed;    /* the server says where the zone ends (SOA): what is not there does not exist */
    uint32_t ttl;   /* seconds, the least of all records that it follows from; 0: none */
    unsigned aliases;
    struct dns_name name; /* at the end of the aliases */
    unsigned count;       /* addresses that are kept */
    struct estab_addr address[DNS_ADDRESSES_MAX];
};

/* Reads the answer to a question: NONE, or what is wrong, and then nothing of it is used. */
enum dns_fault dns_answer_read(const uint8_t *message, size_t n, const struct dns_question *q,
                               struct dns_answer *out);

#endif
