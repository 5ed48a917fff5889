/* SPDX-License-Identifier: MIT */
/* object.c - the writers: each is its schema, then its members in the order of object.h. */
#include "control/object.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *control_schema_text(enum control_schema schema)
{
    static const char *const texts[] = {
#define X(name, text) [CONTROL_##name] = text,
        CONTROL_SCHEMAS(X)
#undef X
    };
    return schema < CONTROL_OTHER ? texts[schema] : "?";
}

struct control_row control_row_empty(void)
{
    return (struct control_row){
        .pid = CONTROL_UNKNOWN,
#define X(member) .member = CONTROL_UNKNOWN,
        CONTROL_ROW_NUMBERS(X)
#undef X
    };
}

const char *control_proto(const struct control_row *r)
{
    if (r->udp)
        return r->v6 ? "udp6" : "udp";
    return r->v6 ? "tcp6" : "tcp";
}

void control_endpoint(char out[CONTROL_ENDPOINT_MAX], const struct estab_endpoint *e, bool v6)
{
    char address[INET6_ADDRSTRLEN], port[8] = "*";

    if (e->port)
        snprintf(port, sizeof port, "%u", e->port);
    if (v6)
        inet_ntop(AF_INET6, e->addr.b, address, sizeof address);
    else
        inet_ntop(AF_INET, e->addr.b + 12, address, sizeof address);
    snprintf(out, CONTROL_ENDPOINT_MAX, v6 ? "[%s]:%s" : "%s:%s", address, port);
}

/* ---- members ---------------------------------------------------------------------------------------- */

static void begin(struct text *t, enum control_schema schema)
{
    text_format(t, "{\"schema\":\"%s\"", control_schema_text(schema));
}

static void end(struct text *t)
{
    text_add(t, "}");
    text_newline(t);
}

static void string(struct text *t, const char *member, const char *value)
{
    text_format(t, ",\"%s\":", member);
    text_json(t, value, strlen(value));
}

/* A text that may be missing is null then. */
static void string_or_null(struct text *t, const char *member, const char *value)
{
    if (*value)
        string(t, member, value);
    else
        text_format(t, ",\"%s\":null", member);
}

static void number(struct text *t, const char *member, uint64_t value)
{
    uint64_t most = CONTROL_NUMBER_MAX;

    if (value != CONTROL_UNKNOWN)
        text_format(t, ",\"%s\":%" PRIu64, member, value < most ? value : most);
}

static void pid(struct text *t, uint64_t value)
{
    if (value == CONTROL_UNKNOWN)
        text_add(t, ",\"pid\":null");
    else
        number(t, "pid", value);
}

static void endpoint(struct text *t, const char *member, const struct estab_endpoint *e, bool v6)
{
    char text[CONTROL_ENDPOINT_MAX];

    control_endpoint(text, e, v6);
    string(t, member, text);
}

/* ---- objects ---------------------------------------------------------------------------------------- */

void control_write_stack(struct text *t, const struct control_stack *s)
{
    char address[NAMES_ADDR_MAX];

    begin(t, CONTROL_STACK);
    pid(t, s->pid);
    string(t, "version", s->version);
    string(t, "program", s->program);
    string(t, "on", s->on);
    string_or_null(t, "name", s->name);
    text_format(t, ",\"stack\":%s,\"names\":[", s->stack ? "true" : "false");
    for (unsigned i = 0; i < s->names.count; i++) {
        names_addr_text(address, s->names.entry[i].addr);
        text_format(t, "%s{\"address\":\"%s\"", i ? "," : "", address);
        string(t, "name", s->names.entry[i].text);
        text_add(t, "}");
    }
    text_add(t, "]");
    end(t);
}

void control_write_row(struct text *t, const struct control_row *r)
{
    begin(t, r->udp ? CONTROL_UDP : CONTROL_CONNECTION);
    string(t, "stack", r->kernel ? "kernel" : "estab");
    string(t, "proto", control_proto(r));
    endpoint(t, "local", &r->local, r->v6);
    endpoint(t, "remote", &r->remote, r->v6);
    string_or_null(t, "local_name", r->local_name);
    string_or_null(t, "remote_name", r->remote_name);
    if (!r->udp)
        string(t, "state", estab_state_name(r->state));
    pid(t, r->pid);
    string_or_null(t, "program", r->program);
    string_or_null(t, "on", r->on);
    if (!r->udp)
        string(t, "timer", estab_timer_name(r->timer));
#define X(member) number(t, #member, r->member);
    CONTROL_ROW_NUMBERS(X)
#undef X
    end(t);
}

void control_write_counters(struct text *t, const struct control_counters *c)
{
    begin(t, CONTROL_COUNTERS);
    pid(t, c->pid);
#define X(member) number(t, #member, c->member);
    CONTROL_COUNTERS_OF(X)
#undef X
    end(t);
}

void control_write_reason(struct text *t, const struct control_reason *r)
{
    begin(t, CONTROL_REASON);
    pid(t, r->pid);
    string(t, "name", r->name);
    string(t, "rfc", r->rfc);
    string(t, "sentence", r->sentence);
    number(t, "count", r->count);
    end(t);
}

void control_write_end(struct text *t, const struct control_end *e)
{
    begin(t, CONTROL_END);
    string(t, "request", e->request);
    number(t, "count", e->count);
    end(t);
}

void control_write_error(struct text *t, const char *sentence)
{
    begin(t, CONTROL_ERROR);
    string(t, "error", sentence);
    end(t);
}
