/* SPDX-License-Identifier: MIT */
/*
 * script.c - `estab script`: runs files one after the other and reports each.
 *
 *      ok    tests/script/ack/delayed.pkt (14 events, 1.240000 s)
 *      FAIL  tests/script/ack/delayed.pkt:12:9: flags: expected P., got .
 *      skip  tests/script/udp/addresses.pkt:3:1: it names IPv4 addresses, and this is a run over IPv6
 *      bad   tests/script/broken.pkt:7:20: expected `=`, found `)`
 *
 * A line begins with its word in every language of output: programs read --json, people the words.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/text.h"
#include "cli/verb.h"
#include "script/lexer.h"
#include "script/script.h"

#define TEXT_MAX  65536
#define NAMED_MAX 256 /* different notes that are said once each */
#define COLUMN    10

struct tally {
    const struct cli_options *o;
    unsigned passed, failed, skipped, bad;
    unsigned named;
    char *name[NAMED_MAX];
};

static const struct {
    const char *word, *json;
    enum text_colour colour;
} verdicts[] = {
    [SCRIPT_PASSED] = {"ok", "pass", TEXT_GREEN},
    [SCRIPT_FAILED] = {"FAIL", "fail", TEXT_RED},
    [SCRIPT_SKIPPED] = {"skip", "skip", TEXT_YELLOW},
    [SCRIPT_BAD] = {"bad", "bad", TEXT_RED},
};

/* ---- files -------------------------------------------------------------------------------------------- */

/* The whole file, from malloc; NULL and errno.  Longer than a script may be: cut, and so refused. */
static char *read_file(const char *path, size_t *n)
{
    size_t room = LEXER_SOURCE_MAX + 1;
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    char *text = file ? malloc(room + 1) : NULL;
    int error = errno;

    if (text) {
        *n = fread(text, 1, room, file);
        error = ferror(file) ? errno : 0;
        text[*n] = '\0';
    }
    if (file && file != stdin)
        fclose(file);
    if (error && text) {
        free(text);
        text = NULL;
    }
    errno = error;
    return text;
}

/* ---- for people ------------------------------------------------------------------------------------------- */

/* Where a side-by-side line has its second half. */
#define HALF 56

static void pair(struct text *t, const char *label, const char *left, const char *right)
{
    text_add(t, "        ");
    text_add(t, label);
    text_pad(t, COLUMN + 8);
    text_add(t, left);
    if (text_columns(t) + 2 > HALF + COLUMN + 8) { /* too long: one below the other */
        text_newline(t);
        text_pad(t, COLUMN + 8);
    } else {
        text_pad(t, HALF + COLUMN + 8);
    }
    text_add(t, right);
    text_newline(t);
}

static void seconds(char out[32], int64_t us)
{
    if (us < 0)
        out[0] = '\0';
    else
        snprintf(out, 32, "%.6f", (double)us / 1e6);
}

static void show_comparison(struct text *t, const struct script_report *report)
{
    char expected_time[32], actual_time[32];

    seconds(expected_time, report->expected_us);
    seconds(actual_time, report->actual_us);
    if (!report->expected[0] && report->expected_us < 0)
        return;
    pair(t, "", "expected", "actual");
    if (report->expected[0])
        pair(t, "", report->expected, report->actual);
    if (expected_time[0] || actual_time[0])
        pair(t, "at", expected_time, actual_time);
}

static void show_end(struct text *t, const char *label, const struct script_end *end)
{
    if (!end->known)
        return;
    text_add(t, "        ");
    text_add(t, label);
    text_pad(t, COLUMN + 8);
    text_format(t, "%s  %s", end->state, end->numbers);
    text_newline(t);
}

static void show_failure(struct text *t, const struct script_report *report)
{
    text_format(t, "        %6u |  %s", report->at.line, report->line);
    text_newline(t);
    show_comparison(t, report);
    show_end(t, "estab", &report->ours);
    show_end(t, "~script", &report->theirs);
    if (report->reason[0]) {
        text_add(t, "        why");
        text_pad(t, COLUMN + 8);
        text_add(t, report->reason);
        text_newline(t);
    }
    for (unsigned i = 0; i < report->history_count; i++) {
        text_add(t, i ? "" : "        before");
        text_pad(t, COLUMN + 8);
        text_add(t, report->history[i]);
        text_newline(t);
    }
}

static void show(const struct tally *tally, const char *path, const struct script_report *report)
{
    static char room[TEXT_MAX];
    struct text t = text_of(room, sizeof room, tally->o->colour);

    text_paint(&t, verdicts[report->verdict].colour, verdicts[report->verdict].word);
    text_pad(&t, 6);
    text_add(&t, path);
    if (report->verdict == SCRIPT_PASSED)
        text_format(&t, " (%u events, %.6f s)", report->events, (double)report->elapsed_us / 1e6);
    else if (report->at.line)
        text_format(&t, ":%u:%u: %s", report->at.line, report->at.column, report->what);
    else
        text_format(&t, ": %s", report->what);
    text_newline(&t);
    if (report->verdict == SCRIPT_FAILED)
        show_failure(&t, report);
    fputs(room, stdout);
    for (unsigned i = 0; i < report->told_count; i++)
        printf("        %s\n", report->told[i]);
    fflush(stdout);
}

/* ---- what was not run ---------------------------------------------------------------------------------------- */

static bool is_new(struct tally *tally, const char *note)
{
    for (unsigned i = 0; i < tally->named; i++) {
        if (strcmp(tally->name[i], note) == 0)
            return false;
    }
    if (tally->named < NAMED_MAX && (tally->name[tally->named] = strdup(note)))
        tally->named++;
    return true;
}

/* Each note is said once, with the first script that has it; with -v, each time. */
static void show_notes(struct tally *tally, const char *path, const struct script_report *report)
{
    if (tally->o->verbose && report->printed)
        fprintf(stderr, "%s printed:\n%s", path, report->printed);
    for (unsigned i = 0; i < report->notes; i++) {
        if (is_new(tally, report->note[i]) || tally->o->verbose)
            cli_say(tally->o, CLI_OK, "%s: %s", path, report->note[i]);
    }
}

/* ---- for programs --------------------------------------------------------------------------------------------- */

static void member(struct text *t, const char *name, const char *value)
{
    if (!value[0])
        return;
    text_format(t, ",\"%s\":", name);
    text_json(t, value, strlen(value));
}

static void end_member(struct text *t, const char *name, const struct script_end *end)
{
    if (!end->known)
        return;
    text_format(t, ",\"%s\":{\"state\":", name);
    text_json(t, end->state, strlen(end->state));
    member(t, "numbers", end->numbers);
    text_add(t, "}");
}

static void array(struct text *t, const char *name, const char (*lines)[SCRIPT_LINE_MAX], unsigned n)
{
    text_format(t, ",\"%s\":[", name);
    for (unsigned i = 0; i < n; i++) {
        text_add(t, i ? "," : "");
        text_json(t, lines[i], strlen(lines[i]));
    }
    text_add(t, "]");
}

static void failure_members(struct text *t, const struct script_report *report)
{
    member(t, "source", report->line);
    member(t, "expected", report->expected);
    member(t, "actual", report->actual);
    if (report->expected_us >= 0)
        text_format(t, ",\"expected_us\":%lld", (long long)report->expected_us);
    if (report->actual_us >= 0)
        text_format(t, ",\"actual_us\":%lld", (long long)report->actual_us);
    end_member(t, "estab", &report->ours);
    end_member(t, "script", &report->theirs);
    member(t, "why", report->reason);
    array(t, "before", (const char(*)[SCRIPT_LINE_MAX])report->history, report->history_count);
}

/* As long as it has to be, and so not all at once. */
static void json_told(const struct script_report *report)
{
    char room[4 * SCRIPT_LINE_MAX];

    for (unsigned i = 0; i < report->told_count; i++) {
        struct text t = text_of(room, sizeof room, false);

        text_add(&t, i ? "," : ",\"trace\":[");
        text_json(&t, report->told[i], strlen(report->told[i]));
        fputs(room, stdout);
    }
    fputs("]", stdout);
}

static void show_json(const char *path, const struct script_report *report)
{
    static char room[TEXT_MAX];
    struct text t = text_of(room, sizeof room, false);

    text_add(&t, "{\"schema\":\"estab.script/1\",\"file\":");
    text_json(&t, path, strlen(path));
    text_format(&t, ",\"verdict\":\"%s\"", verdicts[report->verdict].json);
    if (report->at.line)
        text_format(&t, ",\"line\":%u,\"column\":%u", report->at.line, report->at.column);
    member(&t, "what", report->what);
    if (report->verdict == SCRIPT_FAILED)
        failure_members(&t, report);
    text_format(&t, ",\"events\":%u,\"elapsed_us\":%lld,\"packets_in\":%u,\"packets_out\":%u",
                report->events, (long long)report->elapsed_us, report->packets_in,
                report->packets_out);
    array(&t, "notes", (const char(*)[SCRIPT_LINE_MAX])report->note, report->notes);
    fputs(room, stdout);
    if (report->told_count)
        json_told(report);
    fputs("}\n", stdout);
    fflush(stdout);
}

/* ---- the verb --------------------------------------------------------------------------------------------------- */

static void count(struct tally *tally, const struct script_report *report)
{
    tally->passed += report->verdict == SCRIPT_PASSED;
    tally->failed += report->verdict == SCRIPT_FAILED;
    tally->skipped += report->verdict == SCRIPT_SKIPPED;
    tally->bad += report->verdict == SCRIPT_BAD;
}

/* False: there is no memory to go on with. */
static bool run_file(struct tally *tally, const char *path)
{
    /* In the order of their option's words. */
    static const char *const script_versions[] = {"ipv4", "ipv6", "ipv4-mapped-ipv6"};
    const struct script_extra extra = {
        .count = tally->o->sets.count,
        .option = tally->o->sets.text,
        .why = tally->o->why,
        .ip_version =
            cli_given(tally->o, OPT_IP_VERSION) ? script_versions[tally->o->ip_version] : NULL,
    };
    struct script_report *report = script_report_new();
    size_t n = 0;
    char *text = read_file(path, &n);

    if (!report) {
        free(text);
        return false;
    }
    if (text) {
        script_run(path, text, n, &extra, report);
    } else {
        report->verdict = SCRIPT_BAD;
        snprintf(report->what, sizeof report->what, "cannot be read: %s", strerror(errno));
    }
    count(tally, report);
    if (tally->o->json)
        show_json(path, report);
    else
        show(tally, path, report);
    show_notes(tally, path, report);
    script_report_free(report);
    free(text);
    return true;
}

/* "129 passed, 0 failed", and what else there was. */
static void show_sum(const struct tally *t)
{
    printf("%u passed, %u failed", t->passed, t->failed);
    if (t->skipped)
        printf(", %u skipped", t->skipped);
    if (t->bad)
        printf(", %u no script%s", t->bad, t->bad == 1 ? "" : "s");
    putchar('\n');
}

int cmd_script(const struct cli_options *o)
{
    static struct tally tally;
    unsigned i = 0;

    tally = (struct tally){.o = o};
    while (i < o->files.count && run_file(&tally, o->files.text[i]))
        i++;
    if (i < o->files.count)
        return cli_say(o, CLI_INPUT, "no memory");
    for (unsigned k = 0; k < tally.named; k++)
        free(tally.name[k]);
    if (o->files.count > 1 && !o->json)
        show_sum(&tally);
    if (tally.bad)
        return CLI_INPUT;
    return tally.failed || tally.skipped ? CLI_FAILED : CLI_OK;
}
