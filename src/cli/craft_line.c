/* SPDX-License-Identifier: MIT */
/*
 * craft_line.c - frames in and out.
 *
 * In real time a device is polled, and the story's time is the clock's; in virtual time craft_sim.c
 * has the clock.  ARP, or neighbour discovery, is the only thing that is done for the user: we have an address that no kernel
 * owns, so nobody else would answer for it.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/writer.h"
#include "capture/segment.h"
#include "cli/craft.h"
#include "packet/icmp6.h"
#include "packet/ipv4.h"
#include "packet/ipv6.h"

#define BATCH     16
#define ARP_TRIES 3
#define ARP_WAIT  ESTAB_SECOND

estab_time craft_now(const struct craft *c)
{
    return c->sim ? craft_sim_now(c->sim) : estab_now() - c->zero;
}

static const struct estab_interface *interface(const struct craft *c)
{
    return &c->talk.interface;
}

/* ---- telling -------------------------------------------------------------------------------------- */

/* The moves of an end that has no stack of ours. */
static void tell_end(struct craft *c, const struct craft_pair *p, bool us,
                     const struct end_state *moved, uint64_t carrier)
{
    struct story_end end = {us ? p->ours : p->theirs, us ? p->theirs : p->ours};
    enum tcp_state state = (enum tcp_state)moved->before;

    if (!moved->known || (!us && c->sim))
        return;
    story_know(c->talk.story, &end, state, true);
    for (unsigned k = 0; k < moved->moves; k++) {
        enum tcp_event event = (enum tcp_event)moved->move[k].event;
        const struct tcp_edge *edge = fsm_next(state, event);
        if (edge)
            story_move(c->talk.story, &end, edge, REASONS, carrier, craft_now(c));
        state = (enum tcp_state)moved->move[k].to;
    }
    story_trust(c->talk.story, &end, true);
}

static void tell_packet(struct craft *c, const struct estab_frame *f, const struct frame_view *v,
                        bool from_us, uint64_t serial, enum reason reason, enum emit_why why)
{
    story_packet(c->talk.story, &(struct story_packet){
                                    .frame = f,
                                    .view = v,
                                    .wire = c->wire,
                                    .direction = from_us ? PCAPNG_OUT : PCAPNG_IN,
                                    .serial = serial,
                                    .reason = reason,
                                    .why = why,
                                    .time = craft_now(c),
                                });
}

/* ---- out -------------------------------------------------------------------------------------------- */

static struct estab_frame frame_of(uint8_t *bytes, size_t n, uint8_t link)
{
    return (struct estab_frame){
        .length = (uint32_t)n, .link = link, .parts = 1, .part[0] = {bytes, (uint32_t)n}};
}

/* A device whose queue is full is waited for, as a write(2) would. */
static void put(struct craft *c, struct estab_frame *f)
{
    struct pollfd p = {.events = POLLOUT};

    if (c->sim) {
        craft_sim_put(c->sim, f->part[0].base, f->length);
        return;
    }
    p.fd = estab_device_fd(c->talk.device);
    while (estab_device_send(c->talk.device, f, 1) == 0 && !cli_interrupts() && !craft_cut_off(c))
        (void)poll(&p, 1, -1);
}

static bool has_reached(const struct craft *c)
{
    return c->reached >= c->out;
}

/* Our last segment, with what it should do; at the latest before what comes next is told. */
static void tell_sent(struct craft *c)
{
    struct estab_frame f = frame_of(c->frame, c->sent_length, interface(c)->link);
    struct craft_pair *p;

    if (!c->untold)
        return;
    c->untold = false;
    if (!c->sim) {
        p = craft_pair_of(c, &c->sent.src, &c->sent.dst);
        if (c->report == REASONS)
            tell_end(c, p, false, &c->expected.to, 0);
        tell_packet(c, &f, &c->sent, true, c->out, c->report, WHYS);
    }
    craft_say_verdict(c, &c->expected, &c->sent, true);
}

void craft_line_send(struct craft *c, size_t n)
{
    struct estab_frame f = frame_of(c->frame, n, interface(c)->link);
    const uint8_t *mac = NULL;
    struct craft_verdict verdict;
    struct craft_pair *p;
    struct frame_view v;

    view_frame(&v, &f);
    p = craft_pair_of(c, &v.src, &v.dst);
    if (addr_equal(&v.src.addr, &interface(c)->address))
        c->pair = p; /* from now on, this is the one */
    craft_wire_look(c, p);
    for (unsigned i = 0; i < c->neighbours; i++)
        if (addr_equal(&c->neighbour[i].address, &v.dst.addr))
            mac = c->neighbour[i].mac;
    verdict = craft_pair_see(&c->pairs, p, &v, true,
                             judge_packet(c->frame, n, (enum estab_link)f.link, &v.dst.addr, mac),
                             craft_now(c));
    c->expected = verdict;
    tell_end(c, p, true, &verdict.from, ++c->out);
    story_sent(c->talk.story, &v, c->out);
    craft_wire_note(c);
    put(c, &f);
    c->sent = v;
    c->sent_length = n;
    c->untold = true;
    if (c->sim)
        craft_run(c, has_reached, craft_now(c) + ESTAB_SECOND, false);
    else
        craft_wire_await(c);
    tell_sent(c);
}

/* ---- ARP ---------------------------------------------------------------------------------------------- */

static void send_arp(struct craft *c, const struct arp_packet *a, const uint8_t to[6])
{
    uint8_t bytes[ETHERNET_HEADER + ARP_LENGTH];
    struct estab_frame f = frame_of(bytes, sizeof bytes, ESTAB_LINK_ETHERNET);
    struct ethernet_header h = {.type = ETHERTYPE_ARP};
    struct frame_view v;

    memcpy(h.dst, to, 6);
    memcpy(h.src, interface(c)->mac, 6);
    ethernet_write(bytes, &h);
    arp_write(bytes + ETHERNET_HEADER, a);
    view_frame(&v, &f);
    c->out++;
    put(c, &f);
    if (!c->sim)
        tell_packet(c, &f, &v, true, c->out, REASONS, WHYS);
}

static struct craft_neighbour *neighbour(struct craft *c, const struct estab_addr *address)
{
    for (unsigned i = 0; i < c->neighbours; i++)
        if (addr_equal(&c->neighbour[i].address, address))
            return &c->neighbour[i];
    return NULL;
}

static void learn(struct craft *c, const struct estab_addr *address, const uint8_t mac[6])
{
    struct craft_neighbour *n = neighbour(c, address);

    if (!n)
        n = &c->neighbour[c->neighbours < CRAFT_NEIGHBOURS ? c->neighbours++ : 0];
    n->address = *address;
    memcpy(n->mac, mac, 6);
}

static void arp_came(struct craft *c, const struct frame_view *v)
{
    struct arp_packet answer = {
        .operation = ARP_REPLY, .sender = interface(c)->address, .target = v->src.addr};

    if (v->malformed || !addr_equal(&v->dst.addr, &interface(c)->address))
        return;
    learn(c, &v->src.addr, v->arp.sender_mac);
    if (v->arp.operation != ARP_REQUEST)
        return;
    memcpy(answer.sender_mac, interface(c)->mac, 6);
    memcpy(answer.target_mac, v->arp.sender_mac, 6);
    send_arp(c, &answer, v->arp.sender_mac);
}

/* ---- neighbour discovery ------------------------------------------------------------------------------- */

/* Writes and sends one; `to` is a host, or the group of who is asked for. */
static void send_neighbour(struct craft *c, const struct ndp_neighbour *m, const struct estab_addr *to,
                           const uint8_t mac[6])
{
    uint8_t bytes[ETHERNET_HEADER + IPV6_HEADER + NDP_NEIGHBOUR_LENGTH_MAX];
    uint8_t *message = bytes + ETHERNET_HEADER + IPV6_HEADER;
    size_t n = ndp_neighbour_write(message, m);
    struct estab_frame f = frame_of(bytes, ETHERNET_HEADER + IPV6_HEADER + n, ESTAB_LINK_ETHERNET);
    struct ethernet_header h = {.type = ETHERTYPE_IPV6};
    struct ipv6_header ip = {.src = interface(c)->address,
                             .dst = *to,
                             .payload_length = (uint16_t)n,
                             .next = PROTO_ICMP6,
                             .hop_limit = NDP_HOP_LIMIT};
    struct frame_view v;

    memcpy(h.dst, mac, 6);
    memcpy(h.src, interface(c)->mac, 6);
    ethernet_write(bytes, &h);
    ipv6_write(bytes + ETHERNET_HEADER, &ip);
    writer_store16(message + 2,
                   checksum_done(checksum_add(ip_pseudo(&ip.src, &ip.dst, PROTO_ICMP6, (uint32_t)n), message, n)));
    view_frame(&v, &f);
    c->out++;
    put(c, &f);
    if (!c->sim)
        tell_packet(c, &f, &v, true, c->out, REASONS, WHYS);
}

static bool is_discovery(const struct frame_view *v)
{
    return v->kind == VIEW_ICMP && v->icmp.six && !v->malformed &&
           (v->icmp.type == ICMP6_NEIGHBOUR_SOLICITATION || v->icmp.type == ICMP6_NEIGHBOUR_ADVERTISEMENT);
}

/* RFC 4861: what came over a router is not believed (section 7.1). */
static void neighbour_came(struct craft *c, const struct frame_view *v)
{
    struct ndp_neighbour answer = {.target = interface(c)->address,
                                   .advertisement = true,
                                   .solicited = true,
                                   .override = true,
                                   .has_mac = true};

    if (v->ttl != NDP_HOP_LIMIT || addr_is_unspecified(&v->src.addr))
        return;
    if (v->icmp.type == ICMP6_NEIGHBOUR_ADVERTISEMENT) {
        if (v->icmp.has_mac)
            learn(c, &v->icmp.target, v->icmp.mac);
        return;
    }
    if (!addr_equal(&v->icmp.target, &interface(c)->address))
        return;
    if (v->icmp.has_mac)
        learn(c, &v->src.addr, v->icmp.mac);
    memcpy(answer.mac, interface(c)->mac, 6);
    send_neighbour(c, &answer, &v->src.addr, v->src_mac);
}

/* For an address of either family. */
static void ask(struct craft *c, const struct estab_addr *address)
{
    static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct arp_packet arp = {
        .operation = ARP_REQUEST, .sender = interface(c)->address, .target = *address};
    struct ndp_neighbour m = {.target = *address, .has_mac = true};
    struct estab_addr group = addr_solicited_node(address);
    uint8_t mac[6];

    if (addr_is_ipv4(address)) {
        memcpy(arp.sender_mac, interface(c)->mac, 6);
        send_arp(c, &arp, all);
        return;
    }
    memcpy(m.mac, interface(c)->mac, 6);
    addr_group_mac(&group, mac);
    send_neighbour(c, &m, &group, mac);
}

static bool is_known(const struct craft *c)
{
    for (unsigned i = 0; i < c->neighbours; i++)
        if (addr_equal(&c->neighbour[i].address, &c->asked))
            return true;
    return false;
}

bool craft_line_mac(struct craft *c, const struct estab_addr *address, uint8_t mac[6])
{
    memset(mac, 0, 6);
    if (interface(c)->link != ESTAB_LINK_ETHERNET)
        return true;
    c->asked = *address;
    for (unsigned i = 0; i < ARP_TRIES && !is_known(c) && !cli_interrupts(); i++) {
        ask(c, address);
        craft_run(c, is_known, craft_now(c) + ARP_WAIT, false);
    }
    if (is_known(c))
        memcpy(mac, neighbour(c, address)->mac, 6);
    return is_known(c);
}

/* ---- in ------------------------------------------------------------------------------------------------- */

static void keep(struct craft *c, const struct frame_view *v, const uint8_t *bytes, size_t n)
{
    struct craft_came *a = &c->arrival[c->came % CRAFT_CAME_MAX];

    a->view = *v;
    a->length = n < sizeof a->bytes ? n : sizeof a->bytes;
    memcpy(a->bytes, bytes, a->length);
    c->came++;
}

static void tcp_came(struct craft *c, const struct estab_frame *f, const struct frame_view *v,
                     uint64_t serial, enum emit_why why)
{
    struct craft_pair *p = craft_pair_of(c, &v->dst, &v->src);
    size_t n = segment_flatten(f, c->flat);
    struct craft_verdict verdict;
    enum reason packet;

    segment_finish(f, c->flat, n);
    packet = judge_packet(c->flat, n, (enum estab_link)f->link, &interface(c)->address,
                          interface(c)->mac);
    if (c->pairs.we_listen && (v->tcp.flags & CTL_SYN) && packet == REASON_NONE)
        c->pair = p;
    verdict = craft_pair_see(&c->pairs, p, v, false, packet, craft_now(c));
    if (!craft_wire_came(c, f, v, serial, &why))
        tell_end(c, p, false, &verdict.from, serial);
    tell_end(c, p, true, &verdict.to, 0);
    tell_packet(c, f, v, false, serial, verdict.judgement.reason, why);
    craft_say_verdict(c, &verdict, v, false);
    c->expected.told = false;
    keep(c, v, c->flat, n);
    c->awaits = c->awaits && p != c->pair;
    craft_say_next(c, false);
}

static void came(void *context, const struct estab_frame *f, const struct frame_view *v,
                 uint64_t serial, enum emit_why why)
{
    struct craft *c = context;
    const struct estab_addr *ours = &interface(c)->address;

    if (v->kind == VIEW_ARP) {
        tell_packet(c, f, v, false, serial, REASONS, why);
        arp_came(c, v);
        return;
    }
    if (is_discovery(v)) { /* to us, or to a group that we may be in */
        tell_packet(c, f, v, false, serial, REASONS, why);
        neighbour_came(c, v);
        return;
    }
    if (!addr_equal(&v->dst.addr, ours) || f->length > sizeof c->flat)
        return;
    if (v->ethernet && !neighbour(c, &v->src.addr))
        learn(c, &v->src.addr, v->src_mac);
    if (v->kind == VIEW_TCP && v->tcp.header_length > 0) {
        tcp_came(c, f, v, serial, why);
        return;
    }
    tell_packet(c, f, v, false, serial, REASONS, why);
    c->awaits = c->awaits && v->kind != VIEW_ICMP;
}

static void reached(void *context, const struct frame_view *v, enum reason reason)
{
    struct craft *c = context;

    (void)v;
    (void)reason;
    c->reached++;
}

static void receive(struct craft *c)
{
    struct estab_frame f[BATCH];
    struct frame_view v;
    size_t n = 1;

    while (n > 0) {
        f[0] = frame_of(c->room, c->room_bytes, interface(c)->link);
        n = estab_device_receive(c->talk.device, f, 1);
        if (n == 0 || f[0].length == 0)
            continue;
        view_frame(&v, &f[0]);
        tell_sent(c);
        if (v.kind == VIEW_TCP)
            story_arriving(c->talk.story, &v);
        came(c, &f[0], &v, ++c->in, WHYS);
    }
}

/* ---- time -------------------------------------------------------------------------------------------------- */

static void run_real(struct craft *c, estab_time until, bool input)
{
    estab_time now = craft_now(c), wait = until > now ? until - now : 0;
    struct pollfd p[] = {{.fd = estab_device_fd(c->talk.device), .events = POLLIN},
                         {.fd = c->talk.child_fd, .events = POLLIN},
                         {.fd = input ? c->input.fd : -1, .events = POLLIN}};
    int ms = wait > ESTAB_SECOND ? 1000 : (int)((wait + ESTAB_MS - 1) / ESTAB_MS);

    if (poll(p, 3, ms) > 0) {
        receive(c);
        if (p[1].revents && netns_wait(c->talk.netns, c->talk.child, 0, &c->talk.child_status)) {
            close(c->talk.child_fd);
            c->talk.child_fd = -1;
            c->talk.child = 0;
            talk_say(&c->talk, "the program at the kernel's end has ended with exit code %d",
                     c->talk.child_status);
        }
    }
    if (!c->untold)
        story_settle(c->talk.story, craft_now(c));
}

bool craft_cut_off(const struct craft *c)
{
    return c->talk.station && station_gone(c->talk.station);
}

static bool readable(const struct craft *c)
{
    struct pollfd p = {.fd = c->input.fd, .events = POLLIN};

    return poll(&p, 1, 0) > 0;
}

void craft_run(struct craft *c, bool (*done)(const struct craft *), estab_time until, bool input)
{
    while (!cli_interrupts() && !craft_cut_off(c) && !(done && done(c)) &&
           !(input && readable(c))) {
        if (c->sim ? !craft_sim_run(c->sim, until) : craft_now(c) >= until)
            return;
        if (!c->sim)
            run_real(c, until, input);
    }
}

/* ---- opening -------------------------------------------------------------------------------------------------- */

static void heard(void *context, const struct estab_endpoint *from, const uint8_t *text, size_t n)
{
    struct craft *c = context;

    c->talk.time = craft_now(c);
    talk_text(&c->talk, from, text, n);
}

static int open_sim(struct craft *c)
{
    struct talk *t = &c->talk;
    struct craft_sim_config config = {
        .cli = t->o,
        .story = t->story,
        .peer = t->theirs,
        .prefix_length = t->prefix_length,
        .peer_listens = !t->o->listens,
        .port = t->o->port,
        .ours = {t->ours, t->o->port},
        .hooks = {.context = c, .text = heard},
        .context = c,
        .reached = reached,
        .came = came,
    };

    t->interface = sim_end_at(0, t->ours).interface;
    t->interface.prefix_length = t->prefix_length;
    if (cli_given(t->o, OPT_MAC))
        memcpy(t->interface.mac, t->o->mac, 6);
    config.wire = c->wire = story_wire(t->story, ESTAB_LINK_ETHERNET, "sim");
    story_begin(t->story, 0);
    c->sim = craft_sim_new(&config);
    return c->sim ? CLI_OK : cli_say(t->o, CLI_FAILED, "no memory");
}

int craft_line_open(struct craft *c)
{
    struct talk *t = &c->talk;

    if (t->o->on.kind == ON_SIM)
        return open_sim(c);
    c->room_bytes = estab_device_room(t->device);
    c->room = malloc(c->room_bytes);
    if (!c->room)
        return cli_say(t->o, CLI_FAILED, "no memory");
    c->zero = estab_now();
    c->wire =
        story_wire(t->story, (enum estab_link)t->interface.link, estab_device_name(t->device));
    story_begin(t->story, 0);
    craft_wire_open(c);
    return CLI_OK;
}

void craft_line_close(struct craft *c)
{
    craft_sim_free(c->sim);
    free(c->room);
}
