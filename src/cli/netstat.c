/* SPDX-License-Identifier: MIT */
/*
 * netstat.c - `estab netstat`: what every stack of ours says of itself on its control socket, and
 * what the kernel says of its own.
 *
 * A kernel's sockets come from this machine's network and from each namespace that a control socket
 * answers for.  A namespace that is listed twice (netstat may run inside one) is shown once.
 *
 * Limits: ROWS_MAX connections, NAMESPACES_MAX namespaces; what is beyond is said to be missing.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/answer.h"
#include "control/ask.h"
#include "control/diag.h"
#include "control/owner.h"
#include "packet/address.h"
#include "cli/verb.h"

#define ROWS_MAX       (1u << 20)
#define NAMESPACES_MAX 257 /* one for each control socket, and our own */

struct seen {
    uint64_t name_space, pid; /* and who listed it */
};

struct netstat {
    const struct cli_options *o;
    struct control_row *row;
    size_t rows, room, machines; /* from `machines` on they are this machine's own */
    unsigned namespaces;
    struct seen seen[NAMESPACES_MAX];
    bool full;
};

/* ---- gathering --------------------------------------------------------------------------------------- */

/* Whether this one is the first to list the namespace. */
static bool lists_first(struct netstat *n, uint64_t name_space, uint64_t pid)
{
    if (name_space == CONTROL_UNKNOWN)
        return true;
    for (unsigned i = 0; i < n->namespaces; i++)
        if (n->seen[i].name_space == name_space)
            return n->seen[i].pid == pid;
    if (n->namespaces < NAMESPACES_MAX)
        n->seen[n->namespaces++] = (struct seen){name_space, pid};
    return true;
}

/* A UDP socket without a peer is, in its way, one that listens. */
static bool is_asked_for(const struct cli_options *o, const struct control_row *r)
{
    bool listens = r->udp ? r->remote.port == 0 : r->state == ESTAB_STATE_LISTEN;

    if (o->tcp != o->udp && o->udp != r->udp)
        return false;
    return o->all || (o->listening ? listens : !listens);
}

static bool make_room(struct netstat *n)
{
    size_t room = n->room ? 2 * n->room : 256;
    struct control_row *more;

    if (n->rows < n->room)
        return true;
    more = room <= ROWS_MAX ? realloc(n->row, room * sizeof *more) : NULL;
    if (!more) {
        n->full = true;
        return false;
    }
    n->row = more;
    n->room = room;
    return true;
}

static void take_row(struct netstat *n, uint64_t pid, const struct control_row *r)
{
    if (r->kernel && !lists_first(n, r->namespace, pid))
        return;
    if (is_asked_for(n->o, r) && make_room(n))
        n->row[n->rows++] = *r;
}

/* What a stack says of its process is what the kernel says of the socket's. */
static void take_object(void *context, uint64_t pid, const struct control_object *object)
{
    struct control_row r;

    if (object->schema != CONTROL_CONNECTION && object->schema != CONTROL_UDP)
        return;
    r = object->row;
    if (!r.kernel)
        r.pid = pid;
    take_row(context, pid, &r);
}

static void take_trouble(void *context, uint64_t pid, const char *sentence)
{
    (void)context;
    fprintf(stderr, "estab netstat: process %" PRIu64 " %s\n", pid, sentence);
}

/* This machine's own. */
static void take_kernel(struct netstat *n)
{
    struct diag_socket *sockets = NULL;
    int diag = diag_open(), count = diag < 0 ? -1 : diag_all(diag, &sockets);
    uint64_t name_space = diag < 0 ? 0 : diag_namespace(diag);

    if (count < 0)
        (void)cli_say(n->o, CLI_OK, "the kernel does not list its own connections: %s",
                      strerror(errno));
    for (int i = 0; i < count; i++) {
        struct control_row r = answer_kernel_row(&sockets[i], name_space);
        take_row(n, 0, &r);
    }
    free(sockets);
    if (diag >= 0)
        close(diag);
}

/* ---- connections ---------------------------------------------------------------------------------------- */

enum column {
    LOCAL,
    FOREIGN,
    STATE,
    STACK,
    PROGRAM,
    COLUMNS
};

#define CELL_MAX 80

/* ":::80", ":::*" */
static void anybody(char cell[CELL_MAX], uint16_t port)
{
    if (port)
        snprintf(cell, CELL_MAX, ":::%u", port);
    else
        snprintf(cell, CELL_MAX, ":::*");
}

static void label(char cell[CELL_MAX], const struct cli_options *o, const struct control_row *r,
                  bool local)
{
    const struct estab_endpoint *e = local ? &r->local : &r->remote;
    const char *name = local ? r->local_name : r->remote_name;

    if ((o->numeric || !name[0]) && r->v6 && addr_is_unspecified(&e->addr))
        anybody(cell, e->port); /* nothing is to be told apart here */
    else if (o->numeric || !name[0])
        control_endpoint(cell, e, r->v6);
    else if (e->port)
        snprintf(cell, CELL_MAX, "%s:%u", name, e->port);
    else
        snprintf(cell, CELL_MAX, "%s:*", name);
}

static void cells(char cell[COLUMNS][CELL_MAX], const struct cli_options *o,
                  const struct control_row *r)
{
    label(cell[LOCAL], o, r, true);
    label(cell[FOREIGN], o, r, false);
    snprintf(cell[STATE], CELL_MAX, "%s", r->udp ? "-" : estab_state_name(r->state));
    snprintf(cell[STACK], CELL_MAX, "%s", r->kernel ? "kernel" : "estab");
    if (r->pid == CONTROL_UNKNOWN)
        snprintf(cell[PROGRAM], CELL_MAX, "-");
    else
        snprintf(cell[PROGRAM], CELL_MAX, "%" PRIu64 "/%s", r->pid, r->program);
}

/* "retransmission (0.20/3)": seconds until it is due, and retransmissions in a row. */
static void print_timer(const struct control_row *r)
{
    uint64_t retries = r->retries == CONTROL_UNKNOWN ? 0 : r->retries;

    if (r->timer == ESTAB_TIMER_NONE || r->timer_ms == CONTROL_UNKNOWN)
        fputs(estab_timer_name(ESTAB_TIMER_NONE), stdout);
    else
        printf("%s (%" PRIu64 ".%02" PRIu64 "/%" PRIu64 ")", estab_timer_name(r->timer),
               r->timer_ms / 1000, r->timer_ms % 1000 / 10, retries);
}

static bool is_shown(const struct cli_options *o, enum column c)
{
    return c != PROGRAM || o->programs;
}

static void print_row(const struct netstat *n, const int width[COLUMNS],
                      const char cell[COLUMNS][CELL_MAX], const struct control_row *r)
{
    enum column last = n->o->programs ? PROGRAM : STACK;

    if (r)
        printf("%-5s %6" PRIu64 " %6" PRIu64, control_proto(r), r->recv_queue, r->send_queue);
    else
        printf("%-5s %6s %6s", "Proto", "Recv-Q", "Send-Q");
    for (enum column c = LOCAL; c < COLUMNS; c++)
        if (is_shown(n->o, c))
            printf(" %-*s", c == last && !n->o->timers ? 0 : width[c], cell[c]);
    if (n->o->timers) {
        putchar(' ');
        if (r)
            print_timer(r);
        else
            fputs("Timer", stdout);
    }
    putchar('\n');
}

/* This machine's own come first, of which there may be hundreds; what is ours stands by the prompt. */
static const struct control_row *in_order(const struct netstat *n, size_t i)
{
    size_t own = n->rows - n->machines;

    return &n->row[i < own ? n->machines + i : i - own];
}

static void print_table(const struct netstat *n)
{
    static const char heads[COLUMNS][CELL_MAX] = {
        "Local Address", "Foreign Address", "State", "Stack", "PID/Program name"};
    char cell[COLUMNS][CELL_MAX];
    int width[COLUMNS];

    for (unsigned c = 0; c < COLUMNS; c++)
        width[c] = (int)strlen(heads[c]);
    for (size_t i = 0; i < n->rows; i++) {
        cells(cell, n->o, &n->row[i]);
        for (unsigned c = 0; c < COLUMNS; c++)
            width[c] = width[c] > (int)strlen(cell[c]) ? width[c] : (int)strlen(cell[c]);
    }
    fputs(n->o->colour ? "\033[1m" : "", stdout);
    print_row(n, width, heads, NULL);
    fputs(n->o->colour ? "\033[0m" : "", stdout);
    for (size_t i = 0; i < n->rows; i++) {
        const struct control_row *r = in_order(n, i);
        cells(cell, n->o, r);
        print_row(n, width, (const char(*)[CELL_MAX])cell, r);
    }
}

static void print_objects(const struct netstat *n)
{
    char line[CONTROL_LINE_MAX];

    for (size_t i = 0; i < n->rows; i++) {
        struct text t = text_of(line, sizeof line, false);
        control_write_row(&t, &n->row[i]);
        fputs(line, stdout);
    }
}

static int fail(const struct cli_options *o, const struct estab_host_error *error)
{
    return cli_say(o, error->kind == ESTAB_HOST_PERMISSION ? CLI_PERMISSION : CLI_FAILED, "%s",
                   error->text);
}

/* That there is nothing is an answer. */
static int say_none(const struct cli_options *o)
{
    return cli_say(o, CLI_OK,
                   "no stack of ours runs here: `estab listen` in another terminal starts one");
}

static int connections(struct netstat *n)
{
    struct ask ask = {"connections", n, take_object, take_trouble};
    struct estab_host_error error = {0};
    int answered = ask_all(&ask, &error);

    if (answered < 0)
        return fail(n->o, &error);
    if (answered == 0)
        (void)say_none(n->o);
    n->machines = n->rows;
    take_kernel(n);
    if (n->o->programs || n->o->json)
        owner_find(n->row, n->rows);
    if (n->o->json)
        print_objects(n);
    else
        print_table(n);
    if (n->full)
        return cli_say(n->o, CLI_FAILED, "there are more connections than there is room for");
    return CLI_OK;
}

/* ---- statistics ------------------------------------------------------------------------------------------ */

/* Names are joined by underscores. */
static void print_name(const char *name)
{
    for (const char *c = name; *c; c++)
        putchar(*c == '_' ? ' ' : *c);
    putchar('\n');
}

/* "    6 frames in" */
static void print_counter(uint64_t value, const char *name)
{
    printf("%12" PRIu64 " ", value);
    print_name(name);
}

/* "    1 of 64 udp sockets" */
static void print_pool(uint64_t used, uint64_t total, const char *name)
{
    printf("%12" PRIu64 " of %" PRIu64 " ", used, total);
    print_name(name);
}

static void print_counters(const struct control_counters *c)
{
#define X(member) print_counter(c->member, #member);
    CONTROL_COUNTS(X)
#undef X
#define POOL(X, used, total) print_pool(c->used, c->total, #used);
    CONTROL_POOLS(POOL, )
#undef POOL
}

static void print_reason(const struct control_reason *r)
{
    printf("%12" PRIu64 " %s: %s", r->count, r->name, r->sentence);
    if (r->rfc[0])
        printf(" (%s)", r->rfc);
    putchar('\n');
}

static void print_statistic(void *context, uint64_t pid, const struct control_object *object)
{
    const struct control_stack *s = &object->stack;
    const struct control_reason *r = &object->reason;

    (void)context;
    switch (object->schema) {
    case CONTROL_STACK:
        printf("%s, process %" PRIu64 ", %s%son %s\n", s->program, pid, s->name,
               s->name[0] ? " " : "", s->on);
        break;
    case CONTROL_COUNTERS:
        print_counters(&object->counters);
        break;
    case CONTROL_REASON:
        print_reason(r);
        break;
    default:
        break;
    }
}

static void print_object(void *context, uint64_t pid, const struct control_object *object)
{
    char line[CONTROL_LINE_MAX];
    struct text t = text_of(line, sizeof line, false);

    (void)context;
    (void)pid;
    if (object->schema == CONTROL_STACK)
        control_write_stack(&t, &object->stack);
    else if (object->schema == CONTROL_COUNTERS)
        control_write_counters(&t, &object->counters);
    else if (object->schema == CONTROL_REASON)
        control_write_reason(&t, &object->reason);
    fputs(line, stdout);
}

static int statistics(const struct cli_options *o)
{
    struct ask ask = {"statistics", NULL, o->json ? print_object : print_statistic, take_trouble};
    struct estab_host_error error = {0};
    int answered = ask_all(&ask, &error);

    if (answered < 0)
        return fail(o, &error);
    return answered == 0 ? say_none(o) : CLI_OK;
}

int cmd_netstat(const struct cli_options *o)
{
    struct netstat *n;
    int code;

    if (o->statistics)
        return statistics(o);
    n = calloc(1, sizeof *n);
    if (!n)
        return cli_say(o, CLI_FAILED, "no memory");
    n->o = o;
    code = connections(n);
    free(n->row);
    free(n);
    return code;
}
