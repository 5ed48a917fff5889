/* SPDX-License-Identifier: MIT */
/*
 * demo.c - `estab demo`: the tour's frame, and its first part, in virtual time.
 *
 * With --no-kernel nothing here looks at a clock: one seed, one output, byte for byte, the capture
 * file included.
 */
#include "cli/demo.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/prose.h"

#define PORT     80
#define REQUEST  "GET /hello\r\n"
#define ANSWER   "hello, world\r\n"
#define CLOSE_MS 100
#define DELAY    (10 * ESTAB_MS)

#define ASKS_AT    (100 * ESTAB_MS)
#define ANSWERS_AT (200 * ESTAB_MS)
#define CLOSES_AT  (2 * ESTAB_SECOND)

enum { FIRST, SECOND }; /* stacks of a stage */

/* ---- saying ------------------------------------------------------------------------------------------ */

void demo_part(struct demo *d, unsigned number, const char *title)
{
    bool colour = d->o->colour;

    fprintf(d->prose, "\n%s%u  %s%s\n", colour ? "\033[1m" : "", number, title,
            colour ? "\033[0m" : "");
}

void demo_say(struct demo *d, const char *format, ...)
{
    char text[1024];
    va_list list;

    va_start(list, format);
    (void)vsnprintf(text, sizeof text, format, list);
    va_end(list);
    fputs("\n   ", d->prose);
    prose_write(d->prose, text, 3, 3, d->o->colour);
}

void demo_show(struct demo *d, const char *format, ...)
{
    va_list list;

    fputs("     ", d->prose);
    va_start(list, format);
    vfprintf(d->prose, format, list);
    va_end(list);
    fputc('\n', d->prose);
}

/* ---- part 1: a conversation --------------------------------------------------------------------------- */

static void read_calls(struct stage *g, int stack, struct estab_addr peer, uint16_t port)
{
    watch_read(&g->watch[stack], &(struct estab_endpoint){peer, port});
}

static const char *make_stage(struct demo *d, struct stage *g, const char *const names[2],
                              const struct estab_addr addresses[2], unsigned wire)
{
    struct estab_config config = talk_config(d->o, true);
    const struct link_config link = {.delay_ns = DELAY};
    const char *wrong = stage_init(g, d->story, d->o->seed, wire);

    g->begin = d->end;
    for (int i = FIRST; i <= SECOND && !wrong; i++) {
        story_name(d->story, addresses[i], names[i]);
        if (stage_add(g, names[i], addresses[i], &config) != i)
            wrong = sim_error(g->sim);
    }
    story_begin(d->story, g->begin);
    return wrong ? wrong : stage_join(g, &link, NULL);
}

static void say_isns(struct demo *d, const struct app_client *c)
{
    struct estab_status st = {.size = sizeof st};

    if (estab_status(c->stack, c->conn, &st) == ESTAB_OK)
        demo_say(d,
                 "The true initial sequence numbers are %" PRIu32 " (client) and %" PRIu32
                 " (server), which nobody can guess (RFC 6528); lines count from them.",
                 st.iss, st.irs);
}

static const char *handshake(struct demo *d, struct stage *g, struct app_server *server,
                             struct app_client *client)
{
    struct estab_endpoint at = {g->watch[SECOND].address, PORT};
    struct estab_listen listen = {.size = sizeof listen, .local.port = PORT, .backlog = 8};
    struct estab_open open = {.size = sizeof open, .remote = at};

    demo_say(d,
             "A handshake: each side says where it begins to count, and hears that it was heard.");
    if (app_server_listen(server, &listen) != ESTAB_OK ||
        app_client_open(client, &open, stage_now(g)) != ESTAB_OK)
        return "the connection cannot be opened";
    story_move(d->story, &(struct story_end){at, {estab_ipv4(0, 0, 0, 0), 0}},
               fsm_next(TCP_CLOSED, EV_PASSIVE_OPEN), REASONS, 0, g->begin);
    return stage_play(g, ASKS_AT - 1);
}

static const char *send_line(struct stage *g, int stack, estab_conn conn, const char *line)
{
    size_t taken;

    return estab_send(stage_stack(g, stack), conn, line, strlen(line), ESTAB_PUSH, &taken,
                      stage_now(g)) == ESTAB_OK
               ? NULL
               : "the text cannot be sent";
}

/* The server's first segment with text does not arrive. */
static const char *request(struct demo *d, struct stage *g, struct app_server *server,
                           struct app_client *client)
{
    struct link_rule drop;
    char error[LINK_ERROR_MAX];
    const char *wrong = stage_play(g, ASKS_AT);

    demo_say(d,
             "A request, and an answer that gets lost. Nobody reports a loss: the server's timer "
             "runs out, and it sends the text again.");
    if (!link_rule_parse(&drop, "drop 1 data", error) ||
        link_rule_add(sim_link(g->sim, SECOND, FIRST), &drop) < 0)
        wrong = "the answer cannot be lost";
    if (!wrong)
        wrong = send_line(g, FIRST, client->conn, REQUEST);
    if (!wrong)
        wrong = stage_play(g, ANSWERS_AT);
    if (!wrong)
        wrong = send_line(g, SECOND, server->connection[0].conn, ANSWER);
    return wrong ? wrong : stage_play(g, CLOSES_AT - 1);
}

/* How long a close takes, TIME-WAIT included. */
static estab_time rest(const struct demo *d)
{
    return 2 * (estab_time)talk_config(d->o, true).msl_ms * ESTAB_MS + ESTAB_SECOND;
}

static const char *closing(struct demo *d, struct stage *g, struct app_client *client)
{
    const char *wrong = stage_play(g, CLOSES_AT);

    demo_say(d,
             "The close: each direction ends with a FIN of its own. Who closes first then waits "
             "2 MSL, %g s here, so that no old segment meets a new connection.",
             (double)(2 * talk_config(d->o, true).msl_ms) / 1000);
    if (wrong)
        return wrong;
    app_client_end(client, false, stage_now(g));
    return stage_play(g, stage_now(g) + rest(d));
}

static const char *conversation(struct demo *d, struct stage *g, unsigned wire)
{
    static const char *const names[2] = {"client", "server"};
    const struct estab_addr addresses[2] = {estab_ipv4(10, 11, 0, 101), estab_ipv4(10, 11, 0, 1)};
    struct app_server *server = calloc(1, sizeof *server);
    struct app_client client = {.hold_ms = APP_NEVER_MS};
    const char *wrong = server ? make_stage(d, g, names, addresses, wire) : "no memory";

    if (!wrong) {
        *server = (struct app_server){.stack = stage_stack(g, SECOND), .close_ms = CLOSE_MS};
        client.stack = stage_stack(g, FIRST);
        g->server = server;
        g->client = &client;
        wrong = handshake(d, g, server, &client);
    }
    if (!wrong) {
        say_isns(d, &client);
        wrong = request(d, g, server, &client);
    }
    if (!wrong)
        wrong = closing(d, g, &client);
    g->server = NULL;
    g->client = NULL;
    free(server);
    return wrong;
}

/* ---- part 1: both at once ------------------------------------------------------------------------------- */

static const char *open_both(struct stage *g, estab_conn conn[2])
{
    static const uint16_t port[2] = {1111, 2222};

    for (int i = FIRST; i <= SECOND; i++) {
        struct estab_endpoint peer = {g->watch[!i].address, port[!i]};
        struct estab_open open = {.size = sizeof open, .local.port = port[i], .remote = peer};
        if (estab_open(stage_stack(g, i), &open, &conn[i], stage_now(g)) != ESTAB_OK)
            return "the connection cannot be opened";
        read_calls(g, i, peer.addr, peer.port);
    }
    return stage_play(g, CLOSES_AT - 1);
}

static const char *close_both(struct demo *d, struct stage *g, const estab_conn conn[2])
{
    const char *wrong = stage_play(g, CLOSES_AT);

    for (int i = FIRST; i <= SECOND && !wrong; i++)
        (void)estab_close(stage_stack(g, i), conn[i], stage_now(g));
    return wrong ? wrong : stage_play(g, stage_now(g) + rest(d));
}

static const char *at_once(struct demo *d, struct stage *g, unsigned wire)
{
    static const char *const names[2] = {"A", "B"};
    const struct estab_addr addresses[2] = {estab_ipv4(10, 11, 0, 11), estab_ipv4(10, 11, 0, 12)};
    estab_conn conn[2];
    const char *wrong = make_stage(d, g, names, addresses, wire);

    if (wrong)
        return wrong;
    demo_say(d,
             "Simultaneous open: both call OPEN, and their SYNs cross. It is one connection, and "
             "nobody was in LISTEN.");
    wrong = open_both(g, conn);
    if (wrong)
        return wrong;
    demo_say(d, "Simultaneous close: their FINs cross, too. This is what CLOSING is for, and both "
                "wait in TIME-WAIT.");
    return close_both(d, g, conn);
}

static int part_one(struct demo *d)
{
    unsigned wire = story_wire(d->story, ESTAB_LINK_ETHERNET, "sim");
    struct stage *g = calloc(1, sizeof *g);
    const char *wrong = "no memory";

    demo_part(d, 1, "Two TCPs of ours talk to each other, in virtual time");
    fputc('\n', d->prose);
    demo_show(d, "client 10.11.0.101 <-- 10 ms --> 10.11.0.1 server");
    demo_say(
        d,
        "Each line is a packet, told when it arrives, with what it did to both "
        "ends. A line without a packet is a call, or a timeout. (ARP comes first; -v shows it.)");
    if (g) {
        wrong = conversation(d, g, wire);
        d->end += stage_now(g);
        stage_fini(g);
    }
    if (!wrong) {
        d->end = (d->end / ESTAB_SECOND + 1) * ESTAB_SECOND;
        wrong = at_once(d, g, wire);
        d->end += stage_now(g);
        stage_fini(g);
    }
    free(g);
    return wrong ? cli_say(d->o, CLI_FAILED, "%s", wrong) : CLI_OK;
}

/* ---- part 4: the file, and what to try next --------------------------------------------------------------- */

/* A command as the user can type it here: by the path we were started by, if that was one. */
static void try(struct demo *d, const char *words, const char *meaning)
{
    const char *name = strchr(program_invocation_name, '/') ? program_invocation_name : "estab";

    demo_show(d, "%s %-46s %s", name, words, meaning);
}

static void part_four(struct demo *d)
{
    demo_part(d, 4, "Look closer");
    if (d->path[0]) {
        demo_say(d, "Every packet above lies in a capture file, its state changes and reasons as "
                    "comments; Wireshark opens it.");
        demo_show(d, "%s", d->path);
        demo_show(d, "tshark -r %s -Y 'frame.comment contains \"CLOSING\"'", d->path);
    }
    demo_say(d, "What to try next:");
    try(d, "listen", "and, in a second terminal,");
    try(d, "connect", "two stacks meet on a wire");
    try(d, "connect --on kernel 3333 -- nc -l -p 3333", "netcat listens");
    try(d, "listen --on kernel 3333 -- nc -N server 3333", "netcat connects");
    try(d, "connect --on sim --impair 'loss 20%' --why", "a bad wire");
    try(d, "states", "the diagram");
    try(d, "help", "the rest");
}

/* ---- the file --------------------------------------------------------------------------------------------- */

/* A folder that is ours alone, always the same: nobody can put a link there. */
static FILE *open_private(char *path, size_t size)
{
    const char *folder = getenv("TMPDIR");
    struct stat st;
    int n = snprintf(path, size, "%s/estab-demo-%u", folder && *folder ? folder : "/tmp",
                     (unsigned)geteuid());
    int fd;

    if (n < 0 || (size_t)n + sizeof "/demo.pcapng" > size)
        return NULL;
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return NULL;
    if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
        (st.st_mode & 0077))
        return NULL;
    memcpy(path + n, "/demo.pcapng", sizeof "/demo.pcapng");
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    return fd >= 0 ? fdopen(fd, "wb") : NULL;
}

static int open_file(struct demo *d)
{
    static const char application[] = "estab " ESTAB_VERSION;
    const char *write = d->o->write;

    if (write) {
        d->file = pcapng_create(write, application, 0);
        if (!d->file || pcapng_error(d->file))
            return cli_say(d->o, CLI_INPUT, "%s", d->file ? pcapng_error(d->file) : "no memory");
        if (strcmp(write, "-") != 0)
            snprintf(d->path, sizeof d->path, "%s", write);
        return CLI_OK;
    }
    d->stream = open_private(d->path, sizeof d->path);
    if (!d->stream) {
        cli_say(d->o, CLI_OK, "no capture file: %s: %s; -w FILE chooses another place", d->path,
                errno ? strerror(errno) : "not a folder of our own");
        d->path[0] = '\0';
        return CLI_OK;
    }
    d->file = pcapng_stream(d->stream, d->path, application, 0);
    return d->file ? CLI_OK : cli_say(d->o, CLI_FAILED, "no memory");
}

static int close_file(struct demo *d, int code)
{
    char why[PCAPNG_ERROR_MAX];

    if (d->file && !pcapng_close(d->file, why) && code == CLI_OK)
        code = cli_say(d->o, CLI_FAILED, "%s", why);
    if (d->stream && fclose(d->stream) != 0 && code == CLI_OK)
        code = cli_say(d->o, CLI_FAILED, "%s: %s", d->path, strerror(errno));
    return code;
}

/* ---- all of it ---------------------------------------------------------------------------------------------- */

static int tour(struct demo *d)
{
    int code;

    fprintf(d->prose, "estab %s: a guided tour in four parts; seed %" PRIu64 "\n", ESTAB_VERSION,
            d->o->seed);
    code = part_one(d);
    if (code == CLI_OK && !d->o->no_kernel)
        code = demo_kernel(d);
    else if (code == CLI_OK)
        fputs("\n(Parts 2 and 3 are about the kernel, which --no-kernel leaves out.)\n", d->prose);
    if (d->file)
        pcapng_flush(d->file);
    if (code == CLI_OK)
        part_four(d);
    return code;
}

int cmd_demo(const struct cli_options *o)
{
    bool binary = o->write && strcmp(o->write, "-") == 0;
    struct demo d = {.o = o, .out = binary ? stderr : stdout};
    int code;

    if (binary && o->json)
        return cli_say(o, CLI_USAGE, "-w - and --json both write to stdout: expected one of them");
    if (o->on.kind != ON_SIM)
        return cli_say(o, CLI_USAGE, "the tour makes its own wires: expected --on sim, or none");
    d.prose = o->json ? stderr : d.out;
    code = open_file(&d);
    if (code == CLI_OK) {
        d.story = story_new(&(struct story_config){.cli = o, .out = d.out, .file = d.file});
        code = d.story ? tour(&d) : cli_say(o, CLI_FAILED, "no memory");
        story_free(d.story);
    }
    return close_file(&d, code);
}
