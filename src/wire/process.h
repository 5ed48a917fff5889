/* SPDX-License-Identifier: MIT */
/*
 * process.h - which process is the hub of a wire, where it cannot be asked.
 *
 * A hub that is stopped answers nobody, and once enough wait for it nobody is connected any more; then the
 * kernel does not tell whose socket it is (SO_PEERCRED).  /proc does: of the processes called as hubs are,
 * the one that has our directory open, and in it listens on this file.
 */
#ifndef WIRE_PROCESS_H
#define WIRE_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#define PROCESS_HUB "estab-wire" /* what a hub is called */

/* The descriptors that a hub has from its beginning. */
enum { PROCESS_LISTENER = 3, PROCESS_PLACE = 4 };

/* 0: it is not known. */
pid_t process_of_hub(int place, const char *file);

#endif
