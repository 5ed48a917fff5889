/* SPDX-License-Identifier: MIT */
/*
 * test_dns_message.c - questions as octets, and answers from octets: the good ones, and each way in which
 * one can be wrong (RFC 1035, RFC 9267), by its name.
 *
 * All answers are to the question "a.bc, A", which takes the octets 12..21; the records begin at 22.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "names/dns_message.h"

#define FLAGS   "\x12\x34\x81\x80"
#define ASKED   "\1a\2bc\0\0\1\0\1"
#define OWNER   "\xc0\x0c"               /* a.bc, where the question has it */
#define MINUTE  "\0\0\0\x3c"
#define A_HEAD  "\0\1\0\1" MINUTE "\0\4"
#define ALIAS   "\0\5\0\1" MINUTE
#define A(last) OWNER A_HEAD "\x0a\0\0" last
#define ANSWERS(n, records) BYTES(FLAGS "\0\1\0" n "\0\0\0\0" ASKED records)
#define BYTES(text) text, sizeof(text) - 1

static struct dns_question asked(uint16_t type)
{
    struct dns_question q = {.type = type, .id = 0x1234};

    assert_int_equal(dns_name_of("A.bc", 4, &q.name), DNS_NONE);
    return q;
}

/* From memory of just that size, so that a sanitizer sees what is read beyond it. */
static enum dns_fault read_answer(const char *bytes, size_t n, uint16_t type, struct dns_answer *a)
{
    struct dns_question q = asked(type);
    uint8_t *copy = malloc(n ? n : 1);
    enum dns_fault fault;

    assert_non_null(copy);
    memcpy(copy, bytes, n);
    fault = dns_answer_read(copy, n, &q, a);
    free(copy);
    return fault;
}

/* ---- names ---------------------------------------------------------------------------------------------- */

#define TEN      "abcdefghij"
#define SIXTY    TEN TEN TEN TEN TEN TEN
#define LABEL_63 SIXTY "abc"

static void names_of_people(void **state)
{
    static const struct {
        const char *text;
        enum dns_fault fault;
    } rows[] = {
        {"example.com", DNS_NONE},
        {"EXAMPLE.com.", DNS_NONE},
        {"_a-1.x", DNS_NONE},
        {"10.0.0.1.example", DNS_NONE},
        {LABEL_63 ".x", DNS_NONE},
        {"", DNS_NAME_EMPTY},
        {".", DNS_NAME_EMPTY},
        {"a..b", DNS_NAME_LABEL},
        {".a", DNS_NAME_LABEL},
        {"a..", DNS_NAME_LABEL},
        {LABEL_63 "d.x", DNS_NAME_LABEL},
        {"a b", DNS_NAME_CHARACTER},
        {"a/b", DNS_NAME_CHARACTER},
        {"fe80::1", DNS_NAME_CHARACTER},
        {"127.1", DNS_NAME_NUMBER},
        {"10.0.0.256", DNS_NAME_NUMBER},
        {"17", DNS_NAME_NUMBER},
        /* 4 * 64 - 3 octets of labels, their lengths, the root: 255, and 256. */
        {LABEL_63 "." LABEL_63 "." LABEL_63 "." SIXTY "a", DNS_NONE},
        {LABEL_63 "." LABEL_63 "." LABEL_63 "." SIXTY "ab", DNS_NAME_LONG},
    };
    struct dns_name name;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum dns_fault fault = dns_name_of(rows[i].text, strlen(rows[i].text), &name);

        if (fault != rows[i].fault)
            fail_msg("'%s': %s", rows[i].text, dns_fault_info(fault).name);
    }
}

static void a_name_is_octets_and_text(void **state)
{
    static const uint8_t strange[] = "\4w.\0\xff\2" "ex";
    char text[DNS_TEXT_MAX];
    struct dns_name name;
    size_t next;

    (void)state;
    assert_int_equal(dns_name_of("WWW.Ex", 6, &name), DNS_NONE);
    assert_int_equal(name.length, 8);
    assert_memory_equal(name.octet, "\3www\2ex\0", 8);
    assert_int_equal(dns_name_text(&name, text), 6);
    assert_string_equal(text, "www.ex");
    assert_int_equal(dns_name_read(strange, sizeof strange, 0, &name, &next), DNS_NONE);
    assert_int_equal(next, sizeof strange);
    dns_name_text(&name, text);
    assert_string_equal(text, "w\\046\\000\\255.ex");
    name = (struct dns_name){.length = 1};
    dns_name_text(&name, text);
    assert_string_equal(text, ".");
}

/* The longest name there is, of nothing but strange octets, fits its text. */
static void the_longest_text_fits(void **state)
{
    uint8_t octet[DNS_NAME_MAX] = {0};
    char text[DNS_TEXT_MAX];
    struct dns_name name;
    size_t next;

    (void)state;
    memset(octet, 1, sizeof octet - 1);
    for (size_t i = 0; i < 254; i += 64)
        octet[i] = i == 192 ? 61 : 63;
    assert_int_equal(dns_name_read(octet, sizeof octet, 0, &name, &next), DNS_NONE);
    assert_int_equal(name.length, DNS_NAME_MAX);
    assert_true(dns_name_text(&name, text) < DNS_TEXT_MAX);
}

/* ---- questions ------------------------------------------------------------------------------------------ */

static void a_question_is_written(void **state)
{
    static const char plain[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0" ASKED;
    static const char edns[] = "\x12\x34\1\0\0\1\0\0\0\0\0\1" ASKED "\0\0\x29\x04\xd0\0\0\0\0\0\0";
    struct dns_question q = asked(DNS_A);
    uint8_t out[DNS_QUERY_MAX];

    (void)state;
    assert_int_equal(dns_question_write(out, &q), sizeof plain - 1);
    assert_memory_equal(out, plain, sizeof plain - 1);
    q.edns = true;
    assert_int_equal(dns_question_write(out, &q), sizeof edns - 1);
    assert_memory_equal(out, edns, sizeof edns - 1);
    q.name.length = DNS_NAME_MAX; /* whatever is in it */
    assert_int_equal(dns_question_write(out, &q), DNS_QUERY_MAX);
}

/* ---- good answers --------------------------------------------------------------------------------------- */

static void addresses_are_read(void **state)
{
    static const char six[] = FLAGS "\0\1\0\1\0\0\0\0\1a\2bc\0\0\x1c\0\1"
                                    OWNER "\0\x1c\0\1" MINUTE "\0\x10\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7";
    struct estab_addr one = estab_ipv4(10, 0, 0, 1), two = estab_ipv4(10, 0, 0, 2);
    struct dns_answer a;

    (void)state;
    assert_int_equal(read_answer(ANSWERS("\2", A("\1") A("\2")), DNS_A, &a), DNS_NONE);
    assert_int_equal(a.rcode, DNS_NO_ERROR);
    assert_int_equal(a.count, 2);
    assert_int_equal(a.ttl, 60);
    assert_memory_equal(&a.address[0], &one, sizeof one);
    assert_memory_equal(&a.address[1], &two, sizeof two);
    assert_int_equal(read_answer(six, sizeof six - 1, DNS_AAAA, &a), DNS_NONE);
    assert_int_equal(a.count, 1);
    assert_int_equal(a.address[0].b[0], 0x20);
    assert_int_equal(a.address[0].b[15], 7);
}

/* a.bc is x.bc, which is y.x.bc, in the wrong order; and what belongs to others is passed over. */
static void aliases_are_followed_in_any_order(void **state)
{
    static const char records[] = FLAGS "\0\1\0\4\0\0\0\0" ASKED
        "\1y\1x\xc0\x0e\0\1\0\1\0\0\0\7\0\4\x0a\0\0\3" /* at 22: y.x.bc A */
        "\xc0\x18" ALIAS "\0\2\xc0\x16"                /* x.bc is y.x.bc */
        OWNER "\0\5\0\1\0\0\0\x1e\0\4\1x\xc0\x0e"      /* a.bc is x.bc */
        OWNER "\0\1\0\3\0\0\0\1\0\4\x0a\0\0\4";        /* of another class */
    struct estab_addr three = estab_ipv4(10, 0, 0, 3);
    char text[DNS_TEXT_MAX];
    struct dns_answer a;

    (void)state;
    assert_int_equal(read_answer(records, sizeof records - 1, DNS_A, &a), DNS_NONE);
    assert_int_equal(a.aliases, 2);
    assert_int_equal(a.count, 1);
    assert_int_equal(a.ttl, 7);
    assert_memory_equal(&a.address[0], &three, sizeof three);
    dns_name_text(&a.name, text);
    assert_string_equal(text, "y.x.bc");
}

static void what_else_an_answer_says(void **state)
{
    struct dns_answer a;

    (void)state;
    assert_int_equal(read_answer(BYTES("\x12\x34\x81\x83\0\1\0\0\0\0\0\0" ASKED), DNS_A, &a), DNS_NONE);
    assert_int_equal(a.rcode, DNS_NAME_ERROR);
    assert_int_equal(read_answer(BYTES("\x12\x34\x83\x80\0\1\0\7\0\0\0\0" ASKED), DNS_A, &a), DNS_NONE);
    assert_true(a.truncated);
    assert_int_equal(a.count, 0);
    assert_int_equal(read_answer(BYTES(FLAGS "\0\1\0\0\0\1\0\0" ASKED "\0\0\6\0\1" MINUTE "\0\0"), DNS_A, &a),
                     DNS_NONE);
    assert_true(a.closed);
    /* RFC 6891: BADVERS is 16, four bits of it in the header. */
    assert_int_equal(read_answer(BYTES(FLAGS "\0\1\0\0\0\0\0\1" ASKED "\0\0\x29\x04\xd0\1\0\0\0\0\0"), DNS_A, &a),
                     DNS_NONE);
    assert_int_equal(a.rcode, 16);
    /* RFC 2181: a TTL whose first bit is set is none. */
    assert_int_equal(read_answer(ANSWERS("\1", OWNER "\0\1\0\1\x80\0\0\1\0\4\x0a\0\0\1"), DNS_A, &a), DNS_NONE);
    assert_int_equal(a.ttl, 0);
}

static void more_addresses_than_are_kept(void **state)
{
    enum { COUNT = DNS_ADDRESSES_MAX + 4 };
    char message[22 + COUNT * 16];
    struct dns_answer a;

    (void)state;
    memcpy(message, FLAGS "\0\1\0\x14\0\0\0\0" ASKED, 22);
    for (unsigned i = 0; i < COUNT; i++) {
        memcpy(message + 22 + 16 * i, A("\0"), 16);
        message[22 + 16 * i + 15] = (char)i;
    }
    assert_int_equal(read_answer(message, sizeof message, DNS_A, &a), DNS_NONE);
    assert_int_equal(a.count, DNS_ADDRESSES_MAX);
    assert_int_equal(a.address[DNS_ADDRESSES_MAX - 1].b[15], DNS_ADDRESSES_MAX - 1);
}

/* ---- bad answers ---------------------------------------------------------------------------------------- */

struct bad {
    const char *name;
    enum dns_fault fault;
    const char *bytes;
    size_t n;
};

static const struct bad bads[] = {
    {"nothing", DNS_HEADER_CUT, BYTES("")},
    {"a header of 11 octets", DNS_HEADER_CUT, BYTES(FLAGS "\0\1\0\0\0\0\0")},
    {"another identification", DNS_ID, BYTES("\x12\x35\x81\x80\0\1\0\0\0\0\0\0" ASKED)},
    {"a question", DNS_NO_RESPONSE, BYTES("\x12\x34\1\0\0\1\0\0\0\0\0\0" ASKED)},
    {"a notification", DNS_NO_RESPONSE, BYTES("\x12\x34\xa1\x80\0\1\0\0\0\0\0\0" ASKED)},
    {"no question", DNS_QUESTION, BYTES(FLAGS "\0\0\0\1\0\0\0\0" A("\1"))},
    {"two questions", DNS_QUESTION, BYTES(FLAGS "\0\2\0\0\0\0\0\0" ASKED ASKED)},
    {"another name", DNS_QUESTION, BYTES(FLAGS "\0\1\0\0\0\0\0\0\1b\2bc\0\0\1\0\1")},
    {"another type", DNS_QUESTION, BYTES(FLAGS "\0\1\0\0\0\0\0\0\1a\2bc\0\0\x1c\0\1")},
    {"another class", DNS_QUESTION, BYTES(FLAGS "\0\1\0\0\0\0\0\0\1a\2bc\0\0\1\0\3")},
    {"a question cut short", DNS_QUESTION, BYTES(FLAGS "\0\1\0\0\0\0\0\0\1a\2bc\0\0\1\0")},
    {"a name with a NUL in it is not its beginning", DNS_QUESTION,
     BYTES(FLAGS "\0\1\0\0\0\0\0\0\1a\5bc\0xx\0\0\1\0\1")},
    {"a pointer to itself", DNS_POINTER_FORWARD, ANSWERS("\1", "\xc0\x16" A_HEAD "\x0a\0\0\1")},
    {"a pointer forward", DNS_POINTER_FORWARD, ANSWERS("\1", "\xc0\x18" A_HEAD "\x0a\0\0\1")},
    {"a pointer beyond the end", DNS_POINTER_FORWARD, ANSWERS("\1", "\xff\xff" A_HEAD "\x0a\0\0\1")},
    {"a loop: a label, and back to it", DNS_POINTER_FORWARD, ANSWERS("\1", "\1x\xc0\x16" A_HEAD "\x0a\0\0\1")},
    {"a loop of two names", DNS_POINTER_FORWARD,
     ANSWERS("\2", "\1x\xc0\x28" A_HEAD "\x0a\0\0\1\1y\xc0\x16" A_HEAD "\x0a\0\0\1")},
    {"a pointer into the header", DNS_POINTER_HEADER, ANSWERS("\1", "\xc0\x0b" A_HEAD "\x0a\0\0\1")},
    {"half a pointer", DNS_NAME_CUT, ANSWERS("\1", "\xc0")},
    {"a label of 64 octets: bits 01", DNS_LABEL_BITS, ANSWERS("\1", "\x40" LABEL_63 "d\0" A_HEAD "\x0a\0\0\1")},
    {"a label of 128 octets: bits 10", DNS_LABEL_BITS,
     ANSWERS("\1", "\x80" LABEL_63 LABEL_63 "ab\0" A_HEAD "\x0a\0\0\1")},
    {"a label that runs over the end", DNS_NAME_CUT, ANSWERS("\1", "\x3f" "abc")},
    {"a name without an end", DNS_NAME_CUT, ANSWERS("\1", "\1x")},
    {"a name of 256 octets", DNS_NAME_LONG,
     ANSWERS("\1", "\x3f" LABEL_63 "\x3f" LABEL_63 "\x3f" LABEL_63 "\x3e" SIXTY "ab\0" A_HEAD "\x0a\0\0\1")},
    {"a name of 256 octets by a pointer", DNS_NAME_LONG,
     ANSWERS("\1", "\x3f" LABEL_63 "\x3f" LABEL_63 "\x3f" LABEL_63 "\x39" TEN TEN TEN TEN TEN "1234567" OWNER A_HEAD "\x0a\0\0\1")},
    {"a record more than there is", DNS_NAME_CUT, ANSWERS("\2", A("\1"))},
    {"65535 records", DNS_NAME_CUT, BYTES(FLAGS "\0\1\xff\xff\xff\xff\xff\xff" ASKED A("\1"))},
    {"a record's head cut short", DNS_RECORD_CUT, ANSWERS("\1", OWNER "\0\1\0\1" MINUTE "\0")},
    {"a record that runs over the end", DNS_RECORD_CUT, ANSWERS("\1", OWNER "\0\1\0\1" MINUTE "\0\4\x0a\0\0")},
    {"an authority cut short", DNS_RECORD_CUT, BYTES(FLAGS "\0\1\0\0\0\1\0\0" ASKED OWNER "\0\6\0\1" MINUTE "\0\1")},
    {"an A of 3 octets", DNS_RECORD_LENGTH, ANSWERS("\1", OWNER "\0\1\0\1" MINUTE "\0\3\x0a\0\0")},
    {"an A of 16 octets", DNS_RECORD_LENGTH, ANSWERS("\1", OWNER "\0\1\0\1" MINUTE "\0\x10" "0123456789abcdef")},
    {"an AAAA of 4 octets", DNS_RECORD_LENGTH, ANSWERS("\1", OWNER "\0\x1c\0\1" MINUTE "\0\4\x0a\0\0\1")},
    {"an alias longer than its name", DNS_RECORD_LENGTH, ANSWERS("\1", OWNER ALIAS "\0\4\1x\0\0")},
    {"an alias shorter than its name", DNS_NAME_CUT, ANSWERS("\1", OWNER ALIAS "\0\2\1x\0")},
    {"an alias without a name", DNS_NAME_CUT, ANSWERS("\1", OWNER ALIAS "\0\0")},
    {"an alias of itself", DNS_ALIASES, ANSWERS("\1", OWNER ALIAS "\0\2" OWNER)},
    {"aliases of each other", DNS_ALIASES,
     ANSWERS("\2", OWNER ALIAS "\0\3\1x\0\1x\0" ALIAS "\0\2" OWNER)},
};

/* BAD-17. */
static void each_bad_answer_has_its_fault(void **state)
{
    struct dns_answer a;

    (void)state;
    for (size_t i = 0; i < sizeof bads / sizeof *bads; i++) {
        enum dns_fault fault = read_answer(bads[i].bytes, bads[i].n, DNS_A, &a);

        if (fault != bads[i].fault)
            fail_msg("%s: %s", bads[i].name, dns_fault_info(fault).name);
        assert_int_equal(a.count, 0);
    }
}

/* A good answer that is cut anywhere is a fault, and never a shorter answer. BAD-17. */
static void no_prefix_is_an_answer(void **state)
{
    static const char whole[] = FLAGS "\0\1\0\2\0\0\0\1" ASKED OWNER ALIAS "\0\3\1x\0"
                                      "\1x\0" A_HEAD "\x0a\0\0\1\0\0\x29\x04\xd0\0\0\0\0\0\0";
    struct dns_answer a;

    (void)state;
    assert_int_equal(read_answer(whole, sizeof whole - 1, DNS_A, &a), DNS_NONE);
    assert_int_equal(a.count, 1);
    for (size_t n = 0; n < sizeof whole - 1; n++)
        assert_int_not_equal(read_answer(whole, n, DNS_A, &a), DNS_NONE);
}

/* Pointers that each lead back: 32 of them are followed, 33 are not. BAD-17. */
static void pointers_are_counted(void **state)
{
    enum { COUNT = DNS_POINTERS_MAX + 8 };
    uint8_t message[15 + 2 * COUNT] = {[12] = 1, [13] = 'x'};
    struct dns_name name;
    size_t next;

    (void)state;
    for (unsigned i = 0; i < COUNT; i++) {
        message[15 + 2 * i] = 0xc0;
        message[16 + 2 * i] = (uint8_t)(i == 0 ? 12 : 13 + 2 * i);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        enum dns_fault expected = i < DNS_POINTERS_MAX ? DNS_NONE : DNS_POINTERS;

        assert_int_equal(dns_name_read(message, sizeof message, 15 + 2 * i, &name, &next), expected);
        if (expected == DNS_NONE)
            assert_int_equal(next, 17 + 2 * i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_people),
        cmocka_unit_test(a_name_is_octets_and_text),
        cmocka_unit_test(the_longest_text_fits),
        cmocka_unit_test(a_question_is_written),
        cmocka_unit_test(addresses_are_read),
        cmocka_unit_test(aliases_are_followed_in_any_order),
        cmocka_unit_test(what_else_an_answer_says),
        cmocka_unit_test(more_addresses_than_are_kept),
        cmocka_unit_test(each_bad_answer_has_its_fault),
        cmocka_unit_test(no_prefix_is_an_answer),
        cmocka_unit_test(pointers_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
