/* SPDX-License-Identifier: MIT */
/*
 * settings.h - what a script's options and its sysctls say, as our configuration.
 *
 * Options are packetdrill's.  Those that only matter to a real kernel or a real wire are taken and
 * mean nothing (gateway_ip, speed, send_omit_free ...).  virtual/sysctl.def tells which sysctls have a
 * counterpart; the others are remembered as unheeded.
 */
#ifndef SCRIPT_SETTINGS_H
#define SCRIPT_SETTINGS_H

#include "estab_posix.h"
#include "script/arena.h"
#include "script/ast.h"
#include "script/lexer.h"
#include "virtual/sysctl.h"

enum ip_version { IP_VERSION_4, IP_VERSION_4_MAPPED, IP_VERSION_6 };

struct script_settings {
    enum ip_version ip_version;
    bool version_kept; /* the command line chose it, and what a script says does not matter */
    struct estab_addr local, remote; /* unspecified until settings_finish */
    uint16_t bind_port, connect_port;
    uint32_t mtu; /* 0 until settings_finish */
    uint32_t mss; /* the segments of inbound super-segments; 0: they are none */
    int64_t tolerance_us;
    int64_t tolerance_ppm; /* of the time since the event before */
    int64_t ts_tick_us;    /* 0: timestamps are not compared */
    bool ecr_scaled, strict_segments, dry_run;
    bool packets_go_on, calls_go_on; /* --non_fatal */
    struct estab_config stack;
    struct estab_posix_config posix;
};

/* Linux's values, as packetdrill's scripts expect them without any sysctl. */
void settings_init(struct script_settings *);
/* Words that the suites are run with: TFO_COOKIE, CODE, CMSG_LEVEL_IP, CMSG_TYPE_RECVERR. */
bool settings_define(struct lexer *, enum ip_version);
/* A parser_option, its context a struct script_settings. */
bool settings_option(void *settings, struct lexer *, const struct script_option *,
                     struct script_fault *);

/* Keeps a version, by its name, against what scripts say; false: it has none of that name. */
bool settings_keep_version(struct script_settings *, const char *name);
/* What no option has said, by the version: the addresses and the MTU that packetdrill's suites are run
 * with.  NULL, or what is in the way: "IPv4 addresses". */
const char *settings_finish(struct script_settings *);

enum sysctl_result settings_sysctl(struct script_settings *, const char *name, const char *value);

#endif
