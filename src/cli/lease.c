/* SPDX-License-Identifier: MIT */
/* lease.c - the client of DHCP on a wire that turns, and what its user sees of it. */
#include "cli/lease.h"

static const char *type_text(unsigned type)
{
    static const char *const texts[] = {
        [DHCP_DISCOVER] = "DISCOVER", [DHCP_OFFER] = "OFFER", [DHCP_REQUEST] = "REQUEST",
        [DHCP_DECLINE] = "DECLINE",   [DHCP_ACK] = "ACK",     [DHCP_NAK] = "NAK",
        [DHCP_RELEASE] = "RELEASE",   [DHCP_INFORM] = "INFORM",
    };

    return type < sizeof texts / sizeof *texts && texts[type] ? texts[type] : "nothing";
}

static const char *kind_text(enum dhcp_news_kind kind)
{
    static const char *const texts[] = {
        [DHCP_SENT] = "sent",   [DHCP_GOT] = "received", [DHCP_IGNORED] = "ignored",
        [DHCP_TAKEN] = "taken", [DHCP_HAS] = "bound",    [DHCP_LOST] = "lost",
    };

    return texts[kind];
}

/* "estab.dhcp/1": time, event, type of a message, address, server, lease; of what was ignored, why. */
static void tell_object(const struct talk *t, const struct dhcp_news *n, const char *address, const char *server)
{
    fprintf(t->out, "{\"schema\":\"estab.dhcp/1\",\"time\":%.9f,\"event\":\"%s\",\"address\":\"%s\",\"server\":\"%s\"",
            (double)(talk_time(t) - t->origin) / 1e9, kind_text(n->kind), address, server);
    if (n->type)
        fprintf(t->out, ",\"type\":\"%s\"", type_text(n->type));
    if (n->kind == DHCP_HAS)
        fprintf(t->out, ",\"lease\":%u", (unsigned)n->lease);
    if (n->kind == DHCP_IGNORED)
        fprintf(t->out, ",\"fault\":\"%s\"", dhcp_fault_info(n->fault).name);
    fputs("}\n", t->out);
}

static void tell_line(const struct talk *t, const struct dhcp_news *n, const char *address, const char *server)
{
    switch (n->kind) {
    case DHCP_SENT:
        talk_say(t, "DHCP: %s sent to %s", type_text(n->type),
                 server[0] == '0' ? "all stations, as no server is known yet, or none answers" : server);
        break;
    case DHCP_GOT:
        talk_say(t, "DHCP: %s of %s came from %s", type_text(n->type), address, server);
        break;
    case DHCP_IGNORED:
        talk_say(t, "DHCP: what came from %s is passed over, as it is %s", server,
                 n->fault == DHCP_NONE ? "not for us, or not now" : dhcp_fault_info(n->fault).sentence);
        break;
    case DHCP_TAKEN:
        talk_say(t, "DHCP: another station has %s, as ARP says: declined (RFC 2131 4.4.1)", address);
        break;
    case DHCP_HAS:
    case DHCP_LOST:
        break; /* told in any case */
    }
}

static void tell(void *context, const struct dhcp_news *n)
{
    const struct talk *t = ((const struct lease *)context)->t;
    char address[NAMES_ADDR_MAX], server[NAMES_ADDR_MAX];

    names_addr_text(address, n->address);
    names_addr_text(server, n->server);
    if (t->o->json)
        tell_object(t, n, address, server);
    else if (t->o->why || t->o->verbose)
        tell_line(t, n, address, server);
    if (n->kind == DHCP_LOST)
        talk_say(t, "the lease of %s has ended, or was taken back: it is ours no more", address);
}

/* ---- an address ------------------------------------------------------------------------------------------ */

static void say_lease(const struct talk *t, const struct dhcp_message *m)
{
    char address[NAMES_ADDR_MAX], router[NAMES_ADDR_MAX] = "none", server[NAMES_ADDR_MAX];

    names_addr_text(address, m->yours);
    names_addr_text(server, m->server);
    if (m->routers > 0)
        names_addr_text(router, m->router[0]);
    talk_say(t, "%s/%u is ours for %u s, says the DHCP server %s; router %s, %u server%s of DNS", address,
             t->prefix_length, (unsigned)m->lease, server, router, m->dns, m->dns == 1 ? "" : "s");
}

static void take(struct lease *l)
{
    const struct dhcp_message *m = &l->dhcp.lease;
    struct talk *t = l->t;

    t->ours = m->yours;
    t->prefix_length = dhcp_prefix_length(m);
    wire_address(t->wire, t->ours);
    story_name(t->story, t->ours, t->our_name);
    for (unsigned i = 0; t->o->dns.count == 0 && i < m->dns && i < CLI_SERVERS_MAX; i++)
        t->dns.address[t->dns.count++] = m->dns_server[i];
    say_lease(t, m);
}

static int wait(struct lease *l)
{
    struct talk *t = l->t;
    struct estab_event e;

    for (;;) {
        enum dhcp_state state = dhcp_turn(&l->dhcp, estab_now());

        if (state == DHCP_BOUND)
            break;
        if (state == DHCP_ENDED)
            return cli_say(t->o, CLI_TIMED_OUT,
                           "no server of DHCP has given us an address: is one there? --ip A.B.C.D/N needs none");
        wire_turn(t->wire, dhcp_deadline(&l->dhcp));
        while (estab_event_next(t->stack, &e))
            continue; /* the client looks for itself, and nobody else is here yet */
        if (talk_cut_off(t))
            return CLI_FAILED;
        if (talk_interrupted(t))
            return CLI_INTERRUPTED;
    }
    take(l);
    return CLI_OK;
}

int lease_get(struct lease *l, struct talk *t)
{
    struct dhcp_config config = {.interface = 0, .news = tell, .context = l};
    enum estab_error error;

    if (!t->o->ip.dhcp)
        return CLI_OK;
    l->t = t;
    memcpy(config.mac, t->interface.mac, 6);
    error = dhcp_start(&l->dhcp, t->stack, &config, estab_now());
    if (error != ESTAB_OK)
        return cli_say(t->o, CLI_FAILED, "DHCP cannot begin: %s", estab_error_text(error));
    l->began = true;
    return wait(l);
}

void lease_turn(struct lease *l, estab_time now)
{
    if (l->began)
        (void)dhcp_turn(&l->dhcp, now);
}

estab_time lease_deadline(const struct lease *l)
{
    return l->began ? dhcp_deadline(&l->dhcp) : ESTAB_NEVER;
}

void lease_end(struct lease *l)
{
    if (!l->began)
        return;
    dhcp_release(&l->dhcp, estab_now());
    wire_turn(l->t->wire, 0); /* so that it leaves */
    dhcp_end(&l->dhcp);
    l->began = false;
}
