/* SPDX-License-Identifier: MIT */
/*
 * read.c - lines of a control socket, read back.
 *
 * jansson reads the JSON; what an object must have is checked here, and its bounds.  Members that
 * are not known are left alone: a later version may have more.
 */
#include "control/object.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* ---- members ---------------------------------------------------------------------------------------- */

/* A text, cut if it is too long; a terminal is to see nothing but printable characters. */
static bool text_member(const json_t *object, const char *member, char *out, size_t size)
{
    const json_t *value = json_object_get(object, member);
    const char *text = json_string_value(value);
    size_t n = text ? json_string_length(value) : 0;

    out[0] = '\0';
    if (!text)
        return false;
    n = n < size ? n : size - 1;
    for (size_t i = 0; i < n; i++)
        out[i] = isprint((unsigned char)text[i]) ? text[i] : '?';
    out[n] = '\0';
    return true;
}

/* May be null, or missing. */
static bool optional_text(const json_t *object, const char *member, char *out, size_t size)
{
    const json_t *value = json_object_get(object, member);

    out[0] = '\0';
    return !value || json_is_null(value) || text_member(object, member, out, size);
}

static bool number_member(const json_t *object, const char *member, uint64_t *out)
{
    const json_t *value = json_object_get(object, member);
    json_int_t n = json_integer_value(value);

    *out = CONTROL_UNKNOWN;
    if (!value || json_is_null(value))
        return true;
    if (!json_is_integer(value) || n < 0 || (uint64_t)n > CONTROL_NUMBER_MAX)
        return false;
    *out = (uint64_t)n;
    return true;
}

static bool known_number(const json_t *object, const char *member, uint64_t *out)
{
    return number_member(object, member, out) && *out != CONTROL_UNKNOWN;
}

static bool equals(const json_t *object, const char *member, const char *word)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text && strcmp(text, word) == 0;
}

/* "stack" is "estab" or "kernel", "proto" is "tcp" or "tcp6", of UDP "udp" or "udp6". */
static bool either(const json_t *object, const char *member, const char *no, const char *yes,
                   bool *out)
{
    *out = equals(object, member, yes);
    return *out || equals(object, member, no);
}

static bool port_of(const char *text, uint16_t *port)
{
    char *end;
    unsigned long n;

    *port = 0;
    if (strcmp(text, "*") == 0)
        return true;
    if (!isdigit((unsigned char)text[0]))
        return false;
    n = strtoul(text, &end, 10);
    *port = (uint16_t)n;
    return !*end && n <= UINT16_MAX;
}

static bool address_of(const char *text, bool v6, struct estab_addr *out)
{
    static const struct estab_addr any;
    size_t n = strlen(text);
    char inside[INET6_ADDRSTRLEN];

    if (!v6) {
        *out = estab_ipv4(0, 0, 0, 0);
        if (inet_pton(AF_INET, text, out->b + 12) != 1)
            return false;
        if (memcmp(out->b + 12, any.b, 4) == 0)
            *out = any;
        return true;
    }
    if (n < 2 || n - 2 >= sizeof inside || text[0] != '[' || text[n - 1] != ']')
        return false;
    memcpy(inside, text + 1, n - 2);
    inside[n - 2] = '\0';
    return inet_pton(AF_INET6, inside, out->b) == 1;
}

static bool endpoint_member(const json_t *object, const char *member, bool v6,
                            struct estab_endpoint *out)
{
    char text[CONTROL_ENDPOINT_MAX];
    char *colon;

    if (!text_member(object, member, text, sizeof text) || !(colon = strrchr(text, ':')))
        return false;
    *colon = '\0';
    return address_of(text, v6, &out->addr) && port_of(colon + 1, &out->port);
}

static bool state_member(const json_t *object, enum estab_state *out)
{
    for (unsigned i = 0; i <= ESTAB_STATE_TIME_WAIT; i++)
        if (equals(object, "state", estab_state_name((enum estab_state)i))) {
            *out = (enum estab_state)i;
            return true;
        }
    return false;
}

/* A timer that a later version has is none that is known here. */
static bool timer_member(const json_t *object, enum estab_timer *out)
{
    *out = ESTAB_TIMER_NONE;
    for (unsigned i = 0; i <= ESTAB_TIMER_OVERRIDE; i++)
        if (equals(object, "timer", estab_timer_name((enum estab_timer)i)))
            *out = (enum estab_timer)i;
    return json_is_string(json_object_get(object, "timer"));
}

/* ---- objects ---------------------------------------------------------------------------------------- */

static const char *read_names(const json_t *list, struct names *names)
{
    const json_t *entry;
    size_t i;

    memset(names, 0, sizeof *names);
    json_array_foreach(list, i, entry) {
        char name[NAMES_TEXT_MAX], address[NAMES_ADDR_MAX];
        struct estab_addr addr;
        if (!text_member(entry, "name", name, sizeof name) ||
            !text_member(entry, "address", address, sizeof address) ||
            (!address_of(address, false, &addr) && inet_pton(AF_INET6, address, addr.b) != 1) ||
            !names_add(names, addr, name))
            return "expected names, each with its address";
    }
    return json_is_array(list) ? NULL : "expected a list of names";
}

static const char *read_stack(const json_t *o, struct control_stack *s)
{
    const json_t *has = json_object_get(o, "stack");

    s->stack = json_is_true(has);
    if (!known_number(o, "pid", &s->pid) || !json_is_boolean(has))
        return "expected the number of a process, and whether it has a stack";
    if (!text_member(o, "version", s->version, sizeof s->version) ||
        !text_member(o, "program", s->program, sizeof s->program) ||
        !text_member(o, "on", s->on, sizeof s->on) ||
        !optional_text(o, "name", s->name, sizeof s->name))
        return "expected a version, a program, and what it is on";
    return read_names(json_object_get(o, "names"), &s->names);
}

static const char *read_row(const json_t *o, bool udp, struct control_row *r)
{
    *r = control_row_empty();
    r->udp = udp;
    if (!either(o, "stack", "estab", "kernel", &r->kernel) ||
        !either(o, "proto", udp ? "udp" : "tcp", udp ? "udp6" : "tcp6", &r->v6))
        return udp ? "expected a stack, estab or kernel, and a protocol, udp or udp6"
                   : "expected a stack, estab or kernel, and a protocol, tcp or tcp6";
    if (!endpoint_member(o, "local", r->v6, &r->local) ||
        !endpoint_member(o, "remote", r->v6, &r->remote))
        return "expected two ends, such as 10.11.0.1:3333";
    if (!udp && (!state_member(o, &r->state) || !timer_member(o, &r->timer)))
        return "expected a state of RFC 9293, and a timer";
    if (!optional_text(o, "local_name", r->local_name, sizeof r->local_name) ||
        !optional_text(o, "remote_name", r->remote_name, sizeof r->remote_name) ||
        !optional_text(o, "program", r->program, sizeof r->program) ||
        !optional_text(o, "on", r->on, sizeof r->on))
        return "expected names that are texts";
#define X(member)                                                                                  \
    if (!number_member(o, #member, &r->member))                                                    \
        return "expected " #member " from 0 to 2^53";
    X(pid)
    CONTROL_ROW_NUMBERS(X)
#undef X
    if (r->recv_queue == CONTROL_UNKNOWN || r->send_queue == CONTROL_UNKNOWN)
        return "expected two queues";
    return NULL;
}

static const char *read_counters(const json_t *o, struct control_counters *c)
{
#define X(member)                                                                                  \
    if (!known_number(o, #member, &c->member))                                                     \
        return "expected " #member " from 0 to 2^53";
    X(pid)
    CONTROL_COUNTERS_OF(X)
#undef X
    return NULL;
}

static const char *read_reason(const json_t *o, struct control_reason *r)
{
    if (!text_member(o, "name", r->name, sizeof r->name) ||
        !text_member(o, "rfc", r->rfc, sizeof r->rfc) ||
        !text_member(o, "sentence", r->sentence, sizeof r->sentence) ||
        !known_number(o, "pid", &r->pid) || !known_number(o, "count", &r->count))
        return "expected a reason with its clause, its sentence and its count";
    return NULL;
}

static const char *read_end(const json_t *o, struct control_end *e)
{
    if (!text_member(o, "request", e->request, sizeof e->request) ||
        !known_number(o, "count", &e->count))
        return "expected the request that ends here, and a count";
    return NULL;
}

static enum control_schema schema_of(const json_t *o)
{
    for (unsigned i = 0; i < CONTROL_OTHER; i++)
        if (equals(o, "schema", control_schema_text((enum control_schema)i)))
            return (enum control_schema)i;
    return CONTROL_OTHER;
}

static const char *read_object(const json_t *o, struct control_object *out)
{
    out->schema = schema_of(o);
    switch (out->schema) {
    case CONTROL_STACK:
        return read_stack(o, &out->stack);
    case CONTROL_CONNECTION:
        return read_row(o, false, &out->row);
    case CONTROL_UDP:
        return read_row(o, true, &out->row);
    case CONTROL_COUNTERS:
        return read_counters(o, &out->counters);
    case CONTROL_REASON:
        return read_reason(o, &out->reason);
    case CONTROL_END:
        return read_end(o, &out->end);
    case CONTROL_ERROR:
        return text_member(o, "error", out->error, sizeof out->error) ? NULL
                                                                      : "expected an error's text";
    case CONTROL_OTHER:
        break;
    }
    return json_is_string(json_object_get(o, "schema")) ? NULL
                                                        : "expected an object with its schema";
}

const char *control_read(const char *line, size_t n, struct control_object *out)
{
    const char *wrong = "expected one object of JSON a line";
    json_t *object;

    memset(out, 0, sizeof *out);
    if (n >= CONTROL_LINE_MAX)
        return "expected a shorter line";
    object = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(object))
        wrong = read_object(object, out);
    json_decref(object);
    return wrong;
}
