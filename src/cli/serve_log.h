/* SPDX-License-Identifier: MIT */
/*
 * serve_log.h - what the servers have to tell: a line for people, or an object for programs, of one
 * event each, from any thread.
 *
 *      struct serve_line *l = serve_line_new(log, "request", worker, remote);
 *      text_format(&l->people, ...);       after "0.012345 worker-1 10.11.0.101:40000 "
 *      text_format(&l->object, ...);       after "schema", "time", "event", "worker", "remote"
 *      serve_line_tell(l);
 *
 * Whatever came from outside is quoted, so that a terminal does not obey it.
 */
#ifndef CLI_SERVE_LOG_H
#define CLI_SERVE_LOG_H

#include "capture/text.h"
#include "cli/verb.h"

#define SERVE_LINE_MAX 32768 /* of which 4 KB, each octet quoted, take at most 24 */

struct serve_log {
    FILE *out;
    bool json;
    enum cli_ts ts;
    estab_time zero;  /* that relative times count from */
    estab_time epoch; /* the wall clock then */
    estab_time last;  /* when something was told */
};

struct serve_line {
    struct serve_log *log;
    struct text people, object;
    char people_room[SERVE_LINE_MAX], object_room[SERVE_LINE_MAX];
};

/* Times count from now. */
void serve_log_init(struct serve_log *, FILE *, bool json, enum cli_ts);

/* `worker` and `remote` may be NULL.  NULL: no memory, nothing is told. */
struct serve_line *serve_line_new(struct serve_log *, const char *event, const char *worker,
                                  const char *remote);
/* Writes it at once, in one piece, and frees it.  May be NULL. */
void serve_line_tell(struct serve_line *);

#endif
