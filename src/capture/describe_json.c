/* SPDX-License-Identifier: MIT */
/*
 * describe_json.c - the object for programs, one line each.
 *
 * "estab.packet/1"
 *      time              seconds, with nine digits: relative, absolute or delta, as --ts chooses
 *      from, to          labels of the ends; src, src_port, dst, dst_port: their addresses
 *      proto, len        "tcp", "arp", "icmp", "icmpv6", ...; bytes of payload
 *      checksum          "good", "bad", "unfinished" (the device completes it)
 *      malformed         a sentence
 *      states            {label: {before, after, event, inferred, moves: [{from, to, event, section}]}},
 *                        event: of the last move; section: of RFC 9293
 *      reason            {name, rfc, sentence}: what the receiver made of it
 *      why               why it was sent
 *      comment           a note of whoever observed it ("lost")
 *   of TCP
 *      flags             ["SYN", "ACK"]
 *      seq, ack, win     relative, window scaled; seq_absolute, ack_absolute, win_field: as sent
 *      urgent            the urgent pointer
 *      options           [{kind, name, value, echo, blocks, bad}], each as far as it has them
 *      connection, mark  its number, from 1; "retransmission", "keep-alive", ...
 *   of everything else
 *      text              what the line says
 *
 * "estab.state/1", a change of state without a packet
 *      time, end, local, local_port, remote, remote_port, state (as above), reason, comment
 *
 * null says: not known, or without meaning here.  Members may be added; none changes its meaning
 * without a new version.
 */
#include "capture/describe_parts.h"

#include <inttypes.h>
#include <stdio.h>

static void put_string(struct text *t, const char *key, const char *value)
{
    text_format(t, ",\"%s\":", key);
    if (value)
        text_json(t, value, strlen(value));
    else
        text_add(t, "null");
}

static void put_time(struct text *t, const char *schema, estab_time time)
{
    text_format(t, "{\"schema\":\"%s\",\"time\":%" PRIu64 ".%09" PRIu64, schema,
                time / ESTAB_SECOND, time % ESTAB_SECOND);
}

/* ---- fields ------------------------------------------------------------------------------------------ */

static const char *protocol(const struct frame_view *v)
{
    static const char *const names[] = {
        [VIEW_UNKNOWN] = "unknown", [VIEW_LINK] = "ethernet", [VIEW_ARP] = "arp", [VIEW_IP] = "ip",
        [VIEW_ICMP] = "icmp",       [VIEW_TCP] = "tcp",       [VIEW_UDP] = "udp",
    };
    return v->kind == VIEW_ICMP && v->six ? "icmpv6" : names[v->kind];
}

static void put_endpoints(struct text *t, const struct describe *d, const struct describe_packet *p)
{
    const struct frame_view *v = p->view;
    char label[DESCRIBE_LABEL_MAX], addr[NAMES_ADDR_MAX];
    bool network = v->kind != VIEW_UNKNOWN && v->kind != VIEW_LINK;
    bool ports = v->kind == VIEW_TCP || v->kind == VIEW_UDP;

    for (unsigned i = 0; i < 2; i++) {
        describe_label(d, p, i == 0, label);
        put_string(t, i == 0 ? "from" : "to", network ? label : NULL);
    }
    for (unsigned i = 0; i < 2; i++) {
        const struct estab_endpoint *e = i == 0 ? &v->src : &v->dst;
        names_addr_text(addr, e->addr);
        put_string(t, i == 0 ? "src" : "dst", network ? addr : NULL);
        if (ports)
            text_format(t, ",\"%s\":%u", i == 0 ? "src_port" : "dst_port", e->port);
        else
            text_format(t, ",\"%s\":null", i == 0 ? "src_port" : "dst_port");
    }
    put_string(t, "proto", protocol(v));
}

static void put_flags(struct text *t, uint8_t flags)
{
    bool first = true;

    text_add(t, ",\"flags\":[");
    for (unsigned bit = 1; bit < 256; bit <<= 1) {
        char name[VIEW_FLAGS_MAX];
        if (!(flags & bit))
            continue;
        view_flags_text(name, (uint8_t)bit);
        text_format(t, "%s\"%s\"", first ? "" : ",", name);
        first = false;
    }
    text_add(t, "]");
}

static void put_sacks(struct text *t, const struct view_tcp *tcp)
{
    text_add(t, ",\"blocks\":[");
    for (unsigned i = 0; i < tcp->sacks; i++)
        text_format(t, "%s[%" PRIu32 ",%" PRIu32 "]", i ? "," : "", tcp->sack[i].left,
                    tcp->sack[i].right);
    text_add(t, "]");
}

static void put_options(struct text *t, const struct view_tcp *tcp)
{
    text_add(t, ",\"options\":[");
    for (unsigned i = 0; i < tcp->options; i++) {
        const struct view_option *o = &tcp->option[i];
        text_format(t, "%s{\"kind\":%u", i ? "," : "", o->kind);
        put_string(t, "name", view_option_name(o->kind));
        if (o->bad)
            text_add(t, ",\"bad\":true");
        else if (o->kind == TCPOPT_MSS)
            text_format(t, ",\"value\":%u", tcp->mss);
        else if (o->kind == TCPOPT_WINDOW_SCALE)
            text_format(t, ",\"value\":%u", tcp->window_scale);
        else if (o->kind == TCPOPT_TIMESTAMPS)
            text_format(t, ",\"value\":%" PRIu32 ",\"echo\":%" PRIu32, tcp->tsval, tcp->tsecr);
        else if (o->kind == VIEW_OPTION_SACK)
            put_sacks(t, tcp);
        text_add(t, "}");
    }
    text_add(t, "]");
}

static void put_tcp(struct text *t, const struct describe_packet *p)
{
    const struct view_tcp *tcp = &p->view->tcp;

    put_flags(t, tcp->flags);
    text_format(t, ",\"seq\":%" PRId64 ",\"seq_absolute\":%" PRIu32, p->flow.seq, tcp->seq);
    if (tcp->flags & CTL_ACK)
        text_format(t, ",\"ack\":%" PRId64 ",\"ack_absolute\":%" PRIu32, p->flow.ack, tcp->ack);
    else
        text_add(t, ",\"ack\":null,\"ack_absolute\":null");
    text_format(t, ",\"win\":%" PRIu32 ",\"win_field\":%u", p->flow.window, tcp->window);
    if (tcp->flags & CTL_URG)
        text_format(t, ",\"urgent\":%u", tcp->urgent);
    else
        text_add(t, ",\"urgent\":null");
    put_options(t, tcp);
    text_format(t, ",\"connection\":%" PRIu32, p->flow.number);
    put_string(t, "mark", describe_mark(p)[0] ? describe_mark(p) : NULL);
}

/* ---- states and reasons ------------------------------------------------------------------------------------ */

static void put_move(struct text *t, enum tcp_state from, const struct end_move *move)
{
    const struct tcp_edge *edge = fsm_next(from, (enum tcp_event)move->event);

    text_format(t, "{\"from\":\"%s\",\"to\":\"%s\"", fsm_state_name(from),
                fsm_state_name((enum tcp_state)move->to));
    put_string(t, "event",
               move->event < TCP_EVENTS ? fsm_event_name((enum tcp_event)move->event) : NULL);
    put_string(t, "section", edge ? edge->source : NULL);
    text_add(t, "}");
}

static void put_end(struct text *t, const struct end_state *end)
{
    enum tcp_state state = (enum tcp_state)end->before;
    uint8_t event = end->moves ? end->move[end->moves - 1].event : TCP_EVENTS;

    text_format(t, "{\"before\":\"%s\",\"after\":\"%s\"", fsm_state_name(state),
                fsm_state_name(end_after(end)));
    put_string(t, "event", event < TCP_EVENTS ? fsm_event_name((enum tcp_event)event) : NULL);
    text_format(t, ",\"inferred\":%s,\"moves\":[", end->inferred ? "true" : "false");
    for (unsigned i = 0; i < end->moves; i++) {
        if (i > 0)
            text_add(t, ",");
        put_move(t, state, &end->move[i]);
        state = (enum tcp_state)end->move[i].to;
    }
    text_add(t, "]}");
}

static void put_states(struct text *t, const struct describe *d, const struct describe_packet *p)
{
    bool sender = describe_sender_first(d, p->view), first = true;

    text_add(t, ",\"states\":{");
    for (unsigned i = 0; i < 2; i++, sender = !sender) {
        const struct end_state *end = sender ? &p->from : &p->to;
        char label[DESCRIBE_LABEL_MAX];
        if (!end->known)
            continue;
        describe_label(d, p, sender, label);
        text_format(t, "%s\"%s\":", first ? "" : ",", label);
        put_end(t, end);
        first = false;
    }
    text_add(t, "}");
}

static void put_reason(struct text *t, unsigned number)
{
    struct describe_reason reason = describe_reason(number);

    if (number >= REASONS) {
        text_add(t, ",\"reason\":null");
        return;
    }
    text_format(t, ",\"reason\":{\"name\":\"%s\"", reason.name);
    put_string(t, "rfc", reason.source[0] ? reason.source : NULL);
    put_string(t, "sentence", reason.sentence);
    text_add(t, "}");
}

static void put_note(struct text *t, const char *note)
{
    size_t n = note ? strlen(note) : 0;

    if (n == 0) {
        put_string(t, "comment", NULL);
        return;
    }
    text_add(t, ",\"comment\":");
    text_json(t, note, n < DESCRIBE_MAX / 16 ? n : DESCRIBE_MAX / 16);
}

/* ---- public --------------------------------------------------------------------------------------------------- */

size_t describe_json(const struct describe *d, const struct describe_packet *p, char *out,
                     size_t size)
{
    static const char *const sums[] = {
        [VIEW_SUM_NONE] = NULL,
        [VIEW_SUM_GOOD] = "good",
        [VIEW_SUM_BAD] = "bad",
        [VIEW_SUM_UNFINISHED] = "unfinished",
    };
    struct text t = text_of(out, size, false);
    const struct frame_view *v = p->view;

    put_time(&t, "estab.packet/1", describe_shown_time(d, p->time, p->delta));
    put_endpoints(&t, d, p);
    text_format(&t, ",\"len\":%" PRIu32, v->payload_length);
    if (p->flow.tcp) {
        put_tcp(&t, p);
    } else {
        char line[DESCRIBE_LABEL_MAX * 4];
        struct text other = text_of(line, sizeof line, false);
        describe_other(d, p, &other);
        put_string(&t, "text", line);
    }
    put_string(&t, "checksum", sums[v->checksum]);
    put_string(&t, "malformed", v->malformed);
    put_states(&t, d, p);
    put_reason(&t, p->reason);
    put_string(&t, "why", p->why < WHYS ? trace_why_text(p->why) : NULL);
    put_note(&t, p->note);
    text_add(&t, "}");
    return t.length;
}

size_t describe_move_json(const struct describe *d, const struct describe_move *m, char *out,
                          size_t size)
{
    struct text t = text_of(out, size, false);
    char label[NAMES_ADDR_MAX];

    put_time(&t, "estab.state/1",
             describe_shown_time(d, m->time, m->time > d->last ? m->time - d->last : 0));
    names_label(d->config.names, m->local.addr, label);
    put_string(&t, "end", label);
    for (unsigned i = 0; i < 2; i++) {
        const struct estab_endpoint *e = i == 0 ? &m->local : &m->remote;
        names_addr_text(label, e->addr);
        put_string(&t, i == 0 ? "local" : "remote", label);
        text_format(&t, ",\"%s\":%u", i == 0 ? "local_port" : "remote_port", e->port);
    }
    text_add(&t, ",\"state\":");
    put_end(&t, &m->end);
    put_reason(&t, m->reason);
    put_note(&t, m->note);
    text_add(&t, "}");
    return t.length;
}
