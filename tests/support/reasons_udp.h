/* SPDX-License-Identifier: MIT */
/* reasons_udp.h - for test_reasons.c: each makes a stack in which the UDP reason of its name is counted. */
#ifndef SUPPORT_REASONS_UDP_H
#define SUPPORT_REASONS_UDP_H

#include "support/rig.h"

struct rig *provoke_udp_header(void);
struct rig *provoke_udp_length(void);
struct rig *provoke_udp_checksum(void);
struct rig *provoke_udp_no_port(void);
struct rig *provoke_udp_broadcast(void);
struct rig *provoke_udp_buffer(void);
struct rig *provoke_udp_text_pool(void);
struct rig *provoke_udp_waiting(void);
struct rig *provoke_icmp_udp(void);

#endif
