/* SPDX-License-Identifier: MIT */
/*
 * Any bytes are the answer to a question, whole or behind a good header and question, as the first bit
 * of the first octet says; its second bit is the type that was asked for.  Whatever is read is within
 * its bounds, a second reading says the same, and each name can be shown.
 */
#include <stdlib.h>
#include <string.h>

#include "names/dns_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { LEAD = DNS_HEADER + 10, MOST = 65535 };

static void expect(bool holds)
{
    if (!holds)
        abort();
}

/* The labels of a name fill it, and the last one is the root's. */
static void check_name(const struct dns_name *name)
{
    char text[DNS_TEXT_MAX];
    struct dns_name again;
    size_t next;

    expect(dns_name_read(name->octet, name->length, 0, &again, &next) == DNS_NONE);
    expect(next == name->length && dns_name_equal(name, &again));
    expect(dns_name_text(name, text) < DNS_TEXT_MAX && text[0] != 0);
}

static void check_answer(const struct dns_answer *a, unsigned type)
{
    expect(a->count <= DNS_ADDRESSES_MAX && a->aliases <= DNS_ALIASES_MAX);
    expect(!a->truncated || (a->count == 0 && a->aliases == 0));
    expect(a->ttl <= INT32_MAX && a->rcode < 4096);
    for (unsigned i = 0; i < a->count && type == DNS_A; i++)
        expect(a->address[i].b[10] == 0xff && a->address[i].b[11] == 0xff);
    check_name(&a->name);
}

static void try_answer(const uint8_t *message, size_t n, unsigned type)
{
    struct dns_question q = {.type = (uint16_t)type, .id = 0x1234};
    struct dns_answer a, again;
    enum dns_fault fault;

    expect(dns_name_of("a.bc", 4, &q.name) == DNS_NONE);
    fault = dns_answer_read(message, n, &q, &a);
    expect(fault == dns_answer_read(message, n, &q, &again));
    expect(dns_fault_info(fault).sentence[0] != '\0');
    if (fault != DNS_NONE)
        return;
    check_answer(&a, type);
    expect(a.count == again.count && a.rcode == again.rcode && dns_name_equal(&a.name, &again.name));
}

static void try_names(const uint8_t *data, size_t n)
{
    struct dns_name name;
    size_t next = 0;

    for (size_t at = 0; at < n && at < 64; at++)
        if (dns_name_read(data, n, at, &name, &next) == DNS_NONE) {
            expect(next > at && next <= n);
            check_name(&name);
        }
    if (dns_name_of((const char *)data, n, &name) == DNS_NONE)
        check_name(&name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const uint8_t lead[LEAD] = "\x12\x34\x81\x80\0\1\0\4\0\1\0\1\1a\2bc\0\0\1\0\1";
    unsigned first = n ? data[0] : 0, type = first & 2 ? DNS_AAAA : DNS_A;
    uint8_t *message;

    if (n < 1 || n > MOST - LEAD)
        return 0;
    data++;
    n--;
    message = malloc(LEAD + n); /* of just that size: a sanitizer sees its end */
    expect(message);
    if (first & 1) {
        memcpy(message, lead, LEAD);
        memcpy(message + LEAD, data, n);
        message[LEAD - 3] = (uint8_t)type;
        if (n >= 3) { /* how many records are said to be there */
            message[7] = data[0] % 8;
            message[9] = data[1] % 4;
            message[11] = data[2] % 4;
        }
        try_answer(message, LEAD + n, type);
    } else {
        memcpy(message, data, n);
        try_answer(message, n, type);
        try_names(message, n);
    }
    free(message);
    return 0;
}
