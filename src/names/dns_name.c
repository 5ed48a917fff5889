/* SPDX-License-Identifier: MIT */
/* dns_name.c - the names of DNS: as people write them, and as they are in a message. */
#include <string.h>

#include "names/dns_message.h"

static const struct dns_fault_info faults[] = {
#define DNS_FAULT(name, source, sentence) [DNS_##name] = {#name, source, sentence},
#include "names/dns_fault.def"
};

struct dns_fault_info dns_fault_info(enum dns_fault fault)
{
    return (size_t)fault < sizeof faults / sizeof *faults ? faults[fault] : faults[0];
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* RFC 1123 section 2.1; and the underscore, which is no host's but is found in the aliases of some. */
static bool is_plain(uint8_t c)
{
    c = lower(c);
    return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_';
}

/* ---- as people write them ---------------------------------------------------------------------------- */

/* The label of n characters at `text`, appended. */
static enum dns_fault append(struct dns_name *out, const char *text, size_t n)
{
    if (n == 0 || n > DNS_LABEL_MAX)
        return DNS_NAME_LABEL;
    if (out->length + n + 2 > DNS_NAME_MAX) /* its length, and the root behind it */
        return DNS_NAME_LONG;
    out->octet[out->length++] = (uint8_t)n;
    for (size_t i = 0; i < n; i++) {
        if (!is_plain((uint8_t)text[i]))
            return DNS_NAME_CHARACTER;
        out->octet[out->length++] = lower((uint8_t)text[i]);
    }
    return DNS_NONE;
}

/* "127.1" and "10.0.0.256" are no names: they would be asked for by mistake. */
static bool ends_in_number(const char *text, size_t n)
{
    size_t digits = 0;

    while (digits < n && is_digit((uint8_t)text[n - 1 - digits]))
        digits++;
    return digits > 0 && (digits == n || text[n - 1 - digits] == '.');
}

enum dns_fault dns_name_of(const char *text, size_t n, struct dns_name *out)
{
    enum dns_fault fault = DNS_NONE;
    size_t start = 0;

    *out = (struct dns_name){.length = 0};
    if (n > 0 && text[n - 1] == '.')
        n--;
    if (n == 0)
        return DNS_NAME_EMPTY;
    for (size_t i = 0; i <= n && fault == DNS_NONE; i++) {
        if (i < n && text[i] != '.')
            continue;
        fault = append(out, text + start, i - start);
        start = i + 1;
    }
    if (fault == DNS_NONE && ends_in_number(text, n))
        return DNS_NAME_NUMBER;
    out->octet[out->length++] = 0;
    return fault;
}

static size_t escape(char *out, uint8_t c)
{
    if (is_plain(c)) {
        out[0] = (char)c;
        return 1;
    }
    out[0] = '\\';
    out[1] = (char)('0' + c / 100);
    out[2] = (char)('0' + c / 10 % 10);
    out[3] = (char)('0' + c % 10);
    return 4;
}

size_t dns_name_text(const struct dns_name *name, char out[DNS_TEXT_MAX])
{
    size_t n = 0;

    for (unsigned at = 0; at < name->length && name->octet[at] > 0; at += name->octet[at] + 1u) {
        if (n > 0)
            out[n++] = '.';
        for (unsigned i = 1; i <= name->octet[at]; i++)
            n += escape(out + n, name->octet[at + i]);
    }
    if (n == 0)
        out[n++] = '.';
    out[n] = '\0';
    return n;
}

bool dns_name_equal(const struct dns_name *a, const struct dns_name *b)
{
    return a->length == b->length && memcmp(a->octet, b->octet, a->length) == 0;
}

/* ---- in a message ------------------------------------------------------------------------------------- */

enum { POINTER = 0xc0 };

/*
 * Labels lie one behind the other until an empty one, or until a pointer, behind which they go on
 * elsewhere.  Such a run begins further in front than the last one did, so there is an end to them:
 *
 *      ... 3 w w w 7 e x a m p l e 0 ... 4 m a i l [pointer] ...
 *                  ^----------------------------------'  before "4 mail", or it is refused
 */
enum dns_fault dns_name_read(const uint8_t *message, size_t n, size_t at, struct dns_name *out,
                             size_t *next)
{
    size_t run = at;
    unsigned pointers = 0;

    *out = (struct dns_name){.length = 0};
    for (;;) {
        uint8_t c;

        if (at >= n)
            return DNS_NAME_CUT;
        c = message[at];
        if ((c & POINTER) == POINTER) {
            if (n - at < 2)
                return DNS_NAME_CUT;
            *next = pointers++ == 0 ? at + 2 : *next;
            at = (size_t)(c & ~POINTER) << 8 | message[at + 1];
            if (at >= run)
                return DNS_POINTER_FORWARD;
            if (at < DNS_HEADER)
                return DNS_POINTER_HEADER;
            if (pointers > DNS_POINTERS_MAX)
                return DNS_POINTERS;
            run = at;
            continue;
        }
        if (c & POINTER)
            return DNS_LABEL_BITS;
        if (n - at < c + 1u)
            return DNS_NAME_CUT;
        if (out->length + c + 1u > DNS_NAME_MAX)
            return DNS_NAME_LONG;
        for (unsigned i = 0; i <= c; i++) /* a length is no letter */
            out->octet[out->length++] = lower(message[at + i]);
        at += c + 1u;
        if (c > 0)
            continue;
        *next = pointers == 0 ? at : *next;
        return DNS_NONE;
    }
}
