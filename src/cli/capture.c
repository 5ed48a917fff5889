/* SPDX-License-Identifier: MIT */
/*
 * capture.c - `estab capture`: what passes on an interface or stands in a file, told and saved.
 *
 * A segment that never left its machine has a checksum that is not finished: the field then holds
 * the sum of the pseudo header, and is not taken for a wrong one.
 */
#include "cli/capture.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>

#include "base/checksum.h"
#include "packet/ipv4.h"
#include "packet/ipv6.h"

#define FILTER_MAX 4096

/* ---- the story ---------------------------------------------------------------------------------------- */

bool capture_wants(struct capture *c, const struct capfile_packet *p)
{
    c->seen++;
    return !c->filter || capture_filter_match(c->filter, p);
}

bool capture_full(const struct capture *c)
{
    return c->options.packets && c->told >= c->options.packets;
}

int capture_begin(struct capture *c, estab_time epoch)
{
    const struct cli_options *o = &c->options;

    if (c->story)
        return CLI_OK;
    c->epoch = epoch;
    if (o->write) {
        c->file = pcapng_create(o->write, "estab " ESTAB_VERSION, epoch);
        if (!c->file || pcapng_error(c->file))
            return cli_say(o, CLI_INPUT, "%s", c->file ? pcapng_error(c->file) : "no memory");
    }
    c->story = story_new(&(struct story_config){
        .cli = o, .out = c->out, .file = c->file, .epoch_ns = epoch, .all = true});
    c->onlooker = calloc(1, sizeof *c->onlooker);
    if (!c->story || !c->onlooker)
        return cli_say(o, CLI_FAILED, "no memory");
    c->onlooker->story = c->story;
    story_begin(c->story, 0);
    return CLI_OK;
}

unsigned capture_wire(struct capture *c, enum estab_link link)
{
    if (c->wire[link] == 0)
        c->wire[link] = story_wire(c->story, link, c->where) + 1;
    return c->wire[link] - 1;
}

/* ---- a packet ------------------------------------------------------------------------------------------- */

static bool is_unfinished(const struct frame_view *v)
{
    uint32_t length = v->ip_length - v->ip_header_length;

    return v->checksum == VIEW_SUM_BAD && v->kind == VIEW_TCP && !v->malformed &&
           checksum_fold(ip_pseudo(&v->src.addr, &v->dst.addr, PROTO_TCP, length)) ==
               v->tcp.checksum;
}

static void tell(struct capture *c, struct estab_frame *f, const char *note, estab_time now)
{
    struct frame_view v;

    view_frame(&v, f);
    if (is_unfinished(&v)) {
        f->checksum = ESTAB_CHECKSUM_GOOD; /* the file gets it finished */
        v.checksum = VIEW_SUM_UNFINISHED;
    }
    onlooker_expire(c->onlooker, now);
    story_settle(c->story, now);
    story_arriving(c->story, &v);
    onlooker_see(c->onlooker, &v, ++c->serial, true, true, now);
    story_packet(c->story, &(struct story_packet){
                               .frame = f,
                               .view = &v,
                               .wire = capture_wire(c, (enum estab_link)f->link),
                               .serial = c->serial,
                               .reason = REASONS,
                               .why = WHYS,
                               .note = note,
                               .time = now,
                           });
    c->told++;
}

/* CLI_OK: go on. */
static int take(struct capture *c, const struct capfile_packet *p)
{
    struct estab_frame f = {.parts = 1};
    enum estab_link link;
    uint32_t offset;
    char note[64];
    int code;

    if (!capture_wants(c, p))
        return CLI_OK;
    if (!capfile_frame(p, &offset, &link) || p->length == offset) {
        c->unknown++;
        return CLI_OK;
    }
    code = capture_begin(c, p->time);
    if (code != CLI_OK)
        return code;
    f.link = (uint8_t)link;
    f.length = p->length - offset;
    f.part[0] = (struct estab_part){(uint8_t *)(uintptr_t)(p->bytes + offset), f.length};
    snprintf(note, sizeof note, "cut: %" PRIu32 " bytes of %" PRIu32, p->length, p->original);
    tell(c, &f, p->length < p->original ? note : NULL, p->time > c->epoch ? p->time - c->epoch : 0);
    return CLI_OK;
}

/* ---- where they come from ----------------------------------------------------------------------------------- */

static void name_ends(struct capture *c, const struct names *names)
{
    for (unsigned i = 0; c->story && !c->options.numeric && i < names->count; i++)
        story_name(c->story, names->entry[i].addr, names->entry[i].text);
}

static int read_file(struct capture *c)
{
    struct capfile *f = capfile_open(c->options.read);
    enum capfile_result result = CAPFILE_END;
    struct capfile_packet p;
    int code = CLI_OK;

    if (!f)
        return cli_say(&c->options, CLI_FAILED, "no memory");
    c->where = c->options.read;
    while (code == CLI_OK && !capture_full(c) && !cli_interrupts() &&
           (result = capfile_next(f, &p)) == CAPFILE_PACKET) {
        if (!c->story)
            code = capture_begin(c, p.time);
        name_ends(c, capfile_names(f));
        if (code == CLI_OK)
            code = take(c, &p);
    }
    if (code == CLI_OK && capfile_error(f))
        code = cli_say(&c->options, CLI_INPUT, "%s", capfile_error(f));
    capfile_close(f);
    return code;
}

static int take_live(struct capture *c, struct capture_live *live)
{
    enum capfile_result result = CAPFILE_PACKET;
    char error[CAPTURE_ERROR_MAX];
    struct capfile_packet p;
    int code = CLI_OK;

    while (code == CLI_OK && !capture_full(c) &&
           (result = capture_live_next(live, &p, error)) == CAPFILE_PACKET)
        code = take(c, &p);
    if (code == CLI_OK && result == CAPFILE_ERROR)
        code = cli_say(&c->options, CLI_FAILED, "%s", error);
    fflush(c->out);
    return code;
}

static int listen_live(struct capture *c)
{
    struct capture_live *live;
    char error[CAPTURE_ERROR_MAX];
    struct pollfd poll_fd = {.events = POLLIN};
    unsigned lost;
    int code = CLI_OK;

    c->where = c->options.interface;
    live = capture_live_open(c->where, &code, error);
    if (!live)
        return cli_say(&c->options, (enum cli_exit)code, "%s", error);
    fprintf(stderr, "capturing on %s; Ctrl-C ends\n", c->where);
    cli_catch();
    poll_fd.fd = capture_live_fd(live);
    code = CLI_OK;
    while (code == CLI_OK && !capture_full(c) && !cli_interrupts()) {
        (void)poll(&poll_fd, 1, 1000);
        code = take_live(c, live);
    }
    lost = capture_live_lost(live);
    if (lost)
        fprintf(stderr, "%u packets were lost: they came faster than they could be told\n", lost);
    capture_live_close(live);
    return code;
}

static void tell_interface(void *context, const char *name, const char *about)
{
    const struct capture *c = context;

    if (c->options.json)
        fprintf(c->out, "{\"schema\":\"estab.interface/1\",\"name\":\"%s\",\"about\":\"%s\"}\n",
                name, about);
    else
        fprintf(c->out, "-i %-18s %s\n", name, about);
}

static int list_all(struct capture *c)
{
    char error[CAPTURE_ERROR_MAX];

    if (!c->options.json)
        fputs("--on wire:lab         a wire; estab wire lists the others\n", c->out);
    if (capture_interfaces(tell_interface, c, error))
        return CLI_OK;
    return cli_say(&c->options, CLI_FAILED, "%s", error);
}

/* ---- all of it -------------------------------------------------------------------------------------------------- */

static int compile_filter(struct capture *c)
{
    const struct cli_options *o = &c->options;
    char text[FILTER_MAX] = "", error[CAPTURE_ERROR_MAX];
    size_t n = 0;

    for (unsigned i = 0; i < o->words && n < sizeof text; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i ? " " : "", o->word[i]);
    if (n >= sizeof text)
        return cli_say(o, CLI_USAGE, "expected a filter of less than %d bytes", FILTER_MAX);
    if (n == 0)
        return CLI_OK;
    c->filter = capture_filter_new(text, error);
    return c->filter ? CLI_OK
                     : cli_say(o, CLI_USAGE,
                               "filter '%s': %s; expected libpcap's words, such as \"tcp port 3333\" "
                               "(pcap-filter(7) has all)",
                               text, error);
}

static int check(const struct capture *c)
{
    const struct cli_options *o = &c->options;

    if (!!o->read + !!o->interface + cli_given(o, OPT_ON) > 1)
        return cli_say(o, CLI_USAGE, "expected one of --read, --interface and --on");
    if (cli_given(o, OPT_ON) && o->on.kind != ON_WIRE && o->on.kind != ON_PACKET)
        return cli_say(o, CLI_USAGE, "expected --on wire:NAME or packet:IFACE");
    if (o->write && strcmp(o->write, "-") == 0 && o->json)
        return cli_say(o, CLI_USAGE, "-w - and --json both write to stdout: expected one of them");
    return CLI_OK;
}

static int run(struct capture *c)
{
    int code = check(c);

    if (code == CLI_OK)
        code = compile_filter(c);
    if (code != CLI_OK)
        return code;
    if (c->options.interfaces)
        return list_all(c);
    if (c->options.on.kind == ON_PACKET && !c->options.interface)
        c->options.interface = c->options.on.name;
    if (c->options.read)
        return read_file(c);
    return c->options.interface ? listen_live(c) : capture_on_wire(c);
}

static int finish(struct capture *c, int code)
{
    char why[PCAPNG_ERROR_MAX];

    if (c->file && !pcapng_close(c->file, why) && code == CLI_OK)
        code = cli_say(&c->options, CLI_FAILED, "%s", why);
    if (c->story && code == CLI_OK && !c->options.json)
        fprintf(stderr, "%" PRIu32 " packet%s of %" PRIu64 " seen\n", c->told,
                c->told == 1 ? "" : "s", c->seen);
    if (c->unknown)
        fprintf(stderr, "%" PRIu64 " of a link type that is neither Ethernet nor IP\n",
                c->unknown);
    if (c->story)
        story_free(c->story);
    capture_filter_free(c->filter);
    free(c->onlooker);
    return code == CLI_OK && cli_interrupts() && !capture_full(c) ? CLI_INTERRUPTED : code;
}

int cmd_capture(const struct cli_options *o)
{
    struct capture *c = calloc(1, sizeof *c);
    int code;

    if (!c)
        return cli_say(o, CLI_FAILED, "no memory");
    c->options = *o;
    c->out = o->write && strcmp(o->write, "-") == 0 ? stderr : stdout;
    code = finish(c, run(c));
    free(c);
    return code;
}
