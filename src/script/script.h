/* SPDX-License-Identifier: MIT */
/*
 * script.h - runs a script of packetdrill's language against a stack of ours, in virtual time.
 *
 *      struct script_report *report = script_report_new();
 *      script_run(path, text, n, &options, report);      report->verdict tells
 *      script_report_free(report);
 *
 * Nothing outside the process is touched but the files that the script's own folder has for it.
 */
#ifndef SCRIPT_SCRIPT_H
#define SCRIPT_SCRIPT_H

#include <stddef.h>

#include "script/fault.h"

enum script_verdict {
    SCRIPT_PASSED,
    SCRIPT_FAILED,  /* what happened is not what it expects */
    SCRIPT_SKIPPED, /* it needs what does not exist yet: `what` tells */
    SCRIPT_BAD,     /* it is no script: `at` and `what` tell */
};

#define SCRIPT_HISTORY_MAX 12
#define SCRIPT_LINE_MAX    320
#define SCRIPT_NOTES_MAX   64
#define SCRIPT_TOLD_MAX    65536

/* An end of the connection when the script failed. */
struct script_end {
    bool known;
    char state[24];
    char numbers[SCRIPT_LINE_MAX];
};

struct script_report {
    enum script_verdict verdict;
    struct span at;
    char what[SCRIPT_LINE_MAX]; /* one sentence */
    /* Of a failure. */
    char line[SCRIPT_LINE_MAX]; /* of the script */
    char expected[SCRIPT_LINE_MAX], actual[SCRIPT_LINE_MAX];
    int64_t expected_us, actual_us; /* -1: no time */
    struct script_end ours, theirs; /* theirs is inferred from what the script sent */
    char reason[SCRIPT_LINE_MAX];   /* of the stack's last decision about this connection */
    unsigned history_count;
    char history[SCRIPT_HISTORY_MAX][SCRIPT_LINE_MAX]; /* what it decided, oldest first */
    /* Of any. */
    unsigned events;     /* that ran */
    int64_t elapsed_us;  /* of virtual time */
    unsigned packets_in, packets_out;
    unsigned notes;      /* shell commands that were not run, sysctls without a counterpart */
    char note[SCRIPT_NOTES_MAX][SCRIPT_LINE_MAX];
    char *printed; /* what %{ print(...) }% wrote; from malloc, or NULL */
    unsigned told_count;
    char (*told)[SCRIPT_LINE_MAX]; /* with script_extra.why, all that the stack did; from malloc, or NULL */
};

struct script_report *script_report_new(void); /* NULL: no memory */
void script_report_free(struct script_report *);

/* Options beside the script's own, which come first: each is "NAME=VALUE" or "NAME". */
struct script_extra {
    unsigned count;
    const char *const *option;
    const char *ip_version; /* kept against what scripts say; NULL: theirs */
    bool why; /* the report is to tell all that the stack did */
};

void script_run(const char *path, const char *text, size_t n, const struct script_extra *,
                struct script_report *);
/* Reads without running, for the fuzzer: true if it is a script. */
bool script_read(const char *text, size_t n, struct script_fault *);

#endif
