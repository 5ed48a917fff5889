/* SPDX-License-Identifier: MIT */
/* talk.c - making, and unmaking in the opposite order. */
#include "cli/talk.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "capture/text.h"
#include "cli/prose.h"
#include "cli/talk_control.h"
#include "cli/talk_wire.h"
#include "sim/random.h"

#define TRACE_RECORDS 4096
#define LISTEN_MS     10                 /* how often the kernel is asked who listens */
#define SAY_AFTER     (3 * ESTAB_SECOND) /* what makes the user wait is told after this long */
#define AWAIT_MOST    (30 * ESTAB_SECOND) /* a program of the user's may take so long to listen */
#define LEAVE_AFTER   (2 * ESTAB_SECOND) /* in which the end of a connection can be watched */
#define SERVER_HOST   1u                 /* 10.11.0.1 */
#define CLIENT_HOST   101u               /* 10.11.0.101 */

/* ---- telling ----------------------------------------------------------------------------------------- */

void talk_say(const struct talk *t, const char *format, ...)
{
    bool dim = t->o->colour && isatty(STDERR_FILENO);
    va_list list;

    fflush(t->out);
    fputs(dim ? "\033[2m" : "", stderr);
    va_start(list, format);
    prose_say(stderr, 0, format, list);
    va_end(list);
    fputs(dim ? "\033[0m\n" : "\n", stderr);
}

void talk_say_inferred(const struct talk *t)
{
    if (!t->station && !wire_knows_peer(t->wire))
        talk_say(t, "~ marks a state that is inferred from the packets%s",
                 t->netns ? "; root would see the kernel's own" : "");
}

const char *talk_endpoint(const struct estab_endpoint *e, char out[TALK_ENDPOINT_MAX])
{
    char address[NAMES_ADDR_MAX];

    names_addr_text(address, e->addr);
    snprintf(out, TALK_ENDPOINT_MAX, strchr(address, ':') ? "[%s]:%u" : "%s:%u", address, e->port);
    return out;
}

/* "estab.text/1": time, from ("10.11.0.101:40000"), len, preview (its first 48 bytes). */
void talk_text(void *context, const struct estab_endpoint *from, const uint8_t *bytes, size_t n)
{
    struct talk *t = context;
    char quoted[6 * 48 + 8], end[TALK_ENDPOINT_MAX];
    struct text text = text_of(quoted, sizeof quoted, false);
    size_t shown = n < 48 ? n : 48;

    talk_endpoint(from, end);
    if (t->o->json) {
        text_json(&text, (const char *)bytes, shown);
        fprintf(t->out,
                "{\"schema\":\"estab.text/1\",\"time\":%.9f,\"from\":\"%s\",\"len\":%zu,"
                "\"preview\":%s}\n",
                (double)(talk_time(t) - t->origin) / 1e9, end, n, quoted);
        return;
    }
    text_quote(&text, bytes, shown);
    talk_say(t, "received %zu byte%s from %s: %s%s", n, n == 1 ? "" : "s", end, quoted,
             shown < n ? "..." : "");
}

static int fail(const struct talk *t, const struct estab_host_error *error)
{
    static const enum cli_exit codes[] = {
        [ESTAB_HOST_OK] = CLI_FAILED,       [ESTAB_HOST_USAGE] = CLI_USAGE,
        [ESTAB_HOST_NOT_FOUND] = CLI_USAGE, [ESTAB_HOST_PERMISSION] = CLI_PERMISSION,
        [ESTAB_HOST_IO] = CLI_FAILED,
    };

    return cli_say(t->o, codes[error->kind], "%s", error->text);
}

/* ---- the stack ---------------------------------------------------------------------------------------- */

struct estab_config talk_config(const struct cli_options *o, bool small)
{
    struct random keys = random_stream(o->seed, "keys");
    struct estab_config c;

    if (o->rfc)
        estab_config_rfc(&c);
    else
        estab_config_init(&c);
    if (cli_given(o, OPT_MSL) || !o->rfc)
        c.msl_ms = (uint32_t)o->msl_ms;
    if (cli_given(o, OPT_CONGESTION))
        c.congestion = o->congestion;
    c.connections = c.records = small ? 16 : APP_CONNECTIONS;
    c.listeners = 8;
    c.chunks = small ? 1024 : c.chunks;
    c.trace_records = TRACE_RECORDS;
    if (cli_given(o, OPT_SEED)) {
        random_bytes(&keys, c.isn_key, sizeof c.isn_key);
        random_bytes(&keys, c.hash_key, sizeof c.hash_key);
    } else {
        estab_random(c.isn_key, sizeof c.isn_key);
        estab_random(c.hash_key, sizeof c.hash_key);
    }
    return c;
}

/* Pages that are never touched cost nothing. */
estab_stack *talk_stack_new(const struct estab_config *config, void **room, size_t *size)
{
    *size = estab_stack_size(config);
    *room = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                 -1, 0);
    if (*room == MAP_FAILED) {
        *room = NULL;
        return NULL;
    }
    return estab_stack_init((struct estab_room){*room, *size}, config, estab_now());
}

void talk_stack_free(void *room, size_t size)
{
    if (room)
        munmap(room, size);
}

/* ---- addresses ------------------------------------------------------------------------------------------ */

static struct estab_addr host_in(const uint8_t network[4], unsigned prefix_length, uint32_t host)
{
    uint32_t mask = UINT32_MAX >> prefix_length;
    uint32_t base = (uint32_t)network[0] << 24 | (uint32_t)network[1] << 16 |
                    (uint32_t)network[2] << 8 | network[3];
    uint32_t all = (base & ~mask) | (host < mask ? host : 1);

    return estab_ipv4((uint8_t)(all >> 24), (uint8_t)(all >> 16), (uint8_t)(all >> 8),
                      (uint8_t)all);
}

static bool equal(const struct estab_addr *a, const struct estab_addr *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* Beside ours, in the same prefix. */
static struct estab_addr other_ipv6(struct estab_addr ours, bool listens)
{
    struct estab_addr other = ours;

    other.b[15] = listens ? CLIENT_HOST : SERVER_HOST;
    if (other.b[15] == ours.b[15])
        other.b[15] = (uint8_t)(ours.b[15] ^ 3);
    return other;
}

/* 10.11.0.1 is the server and 10.11.0.101 the client, unless the user has an address for us: then
 * the other end, where it is ours to choose, has one beside it. */
static void choose_addresses(struct talk *t, bool listens)
{
    static const uint8_t network[4] = {10, 11, 0, 0};
    const struct cli_options *o = t->o;
    const uint8_t *base = cli_given(o, OPT_IP) ? o->ip.address : network;
    unsigned length = cli_given(o, OPT_IP) ? o->ip.length : 24;

    t->prefix_length = (uint8_t)length;
    if (cli_given(o, OPT_IP) && o->ip.automatic)
        return; /* routers will tell */
    if (cli_given(o, OPT_IP) && o->ip.dhcp) { /* a server will */
        t->prefix_length = 0;
        t->ours = estab_ipv4(0, 0, 0, 0);
        return;
    }
    if (cli_given(o, OPT_IP) && o->ip.six) {
        t->ours = o->ip.host;
        if (o->on.kind == ON_SIM || o->on.kind == ON_KERNEL)
            t->theirs = other_ipv6(t->ours, listens);
        return;
    }
    t->ours = host_in(base, length, listens ? SERVER_HOST : CLIENT_HOST);
    if (cli_given(o, OPT_IP))
        t->ours = estab_ipv4(base[0], base[1], base[2], base[3]);
    if (o->on.kind != ON_SIM && o->on.kind != ON_KERNEL)
        return;
    t->theirs = host_in(base, length, listens ? CLIENT_HOST : SERVER_HOST);
    for (uint32_t host = 1; equal(&t->theirs, &t->ours); host++)
        t->theirs = host_in(base, length, host);
}

static bool unspecified(const struct estab_addr *a)
{
    static const struct estab_addr none;
    return equal(a, &none);
}

static void name_ends(struct talk *t, bool listens)
{
    if (t->o->on.kind == ON_WIRE)
        return; /* the wire will tell */
    t->our_name = listens ? "server" : "client";
    if (!unspecified(&t->ours))
        story_name(t->story, t->ours, t->our_name);
    if (!unspecified(&t->theirs))
        story_name(t->story, t->theirs, listens ? "client" : "server");
}

bool talk_resolve(struct talk *t, const char *host, struct estab_addr *out)
{
    bool server = strcmp(host, "server") == 0, client = strcmp(host, "client") == 0;
    bool here = strcmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0;
    bool we_serve = strcmp(t->our_name, "server") == 0;
    struct in_addr address;

    if (t->station)
        return talk_wire_resolve(t, host, t->o->port, out);
    if ((server || client) && server == we_serve) {
        *out = t->ours;
        return true;
    }
    if (here && !unspecified(&t->theirs))
        talk_say(t, "%s is taken to mean server, which listens on this wire", host);
    if ((server || client || here) && !unspecified(&t->theirs)) {
        *out = t->theirs;
        return true;
    }
    if (!here && inet_pton(AF_INET, host, &address) == 1) {
        *out = estab_ipv4(0, 0, 0, 0);
        memcpy(out->b + 12, &address, 4);
        return true;
    }
    if (inet_pton(AF_INET6, host, out->b) == 1)
        return true;
    if (here)
        cli_say(t->o, CLI_USAGE,
                "HOST '%s' would be ourselves: expected the peer's address A.B.C.D, as here nobody "
                "else is known", host);
    else
        cli_say(t->o, CLI_USAGE, "HOST '%s' is not known here: expected an address A.B.C.D%s%s",
                host, unspecified(&t->theirs) ? "" : ", or server",
                t->staged || !verb_has(t->o->verb, OPT_DNS) ? "" : ", or --dns ADDR, a server to ask for it");
    return false;
}

/* ---- the file ------------------------------------------------------------------------------------------- */

static estab_time wall_clock(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (estab_time)t.tv_sec * ESTAB_SECOND + (estab_time)t.tv_nsec;
}

static int open_story(struct talk *t, bool listens)
{
    const struct cli_options *o = t->o;
    estab_time epoch = o->on.kind == ON_SIM ? 0 : wall_clock();
    bool binary = o->write && strcmp(o->write, "-") == 0;
    bool quiet = verb_has(o->verb, OPT_SERVICE) && !o->verbose; /* it has lines of its own */

    if (binary && o->json)
        return cli_say(o, CLI_USAGE, "-w - and --json both write to stdout: expected one of them");
    t->out = binary ? stderr : stdout;
    t->opened = estab_now();
    if (o->write) {
        t->file = pcapng_create(o->write, "estab " ESTAB_VERSION, epoch);
        if (!t->file || pcapng_error(t->file))
            return cli_say(o, CLI_INPUT, "%s", t->file ? pcapng_error(t->file) : "no memory");
    }
    t->story = story_new(&(struct story_config){
        .cli = o, .out = quiet ? NULL : t->out, .file = t->file, .epoch_ns = epoch});
    if (!t->story)
        return cli_say(o, CLI_FAILED, "no memory");
    name_ends(t, listens);
    return CLI_OK;
}

/* ---- the stage -------------------------------------------------------------------------------------------- */

/* A wire that takes a little time shows better what happens when: `none` is the perfect one. */
static struct link_config stage_link(const struct cli_options *o)
{
    static const struct link_config none;
    struct link_config link = o->impair;
    bool perfect = cli_given(o, OPT_IMPAIR) && memcmp(&link, &none, sizeof link) == 0;

    if (link.delay_ns == 0 && !perfect)
        link.delay_ns = 10 * ESTAB_MS;
    return link;
}

static int open_stage(struct talk *t, bool listens)
{
    struct estab_config config = talk_config(t->o, true);
    struct link_config link = stage_link(t->o);
    unsigned number = story_wire(t->story, ESTAB_LINK_ETHERNET, "sim");
    const char *wrong = stage_init(&t->stage, t->story, t->o->seed, number);

    t->staged = true;
    if (!wrong && (stage_add(&t->stage, t->our_name, t->ours, &config) != 0 ||
                   stage_add(&t->stage, listens ? "client" : "server", t->theirs, &config) != 1))
        wrong = sim_error(t->stage.sim);
    if (wrong)
        return cli_say(t->o, CLI_FAILED, "%s", wrong);
    for (unsigned i = 0; i < 2; i++)
        t->stage.end[i].interface.prefix_length = t->prefix_length;
    if (cli_given(t->o, OPT_MAC))
        memcpy(t->stage.end[0].interface.mac, t->o->mac, 6);
    wrong = stage_join(&t->stage, &link, &t->o->rules);
    if (wrong)
        return cli_say(t->o, CLI_FAILED, "%s", wrong);
    t->stack = stage_stack(&t->stage, 0);
    story_begin(t->story, 0);
    return CLI_OK;
}

/* ---- the device -------------------------------------------------------------------------------------------- */

static estab_device *open_kernel(struct talk *t, bool listens, struct estab_host_error *error)
{
    struct netns_options options = netns_defaults(!listens);

    options.kernel_address = t->theirs;
    options.prefix_length = t->prefix_length;
    options.names[0] = (struct netns_name){"server", listens ? t->ours : t->theirs};
    options.names[1] = (struct netns_name){"client", listens ? t->theirs : t->ours};
    t->netns = netns_make(&options, error);
    if (!t->netns)
        return NULL;
    if (netns_names_note(t->netns))
        talk_say(t, "%s", netns_names_note(t->netns));
    return netns_device(t->netns, &t->interface, error);
}

static estab_device *open_device(struct talk *t, struct estab_host_error *error)
{
    char spec[40];

    return estab_device_open(talk_on_text(&t->o->on, spec), ESTAB_DEVICE_PLAIN, &t->interface,
                             error);
}

static int open_wire(struct talk *t, bool listens, const struct estab_config *config)
{
    struct estab_host_error error = {0};

    t->station = talk_join(t, listens, &error);
    if (!t->station || !talk_wire_impair(t, &error))
        return fail(t, &error);
    t->device = station_device(t->station);
    station_interface(t->station, &t->interface);
    t->ours = t->interface.address;
    t->prefix_length = t->interface.prefix_length;
    talk_wire_names(t);
    if (t->bare)
        return CLI_OK;
    t->stack = talk_stack_new(config, &t->room, &t->room_size);
    return t->stack ? CLI_OK : cli_say(t->o, CLI_FAILED, "no memory");
}

static int open_real(struct talk *t, bool listens)
{
    struct estab_config config = talk_config(t->o, false);
    struct estab_host_error error = {0};

    if (t->o->on.kind == ON_WIRE) {
        config.dad_transmits = 0; /* the hub gives no address to two */
        return open_wire(t, listens, &config);
    }
    t->device =
        t->o->on.kind == ON_KERNEL ? open_kernel(t, listens, &error) : open_device(t, &error);
    if (!t->device)
        return fail(t, &error);
    t->interface.address = t->ours;
    t->interface.prefix_length = t->prefix_length;
    if (cli_given(t->o, OPT_MAC))
        memcpy(t->interface.mac, t->o->mac, 6);
    if (t->bare)
        return CLI_OK;
    t->stack = talk_stack_new(&config, &t->room, &t->room_size);
    return t->stack ? CLI_OK : cli_say(t->o, CLI_FAILED, "no memory");
}

static int open_all(struct talk *t, const struct cli_options *o, bool listens, bool bare)
{
    int code;

    memset(t, 0, sizeof *t);
    t->o = o;
    t->out = stdout;
    t->child_fd = -1;
    t->bare = bare;
    t->dns = o->dns;
    if ((o->ip.automatic || o->ip.dhcp) &&
        (o->verb->run != cmd_connect || (o->on.kind != ON_PACKET && o->on.kind != ON_TAP)))
        return cli_say(o, CLI_USAGE,
                       "--ip %s needs a network with %s: expected connect --on packet:IFACE or tap:NAME, "
                       "or an address A.B.C.D/N or of IPv6",
                       o->ip.dhcp ? "dhcp" : "auto", o->ip.dhcp ? "a server of DHCP" : "routers");
    choose_addresses(t, listens);
    code = open_story(t, listens);
    if (code == CLI_OK && o->on.kind != ON_SIM)
        code = open_real(t, listens);
    else if (code == CLI_OK && !bare)
        code = open_stage(t, listens);
    return code;
}

int talk_open(struct talk *t, const struct cli_options *o, bool listens)
{
    return open_all(t, o, listens, false);
}

int talk_open_bare(struct talk *t, const struct cli_options *o, bool listens)
{
    return open_all(t, o, listens, true);
}

int talk_publish(struct talk *t, uint16_t port)
{
    struct estab_endpoint target = {t->ours, port};
    struct estab_host_error error = {0};

    if (!cli_given(t->o, OPT_PUBLISH))
        return CLI_OK;
    if (!t->station)
        return cli_say(t->o, CLI_USAGE, "--publish relays onto a wire: expected --on wire:NAME");
    if (!publish_start(&t->publication, t->o, t->o->publish, &target, &error))
        return fail(t, &error);
    talk_say(t, "127.0.0.1:%u of this machine reaches %s, port %u, over wire %s", t->o->publish,
             t->our_name, port, t->o->on.name);
    return CLI_OK;
}

int talk_close(struct talk *t, int code)
{
    char why[PCAPNG_ERROR_MAX];

    control_close(t->control);
    publish_end(&t->publication);
    wire_free(t->wire);
    if (t->staged)
        stage_fini(&t->stage);
    if (t->child_fd >= 0)
        close(t->child_fd);
    if (t->device)
        estab_device_close(t->device);
    netns_free(t->netns);
    talk_stack_free(t->room, t->room_size);
    story_free(t->story);
    if (t->file && !pcapng_close(t->file, why) && code == CLI_OK)
        code = cli_say(t->o, CLI_FAILED, "%s", why);
    return code;
}

/* ---- real time -------------------------------------------------------------------------------------------- */

static void child_ready(void *context, int fd, short revents, estab_time now)
{
    struct talk *t = context;

    (void)revents;
    (void)now;
    if (!netns_wait(t->netns, t->child, 0, &t->child_status))
        return;
    estab_loop_watch(wire_loop(t->wire), fd, 0, NULL, NULL);
    close(fd);
    t->child_fd = -1;
    t->child = 0;
    t->child_ended = true;
}

static void watch_child(struct talk *t)
{
    if (t->wire && t->child_fd >= 0)
        estab_loop_watch(wire_loop(t->wire), t->child_fd, POLLIN, child_ready, t);
}

/* Where stdout is for programs, the command's goes to stderr. */
int talk_start_child(struct talk *t, const struct peer_options *peer)
{
    bool apart = t->o->json || t->out == stderr;
    int fd[3] = {-1, apart ? STDERR_FILENO : -1, -1};
    struct estab_host_error error = {0};

    fflush(NULL);
    t->child = t->o->command ? netns_spawn(t->netns, t->o->command, fd, &error)
                             : peer_start(t->netns, peer, &error);
    if (t->child < 0) {
        t->child = 0;
        return fail(t, &error);
    }
    t->child_fd = netns_pidfd(t->child);
    watch_child(t);
    return CLI_OK;
}

static void say_sentence(void *context, const char *sentence)
{
    const struct talk *t = context;

    talk_say(t, "%s", sentence);
}

int talk_await_listener(struct talk *t, uint16_t port, bool *listens)
{
    estab_time say_at = estab_now() + SAY_AFTER, give_up_at = estab_now() + AWAIT_MOST;
    int answer;

    while ((answer = netns_listens(t->netns, port)) == 0) {
        struct pollfd p = {.fd = t->child_fd, .events = POLLIN};
        if (cli_interrupts())
            return CLI_INTERRUPTED;
        if (netns_wait(t->netns, t->child, 0, &t->child_status)) {
            t->child = 0;
            return cli_say(t->o, CLI_REFUSED,
                           "'%s' has ended with exit code %d before anybody listened on port %u",
                           t->o->command ? t->o->command[0] : "the built-in server",
                           t->child_status, port);
        }
        if (estab_now() >= give_up_at)
            return cli_say(t->o, CLI_TIMED_OUT,
                           "nobody listened on port %u of the kernel's end within %u s: does '%s' "
                           "use another port?",
                           port, (unsigned)(AWAIT_MOST / ESTAB_SECOND),
                           t->o->command ? t->o->command[0] : "the built-in server");
        if (estab_now() >= say_at) {
            say_at = ESTAB_NEVER;
            talk_say(t, "waiting until somebody listens on port %u of the kernel's end", port);
        }
        (void)poll(&p, 1, LISTEN_MS);
    }
    *listens = answer > 0;
    return CLI_OK;
}

int talk_start_wire(struct talk *t, bool peer_listens)
{
    struct estab_host_error error = {0};

    t->origin = estab_now() - t->opened;
    story_begin(t->story, t->origin);
    t->wire = wire_new(&(struct wire_config){.cli = t->o,
                                             .story = t->story,
                                             .stack = t->stack,
                                             .device = t->device,
                                             .interface = t->interface,
                                             .name = estab_device_name(t->device),
                                             .netns = t->netns,
                                             .peer = t->theirs,
                                             .peer_listens = peer_listens,
                                             .station = t->station,
                                             .say = say_sentence,
                                             .context = t,
                                             .begin = t->origin},
                       &error);
    if (!t->wire)
        return fail(t, &error);
    if (!t->station && (cli_given(t->o, OPT_IMPAIR) || t->o->rules.count > 0))
        talk_say(t, "what the wire does to packets follows from the seed %" PRIu64, t->o->seed);
    watch_child(t);
    cli_catch(); /* from here on there is something to remove at the end */
    talk_control_open(t, wire_loop(t->wire), t->o->verb->name);
    if (t->o->ip.automatic && estab_autoconfigure(t->stack, 0, estab_now()) != ESTAB_OK)
        return cli_say(t->o, CLI_USAGE, "--ip auto is of Ethernet: %s carries bare packets",
                       estab_device_name(t->device));
    return CLI_OK;
}

estab_time talk_time(const struct talk *t)
{
    return t->bare     ? t->time
           : t->staged ? stage_now(&t->stage)
           : t->wire   ? wire_time(t->wire, estab_now())
                       : 0;
}

void talk_calls(struct talk *t, const struct estab_endpoint *remote)
{
    if (t->staged)
        watch_read(&t->stage.watch[0], remote);
    else
        wire_calls(t->wire, remote);
}

bool talk_cut_off(const struct talk *t)
{
    if (!t->wire || !wire_gone(t->wire))
        return false;
    cli_say(t->o, CLI_FAILED, "the hub of wire %s has ended, and the wire with it", t->o->on.name);
    return true;
}

unsigned talk_interrupted(struct talk *t)
{
    unsigned now = cli_interrupts(), before = t->interrupts;

    t->interrupts = now;
    if (before == 0 && now > 0)
        t->leave_at = estab_now() + (cli_hung_up() ? 0 : LEAVE_AFTER);
    return before == now ? 0 : now > 1 ? 2 : 1;
}
