/* SPDX-License-Identifier: MIT */
/* wire_verb.c - `estab wire`: orders to a hub, and what it answers. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capture/names.h"
#include "capture/text.h"
#include "cli/carrier.h"
#include "cli/prose.h"
#include "cli/verb.h"
#include "wire/place.h"
#include "wire/station.h"

static const char *const flag_names[] = {"server",  "reports", "told",
                                         "monitor", "kernel",  "carried"};

static int fail(const struct cli_options *o, const struct estab_host_error *error)
{
    enum cli_exit code = error->kind == ESTAB_HOST_USAGE || error->kind == ESTAB_HOST_NOT_FOUND
                             ? CLI_USAGE
                         : error->kind == ESTAB_HOST_PERMISSION ? CLI_PERMISSION
                                                                : CLI_FAILED;

    return cli_say(o, code, "%s", error->text);
}

/* ---- show --------------------------------------------------------------------------------------- */

struct showing {
    const struct cli_options *o;
    unsigned rules, stations;
};

static void copy_text(const struct envelope *e, char out[ENVELOPE_TEXT + 1])
{
    if (e->text_length)
        memcpy(out, e->text, e->text_length);
    out[e->text_length] = '\0';
}

static uint64_t counter(const struct envelope *e, const char *name)
{
    for (unsigned i = 0; i < e->counters; i++)
        if (strcmp(e->counter[i].name, name) == 0)
            return e->counter[i].value;
    return 0;
}

/* "10 put, 9 delivered, 1 ruled out", but for what is 0; names are joined by underscores.  How many it has written. */
static unsigned put_counters(const struct envelope *e)
{
    unsigned n = 0;

    for (unsigned i = 0; i < e->counters; i++) {
        if (e->counter[i].value == 0)
            continue;
        printf("%s%" PRIu64 " ", n++ ? ", " : "", e->counter[i].value);
        for (const char *c = e->counter[i].name; *c; c++)
            putchar(*c == '_' ? ' ' : *c);
    }
    return n;
}

static void show_wire(const struct envelope *e)
{
    char text[ENVELOPE_TEXT + 1], address[NAMES_ADDR_MAX];

    copy_text(e, text);
    names_addr_text(address, e->address);
    printf("wire %s, %s/%" PRIu32 ": %s\n", e->name, address, e->prefix_length,
           strcmp(text, "none") == 0 ? "nothing happens to frames on the way" : text);
    fputs("  frames: ", stdout);
    if (put_counters(e) == 0)
        fputs("none yet", stdout);
    printf("; seed %" PRIu64 "\n", e->seed);
}

static void show_rule(const struct envelope *e)
{
    char text[ENVELOPE_TEXT + 1];

    copy_text(e, text);
    printf("  rule: %s; %" PRIu64 " matched, done to %" PRIu64 "\n", text, counter(e, "seen"),
           counter(e, "hits"));
}

static void put_station(FILE *out, const struct envelope *e)
{
    char address[NAMES_ADDR_MAX];

    names_addr_text(address, e->address);
    fprintf(out, "  %-10s %-15s %s, process %" PRIu32,
            e->flags & STATION_CARRIED ? "(carried)" : e->name,
            e->flags & STATION_MONITOR ? "" : address, e->program, e->pid);
    for (unsigned i = 0; i < e->ports; i++)
        fprintf(out, "%s%u", i ? ", " : "; listens on ", e->port[i]);
    fprintf(out, "; %" PRIu64 " frames in, %" PRIu64 " out\n", counter(e, "frames_in"),
            counter(e, "frames_out"));
    if (counter(e, "slow"))
        fprintf(out, "    %" PRIu64 " frames were lost as it did not read\n", counter(e, "slow"));
}

static void show_station(const struct envelope *e)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);

    if (!out)
        return;
    put_station(out, e);
    (void)fclose(out);
    if (text)
        prose_fit(stdout, text, 0, prose_columns(stdout));
    free(text);
}

static void show_one(void *context, const struct envelope *e)
{
    (void)context;
    if (e->type == SAY_WIRE)
        show_wire(e);
    else if (e->type == SAY_RULE)
        show_rule(e);
    else if (e->type == SAY_STATION)
        show_station(e);
}

/* ---- the same for programs: schema "estab.wire/1" ----------------------------------------------------- */

static void json_text(const char *bytes, size_t n)
{
    char quoted[2 * ENVELOPE_TEXT + 16];
    struct text text = text_of(quoted, sizeof quoted, false);

    text_json(&text, bytes, n);
    fputs(quoted, stdout);
}

static void json_counters(const struct envelope *e)
{
    for (unsigned i = 0; i < e->counters; i++)
        printf(",\"%s\":%" PRIu64, e->counter[i].name, e->counter[i].value);
    fputs("}\n", stdout);
}

static void json_station(const struct envelope *e)
{
    char address[NAMES_ADDR_MAX];
    bool any = false;

    names_addr_text(address, e->address);
    fputs("\"kind\":\"station\",\"name\":", stdout);
    json_text(e->name, strlen(e->name));
    printf(",\"number\":%" PRIu32 ",\"address\":\"%s\",\"prefix\":%" PRIu32
           ",\"mac\":\"%02x:%02x:%02x:%02x:%02x:%02x\",\"pid\":%" PRIu32 ",\"program\":",
           e->station, e->flags & STATION_MONITOR ? "" : address, e->prefix_length, e->mac[0],
           e->mac[1], e->mac[2], e->mac[3], e->mac[4], e->mac[5], e->pid);
    json_text(e->program, strlen(e->program));
    fputs(",\"flags\":[", stdout);
    for (unsigned i = 0; i < sizeof flag_names / sizeof *flag_names; i++) {
        if (!(e->flags >> i & 1))
            continue;
        printf("%s\"%s\"", any ? "," : "", flag_names[i]);
        any = true;
    }
    fputs("],\"ports\":[", stdout);
    for (unsigned i = 0; i < e->ports; i++)
        printf("%s%u", i ? "," : "", e->port[i]);
    putchar(']');
}

static void json_one(void *context, const struct envelope *e)
{
    (void)context;
    fputs("{\"schema\":\"estab.wire/1\",", stdout);
    if (e->type == SAY_STATION) {
        json_station(e);
    } else {
        printf("\"kind\":\"%s\",", e->type == SAY_WIRE ? "wire" : "rule");
        if (e->type == SAY_WIRE)
            printf("\"name\":\"%s\",\"seed\":%" PRIu64 ",", e->name, e->seed);
        fputs(e->type == SAY_WIRE ? "\"impairment\":" : "\"rule\":", stdout);
        json_text(e->text ? e->text : "", e->text_length);
    }
    json_counters(e);
}

static int show(const struct cli_options *o)
{
    struct envelope order;
    struct estab_host_error error = {0};
    char other[PLACE_MAX][PLACE_NAME];
    unsigned n;

    envelope_init(&order, SAY_SHOW);
    if (!station_order(o->on.name, NULL, &order, o->json ? json_one : show_one, NULL, &error)) {
        if (error.kind != ESTAB_HOST_NOT_FOUND)
            return fail(o, &error);
        fprintf(stderr,
                "there is no wire %s; its first user starts it, for instance estab listen\n",
                o->on.name);
    }
    n = place_list(other);
    for (unsigned i = 0; i < n; i++)
        if (strcmp(other[i], o->on.name) != 0)
            fprintf(stderr, "there is a wire %s, too: estab wire --on wire:%s\n", other[i],
                    other[i]);
    return CLI_OK;
}

/* ---- set, rule, clear ---------------------------------------------------------------------------------- */

static bool join_words(const struct cli_options *o, char out[ENVELOPE_TEXT + 1])
{
    size_t n = 0;

    out[0] = '\0';
    for (unsigned i = 0; i < o->words; i++) {
        int more = snprintf(out + n, ENVELOPE_TEXT + 1 - n, "%s%s", i ? " " : "", o->word[i]);
        n += (size_t)more;
        if (n > ENVELOPE_TEXT)
            return false;
    }
    return true;
}

static int change(const struct cli_options *o, enum envelope_type type)
{
    char text[ENVELOPE_TEXT + 1];
    struct envelope order;
    struct estab_host_error error = {0};

    if (!join_words(o, text))
        return cli_say(o, CLI_USAGE, "so many words are no impairment: expected at most %d bytes",
                       ENVELOPE_TEXT);
    if (!text[0])
        return cli_say(o, CLI_USAGE, "%s lacks its words: expected %s", o->action,
                       type == SAY_SET ? "an impairment such as delay 2s loss 1%"
                                       : "a rule such as drop 2 data");
    envelope_init(&order, type);
    envelope_text(&order, text);
    if (!station_order(o->on.name, &carrier_start, &order, NULL, NULL, &error))
        return fail(o, &error);
    return CLI_OK;
}

static int clear(const struct cli_options *o)
{
    struct envelope order;
    struct estab_host_error error = {0};

    envelope_init(&order, SAY_CLEAR);
    if (!station_order(o->on.name, NULL, &order, NULL, NULL, &error))
        return fail(o, &error);
    return CLI_OK;
}

/* ---- down ------------------------------------------------------------------------------------------------ */

/* One that does not understand us, or is stopped, is ended by its process. */
static bool end_process(const char *wire)
{
    struct ucred who = {0};
    socklen_t n = sizeof who;
    int fd = place_connect(wire, NULL, NULL);
    pid_t hub = 0;

    if (fd < 0)
        hub = place_process(wire);
    else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0)
        hub = who.pid;
    if (fd >= 0)
        close(fd);
    return hub > 1 && kill(hub, SIGKILL) == 0;
}

static int down(const struct cli_options *o)
{
    struct envelope order;
    struct estab_host_error error = {0};

    envelope_init(&order, SAY_DOWN);
    if (station_order(o->on.name, NULL, &order, NULL, NULL, &error))
        return CLI_OK;
    if (error.kind == ESTAB_HOST_NOT_FOUND) {
        fprintf(stderr, "there is no wire %s\n", o->on.name);
        return CLI_OK;
    }
    if (error.kind != ESTAB_HOST_IO || !end_process(o->on.name))
        return fail(o, &error);
    fprintf(stderr, "%s: its process was ended\n", error.text);
    return CLI_OK;
}

int cmd_wire(const struct cli_options *o)
{
    bool takes_words = strcmp(o->action, "set") == 0 || strcmp(o->action, "rule") == 0;

    if (o->on.kind != ON_WIRE)
        return cli_say(o, CLI_USAGE, "expected --on wire:NAME");
    if (o->words && !takes_words)
        return cli_say(o, CLI_USAGE, "'%s' is one word too many: %s takes none", o->word[0],
                       o->action);
    if (takes_words)
        return change(o, o->action[0] == 's' ? SAY_SET : SAY_RULE);
    if (strcmp(o->action, "clear") == 0)
        return clear(o);
    return strcmp(o->action, "down") == 0 ? down(o) : show(o);
}
