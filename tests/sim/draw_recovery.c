/* SPDX-License-Identifier: MIT */
/*
 * draw_recovery.c - docs/recovery.md: what losses, reordering and delays cost, by each way to recover, in
 * virtual time.  scripts/generate writes it, and a test compares it with what the code does now.
 */
#include <stdio.h>
#include <string.h>

#include "support/recovery_run.h"

static const struct {
    enum estab_recovery recovery;
    const char *name;
} ways[] = {
    {ESTAB_RECOVERY_NEWRENO, "NewReno"},
    {ESTAB_RECOVERY_SACK, "RFC 6675"},
    {ESTAB_RECOVERY_RACK, "RACK-TLP"},
};

#define WAYS (sizeof ways / sizeof ways[0])

/* What stands above a group's rows: a heading, what the first column is, what one sees. */
static const struct {
    const char *heading, *column, *says;
} groups[RECOVERY_GROUPS] = {
    [GROUP_NOTHING] =
        {"Nothing", "",
         "The measure for all that follows: a round trip, and the time that 60 segments take at the rate."},
    [GROUP_MIDDLE] =
        {"Losses in the middle", "of the 60",
         "One loss costs all of them the same round trip. From the second on NewReno fills one hole a round trip,\n"
         "for an acknowledgment tells it of no more than the next; with SACK all holes are known at once.\n\n"
         "- NewReno's window is small at the end where several were lost: of the second round trip's duplicates it\n"
         "  believes no more than were outstanding when the recovery began (RFC 5681 3.2, against forged ones), so\n"
         "  little is in flight when the last hole is filled, and it does not burst (RFC 6582 3.2, step 3).\n"
         "- Where half is lost, half of the window is in flight already: what is lost goes as ssthresh lets it,\n"
         "  a round trip more.\n"
         "- All but the last: one SACK is no proof by number, so RFC 6675 waits for two more, for each of which a\n"
         "  new segment has to go; RACK waits for a quarter of a round trip. Then both begin with one segment and\n"
         "  double: PRR's slow start.\n"
         "- All: nobody is told of anything. RACK-TLP sends a new segment as a probe, whose SACK starts the recovery;\n"
         "  the others wait for the timer. NewReno's two in vain are those with which F-RTO had asked: without\n"
         "  SACK nobody tells that they have come."},
    [GROUP_HEAD] =
        {"Losses at the start", "of the first 30",
         "The same in the first flight, up to the acknowledgment of the 30th."},
    [GROUP_TAIL] =
        {"Losses at the end", "of the last 60",
         "Nothing follows, so no duplicates come. NewReno and RFC 6675 wait for the timer, which leaves a window of\n"
         "one segment; RACK-TLP sends the last segment again two round trips after the last that it has heard, and\n"
         "the SACK of that tells what is missing.\n\n"
         "- The last alone: its acknowledgment may be a delayed one, so the probe waits 200 ms more, which is as\n"
         "  long as the timer waits (RFC 8985 7.2). It goes in the place of the timeout, and the window is spared.\n"
         "- With a FIN it does not wait: no receiver delays the acknowledgment of a FIN.\n"
         "- Where an odd segment comes last before the loss, its acknowledgment is delayed by 40 ms, and whatever\n"
         "  waits begins to wait then."},
    [GROUP_LOST_AGAIN] =
        {"Lost retransmissions", "lost",
         "To NewReno and RFC 6675 what went again is in flight until the timer says otherwise. RACK sees that what\n"
         "was sent after it has come.\n\n"
         "- Half, and all of it again: nothing was sent after that could tell, for ssthresh was full of it. Inside\n"
         "  a recovery there is no probe (RFC 8985 7.1), so all three wait for the timer.\n"
         "- The last of a transfer, twice: the probe is the one that is lost again. There is one probe; then\n"
         "  the timer.\n"
         "- NewReno's window after the timer is what the recovery before had halved it to, and the acknowledgment that\n"
         "  covers all opens it by all of them, as in Linux (not by one segment, RFC 3465 2.3)."},
    [GROUP_ACKS] =
        {"Lost acknowledgments", "of the acknowledgments",
         "No text is lost, so all that goes again goes in vain. Time counts from the first lost acknowledgment, half a\n"
         "round trip later than elsewhere. Any later one makes up for those before it. Where none comes the probe\n"
         "takes new text, if there is some, and the timeout of the others is found out by the timestamp of\n"
         "the next acknowledgment.\n\n"
         "- NewReno's window is not opened by the acknowledgment that undoes, here and below: without SACK that may\n"
         "  cover what came long before."},
    [GROUP_REORDERED] =
        {"Reordering", "the first comes late",
         "The first of the 60 comes behind so many of those that were sent after it. Up to two are no sign of a loss. At\n"
         "three all of them believe in one, RACK too, as it has seen no reordering yet; the timestamp of the first\n"
         "transmission, which comes back when that has come, undoes it.\n\n"
         "- The window is smaller at the end because it grows by acknowledgments outside of recoveries: what was\n"
         "  SACKed meanwhile does not count once more, which would be a burst."},
    [GROUP_LEARNED] =
        {"Reordering, the second time", "the 211th comes late",
         "The same happened to the 31st before. NewReno and RFC 6675 have learned nothing. RACK knows now that this\n"
         "path reorders, and waits for a quarter of the least round trip, 10 ms: 82 segments' time."},
    [GROUP_SPIKE] =
        {"Delays", "nothing arrives for",
         "From the first of the 60 on nothing arrives for that time, and then all of it. Two round trips, 80 ms, start\n"
         "a probe, which is new text and does no harm. The timer fires after 240 ms. The first acknowledgment then\n"
         "has the timestamp of the first transmission (Eifel): the timeout was none, and the window is as it was.\n\n"
         "- Where nothing follows, the probe is the last segment, and goes in vain with the first."},
    [GROUP_SPIKE_PLAIN] =
        {"Delays, without timestamps", "nothing arrives for",
         "F-RTO asks with two new segments instead of going back, and sees that what did not go again is\n"
         "acknowledged. It does so after each timeout in a row, as Linux does (not after the first alone, RFC 5682 2.1).\n\n"
         "- Where nothing follows there is nothing to ask with: all goes again, window by window, until the\n"
         "  duplicates that the receiver tells of (DSACK) are all of it. That undoes the window, after the transfer."},
};

static const char *undone_by(enum cwnd_rule rule)
{
    return rule == RULE_UNDO_EIFEL ? "Eifel" : rule == RULE_UNDO_FRTO ? "F-RTO" : "DSACK";
}

/* Zeros are left out, so that what is not stands out. */
static void put_count(char *to, size_t size, unsigned n)
{
    size_t at = strlen(to);

    if (n > 0)
        (void)snprintf(to + at, size - at, " %u |", n);
    else
        (void)snprintf(to + at, size - at, " |");
}

/* All cells but the first two. */
static void cells(const struct recovery_cost *c, char *to, size_t size)
{
    unsigned tenths = (unsigned)((c->took + ESTAB_MS / 20) / (ESTAB_MS / 10)), before = c->cwnd_before / c->mss;
    size_t at;

    (void)snprintf(to, size, " %u.%u ms |", tenths / 10, tenths % 10);
    put_count(to, size, c->again);
    put_count(to, size, c->in_vain);
    put_count(to, size, c->timeouts);
    put_count(to, size, c->probes);
    at = strlen(to);
    at += (size_t)snprintf(to + at, size - at, " %s%s|", c->undone ? undone_by(c->undone_by) : "",
                           c->undone ? " " : "");
    if (before > 0)
        (void)snprintf(to + at, size - at, " %u to %u |", before, c->cwnd_after / c->mss);
    else
        (void)snprintf(to + at, size - at, " %u |", c->cwnd_after / c->mss);
}

/* A row for each way; those that do the same share one. */
static bool put_case(const struct recovery_case *c)
{
    char text[WAYS][160];

    for (unsigned i = 0; i < WAYS; i++) {
        struct recovery_cost cost;
        const char *why;

        if (!recovery_run(c, ways[i].recovery, ESTAB_CONGESTION_NEWRENO, &cost, &why)) {
            fprintf(stderr, "draw_recovery: '%s' with %s: %s\n", c->name, ways[i].name, why);
            return false;
        }
        cells(&cost, text[i], sizeof text[i]);
    }
    for (unsigned i = 0, end; i < WAYS; i = end) {
        for (end = i + 1; end < WAYS && strcmp(text[i], text[end]) == 0;)
            end++;
        printf("| %s%s| ", i == 0 ? c->name : "", i == 0 ? " " : "");
        if (end - i == WAYS)
            printf("all");
        else
            for (unsigned k = i; k < end; k++)
                printf("%s%s", k > i ? ", " : "", ways[k].name);
        printf(" |%s\n", text[i]);
    }
    return true;
}

static void put_head(enum recovery_group group)
{
    printf("\n## %s\n\n%s\n\n", groups[group].heading, groups[group].says);
    printf("| %s | | recovered after | again | in vain | timeouts | probes | undone by | window |\n",
           groups[group].column);
    puts("|---|---|--:|--:|--:|--:|--:|---|--:|");
}

int main(void)
{
    puts("<!-- Written by scripts/generate, from the simulator (tests/sim/draw_recovery.c). -->\n"
         "# Recovery, case by case\n\n"
         "What losses, reordering and delays cost a sender, by each way to recover that `recovery` of the\n"
         "configuration knows: NewReno (RFC 6582), SACK (RFC 6675), and RACK-TLP (RFC 8985), the default. One transfer\n"
         "in virtual time, 100 Mbit/s and 40 ms there and back, a queue that never fills, timestamps, and Reno's\n"
         "window. The first flight has 30 segments, the second, 31 to 90, has 60, and it is these that things happen to.\n\n"
         "- **recovered after**: from the first segment that it happened to until the acknowledgment of all 60\n"
         "- **again**: segments that went again; **in vain**: of these, such as the receiver had\n"
         "- **timeouts**, **probes** of the tail\n"
         "- **undone by** what it was found out that nothing was lost\n"
         "- **window**, in segments: when it was first taken for a loss, and when it was over");
    for (unsigned i = 0; i < recovery_case_count; i++) {
        if (i == 0 || recovery_cases[i].group != recovery_cases[i - 1].group)
            put_head(recovery_cases[i].group);
        if (!put_case(&recovery_cases[i]))
            return 1;
    }
    return 0;
}
