/* SPDX-License-Identifier: MIT */
/* trace.c - the texts of trace.def, for tools outside the core. */
#include "base/trace.h"

const char *trace_text(unsigned kind)
{
    static const char *const texts[TRACES] = {
#define TRACE(name, text, fields) [TRACE_##name] = text,
#include "base/trace.def"
    };

    return kind < TRACES ? texts[kind] : "?";
}

const char *trace_fields(unsigned kind)
{
    static const char *const lists[TRACES] = {
#define F(type, name) #type " " #name ";"
#define TRACE(name, text, fields) [TRACE_##name] = fields,
#include "base/trace.def"
#undef F
    };

    return kind < TRACES ? lists[kind] : "";
}

const char *trace_why_text(unsigned why)
{
    static const char *const texts[WHYS] = {
#define WHY(name, text) [WHY_##name] = text,
#include "base/trace.def"
    };

    return why < WHYS ? texts[why] : "?";
}

const char *trace_timer_text(unsigned timer)
{
    static const char *const texts[TIMERS] = {
#define TIMER(name, text) [TIMER_##name] = text,
#include "base/trace.def"
    };

    return timer < TIMERS ? texts[timer] : "?";
}

const char *trace_rule_text(unsigned rule)
{
    static const char *const texts[RULES] = {
#define RULE(name, source, text) [RULE_##name] = text,
#include "base/trace.def"
    };

    return rule < RULES ? texts[rule] : "?";
}

const char *trace_rule_source(unsigned rule)
{
    static const char *const sources[RULES] = {
#define RULE(name, source, text) [RULE_##name] = source,
#include "base/trace.def"
    };

    return rule < RULES ? sources[rule] : "?";
}
