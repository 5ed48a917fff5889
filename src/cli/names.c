/* SPDX-License-Identifier: MIT */
/* names.c - the resolver (names/resolve.h) on a wire that turns, and what its user sees of it. */
#include "cli/names.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "capture/text.h"
#include "cli/talk_wire.h"

struct asking {
    struct talk *t;
    struct resolve resolve;
};

/* ---- words ---------------------------------------------------------------------------------------------- */

static const char *type_text(unsigned type)
{
    return type == DNS_A ? "A" : "AAAA";
}

static const char *rcode_text(unsigned rcode)
{
    static const char *const texts[] = {
        [DNS_NO_ERROR] = "NOERROR",   [DNS_FORMAT_ERROR] = "FORMERR",
        [DNS_SERVER_FAILURE] = "SERVFAIL", [DNS_NAME_ERROR] = "NXDOMAIN",
        [DNS_NOT_IMPLEMENTED] = "NOTIMP",  [DNS_REFUSED] = "REFUSED",
    };

    return rcode < sizeof texts / sizeof *texts ? texts[rcode] : "another error";
}

static const char *kind_text(enum resolve_news_kind kind)
{
    static const char *const texts[] = {
        [RESOLVE_ASKED] = "asked",         [RESOLVE_ANSWERED] = "answered",
        [RESOLVE_TRUNCATED] = "truncated", [RESOLVE_IGNORED] = "ignored",
        [RESOLVE_NO_ANSWER] = "no answer", [RESOLVE_GONE] = "unreachable",
    };

    return texts[kind];
}

/* ---- telling -------------------------------------------------------------------------------------------- */

/* "estab.dns/1": time, event, name, type, server; of an answer rcode, addresses, aliases and ttl; of what
 * was ignored, why. */
static void tell_object(const struct talk *t, const struct resolve_news *n, const char *name,
                        const char *server)
{
    fprintf(t->out,
            "{\"schema\":\"estab.dns/1\",\"time\":%.9f,\"event\":\"%s\",\"name\":\"%s\",\"type\":\"%s\","
            "\"server\":\"%s\",\"tcp\":%s",
            (double)(talk_time(t) - t->origin) / 1e9, kind_text(n->kind), name, type_text(n->type), server,
            n->tcp ? "true" : "false");
    if (n->kind == RESOLVE_ANSWERED)
        fprintf(t->out, ",\"rcode\":\"%s\",\"addresses\":%u,\"aliases\":%u,\"ttl\":%u",
                rcode_text(n->rcode), n->count, n->aliases, (unsigned)n->ttl);
    if (n->kind == RESOLVE_IGNORED)
        fprintf(t->out, ",\"fault\":\"%s\"", dns_fault_info(n->fault).name);
    fputs("}\n", t->out);
}

static void tell_line(const struct talk *t, const struct resolve_news *n, const char *name,
                      const char *server)
{
    const char *type = type_text(n->type), *by = n->tcp ? "by TCP " : "";

    switch (n->kind) {
    case RESOLVE_ASKED:
        talk_say(t, "%sasked %s for %s of %s", by, server, type, name);
        break;
    case RESOLVE_ANSWERED:
        talk_say(t, "%s answered %sfor %s of %s: %s, %u address%s, %u alias%s, TTL %u s", server, by, type,
                 name, rcode_text(n->rcode), n->count, n->count == 1 ? "" : "es", n->aliases,
                 n->aliases == 1 ? "" : "es", (unsigned)n->ttl);
        break;
    case RESOLVE_TRUNCATED:
        talk_say(t, "the answer for %s of %s is too long for a datagram: TCP follows (RFC 7766 5)", type,
                 name);
        break;
    case RESOLVE_IGNORED:
        talk_say(t, "what came from %s for %s of %s is passed over, as it is %s (%s)", server, type, name,
                 dns_fault_info(n->fault).sentence, dns_fault_info(n->fault).source);
        break;
    case RESOLVE_NO_ANSWER:
        talk_say(t, "no answer from %s for %s of %s in %.1f s", server, type, name, (double)n->waited / 1e9);
        break;
    case RESOLVE_GONE:
        talk_say(t, "%s cannot be asked for %s of %s: nobody is there, or it ended the connection", server,
                 type, name);
        break;
    }
}

static void tell(void *context, const struct resolve_news *n)
{
    const struct talk *t = ((const struct asking *)context)->t;
    char name[DNS_TEXT_MAX], server[TALK_ENDPOINT_MAX];

    dns_name_text(n->name, name);
    talk_endpoint(&n->server, server);
    if (t->o->json)
        tell_object(t, n, name, server);
    else if (t->o->why || t->o->verbose)
        tell_line(t, n, name, server);
}

static void say_found(const struct talk *t, const char *host, const struct resolve *r)
{
    char list[RESOLVE_ADDRESSES_MAX * (NAMES_ADDR_MAX + 2)] = "", address[NAMES_ADDR_MAX];
    size_t n = 0;

    for (unsigned i = 0; i < r->count; i++) {
        names_addr_text(address, r->address[i]);
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", address);
    }
    talk_say(t, "%s is %s, for %u s", host, list, (unsigned)r->ttl);
}

/* ---- the end -------------------------------------------------------------------------------------------- */

static int verdict(const struct talk *t, const char *host, const struct resolve *r)
{
    const struct cli_options *o = t->o;

    switch (r->result) {
    case RESOLVE_FOUND:
        say_found(t, host, r);
        return CLI_OK;
    case RESOLVE_NO_NAME:
        return cli_say(o, CLI_INPUT, "there is no host %s: DNS says NXDOMAIN", host);
    case RESOLVE_NO_ADDRESS:
        return cli_say(o, CLI_INPUT, "%s has no address: DNS knows the name, but neither A nor AAAA", host);
    case RESOLVE_ALIASES:
        return cli_say(o, CLI_INPUT, "%s has no address: its aliases lead round in a circle, or on for too long",
                       host);
    case RESOLVE_FAILED:
        return cli_say(o, CLI_REFUSED, "%s is not known: no server of DNS could say, the last one answered %s",
                       host, rcode_text(r->rcode));
    case RESOLVE_UNREACHABLE:
        return cli_say(o, CLI_REFUSED, "%s is not known: no server of DNS can be reached, see --dns", host);
    default:
        return cli_say(o, CLI_TIMED_OUT, "%s is not known: no server of DNS has answered, see --dns", host);
    }
}

static int say_fault(const struct talk *t, const char *host, enum dns_fault fault)
{
    return cli_say(t->o, CLI_USAGE, "HOST '%s' is %s (%s): expected a name such as example.host, or an address",
                   host, dns_fault_info(fault).sentence, dns_fault_info(fault).source);
}

static int wait(struct asking *a, const char *host)
{
    struct talk *t = a->t;
    struct estab_event e;

    while (resolve_turn(&a->resolve, estab_now()) == RESOLVE_BUSY) {
        wire_turn(t->wire, resolve_deadline(&a->resolve));
        while (estab_event_next(t->stack, &e))
            continue; /* the resolver looks for itself, and nobody else is here yet */
        if (talk_cut_off(t))
            return CLI_FAILED;
        if (talk_interrupted(t))
            return CLI_INTERRUPTED;
    }
    return verdict(t, host, &a->resolve);
}

int names_resolve(struct talk *t, const char *host, struct names_found *found)
{
    struct asking *a = calloc(1, sizeof *a);
    struct resolve_config config = {.news = tell, .context = a};
    enum dns_fault fault;
    int code;

    if (!a)
        return cli_say(t->o, CLI_FAILED, "no memory");
    if (t->dns.count == 0) {
        free(a);
        return cli_say(t->o, CLI_USAGE, "DHCP has named no server of DNS to ask for %s: expected --dns ADDR", host);
    }
    a->t = t;
    for (unsigned i = 0; i < t->dns.count; i++)
        config.server[config.servers++] = (struct estab_endpoint){t->dns.address[i], DNS_PORT};
    fault = resolve_start(&a->resolve, t->stack, &config, host, strlen(host), estab_now());
    if (fault == DNS_NONE) {
        code = wait(a, host);
        resolve_end(&a->resolve, estab_now());
    } else {
        code = say_fault(t, host, fault);
    }
    found->count = code == CLI_OK ? a->resolve.count : 0;
    memcpy(found->address, a->resolve.address, found->count * sizeof *found->address);
    free(a);
    return code;
}

bool names_wanted(const struct talk *t, const char *host)
{
    static const char *const ours[] = {"server", "client", "localhost"};
    struct estab_addr address;

    if (t->staged || (t->dns.count == 0 && !t->o->ip.dhcp))
        return false;
    if (inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1)
        return false;
    if (t->station)
        return !station_peer_named(t->station, host) && strcmp(host, t->our_name) != 0 &&
               strcmp(host, "localhost") != 0;
    for (unsigned i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strcmp(host, ours[i]) == 0)
            return false;
    return true;
}
