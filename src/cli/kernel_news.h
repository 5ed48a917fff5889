/* SPDX-License-Identifier: MIT */
/*
 * kernel_news.h - what a kernel host tells beside the frames: how its kernel's TCP stands.
 *
 *      wire --> frame --> the kernel --> kernel_news_reached --> REPORT on that frame
 *      the kernel --> frame --> kernel_news_leaving --> goes with it on the wire
 *
 * The packets that pass say which edges of the state machine the kernel may have taken (infer.h); the
 * kernel itself, asked for this one socket (diag.h), says whether it has.  A move is told only then, once,
 * with the first frame by which it was known: so what others print of this host is true, and not inferred.
 * A call of a program's that no frame shows yet is told with the frame that it causes.
 *
 * Limits: INFER_TABLE_MAX connections; the one that was used longest ago makes room.
 */
#ifndef CLI_KERNEL_NEWS_H
#define CLI_KERNEL_NEWS_H

#include <estab.h>

#include "wire/station.h"

struct kernel_news;

/* Whether a kernel tells of its sockets: asked before a host says that it will REPORT. */
bool kernel_news_possible(void);

/* `diag` belongs to the namespace, and stays the caller's.  NULL: no memory. */
ESTAB_MUST_CHECK struct kernel_news *kernel_news_new(struct station *, int diag);
void kernel_news_free(struct kernel_news *);

/* The kernel's frame is about to be sent to the station. */
void kernel_news_leaving(struct kernel_news *, const struct estab_frame *);
/* A frame of the station's was given to the kernel; `came` is the envelope that it came in. */
void kernel_news_reached(struct kernel_news *, const struct estab_frame *,
                         const struct envelope *came);
/* Moves that no frame has told: the end of TIME-WAIT, or what the kernel did later. */
void kernel_news_settle(struct kernel_news *, estab_time now);

#endif
