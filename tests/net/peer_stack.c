/* SPDX-License-Identifier: MIT */
/*
 * peer_stack.c - one stack on a device, for tests: told on its input what to do, it tells on its
 * output what became of it.  _peer.py is the other end.
 *
 *      peer_stack DEVICE ADDRESS/PREFIX [OPTION VALUE]...
 *          text FILE          what `give` and `http` send, and what is received is held against
 *          store FILE         where `take` writes what it receives
 *          in, out IMPAIRMENT the simulator's link between the stack and the device (link_config.h)
 *          seed N             of these links
 *          MEMBER N           of struct estab_config
 *
 *      listen PORT ROLE [N] [BACKLOG]   BACKLOG of 1024 unless told
 *      unlisten
 *      connect ADDRESS PORT TIMES PARALLEL ROLE [N]    TIMES in all, PARALLEL of them at once
 *      send ID N       close ID       abort ID
 *      datagrams PORT                   a UDP socket, whose datagrams go back to who has sent them
 *      list            counters       reasons       addresses       quit
 *
 * Connections are numbered from 1.  Each has a role:
 *
 *      wait            receives; all else is said by commands
 *      take            receives, stores, and closes when the peer has
 *      give N          sends the first N bytes of the text and closes
 *      echo            sends what it receives, and closes when the peer has and all is sent
 *      http N          reads a request's head, sends an answer of N bytes, and closes
 *
 * Every answer is one line; a connection tells "ID opened LOCAL REMOTE", "ID ended" (the peer
 * closed, and all before was received), and "ID closed ERROR sent N received N same|differs".
 * "done" follows when all of a `connect` are over: both sides have closed.
 */
#include <arpa/inet.h>
#include <estab_host.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "estab_udp.h"
#include "loop/impair.h"

#define TALKS_MAX 8192
#define PIECE     (256u << 10)

enum role { WAIT, TAKE, GIVE, ECHO, HTTP };

static const char *const role_names[] = {"wait", "take", "give", "echo", "http", NULL};

struct plan {
    enum role role;
    uint64_t bytes;
};

struct talk {
    bool used;
    bool ours;    /* opened by us: another may follow */
    bool closed;  /* we have said CLOSE */
    bool ended;   /* the peer has closed, and all was received */
    bool over;    /* both, or CLOSED: counted */
    bool differs; /* what was received is not the text */
    unsigned id;
    estab_conn conn;
    struct plan plan;
    uint64_t sent, to_send, received;
    char head[1024]; /* of an HTTP request, then of our answer */
    size_t head_length, head_sent;
};

struct peer {
    estab_stack *stack;
    estab_loop *loop;
    estab_listener listener;
    estab_udp udp;
    struct plan accepted;
    struct talk talk[TALKS_MAX];
    unsigned ids, talks; /* talk[0..talks) may be used */
    struct estab_open open;
    struct plan opened;
    unsigned left, running; /* of a `connect`: to be opened, and not over */
    const uint8_t *text;
    uint64_t text_length;
    int store;
    struct loop_impairment link;
    bool quit;
    char line[512];
    size_t line_length;
};

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void tell(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    putchar('\n');
    fflush(stdout);
}

static _Noreturn void give_up(const char *why, const char *what)
{
    fprintf(stderr, "peer_stack: %s: %s\n", what, why);
    exit(2);
}

#define ENDPOINT_TEXT (INET6_ADDRSTRLEN + 8)

static bool is_ipv4(const struct estab_addr *a)
{
    struct estab_addr mapped = estab_ipv4(0, 0, 0, 0);
    return memcmp(a->b, mapped.b, 12) == 0;
}

static void endpoint_text(const struct estab_endpoint *e, char text[ENDPOINT_TEXT])
{
    char address[INET6_ADDRSTRLEN];
    if (is_ipv4(&e->addr))
        inet_ntop(AF_INET, e->addr.b + 12, address, sizeof address);
    else
        inet_ntop(AF_INET6, e->addr.b, address, sizeof address);
    snprintf(text, ENDPOINT_TEXT, "%s:%u", address, e->port);
}

/* ---- connections ---------------------------------------------------------------------------- */

static struct talk *talk_of(struct peer *p, estab_conn conn)
{
    for (unsigned i = 0; i < p->talks; i++) {
        struct talk *t = &p->talk[i];
        if (t->used && t->conn.index == conn.index && t->conn.generation == conn.generation)
            return t;
    }
    return NULL;
}

static struct talk *talk_new(struct peer *p, estab_conn conn, struct plan plan)
{
    unsigned i = 0;
    while (i < p->talks && p->talk[i].used)
        i++;
    if (i == TALKS_MAX)
        give_up("too many connections", "talk_new");
    if (i == p->talks)
        p->talks++;
    p->talk[i] = (struct talk){.used = true, .id = ++p->ids, .conn = conn, .plan = plan};
    if (plan.role == GIVE)
        p->talk[i].to_send = plan.bytes;
    return &p->talk[i];
}

static void talk_close(struct peer *p, struct talk *t, estab_time now)
{
    if (!t->closed)
        (void)estab_close(p->stack, t->conn, now);
    t->closed = true;
}

static void open_next(struct peer *p, estab_time now)
{
    estab_conn conn;
    enum estab_error error = estab_open(p->stack, &p->open, &conn, now);
    p->left--;
    if (error != ESTAB_OK) {
        tell("error %s", estab_error_text(error));
        return;
    }
    p->running++;
    talk_new(p, conn, p->opened)->ours = true;
}

/* Both sides have closed, or the connection is gone: the next may be opened. */
static void talk_over(struct peer *p, struct talk *t, estab_time now)
{
    if (t->over)
        return;
    t->over = true;
    if (!t->ours)
        return;
    p->running--;
    if (p->left)
        open_next(p, now);
    else if (!p->running)
        tell("done");
}

/* ---- text ----------------------------------------------------------------------------------- */

static bool send_all(struct peer *p, struct talk *t, const void *text, size_t length, size_t *taken,
                     estab_time now)
{
    *taken = 0;
    enum estab_error error = estab_send(p->stack, t->conn, text, length, 0, taken, now);
    return error == ESTAB_OK && *taken == length;
}

/* Sends what is left of the head and of the text; closes behind it if the role says so. */
static void talk_send(struct peer *p, struct talk *t, estab_time now)
{
    size_t taken;
    bool all = true;
    if (t->plan.role == HTTP && t->to_send && t->head_sent < t->head_length) {
        all = send_all(p, t, t->head + t->head_sent, t->head_length - t->head_sent, &taken, now);
        t->head_sent += taken;
    }
    while (all && t->sent < t->to_send) {
        uint64_t left = t->to_send - t->sent;
        size_t piece = left < PIECE ? (size_t)left : PIECE;
        all = send_all(p, t, p->text + t->sent, piece, &taken, now);
        t->sent += taken;
    }
    if (all && t->to_send && (t->plan.role == GIVE || t->plan.role == HTTP))
        talk_close(p, t, now);
}

static void check(struct peer *p, struct talk *t, const uint8_t *text, size_t length)
{
    if (p->text_length &&
        (t->received + length > p->text_length || memcmp(p->text + t->received, text, length) != 0))
        t->differs = true;
    if (t->plan.role == TAKE && p->store >= 0 && write(p->store, text, length) != (ssize_t)length)
        give_up("it cannot be written", "store");
    t->received += length;
}

/* The head of a request ends with an empty line. */
static void http(struct peer *p, struct talk *t, const uint8_t *text, size_t length, estab_time now)
{
    size_t room = sizeof t->head - 1 - t->head_length;
    size_t n = length < room ? length : room;
    if (t->to_send)
        return;
    memcpy(t->head + t->head_length, text, n);
    t->head_length += n;
    t->head[t->head_length] = 0;
    if (!strstr(t->head, "\r\n\r\n"))
        return;
    t->head_length =
        (size_t)snprintf(t->head, sizeof t->head, "HTTP/1.0 200 OK\r\nContent-Length: %llu\r\n\r\n",
                         (unsigned long long)t->plan.bytes);
    t->to_send = t->plan.bytes;
    talk_send(p, t, now);
}

static void talk_end(struct peer *p, struct talk *t, estab_time now)
{
    if (!t->ended)
        tell("%u ended", t->id);
    t->ended = true;
    if (t->plan.role == TAKE || t->plan.role == ECHO)
        talk_close(p, t, now);
}

/* RECEIVE in CLOSING, LAST-ACK and TIME-WAIT is "connection closing" once no text is left. */
static bool heard_end(enum estab_error error, const struct estab_received *got)
{
    return error == ESTAB_CLOSING || (error == ESTAB_OK && got->length == 0);
}

/* An echo takes what it could send, and leaves the rest: so it does not store anything. */
static void talk_echo(struct peer *p, struct talk *t, estab_time now)
{
    static uint8_t text[PIECE];
    struct estab_received got;
    size_t taken;
    for (;;) {
        enum estab_error error =
            estab_receive(p->stack, t->conn, text, sizeof text, ESTAB_PEEK, &got, now);
        if (heard_end(error, &got))
            talk_end(p, t, now);
        if (error != ESTAB_OK || !got.length)
            return;
        (void)send_all(p, t, text, got.length, &taken, now);
        if (!taken)
            return;
        if (estab_receive(p->stack, t->conn, text, taken, 0, &got, now) != ESTAB_OK)
            return;
        check(p, t, text, got.length);
        t->sent += taken;
    }
}

static void talk_receive(struct peer *p, struct talk *t, estab_time now)
{
    static uint8_t text[PIECE];
    struct estab_received got;
    while (!t->ended) {
        enum estab_error error = estab_receive(p->stack, t->conn, text, sizeof text, 0, &got, now);
        if (heard_end(error, &got))
            talk_end(p, t, now);
        if (error != ESTAB_OK || !got.length)
            return;
        if (t->plan.role == HTTP) {
            t->received += got.length;
            http(p, t, text, got.length, now);
        } else {
            check(p, t, text, got.length);
        }
    }
}

/* ---- events --------------------------------------------------------------------------------- */

static void tell_opened(struct peer *p, const struct talk *t)
{
    struct estab_status s = {.size = sizeof s};
    char local[ENDPOINT_TEXT], remote[ENDPOINT_TEXT];
    if (estab_status(p->stack, t->conn, &s) != ESTAB_OK)
        return;
    endpoint_text(&s.local, local);
    endpoint_text(&s.remote, remote);
    tell("%u opened %s %s", t->id, local, remote);
}

static void tell_closed(struct peer *p, struct talk *t, enum estab_error error, estab_time now)
{
    static const char *const names[] = {
#define X(name, text) [ESTAB_##name] = #name,
        ESTAB_ERRORS(X)
#undef X
    };
    tell("%u closed %s sent %llu received %llu %s", t->id, names[error],
         (unsigned long long)t->sent, (unsigned long long)t->received,
         t->differs ? "differs" : "same");
    talk_over(p, t, now);
    t->used = false;
}

static void accept_all(struct peer *p, const struct estab_event *e, estab_time now)
{
    estab_conn conn;
    while (estab_accept(p->stack, e->listener, &conn) == ESTAB_OK) {
        struct talk *t = talk_new(p, conn, p->accepted);
        tell_opened(p, t);
        talk_send(p, t, now);
    }
}

static void answer_datagrams(struct peer *p, estab_time now)
{
    static uint8_t text[65536];
    struct estab_udp_received got;
    while (estab_udp_receive(p->stack, p->udp, text, sizeof text, 0, &got) == ESTAB_OK)
        if (estab_udp_send(p->stack, p->udp, &got.remote, text, got.length, now) != ESTAB_OK)
            tell("error a datagram of %zu bytes is not sent back", got.length);
}

static void hear(struct peer *p, const struct estab_event *e, estab_time now)
{
    if (e->udp.generation)
        answer_datagrams(p, now);
    if (e->bits & ESTAB_EVENT_ACCEPT)
        accept_all(p, e, now);
    struct talk *t = talk_of(p, e->conn);
    if (!t)
        return;
    if (e->bits & ESTAB_EVENT_OPENED && t->ours)
        tell_opened(p, t);
    if (e->bits & (ESTAB_EVENT_OPENED | ESTAB_EVENT_WRITABLE) && !t->closed)
        talk_send(p, t, now);
    if (t->plan.role == ECHO)
        talk_echo(p, t, now);
    else
        talk_receive(p, t, now);
    if (t->closed && t->ended)
        talk_over(p, t, now);
    if (e->bits & ESTAB_EVENT_CLOSED)
        tell_closed(p, t, e->error, now);
}

/* ---- commands ------------------------------------------------------------------------------- */

static struct plan plan_parse(const char *role, const char *bytes)
{
    struct plan plan = {.bytes = bytes ? strtoull(bytes, NULL, 10) : 0};
    for (unsigned i = 0; role && role_names[i]; i++)
        if (strcmp(role, role_names[i]) == 0) {
            plan.role = (enum role)i;
            return plan;
        }
    give_up("expected a role", role ? role : "nothing");
}

static void command_listen(struct peer *p, char **word)
{
    struct estab_listen l = {.size = sizeof l, .backlog = 1024};
    l.local.port = (uint16_t)atoi(word[1]);
    p->accepted = plan_parse(word[2], word[3]);
    if (word[3] && word[4])
        l.backlog = (uint32_t)atoi(word[4]);
    enum estab_error error = estab_listen(p->stack, &l, &p->listener);
    tell(error == ESTAB_OK ? "listening" : "error %s", estab_error_text(error));
}

static void command_datagrams(struct peer *p, char **word)
{
    struct estab_udp_open o = {.size = sizeof o};
    o.local.port = (uint16_t)atoi(word[1]);
    enum estab_error error = estab_udp_open(p->stack, &o, &p->udp);
    tell(error == ESTAB_OK ? "waiting" : "error %s", estab_error_text(error));
}

static void parse_address(const char *text, struct estab_addr *address)
{
    *address = estab_ipv4(0, 0, 0, 0);
    if (inet_pton(AF_INET, text, address->b + 12) != 1 && inet_pton(AF_INET6, text, address->b) != 1)
        give_up("expected an address", text);
}

static void command_connect(struct peer *p, char **word, estab_time now)
{
    p->open = (struct estab_open){.size = sizeof p->open};
    parse_address(word[1], &p->open.remote.addr);
    p->open.remote.port = (uint16_t)atoi(word[2]);
    p->left = (unsigned)atoi(word[3]);
    p->opened = plan_parse(word[5], word[6]);
    for (unsigned parallel = (unsigned)atoi(word[4]); parallel > 0 && p->left; parallel--)
        open_next(p, now);
}

static void command_list(struct peer *p)
{
    struct estab_status s = {.size = sizeof s};
    char local[ENDPOINT_TEXT], remote[ENDPOINT_TEXT];
    for (uint64_t cursor = 0; estab_list(p->stack, &cursor, &s);) {
        endpoint_text(&s.local, local);
        endpoint_text(&s.remote, remote);
        tell("state %s %s %s", estab_state_name(s.state), local, remote);
    }
    tell("listed");
}

static void command_counters(struct peer *p)
{
    struct estab_counters c = {.size = sizeof c};
    estab_counters(p->stack, &c);
    tell("counters connections %u connections_peak %u records %u listeners %u chunks_used %u "
         "chunks_promised %u retransmitted %llu time_steps_back %llu fragments_in %llu "
         "fragments_out %llu reassembled %llu fragments %u",
         c.connections, c.connections_peak, c.records, c.listeners, c.chunks_used,
         c.chunks_promised, (unsigned long long)c.retransmitted,
         (unsigned long long)c.time_steps_back, (unsigned long long)c.fragments_in,
         (unsigned long long)c.fragments_out, (unsigned long long)c.reassembled, c.fragments);
}

static void command_reasons(struct peer *p)
{
    for (unsigned i = 0; i < estab_reasons(); i++)
        if (estab_reason_count(p->stack, i))
            tell("reason %s %llu", estab_reason(i).name,
                 (unsigned long long)estab_reason_count(p->stack, i));
    tell("listed");
}

static void command_addresses(struct peer *p)
{
    static const char *const states[] = {"tentative", "preferred", "duplicate", "deprecated", "expired"};
    struct estab_address a;
    char text[INET6_ADDRSTRLEN];
    for (uint32_t cursor = 0; estab_address_next(p->stack, &cursor, &a);) {
        inet_ntop(AF_INET6, a.address.b, text, sizeof text);
        tell("address %s %s", text, states[a.state]);
    }
    tell("listed");
}

/* Those that name a connection. */
static void command_talk(struct peer *p, char **word, estab_time now)
{
    struct talk *t = NULL;
    for (unsigned i = 0; word[1] && i < p->talks; i++)
        if (p->talk[i].used && p->talk[i].id == (unsigned)atoi(word[1]))
            t = &p->talk[i];
    if (!t) {
        tell("error there is no connection '%s'", word[1] ? word[1] : "");
    } else if (strcmp(word[0], "close") == 0) {
        talk_close(p, t, now);
        if (t->ended)
            talk_over(p, t, now);
    } else if (strcmp(word[0], "abort") == 0) {
        (void)estab_abort(p->stack, t->conn, now);
    } else if (strcmp(word[0], "send") == 0 && word[2]) {
        t->to_send += strtoull(word[2], NULL, 10);
        talk_send(p, t, now);
    } else {
        give_up("expected a command", word[0]);
    }
}

static void command(struct peer *p, char *line, estab_time now)
{
    char *word[8] = {NULL}, *rest = line;
    for (unsigned i = 0; i < 7 && (word[i] = strtok_r(rest, " ", &rest)); i++)
        ;
    if (!word[0])
        return;
    if (strcmp(word[0], "listen") == 0 && word[2])
        command_listen(p, word);
    else if (strcmp(word[0], "datagrams") == 0 && word[1])
        command_datagrams(p, word);
    else if (strcmp(word[0], "unlisten") == 0)
        (void)estab_listen_end(p->stack, p->listener, now);
    else if (strcmp(word[0], "connect") == 0 && word[5])
        command_connect(p, word, now);
    else if (strcmp(word[0], "list") == 0)
        command_list(p);
    else if (strcmp(word[0], "counters") == 0)
        command_counters(p);
    else if (strcmp(word[0], "reasons") == 0)
        command_reasons(p);
    else if (strcmp(word[0], "addresses") == 0)
        command_addresses(p);
    else if (strcmp(word[0], "quit") == 0)
        p->quit = true;
    else
        command_talk(p, word, now);
}

static void read_commands(void *context, int fd, short ready, estab_time now)
{
    struct peer *p = context;
    ssize_t n = read(fd, p->line + p->line_length, sizeof p->line - 1 - p->line_length);
    char *from = p->line, *end;
    (void)ready;
    if (n <= 0) {
        p->quit = true;
        return;
    }
    p->line_length += (size_t)n;
    p->line[p->line_length] = 0;
    while ((end = strchr(from, '\n'))) {
        *end = 0;
        command(p, from, now);
        from = end + 1;
    }
    p->line_length = strlen(from);
    memmove(p->line, from, p->line_length + 1);
}

/* ---- setting up ----------------------------------------------------------------------------- */

struct options {
    struct estab_config config;
    struct link_config in, out;
    bool impaired;
    uint64_t seed;
    const char *text, *store;
};

static bool config_set(struct estab_config *config, const char *name, const char *value)
{
#define DEFAULT(member, value_, rfc, least, most, unit, source, linux_, text)                      \
    if (strcmp(name, #member) == 0) {                                                              \
        config->member = strtoul(value, NULL, 10);                                                 \
        return true;                                                                               \
    }
#include "base/defaults.def"
#undef DEFAULT
    return false;
}

static void option(struct options *o, const char *name, const char *value)
{
    char error[LINK_ERROR_MAX];
    bool in = strcmp(name, "in") == 0, out = strcmp(name, "out") == 0;
    if (in || out) {
        if (!link_config_parse(in ? &o->in : &o->out, value, error))
            give_up(error, value);
        o->impaired = true; /* both ways: what is not told is a perfect wire */
    } else if (strcmp(name, "seed") == 0) {
        o->seed = strtoull(value, NULL, 10);
    } else if (strcmp(name, "text") == 0) {
        o->text = value;
    } else if (strcmp(name, "store") == 0) {
        o->store = value;
    } else if (!config_set(&o->config, name, value)) {
        give_up("there is no such option", name);
    }
}

static void map_text(struct peer *p, const char *name)
{
    struct stat s;
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &s) != 0)
        give_up("it cannot be read", name);
    p->text_length = (uint64_t)s.st_size;
    p->text = mmap(NULL, (size_t)s.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (p->text == MAP_FAILED)
        give_up("it cannot be mapped", name);
}

static estab_stack *new_stack(struct estab_config *config)
{
    const char *why = estab_config_check(config);
    struct estab_room room = {.size = estab_stack_size(config)};
    estab_stack *stack = NULL;
    if (why)
        give_up(why, "configuration");
    estab_random(config->isn_key, sizeof config->isn_key);
    estab_random(config->hash_key, sizeof config->hash_key);
    room.base = mmap(NULL, room.size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room.base != MAP_FAILED)
        stack = estab_stack_init(room, config, estab_now());
    if (!stack)
        give_up("there is no room for it", "stack");
    return stack;
}

static void join(struct peer *p, estab_device *device, const struct estab_interface *interface,
                 const struct options *o)
{
    int number = estab_interface_add(p->stack, interface);
    p->loop = estab_loop_new(p->stack);
    if (!p->loop || number < 0 || estab_loop_join(p->loop, number, device) != ESTAB_OK)
        give_up("it cannot be joined", "interface");
    if (!o->impaired)
        return;
    p->link.inward = link_new(&o->in, o->seed * 2);
    p->link.outward = link_new(&o->out, o->seed * 2 + 1);
    if (!p->link.inward || !p->link.outward || loop_impair(p->loop, number, &p->link) != ESTAB_OK)
        give_up("it cannot be made", "link");
}

static void run(struct peer *p)
{
    struct estab_event event;
    while (!p->quit) {
        (void)estab_loop_once(p->loop, ESTAB_NEVER);
        while (estab_event_next(p->stack, &event))
            hear(p, &event, estab_now());
    }
}

int main(int argc, char **argv)
{
    static struct peer p;
    struct options o = {.seed = 1};
    struct estab_interface interface;
    struct estab_host_error why;
    char address[INET6_ADDRSTRLEN];
    unsigned bits;
    estab_config_init(&o.config);
    if (argc < 3 || argc % 2 == 0 || sscanf(argv[2], "%45[0-9a-f.:]/%3u", address, &bits) != 2)
        give_up("expected DEVICE ADDRESS/PREFIX [OPTION VALUE]...", "usage");
    for (int i = 3; i + 1 < argc; i += 2)
        option(&o, argv[i], argv[i + 1]);
    estab_device *device = estab_device_open(argv[1], ESTAB_DEVICE_PLAIN, &interface, &why);
    if (!device)
        give_up(why.text, argv[1]);
    parse_address(address, &interface.address);
    interface.prefix_length = (uint8_t)bits;

    if (o.text)
        map_text(&p, o.text);
    p.store = o.store ? open(o.store, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    p.stack = new_stack(&o.config);
    join(&p, device, &interface, &o);
    if (estab_loop_watch(p.loop, STDIN_FILENO, POLLIN, read_commands, &p) != ESTAB_OK)
        give_up("it cannot be watched", "standard input");
    tell("ready");
    run(&p);
    estab_loop_free(p.loop);
    link_free(p.link.inward);
    link_free(p.link.outward);
    estab_device_close(device);
    return 0;
}
