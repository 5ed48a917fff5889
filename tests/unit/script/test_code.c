/* SPDX-License-Identifier: MIT */
/* test_code.c - snippets of Python: what holds, what does not, what is no snippet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "script/code.h"

static const struct {
    const char *text;
    enum code_verdict verdict;
    const char *part; /* of the sentence, unless it holds */
    uint32_t line, column;
} snippets[] = {
    {"assert 1 + 2 * 3 == 7", CODE_HOLDS, "", 0, 0},
    {"assert (1 + 2) * 3 == 9", CODE_HOLDS, "", 0, 0},
    {"assert -7 // 2 == -4 and -7 % 3 == 2", CODE_HOLDS, "", 0, 0},
    {"assert 7 / 2 == 3.5", CODE_HOLDS, "", 0, 0},
    {"assert 2 ** 10 == 1024 and -2 ** 2 == -4", CODE_HOLDS, "", 0, 0},
    {"assert 1 << 4 | 1 == 17", CODE_HOLDS, "", 0, 0},
    {"assert (6 & 3) == 2 and 6 ^ 3 == 5 and ~0 == -1", CODE_HOLDS, "", 0, 0},
    {"assert 5000 <= rtt <= 20000, 'srtt=%d us' % rtt", CODE_HOLDS, "", 0, 0},
    {"assert not rtt == 1 or unknown", CODE_HOLDS, "", 0, 0},
    {"assert rtt == 1 and unknown or True", CODE_HOLDS, "", 0, 0},
    {"assert 1 < 2 > 1 != 3", CODE_HOLDS, "", 0, 0},
    {"x = 5; x += 2; x *= 3\nassert x == 21", CODE_HOLDS, "", 0, 0},
    {"assert 'a=%d b=%s c=%05.1f %%' % (1, 'two', 3) == 'a=1 b=two c=003.0 %'", CODE_HOLDS, "", 0, 0},
    {"assert abs(-3) == 3 and max(1, 5, 2) == 5 and min(4, 2) == 2", CODE_HOLDS, "", 0, 0},
    {"assert 0x10 == 16 # a comment", CODE_HOLDS, "", 0, 0},
    {"assert 1 == 1; \\\n  assert 2 == 2;\\\n", CODE_HOLDS, "", 0, 0},
    {"assert (1 ==\n 1)", CODE_HOLDS, "", 0, 0},
    {"assert \"x\" < 'y' and None == None", CODE_HOLDS, "", 0, 0},
    {"pass", CODE_HOLDS, "", 0, 0},
    {"", CODE_HOLDS, "", 0, 0},
    {"assert rtt == 1, rtt", CODE_FAILS, "rtt == 1 does not hold: rtt is 10000", 1, 8},
    {"assert 5000 <= rtt <= 9000", CODE_FAILS, "rtt is 10000", 1, 8},
    {"assert 1 == 1\nassert cwnd == rtt, 'no'", CODE_FAILS, "cwnd is 10, rtt is 10000", 2, 8},
    {"assert False, 'because'", CODE_FAILS, "does not hold: because", 1, 8},
    {"assert", CODE_WRONG, "expected a value", 1, 7},
    {"assert nothing == 1", CODE_WRONG, "found `nothing`", 1, 8},
    {"assert 1 +", CODE_WRONG, "expected a value", 1, 11},
    {"assert (1", CODE_WRONG, "expected `)`", 1, 10},
    {"assert 1 1", CODE_WRONG, "expected an operator", 1, 10},
    {"assert 1 // 0", CODE_WRONG, "operands that fit `//`", 1, 10},
    {"assert 9223372036854775807 + 1", CODE_WRONG, "a result of 64 bits", 1, 28},
    {"assert 1 + 'a'", CODE_WRONG, "operands that fit `+`", 1, 10},
    {"assert 1 < 'a'", CODE_WRONG, "two numbers", 1, 10},
    {"import os", CODE_WRONG, "other statements of Python", 1, 1},
    {"if rtt: pass", CODE_WRONG, "other statements of Python", 1, 1},
    {"x @ 1", CODE_WRONG, "expected a name, a number", 1, 3},
    {"y += 1", CODE_WRONG, "a name that has a value", 1, 1},
    {"assert 'abc", CODE_WRONG, "a closing quote", 1, 8},
    {"assert '%d' % 'x' == 'x'", CODE_WRONG, "operands that fit `%`", 1, 13},
    {"open(1)", CODE_WRONG, "expected print(...)", 1, 1},
    {"assert 12ab", CODE_WRONG, "a number of at most 20 digits", 1, 8},
};

static void snippets_have_their_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof snippets / sizeof snippets[0]; i++) {
        struct arena arena = {0};
        struct code_scope *scope = calloc(1, sizeof *scope);
        struct script_fault fault = {0};
        enum code_verdict verdict;

        assert_non_null(scope);
        scope->arena = &arena;
        assert_true(code_set(scope, "rtt", 10000) && code_set(scope, "cwnd", 10));
        verdict = code_run(scope, snippets[i].text, (struct span){1, 1}, &fault);
        if (verdict != snippets[i].verdict || !strstr(fault.text, snippets[i].part) ||
            fault.at.line != snippets[i].line || fault.at.column != snippets[i].column)
            fail_msg("%s: verdict %d, %u:%u: %s", snippets[i].text, verdict, fault.at.line,
                     fault.at.column, fault.text);
        free(scope);
        arena_free(&arena);
    }
}

/* A snippet that cannot be read is found without running it; one that only lacks a value is not. */
static void check_reads_without_values(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct script_fault fault = {0};

    assert_true(code_check("assert tcpi_x == y + 1, z", (struct span){1, 1}, &arena, &fault));
    assert_false(code_check("assert (tcpi_x", (struct span){7, 3}, &arena, &fault));
    assert_int_equal(fault.at.line, 7);
    assert_int_equal(fault.at.column, 17);
    arena_free(&arena);
}

static void names_and_prints_last(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct code_scope *scope = calloc(1, sizeof *scope);
    struct script_fault fault = {0};

    assert_non_null(scope);
    scope->arena = &arena;
    assert_int_equal(code_run(scope, "cwnd = 10", (struct span){1, 1}, &fault), CODE_HOLDS);
    assert_int_equal(code_run(scope, "cwnd += 2; print(cwnd, 'is', 1 == 1)", (struct span){1, 1}, &fault),
                     CODE_HOLDS);
    assert_string_equal(scope->printed, "12 is True\n");
    free(scope);
    arena_free(&arena);
}

static void depth_is_bounded(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct script_fault fault = {0};
    char text[256];

    memset(text, '(', 200);
    text[200] = '\0';
    assert_false(code_check(text, (struct span){1, 1}, &arena, &fault));
    assert_non_null(strstr(fault.text, "less deeply nested"));
    memset(&fault, 0, sizeof fault);
    memset(text, '-', 200);
    assert_false(code_check(text, (struct span){1, 1}, &arena, &fault));
    assert_non_null(strstr(fault.text, "less deeply nested"));
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(snippets_have_their_verdict),
        cmocka_unit_test(check_reads_without_values),
        cmocka_unit_test(names_and_prints_last),
        cmocka_unit_test(depth_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
