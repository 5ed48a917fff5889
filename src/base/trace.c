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

bool trace_is_decision(unsigned kind)
{
    return kind >= TRACE_CWND && kind < TRACES;
}

bool trace_is_peers(unsigned kind)
{
    return kind == TRACE_OUT_OF_ORDER || kind == TRACE_ECN_CE;
}

bool trace_is_undo(unsigned rule)
{
    return rule == RULE_UNDO_EIFEL || rule == RULE_UNDO_FRTO || rule == RULE_UNDO_DSACK;
}

bool trace_is_growth(unsigned rule)
{
    switch (rule) {
    case RULE_START:
    case RULE_SLOW_START:
    case RULE_AVOIDANCE:
    case RULE_INFLATE:
    case RULE_CUBIC:
    case RULE_CUBIC_RENO:
        return true;
    default:
        return false;
    }
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
