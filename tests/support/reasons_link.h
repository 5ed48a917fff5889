/* SPDX-License-Identifier: MIT */
/* reasons_link.h - for test_reasons.c: each makes a stack in which the reason of its name is counted. */
#ifndef SUPPORT_REASONS_LINK_H
#define SUPPORT_REASONS_LINK_H

#include "support/rig.h"

struct rig *provoke_frame_short(void);
struct rig *provoke_frame_ethertype(void);
struct rig *provoke_frame_not_ours(void);
struct rig *provoke_frame_interface(void);
struct rig *provoke_arp_malformed(void);
struct rig *provoke_arp_duplicate(void);
struct rig *provoke_arp_not_ours(void);
struct rig *provoke_neighbour_table_full(void);

#endif
