/* SPDX-License-Identifier: MIT */
/* talk_wire.c - a verb that talks, as a station of a wire. */
#include "cli/talk_wire.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "cli/carrier.h"

#define LIST_MAX 512

/* ---- joining ----------------------------------------------------------------------------------- */

struct station *talk_join(struct talk *t, bool listens, struct estab_host_error *error)
{
    const struct cli_options *o = t->o;
    char program[ENVELOPE_WORD];
    struct station_config c = {
        .wire = o->on.name,
        .name = o->name,
        .program = program,
        .flags = (t->bare ? 0u : STATION_REPORTS) | STATION_TOLD | (listens ? STATION_SERVER : 0u),
        .has_address = cli_given(o, OPT_IP),
        .prefix_length = o->ip.length,
        .mac = cli_given(o, OPT_MAC) ? o->mac : NULL,
        .start = &carrier_start,
    };

    c.address = o->ip.host;
    snprintf(program, sizeof program, "estab %s", o->verb->name);
    return station_join(&c, error);
}

void talk_wire_names(struct talk *t)
{
    const struct station_peer *p;

    t->our_name = station_name(t->station);
    story_name(t->story, t->ours, t->our_name);
    for (unsigned i = 0; (p = station_peer_at(t->station, i)); i++)
        if (!(p->flags & (STATION_MONITOR | STATION_CARRIED)))
            story_name(t->story, p->address, p->name);
}

/* ---- what --impair and --rule mean on a wire ------------------------------------------------------- */

static bool order(struct talk *t, enum envelope_type type, const char *text,
                  struct estab_host_error *error)
{
    struct envelope e;

    envelope_init(&e, type);
    envelope_text(&e, text);
    return station_order(t->o->on.name, NULL, &e, NULL, NULL, error);
}

bool talk_wire_impair(struct talk *t, struct estab_host_error *error)
{
    const struct cli_options *o = t->o;
    char text[LINK_TEXT_MAX];

    if (cli_given(o, OPT_IMPAIR)) {
        link_config_text(&o->impair, text);
        if (!order(t, SAY_SET, text, error))
            return false;
    }
    for (unsigned i = 0; i < o->rules.count; i++) {
        link_rule_text(&o->rules.rule[i], text);
        if (!order(t, SAY_RULE, text, error))
            return false;
    }
    if (cli_given(o, OPT_IMPAIR) || o->rules.count > 0)
        talk_say(t, "the wire %s is impaired from now on, for all on it; estab wire clear mends it",
                 o->on.name);
    return true;
}

/* ---- names ------------------------------------------------------------------------------------------- */

static bool is_named(const struct station_peer *p)
{
    return !(p->flags & (STATION_MONITOR | STATION_CARRIED));
}

bool talk_wire_has(const struct talk *t, const struct estab_addr *address)
{
    const struct station_peer *p;

    for (unsigned i = 0; t->station && (p = station_peer_at(t->station, i)); i++)
        if (is_named(p) && memcmp(&p->address, address, sizeof *address) == 0)
            return true;
    return false;
}

static bool listens_on(const struct station_peer *p, uint16_t port)
{
    for (unsigned i = 0; i < p->ports; i++)
        if (p->port[i] == port)
            return true;
    return false;
}

static void list_one(char *out, const char *name, const struct estab_addr *address)
{
    size_t n = strlen(out);
    char text[NAMES_ADDR_MAX];

    names_addr_text(text, *address);
    snprintf(out + n, LIST_MAX - n, "%s%s (%s)", n ? ", " : "", name, text);
}

/* Those that listen on the port, or all with port 0; how many. */
static unsigned list(const struct talk *t, uint16_t port, char out[LIST_MAX],
                     struct estab_addr *only)
{
    const struct station_peer *p;
    unsigned n = 0;

    out[0] = '\0';
    for (unsigned i = 0; (p = station_peer_at(t->station, i)); i++) {
        if (!is_named(p) || (port && !listens_on(p, port)))
            continue;
        list_one(out, p->name, &p->address);
        *only = p->address;
        n++;
    }
    return n;
}

/* The one stack on this wire that listens on the port. */
static bool resolve_here(struct talk *t, const char *host, uint16_t port, struct estab_addr *out)
{
    char who[LIST_MAX];
    unsigned n = list(t, port, who, out);

    if (n == 1) {
        talk_say(t, "%s is taken to mean %s, the one stack on wire %s that listens on port %u",
                 host, who, t->o->on.name, port);
        return true;
    }
    if (n > 1)
        cli_say(t->o, CLI_USAGE, "%s is ambiguous: on wire %s port %u is listened on by %s", host,
                t->o->on.name, port, who);
    else if (list(t, 0, who, out) > 0)
        cli_say(t->o, CLI_USAGE,
                "nobody on wire %s listens on port %u, so %s means nobody; here are: %s",
                t->o->on.name, port, host, who);
    else
        cli_say(t->o, CLI_USAGE, "nobody else is on wire %s, so %s means nobody", t->o->on.name,
                host);
    return false;
}

static bool unknown(const struct talk *t, const char *host)
{
    char who[LIST_MAX];
    struct estab_addr any;

    if (list(t, 0, who, &any) > 0)
        cli_say(t->o, CLI_USAGE, "HOST '%s' is not on wire %s; here are: %s", host, t->o->on.name,
                who);
    else
        cli_say(t->o, CLI_USAGE,
                "HOST '%s' is not on wire %s, where nobody else is: start it first, for instance "
                "with estab listen in another terminal",
                host, t->o->on.name);
    return false;
}

bool talk_wire_resolve(struct talk *t, const char *host, uint16_t port, struct estab_addr *out)
{
    const struct station_peer *p = station_peer_named(t->station, host);
    struct in_addr address;

    if (strcmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0)
        return resolve_here(t, host, port, out);
    if (p) {
        *out = p->address;
        return true;
    }
    if (strcmp(host, t->our_name) == 0) {
        *out = t->ours;
        return true;
    }
    if (strchr(host, ':') && inet_pton(AF_INET6, host, out->b) == 1)
        return true;
    if (inet_pton(AF_INET, host, &address) != 1)
        return unknown(t, host);
    *out = estab_ipv4(0, 0, 0, 0);
    memcpy(out->b + 12, &address, 4);
    return true;
}
