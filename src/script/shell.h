/* SPDX-License-Identifier: MIT */
/*
 * shell.h - the shell commands of a script, read and never run.
 *
 * Understood are: `sysctl [-q] [-w] NAME=VALUE...`, programs called sysctl or set_sysctls.py with
 * /proc/sys/NAME=VALUE, `tc qdisc add dev DEVICE root fq` (replace, too), and files of such commands (`../common/defaults.sh`, `. FILE`, `source FILE`),
 * found from the script's own directory.  Quotes, comments, `;`, `&&`, `\` at the end of a line,
 * redirections and $((arithmetic)) mean what they mean to a shell.  Everything else is named to
 * `skip`.
 */
#ifndef SCRIPT_SHELL_H
#define SCRIPT_SHELL_H

#include "script/arena.h"

#define SHELL_DEPTH_MAX 4       /* files that read files */
#define SHELL_FILE_MAX  65536u  /* bytes */

struct shell {
    struct arena *arena;
    const char *folder; /* of the script */
    void *context;
    /* `name` as "net.ipv4.tcp_sack", whichever way it was written. */
    void (*set)(void *context, const char *name, const char *value);
    void (*skip)(void *context, const char *command, const char *why);
    unsigned depth;
};

void shell_read(struct shell *, const char *text);

#endif
