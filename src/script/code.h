/* SPDX-License-Identifier: MIT */
/*
 * code.h - what scripts write between %{ and }%: assertions in Python, evaluated here.
 *
 *      statement := `assert` expr [`,` expr] | name `=` expr | name op`=` expr | expr | `pass`
 *      expr      := Python's: or and not, comparisons in chains, | ^ & << >> + - * / // % **,
 *                   ~ -, parentheses, numbers, strings, tuples after %, print abs min max
 *
 * That is all that the suites use; other statements of Python are a fault that says so.  Integers
 * have 64 bits, and one that does not fit is a fault, never a wrong number; fractions know + - * /.
 *
 * Names keep their values from one snippet to the next; those of TCP_INFO are set anew before each.
 */
#ifndef SCRIPT_CODE_H
#define SCRIPT_CODE_H

#include "script/arena.h"
#include "script/fault.h"

#define CODE_NAMES_MAX 256
#define CODE_DEPTH_MAX 32

enum code_kind { CODE_NONE, CODE_BOOL, CODE_INT, CODE_REAL, CODE_TEXT, CODE_TUPLE };

struct code_value {
    enum code_kind kind;
    int64_t number; /* BOOL, INT; of a TUPLE: how many */
    double real;
    const char *text;
    const struct code_value *items;
};

struct code_scope {
    struct arena *arena;
    unsigned count;
    struct {
        const char *name;
        struct code_value value;
    } name[CODE_NAMES_MAX];
    char printed[1024]; /* by the last snippet, cut where it does not fit */
};

enum code_verdict {
    CODE_HOLDS,
    CODE_FAILS, /* an assertion does not hold: `fault` tells where, and the values */
    CODE_WRONG, /* it cannot be evaluated: `fault` tells where, and what was expected */
};

/* False: there are too many names. */
bool code_set(struct code_scope *, const char *name, int64_t value);
/* Reads a snippet without evaluating it: false and a fault if it is not one. */
bool code_check(const char *text, struct span at, struct arena *, struct script_fault *);
enum code_verdict code_run(struct code_scope *, const char *text, struct span at,
                           struct script_fault *);

/* ---- between its files ------------------------------------------------------------------------------ */

/* The operators of Python on values; false: they do not fit these, or the result is too great. */
bool code_binary(const char *op, const struct code_value *a, const struct code_value *b,
                 struct code_value *out, struct arena *);
bool code_compare(const char *op, const struct code_value *a, const struct code_value *b, bool *out);
bool code_truth(const struct code_value *);
/* As print() shows it. */
void code_show(const struct code_value *, char *out, size_t size);

#endif
