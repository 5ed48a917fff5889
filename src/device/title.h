/* SPDX-License-Identifier: MIT */
/*
 * title.h - what ps calls a process that outlives the command it was forked from.
 */
#ifndef DEVICE_TITLE_H
#define DEVICE_TITLE_H

/* Names this process, for `ps` with and without arguments; what there is no room for is cut.  The words
 * of the command line are overwritten: whoever needs them has copied them (main.c has). */
void title_set(const char *name);

#endif
