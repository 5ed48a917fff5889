/* SPDX-License-Identifier: MIT */
/* trace.h - the rows of trace.def and reason.def as numbers; their texts are in trace.c. */
#ifndef BASE_TRACE_H
#define BASE_TRACE_H

#include <stdbool.h>
#include <stdint.h>

enum reason {
#define REASON(name, source, sentence) REASON_##name,
#include "base/reason.def"
#undef REASON
    REASONS
};

enum trace_kind {
#define TRACE(name, text, fields) TRACE_##name,
#include "base/trace.def"
    TRACES
};

enum emit_why {
#define WHY(name, text) WHY_##name,
#include "base/trace.def"
    WHYS
};

enum timer_id {
#define TIMER(name, text) TIMER_##name,
#include "base/trace.def"
    TIMERS
};

enum cwnd_rule {
#define RULE(name, source, text) RULE_##name,
#include "base/trace.def"
    RULES
};

const char *trace_why_text(unsigned why);     /* "retransmission, timeout"; "?" past the end */
const char *trace_timer_text(unsigned timer); /* "2MSL" */
const char *trace_rule_text(unsigned rule);   /* "slow start" */
const char *trace_rule_source(unsigned rule); /* "RFC 5681 3.1" */

/* The row's template, "{from} -> {to} by {event}", and its fields, "STATE from;EVENT event;...". */
const char *trace_text(unsigned kind);
const char *trace_fields(unsigned kind);

/* A row from CWND on; one whose sequence number is the peer's; a rule by which the window grows, or is what it
 * was (UNDONE tells that, too). */
bool trace_is_decision(unsigned kind);
bool trace_is_peers(unsigned kind);
bool trace_is_growth(unsigned rule);
bool trace_is_undo(unsigned rule);

#endif
