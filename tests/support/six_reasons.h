/* SPDX-License-Identifier: MIT */
/*
 * six_reasons.h - for each reason that only IPv6 can bring, a stack that has just met it: a part of
 * tests/state/test_reasons.c.
 */
#ifndef SUPPORT_SIX_REASONS_H
#define SUPPORT_SIX_REASONS_H

#include "support/rig.h"

struct rig *six_header(void);
struct rig *six_length(void);
struct rig *six_mapped(void);
struct rig *six_extension(void);
struct rig *six_extensions(void);
struct rig *six_option(void);
struct rig *six_routing(void);
struct rig *six_no_next(void);
struct rig *six_tentative(void);
struct rig *six_ndp_malformed(void);
struct rig *six_ndp_not_ours(void);
struct rig *six_ndp_unasked(void);
struct rig *six_ndp_kept(void);
struct rig *six_ndp_duplicate(void);
struct rig *six_address_duplicate(void);
struct rig *six_router(void);
struct rig *six_redirect(void);
struct rig *six_mld_malformed(void);
struct rig *six_full(void);

#endif
