/* SPDX-License-Identifier: MIT */
/*
 * code.c - statements and expressions, read and evaluated in one go.
 *
 * What and, or and chains of comparisons leave out is read with `idle` set: names then need no value
 * and operators do nothing.  code_check reads a whole snippet so.
 */
#include "script/code.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_TEXT_MAX 256

enum piece_kind { PIECE_END, PIECE_NAME, PIECE_NUMBER, PIECE_TEXT, PIECE_OP, PIECE_BREAK };

struct piece {
    enum piece_kind kind;
    struct span at;
    const char *start;
    char text[TOKEN_TEXT_MAX];
    int64_t number;
    double real;
    bool is_real;
};

struct code {
    struct code_scope *scope; /* NULL: nothing is evaluated */
    struct arena *arena;
    struct script_fault *fault;
    const char *p;
    struct span at;
    struct piece piece; /* the present one */
    const char *end;    /* of the piece before */
    unsigned idle, depth, brackets;
};

typedef struct code_value value;

static value expression(struct code *c);

static void fail(struct code *c, struct span at, const char *text)
{
    script_fail(c->fault, at, "%s", text);
}

static const value none = {.kind = CODE_NONE};

static value integer(int64_t number)
{
    return (value){.kind = CODE_INT, .number = number};
}

static value boolean(bool truth)
{
    return (value){.kind = CODE_BOOL, .number = truth};
}

/* ---- pieces ------------------------------------------------------------------------------------------ */

static void advance(struct code *c, size_t n)
{
    for (; n && *c->p; n--, c->p++) {
        if (*c->p == '\n') {
            c->at.line++;
            c->at.column = 1;
        } else {
            c->at.column++;
        }
    }
}

static void skip_blank(struct code *c)
{
    for (;;) {
        if (*c->p == ' ' || *c->p == '\t' || *c->p == '\r' || (*c->p == '\n' && c->brackets))
            advance(c, 1);
        else if (*c->p == '\\' && c->p[1] == '\n')
            advance(c, 2);
        else if (*c->p == '#')
            advance(c, strcspn(c->p, "\n"));
        else
            return;
    }
}

static void take_text(struct code *c, size_t n)
{
    if (n >= sizeof c->piece.text) {
        fail(c, c->at, "expected names, numbers and strings of at most 255 characters");
        n = sizeof c->piece.text - 1;
    }
    memcpy(c->piece.text, c->p, n);
    c->piece.text[n] = '\0';
    advance(c, n);
}

static void read_number(struct code *c)
{
    char *end;
    size_t n = 0;
    bool hex = c->p[0] == '0' && (c->p[1] == 'x' || c->p[1] == 'X');

    while (isalnum((unsigned char)c->p[n]) || (c->p[n] == '.' && !hex))
        n++;
    c->piece.kind = PIECE_NUMBER;
    take_text(c, n);
    c->piece.is_real = !hex && strpbrk(c->piece.text, ".eE") != NULL;
    if (c->piece.is_real)
        c->piece.real = strtod(c->piece.text, &end);
    else
        c->piece.number = (int64_t)strtoll(c->piece.text, &end, hex ? 16 : 10);
    if (*end || n > 20)
        fail(c, c->piece.at, "expected a number of at most 20 digits");
}

static void read_text(struct code *c)
{
    const char quote[] = {*c->p, '\n', '\0'};
    size_t n;

    advance(c, 1);
    n = strcspn(c->p, quote);
    c->piece.kind = PIECE_TEXT;
    if (c->p[n] != quote[0])
        fail(c, c->piece.at, "expected a closing quote on this line");
    take_text(c, n);
    advance(c, 1);
}

static void read_operator(struct code *c)
{
    static const char *const two[] = {"**=", "//=", "<<=", ">>=", "**", "//", "<<", ">>", "==", "!=",
                                      "<=",  ">=",  "+=",  "-=",  "*=", "/=", "%=", "|=", "&=", "^="};
    size_t n = 1;

    for (size_t i = 0; i < sizeof two / sizeof two[0] && n == 1; i++) {
        if (strncmp(c->p, two[i], strlen(two[i])) == 0)
            n = strlen(two[i]);
    }
    if (n == 1 && !strchr("+-*/%|&^~<>=(),", *c->p))
        fail(c, c->at, "expected a name, a number, a string or an operator");
    c->piece.kind = PIECE_OP;
    take_text(c, n);
    if (strcmp(c->piece.text, "(") == 0)
        c->brackets++;
    if (strcmp(c->piece.text, ")") == 0 && c->brackets)
        c->brackets--;
}

/* Moves to the next piece. */
static void next(struct code *c)
{
    size_t n = 0;

    c->end = c->p;
    skip_blank(c);
    c->piece.at = c->at;
    c->piece.start = c->p;
    c->piece.text[0] = '\0';
    if (!*c->p || script_faulty(c->fault)) {
        c->piece.kind = PIECE_END;
    } else if (*c->p == '\n' || *c->p == ';') {
        c->piece.kind = PIECE_BREAK;
        advance(c, 1);
    } else if (isdigit((unsigned char)*c->p) || (*c->p == '.' && isdigit((unsigned char)c->p[1]))) {
        read_number(c);
    } else if (isalpha((unsigned char)*c->p) || *c->p == '_') {
        while (isalnum((unsigned char)c->p[n]) || c->p[n] == '_')
            n++;
        c->piece.kind = PIECE_NAME;
        take_text(c, n);
    } else if (*c->p == '"' || *c->p == '\'') {
        read_text(c);
    } else {
        read_operator(c);
    }
}

static bool is(const struct code *c, const char *text)
{
    return (c->piece.kind == PIECE_OP || c->piece.kind == PIECE_NAME) &&
           strcmp(c->piece.text, text) == 0;
}

static bool accept(struct code *c, const char *text)
{
    if (!is(c, text))
        return false;
    next(c);
    return true;
}

static bool working(const struct code *c)
{
    return !c->idle && !script_faulty(c->fault);
}

/* ---- names and calls ----------------------------------------------------------------------------------- */

static value *lookup(struct code_scope *scope, const char *name)
{
    for (unsigned i = 0; i < scope->count; i++) {
        if (strcmp(scope->name[i].name, name) == 0)
            return &scope->name[i].value;
    }
    return NULL;
}

static bool assign(struct code_scope *scope, const char *name, value v)
{
    value *old = lookup(scope, name);
    const char *copy;

    if (old) {
        *old = v;
        return true;
    }
    copy = scope->count < CODE_NAMES_MAX ? arena_copy(scope->arena, name, strlen(name)) : NULL;
    if (!copy)
        return false;
    scope->name[scope->count].name = copy;
    scope->name[scope->count++].value = v;
    return true;
}

bool code_set(struct code_scope *scope, const char *name, int64_t number)
{
    return assign(scope, name, integer(number));
}

static void print(struct code *c, const value *items, unsigned n)
{
    char *out = c->scope->printed;
    size_t size = sizeof c->scope->printed, used = strlen(out);

    for (unsigned i = 0; i < n; i++) {
        char shown[256];

        code_show(&items[i], shown, sizeof shown);
        snprintf(out + used, size - used, "%s%s", i ? " " : "", shown);
        used = strlen(out);
    }
    snprintf(out + used, size - used, "\n");
}

#define ARGUMENTS_MAX 16

static value call(struct code *c, const struct piece *name, const value *items, unsigned n)
{
    bool least = strcmp(name->text, "min") == 0;
    value best;

    if (strcmp(name->text, "print") == 0) {
        print(c, items, n);
        return none;
    }
    if (strcmp(name->text, "abs") == 0 && n == 1 && items[0].kind == CODE_INT &&
        items[0].number != INT64_MIN)
        return integer(items[0].number < 0 ? -items[0].number : items[0].number);
    if ((least || strcmp(name->text, "max") == 0) && n > 1) {
        best = items[0];
        for (unsigned i = 1; i < n; i++) {
            bool better = false;

            if (!code_compare(least ? "<" : ">", &items[i], &best, &better))
                fail(c, name->at, "expected numbers to compare");
            best = better ? items[i] : best;
        }
        return best;
    }
    fail(c, name->at, "expected print(...), abs(N), min(...) or max(...)");
    return none;
}

/* What stands in parentheses: a call's arguments, or a tuple. */
static unsigned arguments(struct code *c, value *items, bool *comma)
{
    unsigned n = 0;

    *comma = false;
    while (!is(c, ")") && !script_faulty(c->fault)) {
        if (n == ARGUMENTS_MAX)
            fail(c, c->piece.at, "expected at most 16 values in parentheses");
        else
            items[n++] = expression(c);
        if (!accept(c, ","))
            break;
        *comma = true;
    }
    if (!accept(c, ")"))
        fail(c, c->piece.at, "expected `)`");
    return n;
}

static value parenthesis(struct code *c)
{
    value items[ARGUMENTS_MAX], *copy;
    bool comma;
    struct span at = c->piece.at;
    unsigned n = arguments(c, items, &comma);

    if (n == 1 && !comma)
        return items[0];
    if (n == 0 && !script_faulty(c->fault))
        fail(c, at, "expected a value in parentheses");
    copy = working(c) ? arena_take(c->arena, n * sizeof *copy) : NULL;
    if (!copy)
        return none;
    memcpy(copy, items, n * sizeof *copy);
    return (value){.kind = CODE_TUPLE, .number = n, .items = copy};
}

static value name_or_call(struct code *c)
{
    struct piece name = c->piece;
    value items[ARGUMENTS_MAX], *known;
    bool comma;

    next(c);
    if (accept(c, "(")) {
        unsigned n = arguments(c, items, &comma);

        return working(c) ? call(c, &name, items, n) : none;
    }
    if (strcmp(name.text, "True") == 0 || strcmp(name.text, "False") == 0)
        return boolean(name.text[0] == 'T');
    if (strcmp(name.text, "None") == 0 || !working(c))
        return none;
    known = lookup(c->scope, name.text);
    if (!known) {
        script_fail(c->fault, name.at, "expected a name that has a value, found `%.64s`", name.text);
        return none;
    }
    return *known;
}

/* ---- expressions, from the tightest operator to the loosest ----------------------------------------------- */

static value atom(struct code *c)
{
    value v = none;

    switch (c->piece.kind) {
    case PIECE_NUMBER:
        v = c->piece.is_real ? (value){.kind = CODE_REAL, .real = c->piece.real}
                             : integer(c->piece.number);
        next(c);
        return v;
    case PIECE_TEXT:
        v = (value){.kind = CODE_TEXT, .text = arena_copy(c->arena, c->piece.text,
                                                          strlen(c->piece.text))};
        if (!v.text)
            fail(c, c->piece.at, "expected a smaller script: its memory is used up");
        next(c);
        return script_faulty(c->fault) ? none : v;
    case PIECE_NAME:
        return name_or_call(c);
    default:
        if (accept(c, "("))
            return parenthesis(c);
        fail(c, c->piece.at, "expected a value");
        return none;
    }
}

static value apply(struct code *c, struct span at, const char *op, value a, value b)
{
    value out = none;

    if (working(c) && !code_binary(op, &a, &b, &out, c->arena))
        script_fail(c->fault, at, "expected operands that fit `%s`, and a result of 64 bits", op);
    return out;
}

static value unary(struct code *c);

static value raised(struct code *c)
{
    value a = atom(c);
    struct span at = c->piece.at;

    return accept(c, "**") ? apply(c, at, "**", a, unary(c)) : a;
}

static value unary(struct code *c)
{
    struct span at = c->piece.at;
    value out = none;

    if (++c->depth > CODE_DEPTH_MAX)
        fail(c, at, "expected a less deeply nested expression");
    else if (accept(c, "-"))
        out = apply(c, at, "-", integer(0), unary(c));
    else if (accept(c, "~"))
        out = apply(c, at, "-", integer(-1), unary(c));
    else if (accept(c, "+"))
        out = unary(c);
    else
        out = raised(c);
    c->depth--;
    return out;
}

/* The levels of binary operators, the tightest last. */
static const char *const levels[][5] = {{"|"}, {"^"}, {"&"}, {"<<", ">>"}, {"+", "-"},
                                        {"*", "/", "//", "%"}};
#define LEVELS (sizeof levels / sizeof levels[0])

static const char *operator_of(const struct code *c, unsigned level)
{
    for (unsigned i = 0; i < 5 && levels[level][i]; i++) {
        if (c->piece.kind == PIECE_OP && strcmp(c->piece.text, levels[level][i]) == 0)
            return levels[level][i];
    }
    return NULL;
}

static value binary(struct code *c, unsigned level)
{
    value a = level == LEVELS ? unary(c) : binary(c, level + 1);
    const char *op;

    while (level < LEVELS && !script_faulty(c->fault) && (op = operator_of(c, level))) {
        struct span at = c->piece.at;

        next(c);
        a = apply(c, at, op, a, binary(c, level + 1));
    }
    return a;
}

static bool is_comparison(const struct code *c)
{
    static const char *const all[] = {"<", ">", "<=", ">=", "==", "!="};

    for (unsigned i = 0; i < 6; i++) {
        if (is(c, all[i]))
            return true;
    }
    return false;
}

/* a < b < c is (a < b) and (b < c). */
static value comparison(struct code *c)
{
    value a = binary(c, 0), b;
    bool chain = is_comparison(c), truth = true;

    while (is_comparison(c) && !script_faulty(c->fault)) {
        struct piece op = c->piece;
        bool one = true;

        next(c);
        c->idle += !truth;
        b = binary(c, 0);
        c->idle -= !truth;
        if (truth && working(c) && !code_compare(op.text, &a, &b, &one))
            fail(c, op.at, "expected two numbers, or two strings");
        truth = truth && one;
        a = b;
    }
    return chain ? boolean(truth) : a;
}

static value negation(struct code *c)
{
    value a;

    if (!is(c, "not"))
        return comparison(c);
    if (++c->depth > CODE_DEPTH_MAX)
        fail(c, c->piece.at, "expected a less deeply nested expression");
    next(c);
    a = negation(c);
    c->depth--;
    return boolean(!code_truth(&a));
}

/* `and` binds tighter than `or`; what the first operand decides leaves the second idle. */
static value logical(struct code *c, bool or)
{
    value a = or ? logical(c, false) : negation(c);

    while (is(c, or ? "or" : "and") && !script_faulty(c->fault)) {
        bool decided = code_truth(&a) == or;
        value b;

        next(c);
        c->idle += decided;
        b = or ? logical(c, false) : negation(c);
        c->idle -= decided;
        a = decided ? a : b;
    }
    return a;
}

static value expression(struct code *c)
{
    value v = none;

    if (++c->depth > CODE_DEPTH_MAX)
        fail(c, c->piece.at, "expected a less deeply nested expression");
    else
        v = logical(c, true);
    c->depth--;
    return v;
}

/* ---- statements ------------------------------------------------------------------------------------------------ */

/* "assert tcpi_snd_cwnd == 10 does not hold: tcpi_snd_cwnd is 9": every name in the text with its
 * value. */
static void explain(struct code *c, struct span at, const char *from, const char *to,
                    const value *message)
{
    char text[200], values[200] = "";
    size_t n = (size_t)(to - from), used = 0;
    struct script_fault ignored = {0};
    struct code scan = {.arena = c->arena, .fault = &ignored, .at = at};
    char *copy;

    snprintf(text, sizeof text, "%.*s", n < 120 ? (int)n : 120, from);
    copy = arena_copy(c->arena, from, n);
    scan.p = copy ? copy : "";
    for (next(&scan); scan.piece.kind != PIECE_END && used < sizeof values; next(&scan)) {
        value *known = scan.piece.kind == PIECE_NAME ? lookup(c->scope, scan.piece.text) : NULL;
        char shown[64];

        if (!known || strstr(values, scan.piece.text) || isupper((unsigned char)scan.piece.text[0]))
            continue;
        code_show(known, shown, sizeof shown);
        used += (size_t)snprintf(values + used, sizeof values - used, "%s%s is %s",
                                 used ? ", " : "", scan.piece.text, shown);
    }
    if (!values[0] && message->kind != CODE_NONE)
        code_show(message, values, sizeof values);
    script_fail(c->fault, at, "%s does not hold%s%s", text, values[0] ? ": " : "", values);
}

/* True: it holds, or it cannot be evaluated. */
static bool assertion(struct code *c)
{
    struct span at = c->piece.at;
    const char *from = c->piece.start, *to;
    value truth = expression(c), message = none;

    to = c->end;
    if (accept(c, ","))
        message = expression(c);
    if (!working(c) || !c->scope || code_truth(&truth))
        return true;
    explain(c, at, from, to, &message);
    return false;
}

static void assignment(struct code *c, const struct piece *name, const char *op)
{
    char binary_op[4] = "";
    value v = expression(c), *old;

    if (!working(c))
        return;
    if (op[0] != '=') {
        memcpy(binary_op, op, strlen(op) - 1);
        old = lookup(c->scope, name->text);
        if (!old)
            fail(c, name->at, "expected a name that has a value");
        else
            v = apply(c, name->at, binary_op, *old, v);
    }
    if (!script_faulty(c->fault) && !assign(c->scope, name->text, v))
        fail(c, name->at, "expected fewer names: there may be 256");
}

static bool is_assignment(const char *op)
{
    size_t n = strlen(op);

    return n && op[n - 1] == '=' && strcmp(op, "==") != 0 && strcmp(op, "!=") != 0 &&
           strcmp(op, "<=") != 0 && strcmp(op, ">=") != 0;
}

static bool is_foreign(const char *word)
{
    static const char *const words[] = {"if",     "for",  "while", "def",  "import", "from", "class",
                                        "lambda", "with", "try",   "elif", "else",   "return"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i], word) == 0)
            return true;
    }
    return false;
}

static bool statement(struct code *c)
{
    struct piece name = c->piece;
    struct code before = *c;

    if (accept(c, "pass"))
        return true;
    if (accept(c, "assert"))
        return assertion(c);
    if (name.kind == PIECE_NAME && is_foreign(name.text)) {
        fail(c, name.at, "expected assert, print, an assignment or an expression: other statements "
                         "of Python are not evaluated here");
        return true;
    }
    if (name.kind == PIECE_NAME) {
        next(c);
        if (c->piece.kind == PIECE_OP && is_assignment(c->piece.text)) {
            char op[8];

            snprintf(op, sizeof op, "%.7s", c->piece.text);
            next(c);
            assignment(c, &name, op);
            return true;
        }
        *c = before;
    }
    expression(c);
    return true;
}

static enum code_verdict run(struct code *c)
{
    bool holds = true;

    next(c);
    while (c->piece.kind != PIECE_END && holds && !script_faulty(c->fault)) {
        if (c->piece.kind == PIECE_BREAK) {
            next(c);
            continue;
        }
        holds = statement(c);
        if (holds && c->piece.kind != PIECE_BREAK && c->piece.kind != PIECE_END)
            fail(c, c->piece.at, "expected an operator, `;` or the end of the line");
    }
    if (!holds)
        return CODE_FAILS;
    return script_faulty(c->fault) ? CODE_WRONG : CODE_HOLDS;
}

bool code_check(const char *text, struct span at, struct arena *arena, struct script_fault *fault)
{
    struct code c = {.arena = arena, .fault = fault, .p = text, .at = at, .idle = 1};

    return run(&c) == CODE_HOLDS;
}

enum code_verdict code_run(struct code_scope *scope, const char *text, struct span at,
                           struct script_fault *fault)
{
    struct code c = {.scope = scope, .arena = scope->arena, .fault = fault, .p = text, .at = at};

    scope->printed[0] = '\0';
    return run(&c);
}
