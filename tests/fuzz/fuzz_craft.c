/* SPDX-License-Identifier: MIT */
/*
 * Any line is a command or a complaint with its column; what is a segment can be built; and any two
 * frames can be judged, whatever has passed before them.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "craft/build.h"
#include "craft/pair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static struct craft_pairs pairs;
static struct craft_command command;
static uint8_t frame[CRAFT_FRAME_MAX];

/* The line, sent by one of both ends. */
static void say(const char *line, size_t n, bool from_us)
{
    struct estab_endpoint ours = {estab_ipv4(10, 11, 0, 101), 40000};
    struct estab_endpoint theirs = {estab_ipv4(10, 11, 0, 1), 3333};
    struct craft_pair *p = craft_pair_find(&pairs, &ours, &theirs, 1);
    struct craft_proposal proposal = {
        .mtu = 65535, .src = from_us ? ours : theirs, .dst = from_us ? theirs : ours};
    char error[CRAFT_ERROR_MAX];
    struct craft_verdict verdict;
    struct frame_view v;
    enum reason reason;
    size_t length;

    if (!craft_parse(&command, line, n)) {
        expect(command.error[0] && command.column >= 1 && command.column <= n + 1);
        return;
    }
    if (command.verb != CRAFT_SEND)
        return;
    proposal.seq = from_us ? craft_pair_seq(p, false) : p->them.infer.snd_nxt.v;
    proposal.ack = from_us ? craft_pair_ack(p) : p->them.infer.rcv_nxt.v;
    length = craft_build(&command.segment, NULL, &proposal, frame, error);
    expect(length > 0 || error[0]);
    if (length == 0)
        return;
    view_bytes(&v, frame, length, ESTAB_LINK_ETHERNET);
    reason = judge_packet(frame, length, ESTAB_LINK_ETHERNET, &proposal.dst.addr, NULL);
    expect(reason != REASON_NONE || v.kind == VIEW_TCP);
    if (v.kind != VIEW_TCP)
        return;
    verdict = craft_pair_see(&pairs, p, &v, from_us, reason, 0);
    expect(verdict.judgement.reason < REASONS && verdict.judgement.end.moves <= END_MOVES);
    expect(reason == REASON_NONE || !verdict.judgement.taken);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const char *line = (const char *)data;

    memset(&pairs, 0, sizeof pairs);
    pairs.we_listen = n & 1;
    for (bool from_us = true; n > 0; from_us = !from_us) {
        const char *newline = memchr(line, '\n', n);
        size_t length = newline ? (size_t)(newline - line) : n;

        say(line, length, from_us);
        line += length + (newline != NULL);
        n -= length + (newline != NULL);
    }
    return 0;
}
