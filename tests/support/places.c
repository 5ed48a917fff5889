/* SPDX-License-Identifier: MIT */
/* places.c - see places.h. */
#include "support/places.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { NAME_MAX_ = 80, CASES_MAX = 320, ISNS = 3 };

static struct rig rig;

static const struct {
    const char *name;
    enum rig_state state;
} places[PLACES] = {
    [AT_CLOSED] = {"closed", CLOSED},
    [AT_LISTEN] = {"listen", LISTEN},
    [AT_LISTENER] = {"listener", LISTEN},
    [AT_COOKIE] = {"cookie", LISTEN},
    [AT_SYN_SENT] = {"syn_sent", SYN_SENT},
    [AT_SYN_RECEIVED] = {"syn_received", SYN_RECEIVED},
    [AT_ESTABLISHED] = {"established", ESTABLISHED},
    [AT_FIN_WAIT_1] = {"fin_wait_1", FIN_WAIT_1},
    [AT_FIN_WAIT_2] = {"fin_wait_2", FIN_WAIT_2},
    [AT_CLOSE_WAIT] = {"close_wait", CLOSE_WAIT},
    [AT_CLOSING] = {"closing", CLOSING},
    [AT_LAST_ACK] = {"last_ack", LAST_ACK},
    [AT_TIME_WAIT] = {"time_wait", TIME_WAIT},
};

/* ---- what a story looks at ----------------------------------------------------------------------------- */

uint32_t place_seq(const struct rig *r)
{
    struct estab_status st = rig_status(r);

    return st.state <= ESTAB_STATE_SYN_SENT ? 0 : st.rcv_nxt - r->irs;
}

uint32_t place_sent(const struct rig *r)
{
    struct estab_status st = rig_status(r);

    return st.state <= ESTAB_STATE_LISTEN ? 1 : st.snd_nxt - r->iss;
}

uint32_t place_una(const struct rig *r)
{
    struct estab_status st = rig_status(r);

    return st.state <= ESTAB_STATE_LISTEN ? 1 : st.snd_una - r->iss;
}

void place_unmoved(const struct rig *r, const struct estab_status *was)
{
    struct estab_status is = rig_status(r);

    if (is.state != was->state || is.snd_una != was->snd_una || is.snd_nxt != was->snd_nxt ||
        is.rcv_nxt != was->rcv_nxt || is.snd_wnd != was->snd_wnd || is.receive_queued != was->receive_queued)
        rig_fail(r, "an input that was refused has changed the connection");
}

void place_dropped(struct rig *r, const struct estab_status *was, enum reason reason, uint64_t n)
{
    rig_quiet(r);
    rig_happened(r, 0, ESTAB_OK);
    rig_counted(r, reason, n);
    place_unmoved(r, was);
}

/* ---- into a place ---------------------------------------------------------------------------------------- */

/* A SYN that finds no place is answered with a number by which its ACK will be known. */
static void become_cookie(struct rig *r)
{
    const struct rig_sent *answer;

    r->way = LISTENER;
    rig_listen_anew(r);
    IN(r, SYN, 0, 0);
    answer = rig_out_any(r);
    if (!answer)
        rig_fail(r, "no cookie");
    r->iss = answer->seq;
    rig_counted(r, REASON_LISTEN_COOKIE, 1);
}

/* The text is out, and in the closing states our FIN behind it. */
static void become_sending(struct rig *r, enum rig_state state)
{
    bool closed = state == FIN_WAIT_1 || state == CLOSING || state == LAST_ACK;

    r->way = ACTIVE;
    rig_become(r, ACTIVE, SYN_SENT);
    IN(r, SYN | ACK, 0, 1, .raw = "\2\4\0\144\1\1\4\2", .raw_length = 8);
    if (state == CLOSE_WAIT || state == LAST_ACK)
        IN(r, FIN | ACK, 1, 1);
    assert_int_equal(rig_send(r, PLACE_TEXT, 0), ESTAB_OK);
    if (closed)
        assert_int_equal(rig_close(r), ESTAB_OK);
    if (state == CLOSING)
        IN(r, FIN | ACK, 1, 1);
    assert_int_equal(place_sent(r), 1 + PLACE_TEXT + closed);
    assert_int_equal(place_una(r), 1);
}

static void become(struct rig *r, const struct state_case *c, enum place place, enum rig_way way)
{
    if (c->places & SENDING_BIT)
        become_sending(r, places[place].state);
    else if (place == AT_COOKIE)
        become_cookie(r);
    else
        rig_become(r, way, places[place].state);
    if (place == AT_TIME_WAIT)
        rig_nobody_listens(r);
    rig_is(r, places[place].state);
    rig_forget(r);
}

/* ---- alive ------------------------------------------------------------------------------------------------ */

static void opens(struct rig *r, enum place place)
{
    if (place == AT_COOKIE) {
        IN(r, ACK, 1, 1);
    } else if (rig_state(r) == SYN_SENT) {
        IN(r, SYN | ACK, 0, 1);
    } else {
        if (rig_state(r) == LISTEN)
            IN(r, SYN, 0, 0);
        IN(r, ACK, 1, 1);
    }
    rig_is(r, ESTABLISHED);
}

static void takes_text(struct rig *r)
{
    uint32_t before = place_seq(r);

    IN(r, PSH | ACK, before, place_sent(r), .len = 10);
    if (place_seq(r) != before + 10 || place_una(r) != place_sent(r))
        rig_fail(r, "text is not taken, or an acknowledgment");
}

/* Where there was a listener, it is there yet. */
static void is_over(const struct rig *r)
{
    rig_is(r, r->listener.generation ? LISTEN : CLOSED);
}

static void closes(struct rig *r)
{
    IN(r, ACK, place_seq(r), place_sent(r));
    assert_int_equal(rig_close(r), ESTAB_OK);
    IN(r, ACK, place_seq(r), place_sent(r));
    is_over(r);
}

static void alive(struct rig *r, enum place place)
{
    uint64_t now_ms = (r->now - r->base) / ESTAB_MS;

    rig_forget(r);
    switch (rig_state(r)) {
    case CLOSED:
        IN(r, SYN, 0, 0);
        OUT(r, RST | ACK | ZERO_SEQ, 0, 1);
        return;
    case LISTEN:
    case SYN_SENT:
    case SYN_RECEIVED:
        opens(r, place);
        return;
    case ESTABLISHED:
    case FIN_WAIT_2:
        takes_text(r);
        return;
    case FIN_WAIT_1:
        takes_text(r);
        rig_is(r, FIN_WAIT_2);
        return;
    case CLOSE_WAIT:
        closes(r);
        return;
    case CLOSING:
        IN(r, ACK, place_seq(r), place_sent(r));
        rig_is(r, TIME_WAIT);
        return;
    case LAST_ACK:
        IN(r, ACK, place_seq(r), place_sent(r));
        is_over(r);
        return;
    default:
        rig_at(r, now_ms + 2 * r->config.msl_ms + 1000);
        rig_is(r, CLOSED);
    }
}

/* ---- the cases -------------------------------------------------------------------------------------------- */

struct here {
    const struct state_case *c;
    enum place place;
    char name[NAME_MAX_];
};

static bool leads_there(const struct here *h, enum rig_way way)
{
    if ((h->c->places & SENDING_BIT) || h->place == AT_COOKIE)
        return way == ACTIVE; /* once */
    if (h->place == AT_LISTEN || h->place == AT_LISTENER)
        return way == (h->place == AT_LISTEN ? SINGLE : LISTENER);
    return rig_can_become(way, places[h->place].state);
}

static void once(const struct here *h, enum rig_way way, unsigned isn, bool unread)
{
    struct estab_config config = rig_config();

    config.syn_cookies = h->place == AT_COOKIE ? 2 : config.syn_cookies;
    config.sack = true;
    config.sack_ranges = 16;
    rig_start(&rig, &config, rig_isns[isn][0], rig_isns[isn][1]);
    rig.where = h->name;
    rig.keep_unread = unread;
    become(&rig, h->c, h->place, way);
    h->c->input(&rig);
    alive(&rig, h->place);
    rig_end(&rig);
}

static void run_here(void **state)
{
    const struct here *h = *state;

    rig_over_ipv6(h->c->six);
    for (unsigned way = 0; way < RIG_WAYS; way++)
        for (unsigned isn = 0; isn < ISNS; isn++)
            for (unsigned unread = 0; unread <= (h->place == AT_TIME_WAIT); unread++)
                if (leads_there(h, (enum rig_way)way))
                    once(h, (enum rig_way)way, isn * 2, unread);
    rig_over_ipv6(false);
}

int places_run(const char *group, const struct state_case *cases, size_t n)
{
    static struct here here[CASES_MAX];
    static struct CMUnitTest tests[CASES_MAX];
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        for (unsigned place = 0; place < PLACES; place++) {
            struct here *h = &here[count];

            if (!(cases[i].places & PLACE(place)))
                continue;
            assert_true(count < CASES_MAX);
            h->c = &cases[i];
            h->place = (enum place)place;
            snprintf(h->name, sizeof h->name, "%s_in_%s", cases[i].name, places[place].name);
            tests[count++] = (struct CMUnitTest){h->name, run_here, NULL, NULL, h};
        }
    return _cmocka_run_group_tests(group, tests, count, NULL, NULL);
}
