/* SPDX-License-Identifier: MIT */
/* test_prose.c - sentences on terminals of a given width, and on none. */
#include "cli/prose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct row {
    const char *name, *text;
    unsigned column, columns;
    const char *expected;
};

static const struct row rows[] = {
    {"no terminal", "one two three", 0, 0, "one two three"},
    {"it fits", "one two three", 0, 13, "one two three"},
    {"one column less", "one two three", 0, 12, "one two\n  three"},
    {"further lines are indented", "aaaa bbbb cc dd", 0, 9, "aaaa bbbb\n  cc dd"},
    {"what stands in front counts", "one two", 4, 10, "one\n  two"},
    {"blanks stay", "  one  two", 0, 10, "  one  two"},
    {"and vanish where a line ends", "one  two", 0, 7, "one\n  two"},
    {"what is typed is one piece", "try `a b c`, or not", 0, 13, "try `a b c`,\n  or not"},
    {"on the next line, if need be", "please try `a b c`", 0, 13, "please try\n  `a b c`"},
    {"unless no line could hold it", "`aaa bbb ccc`", 0, 10, "`aaa bbb\n  ccc`"},
    {"a backquote alone", "aa `bb cc", 0, 6, "aa `bb\n  cc"},
    {"a word longer than a line", "aaa bbbbbbbbbb c", 0, 6, "aaa\n  bbbbbbbbbb\n  c"},
    {"lines of its own", "one\ntwo three", 0, 8, "one\ntwo\n  three"},
    {"nothing", "", 0, 10, ""},
    {"blanks at the end", "one  ", 0, 10, "one  "},
};

static void test_fit(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *text = NULL;
        size_t n = 0;
        FILE *out = open_memstream(&text, &n);

        assert_non_null(out);
        prose_fit(out, rows[i].text, rows[i].column, rows[i].columns);
        assert_int_equal(fclose(out), 0);
        if (strcmp(text, rows[i].expected) != 0)
            fail_msg("%s: '%s', not '%s'", rows[i].name, text, rows[i].expected);
        free(text);
    }
}

static void test_no_terminal_has_no_columns(void **state)
{
    FILE *file = tmpfile();

    (void)state;
    assert_non_null(file);
    assert_int_equal(prose_columns(file), 0);
    assert_int_equal(prose_columns(NULL), 0);
    (void)fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fit),
        cmocka_unit_test(test_no_terminal_has_no_columns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
