/* SPDX-License-Identifier: MIT */
/*
 * goodput_estab.c - an end of a flow over our stack; goodput_kernel.c is the same over the kernel's.
 *
 *      goodput_estab DEVICE A.B.C.D/N receive PORT SECONDS
 *      goodput_estab DEVICE A.B.C.D/N send ADDRESS PORT CONTROL      until it is reset
 *
 * The defaults of the stack hold; CONTROL is a row of its congestion controls, by name.  With
 * GOODPUT_TRACE=FILE in the environment the stack's decisions go there, a line each.
 */
#include <estab_host.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "base/trace.h"
#include "tcp/cc.h"

enum { PIECE = 64 << 10, CONNECTIONS = 16, TRACE_RECORDS = 1 << 16 };

#define GLANCE (10 * ESTAB_MS) /* how often the sender's numbers are looked at */

struct end {
    estab_stack *stack;
    estab_loop *loop;
    estab_listener listener;
    estab_conn conn;
    bool sends, open, over;
    double seconds;
    estab_time began, until;
    uint64_t bytes;
    struct estab_status status; /* the last that was seen */
    FILE *trace;
    uint8_t piece[PIECE];
};

__attribute__((format(printf, 1, 2))) static void fail(const char *form, ...)
{
    va_list list;

    fputs("goodput_estab: ", stderr);
    va_start(list, form);
    vfprintf(stderr, form, list);
    va_end(list);
    fputc('\n', stderr);
    exit(1);
}

/* ---- the trace ------------------------------------------------------------------------------------ */

static const char *field_text(const char *type, uint32_t value)
{
    if (strncmp(type, "WHY ", 4) == 0)
        return trace_why_text(value);
    if (strncmp(type, "RULE ", 5) == 0)
        return trace_rule_text(value);
    if (strncmp(type, "TIMER ", 6) == 0)
        return trace_timer_text(value);
    return NULL;
}

/* "1.234567 cwnd {cwnd}, ...: cwnd 14480, ssthresh 7240, rule slow start" */
static void trace_tell(FILE *to, const struct estab_trace *record)
{
    const char *fields = trace_fields(record->kind);

    fprintf(to, "%.6f %s:", (double)record->time * 1e-9, trace_text(record->kind));
    for (unsigned i = 0; i < 10 && fields && *fields; i++) {
        const char *text = field_text(fields, record->arg[i]), *name = strchr(fields, ' ');

        if (!name)
            break;
        if (text)
            fprintf(to, "%.*s %s", (int)strcspn(name, ";"), name, text);
        else
            fprintf(to, "%.*s %u", (int)strcspn(name, ";"), name, record->arg[i]);
        fields += strcspn(fields, ";");
        fields += *fields == ';';
    }
    fputc('\n', to);
}

static void trace_all(struct end *e)
{
    struct estab_trace record;

    while (e->trace && estab_trace_next(e->stack, &record))
        trace_tell(e->trace, &record);
}

/* ---- the flow --------------------------------------------------------------------------------------- */

static void receive_all(struct end *e, estab_time now)
{
    struct estab_received got = {0};

    while (estab_receive(e->stack, e->conn, e->piece, PIECE, 0, &got, now) == ESTAB_OK && !got.end)
        if (now < e->until)
            e->bytes += got.length;
    e->over |= got.end;
}

static void send_all(struct end *e, estab_time now)
{
    size_t taken;

    while (estab_send(e->stack, e->conn, e->piece, PIECE, 0, &taken, now) == ESTAB_OK)
        ;
}

static void accept_one(struct end *e, estab_time now)
{
    if (e->open || estab_accept(e->stack, e->listener, &e->conn) != ESTAB_OK)
        return;
    e->open = true;
    e->began = now;
    e->until = now + (estab_time)(e->seconds * (double)ESTAB_SECOND);
    receive_all(e, now);
}

static void on_event(struct end *e, const struct estab_event *event, estab_time now)
{
    if (event->bits & ESTAB_EVENT_ACCEPT)
        accept_one(e, now);
    else if (event->bits & ESTAB_EVENT_CLOSED) {
        if (event->error != ESTAB_RESET)
            fail("the connection ended: %s", estab_error_text(event->error));
        e->over = true;
    } else if (e->sends && event->bits & (ESTAB_EVENT_OPENED | ESTAB_EVENT_WRITABLE))
        send_all(e, now);
    else if (!e->sends)
        receive_all(e, now);
}

static void glance(struct end *e)
{
    struct estab_status status = {.size = sizeof status};

    if (estab_status(e->stack, e->conn, &status) == ESTAB_OK)
        e->status = status;
    trace_all(e);
}

static void run(struct end *e)
{
    estab_time look = 0;

    while (!e->over) {
        struct estab_event event;
        estab_time now = estab_now(), wake = now + GLANCE;

        estab_loop_once(e->loop, e->until && e->until < wake ? e->until : wake);
        now = estab_now();
        while (!e->over && estab_event_next(e->stack, &event))
            on_event(e, &event, now);
        if (now >= look && !e->over) {
            glance(e);
            look = now + GLANCE;
        }
        e->over |= e->until && now >= e->until;
    }
    glance(e);
}

static void tell(struct end *e)
{
    struct estab_counters counters = {.size = sizeof counters};
    estab_time end = estab_now();
    double seconds;

    estab_counters(e->stack, &counters);
    if (e->sends) {
        printf("{\"retransmitted\": %llu, \"srtt_us\": %u, \"cwnd\": %u, \"ssthresh\": %u}\n",
               (unsigned long long)counters.retransmitted, e->status.srtt_us,
               e->status.snd_mss ? e->status.cwnd / e->status.snd_mss : 0,
               e->status.snd_mss ? e->status.ssthresh / e->status.snd_mss : 0);
        return;
    }
    seconds = (double)((end < e->until ? end : e->until) - e->began) * 1e-9;
    printf("{\"bytes\": %llu, \"seconds\": %.6f, \"mbit\": %.4f}\n", (unsigned long long)e->bytes,
           seconds, (double)e->bytes * 8e-6 / seconds);
    (void)estab_abort(e->stack, e->conn, end);
    estab_loop_once(e->loop, 0);
}

/* ---- making it -------------------------------------------------------------------------------------- */

static uint8_t control_named(const char *name)
{
    for (uint8_t i = 0; i < CC_ROWS; i++)
        if (strcmp(cc_all[i]->name, name) == 0 ||
            (strcmp(name, "reno") == 0 && strcmp(cc_all[i]->name, "newreno") == 0))
            return i;
    fail("there is no congestion control \"%s\"", name);
    return 0;
}

static estab_stack *stack_new(const char *control, bool traced)
{
    struct estab_config config;
    struct estab_room room;
    estab_stack *stack;

    estab_config_init(&config);
    config.connections = config.records = CONNECTIONS;
    if (control)
        config.congestion = control_named(control);
    if (traced)
        config.trace_records = TRACE_RECORDS;
    estab_random(config.isn_key, sizeof config.isn_key);
    estab_random(config.hash_key, sizeof config.hash_key);
    room.size = estab_stack_size(&config);
    room.base = mmap(NULL, room.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack = room.base == MAP_FAILED ? NULL : estab_stack_init(room, &config, estab_now());
    if (!stack)
        fail("no memory for a stack");
    return stack;
}

static struct estab_addr address_of(const char *text, unsigned *bits)
{
    unsigned a, b, c, d;

    *bits = 32;
    if (sscanf(text, "%3u.%3u.%3u.%3u/%2u", &a, &b, &c, &d, bits) < 4)
        fail("%s: expected A.B.C.D, or A.B.C.D/N", text);
    return estab_ipv4((uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d);
}

static void join(struct end *e, const char *spec, const char *address)
{
    struct estab_host_error error;
    struct estab_interface interface;
    estab_device *device = estab_device_open(spec, ESTAB_DEVICE_PLAIN, &interface, &error);
    unsigned bits;
    int number;

    if (!device)
        fail("%s: %s", spec, error.text);
    interface.address = address_of(address, &bits);
    interface.prefix_length = (uint8_t)bits;
    memcpy(interface.mac + 2, interface.address.b + 12, 4); /* the same in each run */
    interface.mac[1] = 0;
    number = estab_interface_add(e->stack, &interface);
    if (number < 0 || estab_loop_join(e->loop, number, device) != ESTAB_OK)
        fail("%s cannot be joined", spec);
}

static void receive(struct end *e, const char *port, const char *seconds)
{
    struct estab_listen listen = {
        .size = sizeof listen, .local.port = (uint16_t)atoi(port), .backlog = 1};

    if (estab_listen(e->stack, &listen, &e->listener) != ESTAB_OK)
        fail("port %s is refused", port);
    e->seconds = atof(seconds);
    estab_loop_once(e->loop, 0); /* says where our address is */
    puts("ready");
    fflush(stdout);
}

static void transmit(struct end *e, const char *address, const char *port)
{
    struct estab_open open = {.size = sizeof open, .remote.port = (uint16_t)atoi(port)};
    unsigned bits;

    open.remote.addr = address_of(address, &bits);
    if (estab_open(e->stack, &open, &e->conn, estab_now()) != ESTAB_OK)
        fail("%s cannot be opened", address);
    e->sends = true;
}

int main(int argc, char **argv)
{
    static struct end e;
    bool receives = argc == 6 && strcmp(argv[3], "receive") == 0;
    const char *trace = getenv("GOODPUT_TRACE");

    if (!receives && (argc != 7 || strcmp(argv[3], "send") != 0)) {
        fputs("usage: goodput_estab DEVICE A.B.C.D/N receive PORT SECONDS | send ADDRESS PORT "
              "CONTROL\n",
              stderr);
        return 2;
    }
    e.trace = trace ? fopen(trace, "w") : NULL;
    e.stack = stack_new(receives ? NULL : argv[6], e.trace);
    e.loop = estab_loop_new(e.stack);
    if (!e.loop)
        fail("no memory for a loop");
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    join(&e, argv[1], argv[2]);
    if (receives)
        receive(&e, argv[4], argv[5]);
    else
        transmit(&e, argv[4], argv[5]);
    run(&e);
    tell(&e);
    if (e.trace)
        fclose(e.trace);
    return 0;
}
