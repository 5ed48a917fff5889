/* SPDX-License-Identifier: MIT */
/* serve_log.c - see serve_log.h.  "estab.serve/1" is the schema of the objects. */
#include "cli/serve_log.h"

#include <estab_host.h>
#include <stdlib.h>
#include <time.h>

void serve_log_init(struct serve_log *log, FILE *out, bool json, enum cli_ts ts)
{
    struct timespec wall;

    clock_gettime(CLOCK_REALTIME, &wall);
    *log = (struct serve_log){.out = out, .json = json, .ts = ts, .zero = estab_now()};
    log->epoch = (estab_time)wall.tv_sec * ESTAB_SECOND + (estab_time)wall.tv_nsec;
    log->last = log->zero;
}

/* In seconds, as --ts wants it. */
static double time_of(struct serve_log *log)
{
    estab_time now, since;

    flockfile(log->out);
    now = estab_now();
    since = now - (log->ts == TS_DELTA ? log->last : log->zero);
    log->last = now;
    funlockfile(log->out);
    return (double)(since + (log->ts == TS_ABSOLUTE ? log->epoch : 0)) / 1e9;
}

struct serve_line *serve_line_new(struct serve_log *log, const char *event, const char *worker,
                                  const char *remote)
{
    struct serve_line *l = malloc(sizeof *l); /* most of which stays untouched */
    double seconds;

    if (!l)
        return NULL;
    l->log = log;
    l->people = text_of(l->people_room, sizeof l->people_room, false);
    l->object = text_of(l->object_room, sizeof l->object_room, false);
    seconds = time_of(log);
    text_format(&l->people, "%.6f %s%s%s%s", seconds, worker ? worker : "", worker ? " " : "",
                remote ? remote : "", remote ? " " : "");
    text_format(&l->object, "{\"schema\":\"estab.serve/1\",\"time\":%.6f,\"event\":\"%s\"", seconds,
                event);
    if (worker)
        text_format(&l->object, ",\"worker\":\"%s\"", worker);
    if (remote)
        text_format(&l->object, ",\"remote\":\"%s\"", remote);
    return l;
}

void serve_line_tell(struct serve_line *l)
{
    struct text *told;

    if (!l)
        return;
    told = l->log->json ? &l->object : &l->people;
    text_add(told, l->log->json ? "}\n" : "\n");
    flockfile(l->log->out);
    (void)fwrite(told->p, 1, told->length, l->log->out);
    (void)fflush(l->log->out);
    funlockfile(l->log->out);
    free(l);
}
