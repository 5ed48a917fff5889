/* SPDX-License-Identifier: MIT */
/*
 * resolve.c - two questions, each on its way from server to server.
 *
 * Nothing here waits for events: a turn looks at its two sockets, so that whoever drives the stack may
 * take the events as he likes.
 */
#include <string.h>

#include "estab_udp.h"
#include "base/reader.h"
#include "base/writer.h"
#include "names/resolve.h"

static bool ask(struct resolve *r, struct resolve_question *k, estab_time now);

/* ---- telling ------------------------------------------------------------------------------------------ */

static struct resolve_news news_of(const struct resolve *r, const struct resolve_question *k,
                                   enum resolve_news_kind kind)
{
    return (struct resolve_news){.kind = kind,
                                 .name = &k->question.name,
                                 .server = r->config.server[k->server],
                                 .type = k->question.type,
                                 .tcp = k->way == RESOLVE_BY_TCP};
}

static void tell(const struct resolve *r, const struct resolve_news *news)
{
    if (r->config.news)
        r->config.news(r->config.context, news);
}

static void tell_kind(const struct resolve *r, const struct resolve_question *k,
                      enum resolve_news_kind kind)
{
    struct resolve_news news = news_of(r, k, kind);

    tell(r, &news);
}

/* ---- from server to server ------------------------------------------------------------------------------- */

static void hang_up(struct resolve *r, struct resolve_question *k, estab_time now)
{
    if (k->way == RESOLVE_BY_UDP)
        (void)estab_udp_close(r->stack, k->udp);
    else if (k->way == RESOLVE_BY_TCP)
        (void)estab_release(r->stack, k->conn, now);
    k->way = RESOLVE_BY_NOTHING;
}

static void finish(struct resolve *r, struct resolve_question *k, enum resolve_result result,
                   estab_time now)
{
    hang_up(r, k, now);
    k->result = result;
    k->deadline = ESTAB_NEVER;
}

/* The next server that may be of use; false: each was asked often enough, or is of none. */
static bool next_server(const struct resolve *r, struct resolve_question *k)
{
    for (unsigned i = 0; i < r->config.servers; i++) {
        if (++k->server == r->config.servers) {
            k->server = 0;
            k->round++;
        }
        if (!(k->gone >> k->server & 1))
            return k->round < RESOLVE_ROUNDS;
    }
    return false;
}

/* Asks on, at the next server. */
static void go_on(struct resolve *r, struct resolve_question *k, estab_time now)
{
    bool all_gone = k->gone == (1u << r->config.servers) - 1;

    hang_up(r, k, now);
    while (next_server(r, k))
        if (ask(r, k, now))
            return;
    all_gone = all_gone || k->gone == (1u << r->config.servers) - 1;
    finish(r, k, k->rcode ? RESOLVE_FAILED : all_gone ? RESOLVE_UNREACHABLE : RESOLVE_SILENT, now);
}

/* This server is of no use. */
static void give_up_server(struct resolve *r, struct resolve_question *k, estab_time now)
{
    k->gone |= 1u << k->server;
    go_on(r, k, now);
}

/* ---- asking ------------------------------------------------------------------------------------------- */

static size_t write_question(struct resolve *r, struct resolve_question *k, uint8_t out[DNS_QUERY_MAX])
{
    k->question.id = (uint16_t)estab_unpredictable(r->stack);
    return dns_question_write(out, &k->question);
}

/* By UDP, from a port that was not used before.  False: this server cannot be asked. */
static bool ask(struct resolve *r, struct resolve_question *k, estab_time now)
{
    struct estab_udp_open open = {.size = sizeof open, .remote = r->config.server[k->server]};
    uint8_t query[DNS_QUERY_MAX];
    size_t n;

    if (estab_udp_open(r->stack, &open, &k->udp) == ESTAB_OK) {
        k->way = RESOLVE_BY_UDP;
        n = write_question(r, k, query);
        if (estab_udp_send(r->stack, k->udp, NULL, query, n, now) == ESTAB_OK) {
            k->asked = now;
            k->ignored = 0;
            k->deadline = now + (RESOLVE_FIRST_WAIT << k->round);
            tell_kind(r, k, RESOLVE_ASKED);
            return true;
        }
    }
    hang_up(r, k, now);
    tell_kind(r, k, RESOLVE_GONE);
    k->gone |= 1u << k->server;
    return false;
}

/* The question at hand, asked once more or anew. */
static void ask_here(struct resolve *r, struct resolve_question *k, estab_time now)
{
    hang_up(r, k, now);
    if (!ask(r, k, now))
        go_on(r, k, now);
}

/* RFC 1035 section 4.2.2, RFC 7766: the same server, by TCP. */
static void ask_tcp(struct resolve *r, struct resolve_question *k, estab_time now)
{
    struct estab_open open = {.size = sizeof open, .remote = r->config.server[k->server]};

    tell_kind(r, k, RESOLVE_TRUNCATED);
    hang_up(r, k, now);
    k->have = 0;
    k->told = false;
    if (estab_open(r->stack, &open, &k->conn, now) != ESTAB_OK) {
        tell_kind(r, k, RESOLVE_GONE);
        give_up_server(r, k, now);
        return;
    }
    k->way = RESOLVE_BY_TCP;
    k->asked = now;
    k->deadline = now + RESOLVE_TCP_WAIT;
    tell_kind(r, k, RESOLVE_ASKED);
}

/* ---- answers ------------------------------------------------------------------------------------------ */

static void keep_addresses(struct resolve *r, const struct dns_answer *a, estab_time now)
{
    if (r->count == 0 || a->ttl < r->ttl)
        r->ttl = a->ttl;
    for (unsigned i = 0; i < a->count && r->count < RESOLVE_ADDRESSES_MAX; i++)
        r->address[r->count++] = a->address[i];
    if (r->grace == ESTAB_NEVER)
        r->grace = now + RESOLVE_GRACE;
}

/* An answer without an address: the name at the end of its aliases may not have been looked up there. */
static void follow(struct resolve *r, struct resolve_question *k, const struct dns_answer *a,
                   estab_time now)
{
    if (a->aliases == 0 || a->closed) {
        finish(r, k, RESOLVE_NO_ADDRESS, now);
        return;
    }
    k->aliases += a->aliases;
    if (k->aliases > DNS_ALIASES_MAX) {
        finish(r, k, RESOLVE_ALIASES, now);
        return;
    }
    k->question.name = a->name;
    ask_here(r, k, now);
}

static void take_answer(struct resolve *r, struct resolve_question *k, const struct dns_answer *a,
                        estab_time now)
{
    struct resolve_news news = news_of(r, k, RESOLVE_ANSWERED);

    if (a->truncated && k->way == RESOLVE_BY_UDP) {
        ask_tcp(r, k, now);
        return;
    }
    news.rcode = a->rcode;
    news.count = a->count;
    news.aliases = a->aliases;
    news.ttl = a->ttl;
    tell(r, &news);
    if (a->rcode == DNS_NAME_ERROR) {
        finish(r, k, RESOLVE_NO_NAME, now);
    } else if (a->rcode == DNS_FORMAT_ERROR && k->question.edns) { /* RFC 6891 section 6.2.2 */
        k->question.edns = false;
        ask_here(r, k, now);
    } else if (a->rcode != DNS_NO_ERROR || a->truncated) {
        k->rcode = a->rcode ? a->rcode : DNS_SERVER_FAILURE; /* what it cannot tell by TCP, either */
        give_up_server(r, k, now);
    } else if (a->count == 0) {
        follow(r, k, a, now);
    } else {
        keep_addresses(r, a, now);
        finish(r, k, RESOLVE_FOUND, now);
    }
}

/* Whether it was an answer, a good one or a bad one. */
static bool take_message(struct resolve *r, struct resolve_question *k, const uint8_t *message, size_t n,
                         estab_time now)
{
    struct resolve_news news = news_of(r, k, RESOLVE_IGNORED);
    struct dns_answer a;

    news.fault = dns_answer_read(message, n, &k->question, &a);
    if (news.fault == DNS_NONE) {
        take_answer(r, k, &a, now);
        return true;
    }
    tell(r, &news);
    if (news.fault != DNS_ALIASES)
        return false;
    finish(r, k, RESOLVE_ALIASES, now);
    return true;
}

/* ---- both ways ------------------------------------------------------------------------------------------- */

/* A forged or damaged datagram does not end the question: the right one may still come. */
static void turn_udp(struct resolve *r, struct resolve_question *k, estab_time now)
{
    struct estab_udp_error error = {.size = sizeof error};
    estab_udp udp = k->udp;
    struct estab_udp_received got;
    uint8_t *text = k->text;

    while (k->way == RESOLVE_BY_UDP && k->udp.index == udp.index && k->udp.generation == udp.generation &&
           estab_udp_receive(r->stack, udp, text, sizeof k->text, 0, &got) == ESTAB_OK) {
        size_t n = got.length < sizeof k->text ? got.length : sizeof k->text;

        if (take_message(r, k, text, n, now))
            return;
        if (++k->ignored == RESOLVE_IGNORED_MAX)
            go_on(r, k, now);
    }
    if (k->way != RESOLVE_BY_UDP || estab_udp_error(r->stack, k->udp, &error) != ESTAB_OK ||
        error.error == ESTAB_OK)
        return;
    tell_kind(r, k, RESOLVE_GONE);
    give_up_server(r, k, now);
}

/* Sends the question, its length in front, as soon as the connection is there. */
static bool send_question(struct resolve *r, struct resolve_question *k, estab_time now)
{
    struct estab_status status = {.size = sizeof status};
    uint8_t text[2 + DNS_QUERY_MAX];
    size_t n, taken = 0;

    if (estab_status(r->stack, k->conn, &status) != ESTAB_OK)
        return false;
    if (k->told || status.state != ESTAB_STATE_ESTABLISHED)
        return true;
    n = write_question(r, k, text + 2);
    writer_store16(text, (uint16_t)n);
    k->told = true;
    return estab_send(r->stack, k->conn, text, n + 2, ESTAB_PUSH, &taken, now) == ESTAB_OK &&
           taken == n + 2;
}

/* How long the answer is with its length in front; 2 while that is not known. */
static size_t wanted(const struct resolve_question *k)
{
    struct reader r = reader_of(k->text, 2);

    return k->have < 2 ? 2 : 2u + reader_u16(&r);
}

/* The answer, piece by piece.  False: it will not come. */
static bool receive_answer(struct resolve *r, struct resolve_question *k, estab_time now)
{
    struct estab_received got;

    while (k->have < wanted(k)) {
        size_t room = wanted(k) - k->have;
        enum estab_error error;

        if (wanted(k) > sizeof k->text)
            return false;
        error = estab_receive(r->stack, k->conn, k->text + k->have, room, 0, &got, now);
        if (error == ESTAB_AGAIN)
            return true;
        if (error != ESTAB_OK || got.length == 0)
            return false;
        k->have += got.length;
    }
    return take_message(r, k, k->text + 2, k->have - 2, now);
}

static void turn_tcp(struct resolve *r, struct resolve_question *k, estab_time now)
{
    if (send_question(r, k, now) && receive_answer(r, k, now))
        return;
    tell_kind(r, k, RESOLVE_GONE);
    give_up_server(r, k, now);
}

static void expire(struct resolve *r, struct resolve_question *k, estab_time now)
{
    struct resolve_news news = news_of(r, k, RESOLVE_NO_ANSWER);

    news.waited = now - k->asked;
    tell(r, &news);
    go_on(r, k, now);
}

static void turn_question(struct resolve *r, struct resolve_question *k, estab_time now)
{
    if (k->way == RESOLVE_BY_UDP)
        turn_udp(r, k, now);
    else if (k->way == RESOLVE_BY_TCP)
        turn_tcp(r, k, now);
    if (k->way != RESOLVE_BY_NOTHING && k->deadline <= now)
        expire(r, k, now);
}

/* ---- the whole ---------------------------------------------------------------------------------------- */

enum dns_fault resolve_start(struct resolve *r, estab_stack *stack, const struct resolve_config *config,
                             const char *name, size_t n, estab_time now)
{
    static const uint16_t types[2] = {DNS_A, DNS_AAAA};
    struct dns_name asked;
    enum dns_fault fault = dns_name_of(name, n, &asked);

    memset(r, 0, sizeof *r);
    if (fault != DNS_NONE)
        return fault;
    r->stack = stack;
    r->config = *config;
    r->grace = ESTAB_NEVER;
    for (unsigned i = 0; i < 2; i++) {
        struct resolve_question *k = &r->question[i];

        k->question = (struct dns_question){.name = asked, .type = types[i], .edns = true};
        ask_here(r, k, now);
    }
    return DNS_NONE;
}

/* What both questions have come to: addresses before all else, then what is certain before what is not. */
static enum resolve_result verdict(struct resolve *r)
{
    static const enum resolve_result order[] = {
        RESOLVE_NO_NAME, RESOLVE_ALIASES, RESOLVE_FAILED, RESOLVE_SILENT, RESOLVE_UNREACHABLE,
    };

    if (r->count > 0)
        return RESOLVE_FOUND;
    for (unsigned i = 0; i < sizeof order / sizeof *order; i++)
        for (unsigned k = 0; k < 2; k++)
            if (r->question[k].result == order[i]) {
                r->rcode = r->question[k].rcode;
                return order[i];
            }
    return RESOLVE_NO_ADDRESS;
}

enum resolve_result resolve_turn(struct resolve *r, estab_time now)
{
    bool busy = false;

    if (r->result != RESOLVE_BUSY)
        return r->result;
    for (unsigned i = 0; i < 2; i++) {
        turn_question(r, &r->question[i], now);
        busy = busy || r->question[i].result == RESOLVE_BUSY;
    }
    if (busy && now < r->grace)
        return RESOLVE_BUSY;
    r->result = verdict(r);
    resolve_end(r, now);
    resolve_order(r->stack, r->address, r->count);
    return r->result;
}

estab_time resolve_deadline(const struct resolve *r)
{
    estab_time least = r->result == RESOLVE_BUSY ? r->grace : ESTAB_NEVER;

    for (unsigned i = 0; i < 2; i++)
        if (r->question[i].way != RESOLVE_BY_NOTHING && r->question[i].deadline < least)
            least = r->question[i].deadline;
    return least;
}

void resolve_end(struct resolve *r, estab_time now)
{
    for (unsigned i = 0; i < 2; i++)
        hang_up(r, &r->question[i], now);
}
