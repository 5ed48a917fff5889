/* SPDX-License-Identifier: MIT */
/* describe_parts.c - pieces of a line, a comment or an object. */
#include "capture/describe_parts.h"

#include <inttypes.h>
#include <stdio.h>

#include "packet/icmp6.h"

#define PREVIEW_FULL  16
#define PREVIEW_SHORT 6

/* ---- the ends -------------------------------------------------------------------------------------- */

static bool same_addr(const struct frame_view *v)
{
    return memcmp(&v->src.addr, &v->dst.addr, sizeof v->src.addr) == 0;
}

/* Behind a name or an address of n bytes: RFC 5952 section 6. */
static void put_port(char out[DESCRIBE_LABEL_MAX], size_t n, unsigned port)
{
    if (strchr(out, ':')) {
        memmove(out + 1, out, n + 1);
        out[0] = '[';
        out[n + 1] = ']';
        n += 2;
    }
    snprintf(out + n, DESCRIBE_LABEL_MAX - n, ":%u", port);
}

void describe_label(const struct describe *d, const struct describe_packet *p, bool of_source,
                    char out[DESCRIBE_LABEL_MAX])
{
    const struct frame_view *v = p->view;
    const struct estab_endpoint *e = of_source ? &v->src : &v->dst;
    bool ports = (v->kind == VIEW_TCP || v->kind == VIEW_UDP) &&
                 (d->config.verbose || p->flow.several || same_addr(v));
    size_t n = names_label(d->config.names, e->addr, out);

    if (ports)
        put_port(out, n, e->port);
}

void describe_ends(const struct describe *d, const struct describe_packet *p, struct text *t)
{
    const struct frame_view *v = p->view;
    char label[DESCRIBE_LABEL_MAX];

    if (v->kind == VIEW_UNKNOWN || v->kind == VIEW_LINK)
        return;
    describe_label(d, p, true, label);
    text_add(t, label);
    text_add(t, ">");
    if (v->kind == VIEW_ARP && v->arp.operation == 1) {
        text_add(t, "all");
        return;
    }
    describe_label(d, p, false, label);
    text_add(t, label);
}

bool describe_sender_first(const struct describe *d, const struct frame_view *v)
{
    unsigned src = names_rank(d->config.names, v->src.addr);
    unsigned dst = names_rank(d->config.names, v->dst.addr);
    int order = memcmp(&v->src.addr, &v->dst.addr, sizeof v->src.addr);

    if (src != dst)
        return src < dst;
    return order ? order < 0 : v->src.port <= v->dst.port;
}

/* ---- TCP ----------------------------------------------------------------------------------------------- */

static void put_sacks(struct text *t, const struct describe_packet *p)
{
    const struct view_tcp *tcp = &p->view->tcp;

    for (unsigned i = 0; i < tcp->sacks; i++) {
        int64_t left = p->flow.ack + (int32_t)(tcp->sack[i].left - tcp->ack);
        int64_t right = p->flow.ack + (int32_t)(tcp->sack[i].right - tcp->ack);
        text_format(t, "%s%" PRId64 "-%" PRId64, i ? " " : "sack ", left, right);
    }
}

/* False: nothing to tell people. */
static bool put_option(struct text *t, const struct describe_packet *p, const struct view_option *o,
                       bool verbose)
{
    const struct view_tcp *tcp = &p->view->tcp;
    const char *name = view_option_name(o->kind);

    if (o->bad) {
        text_add(t, name ? name : "option");
        text_add(t, " bad length");
    } else if (o->kind == TCPOPT_MSS) {
        text_format(t, "mss %u", tcp->mss);
    } else if (o->kind == TCPOPT_WINDOW_SCALE) {
        text_format(t, "ws %u", tcp->window_scale);
    } else if (o->kind == VIEW_OPTION_SACK) {
        put_sacks(t, p);
    } else if (o->kind == TCPOPT_TIMESTAMPS && verbose) {
        text_format(t, "ts %" PRIu32 " ecr %" PRIu32, tcp->tsval, tcp->tsecr);
    } else if (o->kind == TCPOPT_TIMESTAMPS) {
        if (!(tcp->flags & CTL_SYN))
            return false;
        text_add(t, "ts");
    } else if (o->kind == TCPOPT_NOP || o->kind == TCPOPT_END) {
        if (!verbose)
            return false;
        text_add(t, name);
    } else if (name) {
        text_add(t, name);
    } else {
        text_format(t, "kind %u", o->kind);
    }
    return true;
}

void describe_options(struct text *t, const struct describe_packet *p, bool verbose,
                      enum describe_detail detail)
{
    const struct view_tcp *tcp = &p->view->tcp;
    char space[512];
    unsigned shown = 0;

    for (unsigned i = 0; detail != DETAIL_BARE && i < tcp->options; i++) {
        struct text one = text_of(space, sizeof space, false);
        if (!put_option(&one, p, &tcp->option[i], verbose))
            continue;
        if (detail != DETAIL_FULL && shown == 1) {
            text_add(t, ",...");
            break;
        }
        text_add(t, shown++ ? "," : " <");
        text_append(t, &one);
    }
    if (shown)
        text_add(t, ">");
}

static bool readable(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((p[i] < 0x20 || p[i] >= 0x7f) && p[i] != '\r' && p[i] != '\n' && p[i] != '\t')
            return false;
    return n > 0;
}

void describe_preview(struct text *t, const struct frame_view *v, enum describe_detail detail)
{
    size_t most = detail == DETAIL_FULL ? PREVIEW_FULL : PREVIEW_SHORT;
    size_t n = v->preview_length;

    if (detail >= DETAIL_NONE || !readable(v->preview, n < PREVIEW_FULL ? n : PREVIEW_FULL))
        return;
    if (n > most)
        n = most;
    text_add(t, " ");
    text_quote(t, v->preview, n);
    if (n < v->payload_length)
        text_add(t, "...");
}

/* The core knows why it sent a segment; of others, their numbers tell. */
const char *describe_mark(const struct describe_packet *p)
{
    switch (p->why) {
    case WHY_SYN_ACK_AGAIN:
    case WHY_RETRANSMIT_TIMEOUT:
    case WHY_RETRANSMIT_FAST:
    case WHY_RETRANSMIT_PARTIAL:
    case WHY_RETRANSMIT_LOST:
    case WHY_RETRANSMIT_GAP:
    case WHY_RETRANSMIT_RESCUE:
    case WHY_RETRANSMIT_TAIL:
    case WHY_RETRANSMIT_LENGTH:
    case WHY_MTU_PROBE:
    case WHY_WINDOW_PROBE:
    case WHY_KEEPALIVE:
    case WHY_WINDOW_UPDATE:
        return trace_why_text(p->why);
    case WHY_ACK_CHALLENGE:
        return "challenge ACK";
    case WHY_ACK_DUPLICATE:
        return flow_mark_text(FLOW_DUPLICATE_ACK);
    default:
        return flow_mark_text(p->flow.mark);
    }
}

/* ---- everything else -------------------------------------------------------------------------------------- */

static void put_mac(struct text *t, const uint8_t mac[6])
{
    text_format(t, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static void put_arp(const struct frame_view *v, struct text *t)
{
    char addr[NAMES_ADDR_MAX];

    if (v->arp.operation == 1) {
        names_addr_text(addr, v->dst.addr);
        text_format(t, "[ARP] who has %s? tell ", addr);
        names_addr_text(addr, v->src.addr);
        text_add(t, addr);
    } else {
        names_addr_text(addr, v->src.addr);
        text_format(t, "[ARP] %s is at ", addr);
        put_mac(t, v->arp.sender_mac);
    }
}

static const char *icmp_text(const struct view_icmp *i)
{
    static const char *const unreachable[] = {
        "network unreachable", "host unreachable",     "protocol unreachable",
        "port unreachable",    "fragmentation needed", "source route failed",
    };

    switch (i->type) {
    case 0:
        return "echo reply";
    case 3:
        return i->code < 6 ? unreachable[i->code] : "destination unreachable";
    case 4:
        return "source quench";
    case 5:
        return "redirect";
    case 8:
        return "echo request";
    case 11:
        return i->code == 0 ? "time exceeded" : "reassembly time exceeded";
    case 12:
        return "parameter problem";
    default:
        return NULL;
    }
}

static const char *icmp6_text(const struct view_icmp *i)
{
    static const char *const unreachable[] = {
        "no route",         "administratively prohibited", "beyond the scope", "address unreachable",
        "port unreachable", "source address failed",       "route rejected",
    };

    switch (i->type) {
    case ICMP6_UNREACHABLE:
        return i->code < 7 ? unreachable[i->code] : "destination unreachable";
    case ICMP6_TOO_BIG:
        return "packet too big";
    case ICMP6_TIME_EXCEEDED:
        return i->code == 0 ? "hop limit exceeded" : "reassembly time exceeded";
    case ICMP6_PARAMETER:
        return "parameter problem";
    case ICMP6_ECHO:
        return "echo request";
    case ICMP6_ECHO_REPLY:
        return "echo reply";
    case ICMP6_MLD_QUERY:
        return "who listens to groups?";
    case ICMP6_MLD_REPORT:
    case ICMP6_MLD2_REPORT:
        return "I listen to a group";
    case ICMP6_ROUTER_SOLICITATION:
        return "who routes?";
    case ICMP6_ROUTER_ADVERTISEMENT:
        return "I route";
    case ICMP6_REDIRECT:
        return "redirect";
    default:
        return NULL;
    }
}

/* In ARP's words: they are the same question and answer. */
static bool put_neighbour(const struct frame_view *v, struct text *t)
{
    const struct view_icmp *i = &v->icmp;
    char addr[NAMES_ADDR_MAX];

    if (!i->six || v->malformed ||
        (i->type != ICMP6_NEIGHBOUR_SOLICITATION && i->type != ICMP6_NEIGHBOUR_ADVERTISEMENT))
        return false;
    names_addr_text(addr, i->target);
    if (i->type == ICMP6_NEIGHBOUR_SOLICITATION) {
        text_format(t, "[ICMPv6] who has %s?", addr);
        return true;
    }
    text_format(t, "[ICMPv6] %s is ", addr);
    text_add(t, i->has_mac ? "at " : "here");
    if (i->has_mac)
        put_mac(t, i->mac);
    return true;
}

static void put_icmp(const struct describe *d, const struct frame_view *v, struct text *t)
{
    const struct view_icmp *i = &v->icmp;
    const char *what = i->six ? icmp6_text(i) : icmp_text(i), *icmp = i->six ? "ICMPv6" : "ICMP";
    bool echo = i->six ? i->type == ICMP6_ECHO || i->type == ICMP6_ECHO_REPLY
                       : i->type == 0 || i->type == 8;
    char label[DESCRIBE_LABEL_MAX];

    if (put_neighbour(v, t))
        return;
    if (what)
        text_format(t, "[%s] %s", icmp, what);
    else
        text_format(t, "[%s] type %u code %u", icmp, i->type, i->code);
    if (echo)
        text_format(t, " id %u seq %u", i->id, i->sequence);
    if (i->mtu)
        text_format(t, " mtu %" PRIu32, i->mtu);
    if (i->quotes) {
        put_port(label, names_label(d->config.names, i->src.addr, label), i->src.port);
        text_format(t, " for %s>", label);
        put_port(label, names_label(d->config.names, i->dst.addr, label), i->dst.port);
        text_add(t, label);
    } else if (v->payload_length) {
        text_format(t, " len %" PRIu32, v->payload_length);
    }
}

void describe_other(const struct describe *d, const struct describe_packet *p, struct text *t)
{
    const struct frame_view *v = p->view;

    switch (v->kind) {
    case VIEW_ARP:
        put_arp(v, t);
        break;
    case VIEW_ICMP:
        put_icmp(d, v, t);
        break;
    case VIEW_UDP:
        text_format(t, "[UDP] %u>%u len %" PRIu32, v->src.port, v->dst.port, v->payload_length);
        break;
    case VIEW_TCP:
        text_add(t, "[TCP]");
        break;
    case VIEW_IP:
        text_format(t,
                    v->fragment_offset ? "[IP] protocol %u fragment at %u len %" PRIu32
                                       : "[IP] protocol %u",
                    v->protocol, v->fragment_offset, v->payload_length);
        break;
    case VIEW_LINK:
        text_add(t, "[Ethernet] ");
        put_mac(t, v->src_mac);
        text_add(t, ">");
        put_mac(t, v->dst_mac);
        text_format(t, " type 0x%04x len %" PRIu32, v->ethertype, v->payload_length);
        break;
    default:
        text_format(t, "[?] %" PRIu32 " bytes", v->length);
        break;
    }
}

/* ---- states -------------------------------------------------------------------------------------------------- */

static void put_cause(struct text *t, enum tcp_state from, enum tcp_event event,
                      enum describe_cause cause)
{
    const struct tcp_edge *edge = fsm_next(from, event);

    if ((unsigned)event >= TCP_EVENTS)
        return;
    text_format(t, " (by %s", fsm_event_name(event));
    if (edge && cause != CAUSE_EVENT)
        text_format(t, ", %s%s", cause == CAUSE_RFC ? "RFC 9293 " : "", edge->source);
    text_add(t, ")");
}

static void put_end(struct text *t, const char *label, const struct end_state *end,
                    enum describe_cause cause)
{
    enum tcp_state state = (enum tcp_state)end->before;

    text_format(t, "%s%s: %s", end->inferred ? "~" : "", label, fsm_state_name(state));
    for (unsigned i = 0; i < end->moves; i++) {
        enum tcp_state to = (enum tcp_state)end->move[i].to;
        text_add(t, " -> ");
        text_paint(t, TEXT_GREEN, fsm_state_name(to));
        put_cause(t, state, (enum tcp_event)end->move[i].event, cause);
        state = to;
    }
}

void describe_put_states(const struct describe *d, const struct describe_packet *p, struct text *t,
                         enum describe_cause cause, unsigned which)
{
    bool sender = describe_sender_first(d, p->view);

    for (unsigned i = 1; i <= 2; i++, sender = !sender) {
        const struct end_state *end = sender ? &p->from : &p->to;
        char label[DESCRIBE_LABEL_MAX];

        if (!end->known || (which && which != i))
            continue;
        describe_label(d, p, sender, label);
        if (t->length > 0)
            text_add(t, "  ");
        put_end(t, label, end, cause);
    }
}

static void move_label(const struct describe *d, const struct describe_move *m, char label[DESCRIBE_LABEL_MAX])
{
    size_t n = names_label(d->config.names, m->local.addr, label);

    if (d->config.verbose)
        snprintf(label + n, DESCRIBE_LABEL_MAX - n, ":%u", m->local.port);
}

void describe_put_decision(const struct describe *d, const struct describe_move *m, struct text *t)
{
    char label[DESCRIBE_LABEL_MAX];

    move_label(d, m, label);
    text_format(t, "%s: ", label);
    text_add(t, m->note);
}

void describe_put_move(const struct describe *d, const struct describe_move *m, struct text *t)
{
    char label[DESCRIBE_LABEL_MAX];

    move_label(d, m, label);
    put_end(t, label, &m->end, CAUSE_SECTION);
    if (m->reason != REASON_NONE && m->reason < REASONS) {
        text_add(t, " ");
        text_paint(t, TEXT_YELLOW, describe_reason(m->reason).sentence);
    }
    if (m->note && m->note[0])
        text_format(t, " (%s)", m->note);
}

size_t describe_states(const struct describe *d, const struct describe_packet *p, char *out,
                       size_t size)
{
    struct text t = text_of(out, size, false);
    describe_put_states(d, p, &t, CAUSE_RFC, 0);
    return t.length;
}

/* ---- why ------------------------------------------------------------------------------------------------------- */

struct describe_reason describe_reason(unsigned reason)
{
    static const struct describe_reason rows[REASONS] = {
#define REASON(name, source, sentence) [REASON_##name] = {#name, source, sentence},
#include "base/reason.def"
#undef REASON
    };
    return reason < REASONS ? rows[reason] : (struct describe_reason){"", "", ""};
}

static void put_move_why(struct text *t, const char *label, const struct end_state *end)
{
    enum tcp_state state = (enum tcp_state)end->before;

    for (unsigned i = 0; i < end->moves; i++) {
        const struct tcp_edge *edge = fsm_next(state, (enum tcp_event)end->move[i].event);
        if (edge) {
            text_format(t, "%s%s%s in %s: %s", t->length ? "; " : "", end->inferred ? "~" : "",
                        label, fsm_state_name(state), fsm_event_name((enum tcp_event)edge->event));
            if (edge->emits[0])
                text_format(t, ", %s", edge->emits);
            text_format(t, " (RFC 9293 %s)", edge->source);
        }
        state = (enum tcp_state)end->move[i].to;
    }
}

size_t describe_why(const struct describe *d, const struct describe_packet *p, char *out,
                    size_t size)
{
    struct text t = text_of(out, size, false);
    struct describe_reason reason = describe_reason(p->reason);
    bool sender = describe_sender_first(d, p->view);

    if (p->why < WHYS)
        text_format(&t, "sent: %s", trace_why_text(p->why));
    for (unsigned i = 0; i < 2; i++, sender = !sender) {
        const struct end_state *end = sender ? &p->from : &p->to;
        char label[DESCRIBE_LABEL_MAX];
        describe_label(d, p, sender, label);
        if (end->known)
            put_move_why(&t, label, end);
    }
    if (p->reason != REASON_NONE && p->reason < REASONS)
        text_format(&t, "%sreceived: %s (%s)", t.length ? "; " : "", reason.sentence,
                    reason.source);
    return t.length;
}
