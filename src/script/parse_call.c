/* SPDX-License-Identifier: MIT */
/*
 * parse_call.c - calls and their expressions:
 *
 *      call    := name `(` [expr {`,` expr}] `)` `=` expr [ERRNO] [`(` words `)`]
 *      expr    := part {`|` part}
 *      part    := `...` | number | string {string} [`...`] | word | word `=` expr
 *               | name `(` exprs `)` [`=` expr] | `[` exprs `]` | `{` exprs `}`
 */
#include <string.h>

#include "script/parser.h"

static struct expr *parse_expr(struct parser *p);

static struct expr *new_expr(struct parser *p, enum expr_kind kind, struct token t)
{
    struct expr *e = parser_room(p, sizeof *e);

    if (e)
        *e = (struct expr){.kind = kind, .at = t.at, .text = t.text, .length = t.length,
                           .number = t.number};
    return e;
}

/* Expressions between commas, up to `close`, which is taken. */
static struct expr *parse_list(struct parser *p, const char *close, unsigned *count)
{
    struct expr *first = NULL, **last = &first;

    *count = 0;
    if (parser_accept(p, close))
        return NULL;
    do {
        struct expr *e = parse_expr(p);

        if (!e)
            return first;
        *last = e;
        last = &e->next;
        ++*count;
    } while (parser_accept(p, ",") && !script_faulty(p->fault));
    parser_expect(p, close);
    return first;
}

/* "abc" "def" is one string; "abc"... is the beginning of one. */
static struct expr *parse_string(struct parser *p)
{
    struct expr *e = new_expr(p, EXPR_STRING, parser_take(p));

    while (e && p->token.kind == TOKEN_STRING) {
        struct token t = parser_take(p);
        char *joined = parser_room(p, e->length + t.length + 1);

        if (!joined)
            return NULL;
        memcpy(joined, e->text, e->length);
        memcpy(joined + e->length, t.text, t.length);
        e->text = joined;
        e->length += t.length;
    }
    if (e && p->token.kind == TOKEN_ELLIPSIS) {
        parser_take(p);
        e->kind = EXPR_PREFIX;
    }
    return e;
}

static struct expr *parse_field(struct parser *p, struct expr *e, struct expr *count)
{
    e->kind = EXPR_FIELD;
    e->count = count;
    e->list = parse_expr(p);
    return e;
}

/* A word: a constant; with parentheses a call of a macro, or a field with its count; with `=` a
 * field. */
static struct expr *parse_word(struct parser *p)
{
    struct expr *e = new_expr(p, EXPR_WORD, parser_take(p)), *list;
    unsigned count;

    if (!e)
        return NULL;
    if (parser_accept(p, "=")) {
        return parse_field(p, e, NULL);
    }
    if (!parser_accept(p, "("))
        return e;
    list = parse_list(p, ")", &count);
    if (parser_accept(p, "="))
        return parse_field(p, e, list);
    e->kind = EXPR_CALL;
    e->list = list;
    return e;
}

static struct expr *parse_part(struct parser *p)
{
    static const struct {
        const char *open, *close;
        enum expr_kind kind;
    } brackets[] = {{"[", "]", EXPR_LIST}, {"{", "}", EXPR_GROUP}};
    unsigned count;

    for (unsigned i = 0; i < 2; i++) {
        if (parser_is(p, brackets[i].open)) {
            struct expr *e = new_expr(p, brackets[i].kind, parser_take(p));

            if (e) {
                e->list = parse_list(p, brackets[i].close, &count);
                e->number = count;
            }
            return e;
        }
    }
    switch (p->token.kind) {
    case TOKEN_ELLIPSIS:
        return new_expr(p, EXPR_ELLIPSIS, parser_take(p));
    case TOKEN_INTEGER:
        return new_expr(p, EXPR_INTEGER, parser_take(p));
    case TOKEN_STRING:
        return parse_string(p);
    case TOKEN_WORD:
        return parse_word(p);
    default:
        parser_expected(p, "an expression: a number, a constant, a string, `...`, `[`, `{`");
        return NULL;
    }
}

static struct expr *parse_alternatives(struct parser *p)
{
    struct expr *first = parse_part(p), *whole, **last;

    if (!first || !parser_is(p, "|"))
        return first;
    whole = new_expr(p, EXPR_OR, (struct token){.at = first->at, .text = "|", .length = 1});
    if (!whole)
        return NULL;
    whole->list = first;
    last = &first->next;
    while (parser_accept(p, "|") && !script_faulty(p->fault)) {
        struct expr *e = parse_part(p);

        if (!e)
            return NULL;
        *last = e;
        last = &e->next;
    }
    return whole;
}

static struct expr *parse_expr(struct parser *p)
{
    struct expr *e;

    if (p->depth == PARSER_DEPTH_MAX) {
        script_fail(p->fault, p->token.at, "expected expressions nested at most %u deep",
                    PARSER_DEPTH_MAX);
        return NULL;
    }
    p->depth++;
    e = parse_alternatives(p);
    p->depth--;
    return script_faulty(p->fault) ? NULL : e;
}

/* `(Resource temporarily unavailable)`, `(flags O_RDWR)`: words that nothing compares. */
static const char *parse_note(struct parser *p)
{
    const char *begin = p->token.text;

    if (!parser_accept(p, "("))
        return NULL;
    begin = p->token.text;
    while (p->token.kind != TOKEN_END && !parser_is(p, ")"))
        parser_take(p);
    parser_expect(p, ")");
    return begin;
}

struct call_spec *parser_call(struct parser *p)
{
    struct call_spec *call = parser_room(p, sizeof *call);
    struct token name = parser_take(p);

    if (!call)
        return NULL;
    call->name = name.text;
    call->at = name.at;
    parser_expect(p, "(");
    call->arguments = parse_list(p, ")", &call->count);
    parser_expect(p, "=");
    call->result = parse_expr(p);
    if (p->token.kind == TOKEN_WORD)
        call->error = parser_take(p).text;
    call->note = parse_note(p);
    return script_faulty(p->fault) ? NULL : call;
}
