/* SPDX-License-Identifier: MIT */
/*
 * What craft says that RFC 9293 asks of the peer, against what the engine does: every combination of
 * SYN, FIN, RST and ACK, at every interesting number, with and without text, in every state.
 *
 * The peer is craft_sim.h's stack.  Reason, state and answer must be those that were foretold, from
 * the packets alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cli/craft_sim.h"
#include "craft/build.h"
#include "craft/pair.h"
#include "packet/ipv4.h"
#include "sim/sim.h"

#define WAITED (300 * ESTAB_MS)
#define ISS    UINT32_C(0xfffffff0) /* wraps while text is sent */

enum {
    F = CTL_FIN,
    S = CTL_SYN,
    R = CTL_RST,
    A = CTL_ACK,
};

struct play {
    struct story *story;
    struct cli_options options;
    struct craft_sim *sim;
    struct craft_pairs pairs;
    struct craft_pair *pair;
    bool reached;
    enum reason reason; /* the peer's own */
    unsigned answers;
    struct frame_view answer; /* the first */
    struct craft_verdict verdict;
};

/* Of main.c, which a test cannot have. */
unsigned cli_interrupts(void)
{
    return 0;
}

bool cli_hung_up(void)
{
    return false;
}

void cli_catch(void)
{
}

static struct estab_endpoint us(bool listen)
{
    return (struct estab_endpoint){estab_ipv4(10, 11, 0, 101), listen ? 3333 : 40000};
}

static void reached(void *context, const struct frame_view *v, enum reason reason)
{
    struct play *p = context;

    (void)v;
    p->reached = true;
    p->reason = reason;
}

/* A request teaches the peer our station just as an answer does. */
static void put_arp(struct play *p, uint8_t operation, struct estab_addr ours,
                    struct estab_addr peer)
{
    struct arp_packet a = {.operation = operation, .sender = ours, .target = peer};
    uint8_t f[ETHERNET_HEADER + ARP_LENGTH];
    struct ethernet_header h = {.type = ETHERTYPE_ARP};

    memcpy(a.sender_mac, sim_end_at(0, ours).interface.mac, 6);
    memcpy(a.target_mac, sim_end_at(0, peer).interface.mac, 6);
    memcpy(h.src, a.sender_mac, 6);
    memcpy(h.dst, a.target_mac, 6);
    ethernet_write(f, &h);
    arp_write(f + ETHERNET_HEADER, &a);
    craft_sim_put(p->sim, f, sizeof f);
}

static void came(void *context, const struct estab_frame *f, const struct frame_view *v,
                 uint64_t serial, enum emit_why why)
{
    struct play *p = context;

    (void)f;
    (void)serial;
    (void)why;
    if (v->kind == VIEW_ARP && v->arp.operation == 1)
        put_arp(p, ARP_REPLY, v->dst.addr, v->src.addr);
    if (v->kind != VIEW_TCP)
        return;
    p->pair = craft_pair_find(&p->pairs, &v->dst, &v->src, ISS);
    if (p->answers++ == 0)
        p->answer = *v;
    (void)craft_pair_see(&p->pairs, p->pair, v, false, REASON_NONE, craft_sim_now(p->sim));
}

static void run(struct play *p, estab_time for_ns)
{
    estab_time until = craft_sim_now(p->sim) + for_ns;

    while (craft_sim_run(p->sim, until))
        continue;
}

static struct play *begin(bool listen, uint16_t port)
{
    struct play *p = calloc(1, sizeof *p);
    struct estab_endpoint ours = us(listen), peer = {estab_ipv4(10, 11, 0, 1), port};

    assert_non_null(p);
    p->options.seed = 7;
    p->options.given = UINT64_C(1) << OPT_SEED;
    p->options.msl_ms = 1000;
    p->story =
        story_new(&(struct story_config){.cli = &p->options, .out = fopen("/dev/null", "w")});
    assert_non_null(p->story);
    p->pairs.we_listen = listen;
    p->pair = craft_pair_find(&p->pairs, &ours, &peer, ISS);
    p->pair->listens = listen || port != 3333 ? CRAFT_CLOSED : CRAFT_LISTENS;
    p->sim = craft_sim_new(&(struct craft_sim_config){
        .cli = &p->options,
        .story = p->story,
        .peer = peer.addr,
        .prefix_length = 24,
        .peer_listens = !listen,
        .port = 3333,
        .ours = ours,
        .context = p,
        .reached = reached,
        .came = came,
    });
    assert_non_null(p->sim);
    put_arp(p, ARP_REQUEST, ours.addr, peer.addr);
    return p;
}

static void end(struct play *p)
{
    craft_sim_free(p->sim);
    story_free(p->story);
    free(p);
}

/* A line of craft, sent. */
static void say(struct play *p, const char *text)
{
    struct craft_proposal proposal = {.mtu = 1500,
                                      .src = p->pair->ours,
                                      .dst = p->pair->theirs,
                                      .ack = craft_pair_ack(p->pair),
                                      .window = 65535,
                                      .ttl = 64};
    static uint8_t frame[CRAFT_FRAME_MAX];
    struct craft_command command;
    char error[CRAFT_ERROR_MAX];
    struct frame_view v;
    size_t n;

    assert_true(craft_parse(&command, text, strlen(text)));
    proposal.seq = craft_pair_seq(p->pair, craft_flags(&command.segment) & S);
    proposal.reset = proposal.seq;
    memcpy(proposal.smac, sim_end_at(0, p->pair->ours.addr).interface.mac, 6);
    memcpy(proposal.dmac, sim_end_at(0, p->pair->theirs.addr).interface.mac, 6);
    n = craft_build(&command.segment, NULL, &proposal, frame, error);
    assert_int_not_equal(n, 0);
    view_bytes(&v, frame, n, ESTAB_LINK_ETHERNET);
    p->verdict = craft_pair_see(&p->pairs, p->pair, &v, true, REASON_NONE, craft_sim_now(p->sim));
    p->reached = false;
    p->answers = 0;
    craft_sim_put(p->sim, frame, n);
    run(p, WAITED);
    assert_true(p->reached);
}

/* ---- each state, and how the peer gets there --------------------------------------------------------- */

struct scene {
    const char *state;
    bool listen;
    uint16_t port;
    const char *lines[6];
    unsigned wait_ms; /* before the last line, or at the end */
};

static const struct scene scenes[] = {
    {"CLOSED", false, 9, {NULL}, 0},
    {"LISTEN", false, 3333, {NULL}, 0},
    {"SYN-SENT", true, 0, {NULL}, 100},
    {"SYN-RECEIVED", false, 3333, {"syn"}, 0},
    {"ESTABLISHED", false, 3333, {"syn", "ack", "data hello"}, 0},
    {"FIN-WAIT-1", true, 0, {"syn,ack", "ack"}, 1100},
    {"FIN-WAIT-2", true, 0, {"syn,ack", "ack", "wait", "ack"}, 1100},
    {"CLOSE-WAIT", false, 3333, {"syn", "ack", "fin"}, 0},
    {"CLOSING", true, 0, {"syn,ack", "ack", "wait", "fin ack=-1"}, 1100},
    {"LAST-ACK", false, 3333, {"syn", "ack", "fin"}, 1000},
    {"TIME-WAIT", true, 0, {"syn,ack", "ack", "wait", "fin"}, 1100},
};

static struct play *reach(const struct scene *s)
{
    struct play *p = begin(s->listen, s->port);
    bool waited = false;

    run(p, 100 * ESTAB_MS);
    for (unsigned i = 0; i < 6 && s->lines[i]; i++) {
        if (strcmp(s->lines[i], "wait") == 0) {
            run(p, s->wait_ms * ESTAB_MS);
            waited = true;
        } else {
            say(p, s->lines[i]);
        }
    }
    if (!waited)
        run(p, s->wait_ms * ESTAB_MS);
    assert_string_equal(fsm_state_name(craft_sim_state(p->sim, &p->pair->theirs, &p->pair->ours)),
                        s->state);
    return p;
}

/* ---- each segment -------------------------------------------------------------------------------------- */

static void check_answer(const struct play *p, const char *what)
{
    const struct judgement *j = &p->verdict.judgement;
    uint8_t flags = p->answer.tcp.flags & (S | R | A);

    if (!j->flags != !p->answers)
        fail_msg("%s: %u answers", what, p->answers);
    if (!j->flags)
        return;
    if (flags != j->flags || ((flags & A) && p->answer.tcp.ack != j->ack) ||
        (j->seq_known && p->answer.tcp.seq != j->seq && !(p->answer.tcp.flags & F)))
        fail_msg("%s: answered %02x %u %u, not %02x %u %u", what, flags, p->answer.tcp.seq,
                 p->answer.tcp.ack, j->flags, j->seq, j->ack);
}

/* An end that is closed or listens again is the same place. */
static enum tcp_state place(const struct play *p, enum tcp_state state)
{
    bool listens = p->pair->listens == CRAFT_LISTENS;

    return state == TCP_CLOSED && listens ? TCP_LISTEN : state;
}

static void check(const struct scene *s, const char *line)
{
    struct play *p = reach(s);
    const struct judgement *j = &p->verdict.judgement;
    char what[200];
    enum tcp_state state;

    say(p, line);
    snprintf(what, sizeof what, "%s, %s: %s foretold, %s in truth", s->state, line,
             estab_reason(j->reason).name, estab_reason(p->reason).name);
    if (j->reason != p->reason)
        fail_msg("%s", what);
    check_answer(p, what);
    state = craft_sim_state(p->sim, &p->pair->theirs, &p->pair->ours);
    if (place(p, state) != place(p, end_after(&j->end)))
        fail_msg("%s: the state is %s, not %s", what, fsm_state_name(state),
                 fsm_state_name(end_after(&j->end)));
    end(p);
}

static void every_segment(void **arg)
{
    static const char *const seqs[] = {"-1", "+0", "+1", "+70000"};
    static const char *const acks[] = {"-1", "+0", "+1"};
    const struct scene *s = *arg;
    char line[100];

    for (unsigned flags = 0; flags < 16; flags++)
        for (unsigned k = 0; k < 4 * 3 * 2; k++) {
            snprintf(line, sizeof line, "flags=%u seq=%s ack=%s%s",
                     (flags & 7) | (flags & 8 ? A : 0u), seqs[k % 4], acks[k / 4 % 3],
                     k / 12 ? " len=3" : "");
            check(s, line);
        }
}

static void damaged(void **arg)
{
    static const struct {
        const char *line;
        enum reason reason;
    } rows[] = {
        {"ack sum=bad", REASON_TCP_CHECKSUM},
        {"ack ipsum=bad", REASON_IP_CHECKSUM},
        {"ack off=4", REASON_TCP_HEADER},
        {"ack off=15", REASON_TCP_HEADER},
        {"ack opt=8:00", REASON_NONE},
        {"ack sport=0", REASON_TCP_PORT},
        {"ack iplen=4000", REASON_IP_LENGTH},
        {"ack dst=10.11.0.9", REASON_IP_NOT_OURS},
        {"ack dmac=02:00:00:00:00:09", REASON_FRAME_NOT_OURS},
    };
    struct craft_proposal proposal = {.mtu = 1500,
                                      .src = us(false),
                                      .dst = {estab_ipv4(10, 11, 0, 1), 3333},
                                      .dmac = {2, 0, 10, 11, 0, 1}};
    static uint8_t frame[CRAFT_FRAME_MAX];
    struct craft_command command;
    char error[CRAFT_ERROR_MAX];

    (void)arg;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t n;

        assert_true(craft_parse(&command, rows[i].line, strlen(rows[i].line)));
        n = craft_build(&command.segment, NULL, &proposal, frame, error);
        assert_int_equal(judge_packet(frame, n, ESTAB_LINK_ETHERNET, &proposal.dst.addr,
                                      proposal.dmac),
                         rows[i].reason);
    }
}

int main(void)
{
    struct CMUnitTest tests[sizeof scenes / sizeof scenes[0] + 1];
    size_t n = 0;

    for (; n < sizeof scenes / sizeof scenes[0]; n++)
        tests[n] = (struct CMUnitTest){.name = scenes[n].state,
                                       .test_func = every_segment,
                                       .initial_state = (void *)(uintptr_t)&scenes[n]};
    tests[n] = (struct CMUnitTest){.name = "damaged", .test_func = damaged};
    return _cmocka_run_group_tests("craft_judge", tests, sizeof tests / sizeof tests[0], NULL,
                                   NULL);
}
