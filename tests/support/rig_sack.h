/* SPDX-License-Identifier: MIT */
/* rig_sack.h - stories of SACK blocks and other options, each with its reason: one that lies, one nobody asked for,
 * one too many, one taken back. */
#ifndef SUPPORT_RIG_SACK_H
#define SUPPORT_RIG_SACK_H

#include "support/rig.h"

struct rig *timestamp_not_agreed(void);
struct rig *timestamp_echo(void);
struct rig *window_scale_beyond(void);
struct rig *timestamp_echo_old(void);
struct rig *sack_not_agreed(void);
struct rig *sack_block(void);
struct rig *sack_part(void);
struct rig *sack_no_room(void);
struct rig *sack_reneged(void);

#endif
