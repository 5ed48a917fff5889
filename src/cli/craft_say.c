/* SPDX-License-Identifier: MIT */
/*
 * craft_say.c - verdicts in words and as objects.
 *
 *      should: a SYN that opens a connection (RFC 9293 3.10.7.2 step 3): server LISTEN ->
 *              SYN-RECEIVED, answer [SYN,ACK] ack 101
 *      means:  acknowledges the SYN (RFC 9293 3.10.7.3): client SYN-SENT -> ESTABLISHED, answer
 *              [ACK] seq 101 ack 301
 *      next:   seq=101 ack=301
 */
#include <inttypes.h>

#include "capture/text.h"
#include "cli/craft.h"

#define INDENT "         "
#define LABEL  8
#define WORDS  1024

/* ---- segments ------------------------------------------------------------------------------------------ */

const char *craft_brief(const struct frame_view *v, char out[CRAFT_BRIEF_MAX])
{
    struct text t = text_of(out, CRAFT_BRIEF_MAX, false);
    char flags[VIEW_FLAGS_MAX];

    view_flags_text(flags, v->tcp.flags);
    text_format(&t, "[%s] seq %" PRIu32, flags, v->tcp.seq);
    if (v->tcp.flags & CTL_ACK)
        text_format(&t, " ack %" PRIu32, v->tcp.ack);
    if (v->payload_length)
        text_format(&t, " len %" PRIu32, v->payload_length);
    return out;
}

static const char *end_name(const struct craft *c, const struct craft_pair *p, bool us,
                            char out[NAMES_ADDR_MAX])
{
    story_label(c->talk.story, us ? p->ours.addr : p->theirs.addr, out);
    return out;
}

/* ---- one judgement ------------------------------------------------------------------------------------------ */

static void put_moves(struct text *t, const struct craft *c, const struct craft_pair *p,
                      const struct judgement *j, bool us)
{
    char name[NAMES_ADDR_MAX];

    if (j->end.moves == 0)
        return;
    text_format(t, "%s %s", end_name(c, p, us, name),
                fsm_state_name((enum tcp_state)j->end.before));
    for (unsigned i = 0; i < j->end.moves; i++)
        text_format(t, " -> %s", fsm_state_name((enum tcp_state)j->end.move[i].to));
    text_add(t, ", ");
}

static void put_answer(struct text *t, const struct judgement *j)
{
    char flags[VIEW_FLAGS_MAX];

    if (!j->flags) {
        text_add(t, "no answer");
        return;
    }
    view_flags_text(flags, j->flags);
    text_format(t, "answer [%s]", flags);
    if (j->seq_known)
        text_format(t, " seq %" PRIu32, j->seq);
    if (j->flags & CTL_ACK)
        text_format(t, " ack %" PRIu32, j->ack);
    if (j->later)
        text_add(t, ", perhaps delayed");
}

/* Where the RFC says it: with the reason, with the last move, or where text and ACKs are taken. */
static const char *source_of(const struct judgement *j, char out[64])
{
    const char *source = estab_reason(j->reason).rfc;
    unsigned n = j->end.moves, from = n > 1 ? j->end.move[n - 2].to : j->end.before;
    const struct tcp_edge *edge = NULL;

    if (n > 0 && !j->later)
        edge = fsm_next((enum tcp_state)from, (enum tcp_event)j->end.move[n - 1].event);
    if (source[0])
        snprintf(out, 64, "%s", source);
    else if (edge)
        snprintf(out, 64, "RFC 9293 %s", edge->source);
    else
        snprintf(out, 64, "RFC 9293 3.10.7.4 step %s", j->flags ? "7" : "5");
    return out;
}

static void put_part(struct text *t, bool *any, const char *part)
{
    text_format(t, "%s%s", *any ? ", " : "", part);
    *any = true;
}

/* What an accepted segment carries. */
static void put_contents(struct text *t, const struct craft_pair *p, const struct judgement *j,
                         const struct frame_view *v, bool to_us)
{
    const struct infer *i = to_us ? &p->us.infer : &p->them.infer;
    bool acks = v->tcp.flags & CTL_ACK, any = false;
    char part[80];

    if (acks && (j->end.before == TCP_SYN_SENT || j->end.before == TCP_SYN_RECEIVED))
        put_part(t, &any, "acknowledges the SYN");
    else if (acks && i->fin_sent && v->tcp.ack == i->fin_seq.v + 1)
        put_part(t, &any, "acknowledges all and the FIN");
    else if (acks && v->tcp.ack == i->snd_nxt.v)
        put_part(t, &any, "acknowledges all that was sent");
    else if (acks)
        put_part(t, &any, "acknowledges a part");
    if (v->payload_length) {
        snprintf(part, sizeof part, "%" PRIu32 " byte%s of text in order", v->payload_length,
                 v->payload_length == 1 ? "" : "s");
        put_part(t, &any, part);
    }
    if (v->tcp.flags & CTL_FIN)
        put_part(t, &any, "a FIN: no more text will come");
    if (v->tcp.flags & CTL_URG)
        put_part(t, &any, "urgent text ahead");
}

static void put_why(struct text *t, const struct craft_pair *p, const struct judgement *j,
                    const struct frame_view *v, bool to_us)
{
    char source[64];

    if (j->reason == REASON_NONE)
        put_contents(t, p, j, v, to_us);
    else
        text_add(t, estab_reason(j->reason).sentence);
    text_format(t, " (%s)", source_of(j, source));
}

static void put_judgement(struct text *t, const struct craft *c, const struct craft_pair *p,
                          const struct judgement *j, const struct frame_view *v, bool to_us)
{
    put_why(t, p, j, v, to_us);
    text_add(t, ": ");
    put_moves(t, c, p, j, to_us);
    put_answer(t, j);
}

/* ---- whether it is what our segment asked for ---------------------------------------------------------------- */

static bool fits(const struct judgement *j, const struct frame_view *v)
{
    uint8_t flags = v->tcp.flags & ~(CTL_PSH | CTL_URG | CTL_ECE | CTL_CWR | CTL_FIN);

    if (!j->flags || flags != (j->flags & ~CTL_FIN))
        return false;
    return (!(j->flags & CTL_ACK) || j->ack == v->tcp.ack) &&
           (!(j->flags & CTL_RST) || j->seq == v->tcp.seq);
}

/* The judgement of our last segment that this one answers, the first to do so; NULL. */
static const struct judgement *answered(const struct craft *c, const struct frame_view *v)
{
    const struct craft_verdict *d = &c->expected;

    if (!d->told)
        return NULL;
    if (fits(&d->judgement, v))
        return &d->judgement;
    return d->unsure && fits(&d->if_closed, v) ? &d->if_closed : NULL;
}

static void put_answers(struct text *t, const struct craft *c, const struct frame_view *v)
{
    const struct judgement *j = answered(c, v);
    char source[64];

    if (!j && (v->tcp.flags & CTL_RST) && c->expected.told && !c->expected.unsure)
        text_format(t, "; but our segment was %s (%s)",
                    estab_reason(c->expected.judgement.reason).sentence,
                    source_of(&c->expected.judgement, source));
    if (!j || j->reason == REASON_NONE || j->reason == REASON_LISTEN_SYN)
        return;
    text_format(t, "; our segment was %s (%s)", estab_reason(j->reason).sentence,
                source_of(j, source));
}

/* ---- for programs --------------------------------------------------------------------------------------------- */

static void put_flags_json(struct text *t, uint8_t flags)
{
    char names[VIEW_FLAGS_MAX];
    const char *comma = "";

    text_add(t, "[");
    view_flags_text(names, flags);
    for (char *name = strtok(names, ","); name; name = strtok(NULL, ",")) {
        text_format(t, "%s\"%s\"", comma, name);
        comma = ",";
    }
    text_add(t, "]");
}

static void put_answer_json(struct text *t, const struct judgement *j)
{
    if (!j->flags) {
        text_add(t, "null");
        return;
    }
    text_add(t, "{\"flags\":");
    put_flags_json(t, j->flags);
    if (j->seq_known)
        text_format(t, ",\"seq\":%" PRIu32, j->seq);
    if (j->flags & CTL_ACK)
        text_format(t, ",\"ack\":%" PRIu32, j->ack);
    text_format(t, ",\"later\":%s}", j->later ? "true" : "false");
}

static void put_judgement_json(struct text *t, const struct craft *c, const struct craft_pair *p,
                               const struct judgement *j, const struct frame_view *v, bool to_us,
                               const char *condition)
{
    char words[WORDS], source[64];
    struct text sentence = text_of(words, sizeof words, false);

    text_format(t, "{\"if\":%s,\"reason\":\"%s\",\"rfc\":\"%s\",\"moves\":[", condition,
                estab_reason(j->reason).name, source_of(j, source));
    for (unsigned i = 0, from = j->end.before; i < j->end.moves; from = j->end.move[i++].to)
        text_format(t, "%s{\"from\":\"%s\",\"event\":\"%s\",\"to\":\"%s\"}", i ? "," : "",
                    fsm_state_name((enum tcp_state)from),
                    fsm_event_name((enum tcp_event)j->end.move[i].event),
                    fsm_state_name((enum tcp_state)j->end.move[i].to));
    text_add(t, "],\"answer\":");
    put_answer_json(t, j);
    put_judgement(&sentence, c, p, j, v, to_us);
    text_add(t, ",\"sentence\":");
    text_json(t, words, sentence.length);
    text_add(t, "}");
}

static void say_json(const struct craft *c, const struct craft_verdict *d,
                     const struct frame_view *v, bool from_us)
{
    char out[DESCRIBE_MAX];
    struct text t = text_of(out, sizeof out, false);
    const struct judgement *fit = from_us ? NULL : answered(c, v);

    text_format(&t, "{\"schema\":\"estab.verdict/1\",\"time\":%.9f,\"of\":\"%s\",\"verdicts\":[",
                (double)craft_now(c) / 1e9, from_us ? "sent" : "received");
    put_judgement_json(&t, c, d->pair, &d->judgement, v, !from_us,
                       d->unsure ? "\"listens\"" : "null");
    if (d->unsure) {
        text_add(&t, ",");
        put_judgement_json(&t, c, d->pair, &d->if_closed, v, !from_us, "\"closed\"");
    }
    text_format(&t, "],\"answers\":%s%s%s}", fit ? "\"" : "",
                fit ? estab_reason(fit->reason).name : "null", fit ? "\"" : "");
    fprintf(c->talk.out, "%s\n", out);
}

/* ---- public ------------------------------------------------------------------------------------------------------ */

/* Words behind a label, broken at blanks where the terminal ends. */
static void line(const struct craft *c, const char *label, const char *words)
{
    const char *dim = c->options.colour ? "\033[2m" : "",
               *plain = c->options.colour ? "\033[0m" : "";
    unsigned width = story_width(c->talk.story), indent = sizeof INDENT - 1 + LABEL;
    size_t room = width > indent ? width - indent : 0, n;

    fprintf(c->talk.out, INDENT "%s%-*s%s", dim, LABEL, label, plain);
    while (room && strlen(words) > room) {
        for (n = room; n > 0 && words[n] != ' '; n--)
            continue;
        if (n == 0)
            break;
        fprintf(c->talk.out, "%.*s\n%*s", (int)n, words, (int)indent, "");
        words += n + 1;
    }
    fprintf(c->talk.out, "%s\n", words);
}

void craft_say_verdict(struct craft *c, const struct craft_verdict *d, const struct frame_view *v,
                       bool from_us)
{
    char words[WORDS];
    struct text t = text_of(words, sizeof words, false);

    if (!d->told)
        return;
    if (c->options.json) {
        say_json(c, d, v, from_us);
        return;
    }
    put_judgement(&t, c, d->pair, &d->judgement, v, !from_us);
    if (!from_us)
        put_answers(&t, c, v);
    line(c, from_us ? "should:" : "means:", words);
    if (!d->unsure)
        return;
    t = text_of(words, sizeof words, false);
    text_add(&t, "or, if nobody listens there, it is ");
    put_judgement(&t, c, d->pair, &d->if_closed, v, !from_us);
    line(c, "", words);
}

void craft_say_next(struct craft *c, bool always)
{
    uint32_t seq = craft_pair_seq(c->pair, !c->pair->opened), ack = craft_pair_ack(c->pair);
    bool reset = c->pair->reset;
    char words[WORDS];
    struct text t = text_of(words, sizeof words, false);

    if (!always && c->next.said && c->next.seq == seq && c->next.ack == ack &&
        c->next.reset == reset && c->next.reset_seq == c->pair->reset_seq)
        return;
    c->next.said = true;
    c->next.seq = seq;
    c->next.ack = ack;
    c->next.reset = reset;
    c->next.reset_seq = c->pair->reset_seq;
    if (c->options.json) {
        fprintf(c->talk.out,
                "{\"schema\":\"estab.next/1\",\"seq\":%" PRIu32 ",\"ack\":%" PRIu32 "}\n", seq,
                ack);
        return;
    }
    text_format(&t, "seq=%" PRIu32, seq);
    if (ack)
        text_format(&t, " ack=%" PRIu32, ack);
    if (reset)
        text_format(&t, "; the answer that is asked for: rst seq=%" PRIu32, c->pair->reset_seq);
    line(c, "next:", words);
}

static void say_end(const struct craft *c, bool us)
{
    const struct craft_end *e = us ? &c->pair->us : &c->pair->them;
    const struct infer *i = &e->infer;
    char end[TALK_ENDPOINT_MAX], name[NAMES_ADDR_MAX];
    bool known = c->sim && !us, numbers = i->state != TCP_CLOSED && i->state != TCP_LISTEN;

    enum tcp_state state = known ? craft_sim_state(c->sim, &c->pair->theirs, &c->pair->ours)
                                 : (enum tcp_state)i->state;

    talk_endpoint(us ? &c->pair->ours : &c->pair->theirs, end);
    if (c->options.json) {
        fprintf(c->talk.out,
                "{\"schema\":\"estab.craft/1\",\"end\":\"%s\",\"at\":\"%s\",\"state\":\"%s\","
                "\"snd_una\":%" PRIu32 ",\"snd_nxt\":%" PRIu32 ",\"rcv_nxt\":%" PRIu32 "}\n",
                end_name(c, c->pair, us, name), end, fsm_state_name(state), i->snd_una.v,
                i->snd_nxt.v, i->rcv_nxt.v);
        return;
    }
    fprintf(c->talk.out, INDENT "%s %s %s%s", end_name(c, c->pair, us, name), end, known ? "" : "~",
            fsm_state_name(state));
    if (numbers)
        fprintf(c->talk.out, " SND.UNA %" PRIu32 " SND.NXT %" PRIu32, i->snd_una.v, i->snd_nxt.v);
    if (numbers && tcp_state_is((enum tcp_state)i->state, F_SYNC))
        fprintf(c->talk.out, " RCV.NXT %" PRIu32, i->rcv_nxt.v);
    fputc('\n', c->talk.out);
}

void craft_say_state(struct craft *c)
{
    say_end(c, true);
    say_end(c, false);
    craft_say_next(c, true);
}

void craft_say_expect(struct craft *c, bool met, const char *sentence)
{
    if (c->options.json) {
        char quoted[2 * WORDS];
        struct text t = text_of(quoted, sizeof quoted, false);
        text_json(&t, sentence, strlen(sentence));
        fprintf(c->talk.out, "{\"schema\":\"estab.expect/1\",\"line\":%u,\"met\":%s,\"text\":%s}\n",
                c->input.line, met ? "true" : "false", quoted);
    } else if (met) {
        line(c, "ok:", sentence);
    }
}

void craft_say_help(const struct craft *c)
{
    const struct craft_field_info *field;
    FILE *out = c->options.json ? stderr : c->talk.out;

    fputs("One segment a line: flags, `data TEXT`, and fields; what is left out is proposed.\n"
          "  syn seq=100 mss=1460    ack    data \"two words\\n\"    fin    rst seq=-1    syn,ack\n"
          "Words that send nothing:\n"
          "  expect FLAGS [FIELD=N]... [within TIME]    expect nothing [within TIME]\n"
          "  wait TIME    again    new [PORT]    set [FIELD=VALUE]...    show    help    quit\n"
          "Fields:\n",
          out);
    for (unsigned i = 0; (field = craft_field_at(i)); i++) {
        int n =
            fprintf(out, "  %s%s%s", field->name, field->argument[0] ? "=" : "", field->argument);
        fprintf(out, "%*s%s\n", n < 20 ? 20 - n : 1, "", field->meaning);
    }
}
