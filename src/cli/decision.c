/* SPDX-License-Identifier: MIT */
/* decision.c - the text of a row of trace.def, its fields filled in by their types. */
#include "cli/decision.h"

#include <stdio.h>
#include <string.h>

enum { CWND_RULE = 2, ARGS = sizeof((struct estab_trace *)0)->arg / sizeof(uint32_t) };

static bool is_told(const struct estab_trace *t)
{
    uint32_t rule = t->arg[CWND_RULE];

    return trace_is_decision(t->kind) &&
           (t->kind != TRACE_CWND || (!trace_is_growth(rule) && !trace_is_undo(rule)));
}

/* The field {name}: its place, and its type in *type.  ARGS: there is none. */
static unsigned find_field(const char *fields, const char *name, size_t n, const char **type)
{
    unsigned i = 0;

    for (const char *p = fields; *p; i++) {
        size_t length = strcspn(p, ";"), word = strcspn(p, " ");

        if (word < length && length - word - 1 == n && memcmp(p + word + 1, name, n) == 0) {
            *type = p;
            return i;
        }
        p += length + (p[length] == ';');
    }
    return ARGS;
}

static bool is(const char *type, const char *name)
{
    size_t n = strlen(name);

    return strncmp(type, name, n) == 0 && (type[n] == ' ' || type[n] == ';');
}

static int put(char *out, size_t size, const char *type, const struct estab_trace *t, unsigned i, uint32_t first)
{
    uint32_t v = t->arg[i];
    struct estab_reason_info reason;

    if (is(type, "SEQ"))
        return snprintf(out, size, "%u", v - first);
    if (is(type, "END"))
        return snprintf(out, size, "%u", t->arg[0] + v - first);
    if (is(type, "US"))
        return snprintf(out, size, "%u.%03u ms", v / 1000, v % 1000);
    if (is(type, "RULE"))
        return snprintf(out, size, "%s (%s)", trace_rule_text(v), trace_rule_source(v));
    if (is(type, "BYTES ssthresh") && v == UINT32_MAX)
        return snprintf(out, size, "none");
    if (!is(type, "REASON"))
        return snprintf(out, size, "%u", v);
    reason = estab_reason(v);
    return snprintf(out, size, "%s (%s)", reason.sentence, reason.rfc);
}

bool decision_words(const struct estab_trace *t, const struct estab_status *from, char *out, size_t size)
{
    const char *p = trace_text(t->kind), *fields = trace_fields(t->kind), *type;
    uint32_t first = !from ? 0 : trace_is_peers(t->kind) ? from->irs : from->iss;
    size_t used = 0;

    if (!is_told(t))
        return false;
    while (*p && used + 1 < size) {
        size_t n = *p == '{' ? strcspn(p, "}") : 0;
        unsigned i = n > 1 ? find_field(fields, p + 1, n - 1, &type) : ARGS;

        if (i == ARGS) {
            out[used++] = *p++;
            continue;
        }
        used += (size_t)put(out + used, size - used, type, t, i, first);
        p += n + 1;
    }
    out[used < size ? used : size - 1] = '\0';
    return true;
}
