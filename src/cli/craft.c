/* SPDX-License-Identifier: MIT */
/*
 * craft.c - `estab craft`: what each command does.
 *
 * After a segment that should have an answer the next command waits until something has come, a
 * second at most; so the numbers that are proposed to it are the right ones, also where commands
 * come from a file.
 */
#include "cli/craft.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "packet/ipv4.h"

#define ANSWER_MOST ESTAB_SECOND
#define EXPECT_MOST (2 * ESTAB_SECOND) /* without `within` */
#define WINDOW      65535
#define TTL         64
#define PORT_LOW    49152 /* RFC 6335 section 6: dynamic ports */
#define GREETING    "hello\n"
#define HELD_MS     1000
#define CLOSE_MS    1000
#define TRY_MS      10000 /* how long the built-in client tries again, once it is refused */

/* ---- which connection -------------------------------------------------------------------------------- */

struct craft_pair *craft_pair_of(struct craft *c, const struct estab_endpoint *ours,
                                 const struct estab_endpoint *theirs)
{
    uint32_t iss = (uint32_t)random_u64(&c->random);

    if (cli_given(&c->options, OPT_ISS))
        iss = c->options.iss;
    return craft_pair_find(&c->pairs, ours, theirs, iss);
}

static uint16_t choose_port(struct craft *c)
{
    return (uint16_t)(PORT_LOW + random_u64(&c->random) % (65536 - PORT_LOW));
}

/* ---- complaints ------------------------------------------------------------------------------------------ */

/* What is wrong with the present line. */
static int complain(const struct craft *c, unsigned column, const char *sentence, int code)
{
    const struct craft_input *in = &c->input;
    const char *name = in->name ? in->name : "standard input";

    if (in->terminal) {
        talk_say(&c->talk, "column %u: %s", column, sentence);
        return CLI_OK;
    }
    if (column)
        return cli_say(&c->options, code, "%s: line %u, column %u: %s", name, in->line, column,
                       sentence);
    return cli_say(&c->options, code, "%s: line %u: %s", name, in->line, sentence);
}

/* ---- sending ------------------------------------------------------------------------------------------------- */

static bool is_quiet(const struct craft *c)
{
    return !c->awaits;
}

static void await_answer(struct craft *c)
{
    if (!c->awaits)
        return;
    craft_run(c, is_quiet, craft_now(c) + ANSWER_MOST, false);
    if (c->awaits && !cli_interrupts())
        talk_say(&c->talk, "no answer for a second");
    c->awaits = false;
}

static struct craft_proposal propose(const struct craft *c, const struct craft_segment *s)
{
    uint8_t flags = craft_flags(s);
    struct craft_proposal p = {
        .link = (enum estab_link)c->talk.interface.link,
        .mtu = c->talk.interface.mtu,
        .src = c->pair->ours,
        .dst = c->pair->theirs,
        .seq = craft_pair_seq(c->pair, flags & CTL_SYN),
        .ack = craft_pair_ack(c->pair),
        .window = WINDOW,
        .id = c->id,
        .ttl = TTL,
    };

    p.reset = c->pair->reset ? c->pair->reset_seq : p.seq;
    memcpy(p.smac, c->talk.interface.mac, 6);
    return p;
}

/* The station of the next hop, unless the user names one. */
static const char *find_station(struct craft *c, const struct craft_segment *s,
                                struct craft_proposal *p)
{
    const struct craft_segment *d = craft_has(s, CRAFT_DST) ? s : &c->set;
    struct estab_addr dst = craft_has(d, CRAFT_DST) ? d->dst : p->dst.addr;
    const struct estab_interface *i = &c->talk.interface;

    if (craft_has(s, CRAFT_DMAC) || craft_has(&c->set, CRAFT_DMAC))
        return NULL;
    if (addr_is_unspecified(&dst))
        return "expected dst= and dport=, for nobody has come yet";
    if (!addr_in_prefix(&dst, &i->address, i->prefix_length))
        return "expected an address in our network (--ip ADDRESS/N), or dmac= of a router";
    if (craft_line_mac(c, &dst, p->dmac))
        return NULL;
    return addr_is_ipv4(&dst)
               ? "nobody answers ARP for that address: expected one that is up, or dmac="
               : "nobody answers neighbour discovery for that address: expected one that is up, or dmac=";
}

/* The frame that was built last goes out, for the first time or again. */
static void send_frame(struct craft *c)
{
    c->came = c->claimed = 0;
    craft_line_send(c, c->length);
    c->awaits = c->expected.judgement.flags || (c->expected.unsure && c->expected.if_closed.flags);
    if (!c->awaits || c->input.terminal)
        craft_say_next(c, false);
}

static int do_send(struct craft *c)
{
    const struct craft_segment *s = &c->command.segment;
    struct craft_proposal p = propose(c, s);
    char error[CRAFT_ERROR_MAX];
    const char *wrong = find_station(c, s, &p);
    size_t n;

    if (cli_interrupts() || craft_cut_off(c))
        return CLI_OK;
    n = wrong ? 0 : craft_build(s, &c->set, &p, c->frame, error);
    if (n == 0)
        return complain(c, 1, wrong ? wrong : error, CLI_INPUT);
    c->length = n;
    c->id++;
    send_frame(c);
    return CLI_OK;
}

static int do_again(struct craft *c)
{
    if (c->length == 0)
        return complain(c, 1, "expected a segment before: again sends the last one once more",
                        CLI_INPUT);
    send_frame(c);
    return CLI_OK;
}

/* ---- expecting --------------------------------------------------------------------------------------------------- */

static bool number_fits(const struct craft_segment *s, enum craft_field field, uint32_t value)
{
    return !craft_has(s, field) || s->number[field] == value;
}

static bool flags_fit(const struct craft_segment *s, uint8_t flags)
{
    if (craft_has(s, CRAFT_FLAGS))
        return flags == s->flags;
    if (!(s->flags & CTL_PSH))
        flags &= (uint8_t)~CTL_PSH;
    return !s->flags || flags == (s->flags | (s->text ? CTL_ACK : 0));
}

static bool came_fits(const struct craft_segment *s, const struct craft_came *a)
{
    const struct frame_view *v = &a->view;
    bool whole = v->payload_offset + v->payload_length <= a->length;

    if (!flags_fit(s, v->tcp.flags) || !number_fits(s, CRAFT_SEQ, v->tcp.seq) ||
        !number_fits(s, CRAFT_ACK, v->tcp.ack) || !number_fits(s, CRAFT_WIN, v->tcp.window) ||
        !number_fits(s, CRAFT_URG, v->tcp.urgent) || !number_fits(s, CRAFT_SPORT, v->src.port) ||
        !number_fits(s, CRAFT_DPORT, v->dst.port) || !number_fits(s, CRAFT_TTL, v->ttl) ||
        !number_fits(s, CRAFT_OFF, v->tcp.header_length / 4u))
        return false;
    if (!s->text)
        return true;
    if (v->payload_length != s->length || craft_has(s, CRAFT_LEN))
        return v->payload_length == s->length;
    return whole && memcmp(a->bytes + v->payload_offset, s->bytes, s->length) == 0;
}

/* The number of the first that nobody has expected yet and that fits; `came` if there is none. */
static unsigned first_fit(const struct craft *c)
{
    unsigned i = c->came > CRAFT_CAME_MAX ? c->came - CRAFT_CAME_MAX : 0;

    for (i = i > c->claimed ? i : c->claimed; i < c->came; i++)
        if (c->command.silence || came_fits(&c->command.segment, &c->arrival[i % CRAFT_CAME_MAX]))
            break;
    return i;
}

static bool is_met(const struct craft *c)
{
    return first_fit(c) < c->came;
}

/* What came instead, the first few of them. */
static void say_unmet(const struct craft *c, char *out, size_t size)
{
    char brief[CRAFT_BRIEF_MAX];
    size_t n = (size_t)snprintf(out, size, "%s; since our last segment came %s",
                                c->command.silence ? "silence was expected"
                                                   : "what was expected did not come",
                                c->came ? "" : "nothing");

    for (unsigned i = 0; i < c->came && i < 4 && c->came <= CRAFT_CAME_MAX && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s%s", i ? ", " : "",
                              craft_brief(&c->arrival[i].view, brief));
    if (c->came > 4 && n < size)
        snprintf(out + n, size - n, ", and %u more", c->came - 4);
}

static int do_expect(struct craft *c)
{
    estab_time most = c->command.within ? c->command.within_ns : EXPECT_MOST;
    char sentence[1024];
    bool met;

    c->awaits = false;
    craft_run(c, is_met, craft_now(c) + most, false);
    if (cli_interrupts() || craft_cut_off(c))
        return CLI_OK;
    met = is_met(c) != c->command.silence;
    if (met && !c->command.silence)
        c->claimed = first_fit(c) + 1;
    if (met) {
        craft_say_expect(c, true, c->command.silence ? "nothing came" : "it came");
        return CLI_OK;
    }
    say_unmet(c, sentence, sizeof sentence);
    craft_say_expect(c, false, sentence);
    return complain(c, 1, sentence, CLI_FAILED);
}

/* ---- the others -------------------------------------------------------------------------------------------------------- */

static int do_wait(struct craft *c)
{
    craft_run(c, NULL, craft_now(c) + c->command.within_ns, false);
    return CLI_OK;
}

static int do_new(struct craft *c)
{
    struct estab_endpoint ours = c->pair->ours, theirs = c->pair->theirs;
    enum craft_listens listens = c->pair->listens;

    ours.port = c->command.port ? c->command.port : choose_port(c);
    c->pair = craft_pair_of(c, &ours, &theirs);
    c->pair->listens = listens;
    c->next.said = false;
    craft_say_state(c);
    return CLI_OK;
}

static int execute(struct craft *c)
{
    switch (c->command.verb) {
    case CRAFT_NOTHING:
        return CLI_OK;
    case CRAFT_SEND:
        return do_send(c);
    case CRAFT_EXPECT:
        return do_expect(c);
    case CRAFT_WAIT:
        return do_wait(c);
    case CRAFT_SET:
        c->set = c->command.segment;
        return CLI_OK;
    case CRAFT_AGAIN:
        return do_again(c);
    case CRAFT_NEW:
        return do_new(c);
    case CRAFT_SHOW:
        craft_say_state(c);
        return CLI_OK;
    case CRAFT_HELP:
        craft_say_help(c);
        return CLI_OK;
    case CRAFT_QUIT:
        c->quit = true;
        return CLI_OK;
    }
    return CLI_OK;
}

/* ---- lines ------------------------------------------------------------------------------------------------------------- */

static int take_line(struct craft *c, const char *line, size_t n)
{
    bool good = craft_parse(&c->command, line, n);

    if (good && c->command.verb != CRAFT_NOTHING && c->command.verb != CRAFT_EXPECT)
        await_answer(c);
    if (!c->input.terminal && !c->options.json)
        fprintf(c->talk.out, "> %.*s\n", (int)n, line);
    if (!good)
        return complain(c, c->command.column, c->command.error, CLI_INPUT);
    return execute(c);
}

/* A file is read through before anything is sent. */
static int check_file(struct craft *c)
{
    const char *line;
    size_t n;
    int code = CLI_OK;

    while (code == CLI_OK && !(c->input.end && c->input.start == c->input.stop)) {
        if (!craft_input_line(&c->input, &line, &n))
            craft_input_read(&c->input);
        else if (!craft_parse(&c->command, line, n))
            code = complain(c, c->command.column, c->command.error, CLI_INPUT);
    }
    return code;
}

static int open_input(struct craft *c)
{
    const char *wrong = craft_input_open(&c->input, c->options.file);
    int code;

    if (!wrong && c->options.file && !c->input.terminal) {
        code = check_file(c);
        craft_input_close(&c->input);
        if (code != CLI_OK)
            return code;
        wrong = craft_input_open(&c->input, c->options.file);
    }
    return wrong ? cli_say(&c->options, CLI_INPUT, "cannot read %s: %s", c->options.file, wrong)
                 : CLI_OK;
}

static int run_lines(struct craft *c)
{
    const char *line;
    size_t n;
    int code = CLI_OK;

    while (code == CLI_OK && !c->quit && !cli_interrupts() && !craft_cut_off(c)) {
        if (craft_input_line(&c->input, &line, &n)) {
            code = take_line(c, line, n);
            fflush(c->talk.out);
        } else if (c->input.end) {
            break;
        } else {
            if (!c->sim)
                craft_run(c, NULL, ESTAB_NEVER, true);
            if (!cli_interrupts() && !craft_cut_off(c))
                craft_input_read(&c->input);
        }
    }
    if (craft_cut_off(c))
        return cli_say(&c->options, CLI_FAILED,
                       "the hub of wire %s has ended, and the wire with it", c->options.on.name);
    if (code == CLI_OK && !cli_interrupts())
        await_answer(c);
    return cli_interrupts() ? CLI_INTERRUPTED : code;
}

/* ---- opening -------------------------------------------------------------------------------------------------------------- */

static int start_child(struct craft *c)
{
    const struct cli_options *o = &c->options;
    struct peer_options peer = {.listens = !o->listens,
                                .does = o->listens ? PEER_SOURCE : PEER_ECHO,
                                .close_ms = CLOSE_MS,
                                .text = GREETING,
                                .bytes = sizeof GREETING - 1,
                                .hold = o->listens,
                                .hold_ms = HELD_MS,
                                .connect_for_ms = TRY_MS};

    if (o->listens) {
        peer.remote = c->pair->ours;
        peer.local.addr = c->talk.theirs;
    } else {
        peer.local = (struct estab_endpoint){c->talk.theirs, o->port};
    }
    if (!o->command)
        talk_say(&c->talk, "a built-in %s over the kernel's TCP, port %u",
                 o->listens ? "client connects" : "server listens", o->port);
    return talk_start_child(&c->talk, &peer);
}

static int choose_pair(struct craft *c)
{
    const struct cli_options *o = &c->options;
    struct estab_endpoint ours = {c->talk.ours, o->local_port ? o->local_port : choose_port(c)};
    struct estab_endpoint theirs = {.port = o->port};

    if (o->listens)
        ours.port = o->port;
    else if (!talk_resolve(&c->talk, o->host, &theirs.addr))
        return CLI_USAGE;
    if (o->listens)
        theirs = (struct estab_endpoint){.port = 0};
    c->pairs.we_listen = o->listens;
    c->pair = craft_pair_of(c, &ours, &theirs);
    return CLI_OK;
}

static int start_peer(struct craft *c)
{
    bool listens = false;
    int code;

    if (c->options.on.kind != ON_KERNEL)
        return CLI_OK;
    code = start_child(c);
    if (code == CLI_OK && !c->options.listens)
        code = talk_await_listener(&c->talk, c->options.port, &listens);
    return code;
}

static int begin(struct craft *c)
{
    char ours[TALK_ENDPOINT_MAX], theirs[TALK_ENDPOINT_MAX];
    int code = choose_pair(c);

    if (code == CLI_OK)
        code = craft_line_open(c);
    cli_catch();
    if (code == CLI_OK)
        code = start_peer(c);
    if (code != CLI_OK)
        return code;
    talk_endpoint(&c->pair->ours, ours);
    if (c->options.listens)
        talk_say(&c->talk, "you are %s, the server: wait for a SYN (expect syn)", ours);
    else
        talk_say(&c->talk, "you are %s, the client of %s; help lists what can be typed", ours,
                 talk_endpoint(&c->pair->theirs, theirs));
    if (!c->options.listens)
        craft_say_next(c, true);
    return run_lines(c);
}

static int run(struct craft *c, const struct cli_options *o)
{
    int code;

    c->options = *o;
    c->options.absolute_seq = true; /* these are the numbers that are typed */
    c->random = random_stream(o->seed, "craft");
    c->arrival = calloc(CRAFT_CAME_MAX, sizeof *c->arrival);
    if (!c->arrival)
        return cli_say(o, CLI_FAILED, "no memory");
    code = open_input(c);
    if (code != CLI_OK)
        return code;
    code = talk_open_bare(&c->talk, &c->options, o->listens);
    if (code == CLI_OK)
        code = begin(c);
    craft_line_close(c);
    return talk_close(&c->talk, code);
}

int cmd_craft(const struct cli_options *o)
{
    struct craft *c = calloc(1, sizeof *c);
    int code;

    if (!c)
        return cli_say(o, CLI_FAILED, "no memory");
    code = run(c, o);
    craft_input_close(&c->input);
    free(c->arrival);
    free(c);
    return code;
}
