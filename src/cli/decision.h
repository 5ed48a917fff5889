/* SPDX-License-Identifier: MIT */
/* decision.h - a decision of the core in words, for --why: a row of trace.def with its numbers. */
#ifndef CLI_DECISION_H
#define CLI_DECISION_H

#include "base/trace.h"
#include "estab.h"

/* Sequence numbers count from the connection's own, or (`from` is NULL) are as they are.  False: it has no
 * line of its own, because a window that grows says nothing, and what undoes a decision says it itself. */
bool decision_words(const struct estab_trace *t, const struct estab_status *from, char *out, size_t size);

#endif
