/* SPDX-License-Identifier: MIT */
/*
 * throttle.c - how many answers to segments outside the window a connection, and the whole stack, may give
 * (RFC 5961 section 7), so that two stacks do not answer each other for ever, and a stranger learns nothing.
 *
 * A connection has a few a second, counted in one byte; who wants which of them:
 *
 *      answer         1   2   3   4   5   6   7
 *                   |===========|                 a challenge: RST, SYN or ACK that a stranger may have sent
 *                   |===================|         an ACK of what lies outside the window
 *                   |===========================| the same of RCV.NXT - 1: a keep-alive, and hard to guess
 *
 * so what strangers who know the sockets spend leaves two answers for the peer's keep-alives.
 *
 * Challenges of all connections together have a ceiling.  What is shared can be watched: who challenges
 * itself up to a fixed ceiling, and counts, knows how many others were challenged (CVE-2016-5696).  So the
 * ceiling is another one each second, from half to three halves of what is configured, by hash_key; and since
 * the same connection never takes more than three, guessing right moves the count by three in a thousand or
 * so that nobody can foresee.  tests/sim/test_bystander.c plays it.
 */
#include "base/siphash.h"
#include "tcp/tcp.h"

enum { SECOND_BITS = 5, SECOND_MASK = (1 << SECOND_BITS) - 1 };
enum { CHALLENGES = 3, STRAYS = 5, NEAR_STRAYS = 7 };

_Static_assert(NEAR_STRAYS <= UINT8_MAX >> SECOND_BITS, "the count has the rest of the byte");

/* Whether the connection has one of its first `most` answers of this second left; takes it. */
static bool answer_left(uint8_t *spent, unsigned most, estab_time now)
{
    uint8_t second = s_of(now) & SECOND_MASK;

    if ((*spent & SECOND_MASK) != second)
        *spent = second;
    if ((unsigned)*spent >> SECOND_BITS >= most)
        return false;
    *spent = (uint8_t)(*spent + (1 << SECOND_BITS));
    return true;
}

bool throttle_stray(uint8_t *spent, bool near, estab_time now)
{
    return answer_left(spent, near ? NEAR_STRAYS : STRAYS, now);
}

static uint32_t ceiling_of(const struct tcp *t, uint32_t second)
{
    /* Five bytes: of four are the IPv4 identifications, which everybody sees. */
    uint8_t text[5] = {(uint8_t)(second >> 24), (uint8_t)(second >> 16), (uint8_t)(second >> 8),
                       (uint8_t)second, 0};
    uint32_t most = t->config.challenge_acks_per_second;

    return (most + 1) / 2 + (uint32_t)(siphash13(t->config.hash_key, text, sizeof text) % most);
}

bool throttle_challenge(struct tcp *t, uint8_t *spent, estab_time now)
{
    uint32_t second = s_of(now);

    if (t->challenge_second_and_1 != second + 1) {
        t->challenge_second_and_1 = second + 1;
        t->challenges_left = ceiling_of(t, second);
    }
    if (t->challenges_left == 0 || !answer_left(spent, CHALLENGES, now))
        return false;
    t->challenges_left--;
    return true;
}
