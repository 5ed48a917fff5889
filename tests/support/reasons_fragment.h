/* SPDX-License-Identifier: MIT */
/*
 * reasons_fragment.h - for each reason that only parts of datagrams can bring, a stack that has just met
 * it: a part of tests/state/test_reasons.c.
 */
#ifndef SUPPORT_REASONS_FRAGMENT_H
#define SUPPORT_REASONS_FRAGMENT_H

#include "support/rig.h"

struct rig *fragment_waits(void);
struct rig *fragment_overlap(void);
struct rig *fragment_duplicate(void);
struct rig *fragment_end(void);
struct rig *fragment_ecn(void);
struct rig *fragment_many(void);
struct rig *fragment_length(void);
struct rig *fragment_empty(void);
struct rig *fragment_beyond(void);
struct rig *fragment_headers(void);
struct rig *fragment_nested(void);
struct rig *fragment_timeout(void);
struct rig *fragment_evicted(void);

#endif
