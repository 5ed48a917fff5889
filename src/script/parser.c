/* SPDX-License-Identifier: MIT */
/* parser.c - options, the preamble, events and their times. */
#include "script/parser.h"

#include <stdio.h>
#include <string.h>

/* ---- tokens ---------------------------------------------------------------------------------------- */

struct token parser_take(struct parser *p)
{
    struct token t = p->token;

    p->token = lexer_next(p->lexer);
    return t;
}

bool parser_is(const struct parser *p, const char *text)
{
    const struct token *t = &p->token;

    return (t->kind == TOKEN_WORD || t->kind == TOKEN_SIGN) && strcmp(t->text, text) == 0;
}

bool parser_accept(struct parser *p, const char *text)
{
    if (!parser_is(p, text))
        return false;
    parser_take(p);
    return true;
}

void parser_expected(struct parser *p, const char *what)
{
    char found[64];

    script_fail(p->fault, p->token.at, "expected %s, found %s", what,
                lexer_describe(&p->token, found, sizeof found));
}

void parser_expect(struct parser *p, const char *text)
{
    char quoted[32];

    if (parser_accept(p, text))
        return;
    snprintf(quoted, sizeof quoted, "`%s`", text);
    parser_expected(p, quoted);
}

int64_t parser_number(struct parser *p, const char *what, int64_t low, int64_t high)
{
    char range[96];

    if (p->token.kind == TOKEN_INTEGER && p->token.number >= low && p->token.number <= high)
        return parser_take(p).number;
    snprintf(range, sizeof range, "%s from %lld to %lld", what, (long long)low, (long long)high);
    parser_expected(p, range);
    return low;
}

void *parser_room(struct parser *p, size_t size)
{
    void *room = arena_take(p->arena, size);

    if (!room)
        script_fail(p->fault, p->token.at, "expected a smaller script: its memory is used up");
    return room;
}

/* ---- options and the preamble ----------------------------------------------------------------------- */

/* What stands behind `=`: a token, or NAME=VALUE as --define has it, as one text that can be read
 * again. */
static const char *option_value(struct parser *p)
{
    struct token name = parser_take(p), value;
    const char *quote = "";
    char *text;
    size_t room;

    if (name.kind == TOKEN_END || name.kind == TOKEN_CODE) {
        script_fail(p->fault, name.at, "expected the option's value");
        return "";
    }
    if (!parser_accept(p, "="))
        return name.text;
    value = parser_take(p);
    if (value.kind == TOKEN_STRING)
        quote = "\"";
    if (value.kind == TOKEN_COMMAND)
        quote = "`";
    room = name.length + value.length + sizeof "=\"\"";
    text = parser_room(p, room);
    if (!text)
        return "";
    snprintf(text, room, "%s=%s%s%s", name.text, quote, value.text, quote);
    return text;
}

static struct script_option *parse_option(struct parser *p)
{
    struct script_option *option = parser_room(p, sizeof *option);
    struct token name = p->token;

    if (!option)
        return NULL;
    *option = (struct script_option){.name = name.text, .value = "", .at = name.at};
    parser_take(p);
    if (!parser_accept(p, "="))
        return option;
    option->value = option_value(p);
    return option;
}

static void parse_options(struct parser *p, struct script *s, parser_option *apply, void *context)
{
    struct script_option **last = &s->options;

    while (p->token.kind == TOKEN_OPTION && !script_faulty(p->fault)) {
        struct script_option *option = parse_option(p);

        if (!option || script_faulty(p->fault))
            return;
        *last = option;
        last = &option->next;
        if (apply)
            apply(context, p->lexer, option, p->fault);
    }
}

/* ---- times -------------------------------------------------------------------------------------------- */

static int64_t parse_seconds(struct parser *p)
{
    struct token t = p->token;
    int64_t us = 0;
    bool number = t.kind == TOKEN_FRACTION || (t.kind == TOKEN_INTEGER && !t.hex);

    if (!number || t.text[0] == '-' || !lexer_time(t.text, &us)) {
        parser_expected(p, "a time in seconds, such as 0.100");
        return 0;
    }
    parser_take(p);
    return us;
}

static void parse_time(struct parser *p, struct event *e)
{
    bool relative;

    if (parser_accept(p, "*")) {
        e->time = TIME_ANY;
        return;
    }
    relative = parser_accept(p, "+");
    e->time = relative ? TIME_RELATIVE : TIME_ABSOLUTE;
    e->begin_us = parse_seconds(p);
    if (!parser_accept(p, "~"))
        return;
    e->time = relative ? TIME_RELATIVE_RANGE : TIME_RANGE;
    if (relative)
        parser_expect(p, "+");
    e->end_us = parse_seconds(p);
    if (e->end_us < e->begin_us)
        script_fail(p->fault, e->at, "expected a range of time that does not run backwards");
}

/* ---- events --------------------------------------------------------------------------------------------- */

static void parse_blocking_call(struct parser *p, struct event *e)
{
    struct call_spec *call;
    int64_t end_us;

    parser_take(p); /* ... */
    end_us = parse_seconds(p);
    if (p->token.kind != TOKEN_WORD)
        parser_expected(p, "the name of a call");
    call = script_faulty(p->fault) ? NULL : parser_call(p);
    e->kind = EVENT_CALL;
    e->call = call;
    if (!call)
        return;
    call->blocking = true;
    call->end_us = end_us;
    if (end_us < e->begin_us)
        script_fail(p->fault, e->at, "expected a call that ends after it begins");
}

static void parse_text(struct parser *p, struct event *e, enum event_kind kind)
{
    struct token t = parser_take(p);

    e->kind = kind;
    e->text = t.text;
    e->text_at = t.at;
}

static void parse_action(struct parser *p, struct event *e)
{
    if (parser_is(p, "<") || parser_is(p, ">")) {
        e->kind = EVENT_PACKET;
        e->packet = parser_packet(p);
    } else if (p->token.kind == TOKEN_ELLIPSIS) {
        parse_blocking_call(p, e);
    } else if (p->token.kind == TOKEN_WORD) {
        e->kind = EVENT_CALL;
        e->call = parser_call(p);
    } else if (p->token.kind == TOKEN_COMMAND) {
        parse_text(p, e, EVENT_COMMAND);
    } else if (p->token.kind == TOKEN_CODE) {
        parse_text(p, e, EVENT_CODE);
    } else {
        parser_expected(p, "a packet (`<` or `>`), a call, a `command` or %{ code }%");
    }
}

static void check_time(struct parser *p, const struct event *e)
{
    bool out = e->kind == EVENT_PACKET && e->packet && e->packet->out;

    if (e->time == TIME_ANY && !out)
        script_fail(p->fault, e->at, "expected an outbound packet: only these may come at any time");
    if ((e->time == TIME_RANGE || e->time == TIME_RELATIVE_RANGE) && !out)
        script_fail(p->fault, e->at, "expected an outbound packet: only these may have a range of time");
}

static struct event *parse_event(struct parser *p)
{
    struct event *e = parser_room(p, sizeof *e);

    if (!e)
        return NULL;
    e->at = p->token.at;
    parse_time(p, e);
    if (!script_faulty(p->fault))
        parse_action(p, e);
    if (!script_faulty(p->fault))
        check_time(p, e);
    return script_faulty(p->fault) ? NULL : e;
}

/* A command without a time: before the first event, or behind the last. */
static const char *parse_bare_command(struct parser *p, struct span *at)
{
    if (p->token.kind != TOKEN_COMMAND)
        return NULL;
    if (at)
        *at = p->token.at;
    return parser_take(p).text;
}

static void parse_events(struct parser *p, struct script *s)
{
    struct event **last = &s->events, *before = NULL;

    while (p->token.kind != TOKEN_END && p->token.kind != TOKEN_COMMAND) {
        struct event *e = parse_event(p);

        if (!e)
            return;
        if (!before && (e->begin_us != 0 || e->time == TIME_ANY))
            script_fail(p->fault, e->at, "expected the first event at time 0");
        if (before && before->time == TIME_ABSOLUTE && e->time == TIME_ABSOLUTE &&
            e->begin_us < before->begin_us)
            script_fail(p->fault, e->at, "expected a time no earlier than the event before has");
        if (++s->event_count > PARSER_EVENTS_MAX)
            script_fail(p->fault, e->at, "expected at most %u events", PARSER_EVENTS_MAX);
        *last = before = e;
        last = &e->next;
    }
}

struct script *script_parse(struct lexer *lexer, parser_option *option, void *context)
{
    struct parser p = {.lexer = lexer, .arena = lexer->arena, .fault = lexer->fault};
    struct script *s;

    p.token = lexer_next(lexer);
    s = parser_room(&p, sizeof *s);
    if (!s)
        return NULL;
    parse_options(&p, s, option, context);
    s->preamble = parse_bare_command(&p, &s->preamble_at);
    parse_events(&p, s);
    s->cleanup = parse_bare_command(&p, NULL);
    if (p.token.kind != TOKEN_END)
        parser_expected(&p, "the end of the script");
    if (!s->events)
        parser_expected(&p, "an event, such as `0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3`");
    return script_faulty(p.fault) ? NULL : s;
}
