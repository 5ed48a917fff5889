/* SPDX-License-Identifier: MIT */
/*
 * server.c - an echo server with a TCP of its own.
 *
 *      server packet:eth0 192.0.2.7/24 7777     beside the kernel, at an address it does not have
 *      server tun:estab0 10.9.0.2/24 7777       behind the kernel, on a device made with
 *                                                   ip tuntap add estab0 mode tun user $USER
 *                                                   ip addr add 10.9.0.1/24 dev estab0
 *
 * Nothing is kept about a connection: text is looked at, sent, and what was sent is taken.
 */
#define _DEFAULT_SOURCE /* for MAP_ANONYMOUS */
#include <arpa/inet.h>
#include <estab_host.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

static void give_up(const char *why)
{
    fprintf(stderr, "server: %s\n", why);
    exit(1);
}

/* "10.9.0.2/24" */
static void parse_address(const char *text, struct estab_interface *interface)
{
    char address[16], more;
    unsigned bits;
    interface->address = estab_ipv4(0, 0, 0, 0);
    if (sscanf(text, "%15[0-9.]/%2u%c", address, &bits, &more) != 2 || bits > 32 ||
        inet_pton(AF_INET, address, interface->address.b + 12) != 1)
        give_up("an address is expected as in 10.9.0.2/24");
    interface->prefix_length = (uint8_t)bits;
}

/* Memory that the stack never touches costs nothing: its pages are not there until they are used. */
static estab_stack *new_stack(void)
{
    struct estab_config config;
    struct estab_room room;
    estab_stack *stack = NULL;
    estab_config_init(&config);
    estab_random(config.isn_key, sizeof config.isn_key);
    estab_random(config.hash_key, sizeof config.hash_key);
    room.size = estab_stack_size(&config);
    room.base = mmap(NULL, room.size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room.base != MAP_FAILED)
        stack = estab_stack_init(room, &config, estab_now());
    if (!stack)
        give_up("there is no room for a stack");
    return stack;
}

static void echo(estab_stack *stack, estab_conn conn, estab_time now)
{
    static uint8_t text[65536];
    struct estab_received got;
    enum estab_error error = ESTAB_OK;
    size_t sent;
    while (error == ESTAB_OK) {
        if (estab_receive(stack, conn, text, sizeof text, ESTAB_PEEK, &got, now) != ESTAB_OK)
            return;
        if (got.length == 0) { /* the peer has closed, and all its text is answered */
            estab_close(stack, conn, now);
            return;
        }
        error = estab_send(stack, conn, text, got.length, 0, &sent, now);
        if (estab_receive(stack, conn, text, sent, 0, &got, now) != ESTAB_OK)
            return;
    }
    if (error != ESTAB_AGAIN) /* after AGAIN the event WRITABLE brings us here once more */
        estab_abort(stack, conn, now);
}

static void hear(estab_stack *stack, const struct estab_event *event, estab_time now)
{
    estab_conn conn;
    if (event->bits & ESTAB_EVENT_ACCEPT)
        while (estab_accept(stack, event->listener, &conn) == ESTAB_OK)
            continue; /* what has already come for it follows as an event */
    else if (!(event->bits & ESTAB_EVENT_CLOSED))
        echo(stack, event->conn, now);
}

static void serve(estab_stack *stack, estab_loop *loop)
{
    struct estab_status status = {.size = sizeof status};
    struct estab_event event;
    while (!interrupted) {
        estab_loop_once(loop, estab_now() + ESTAB_SECOND);
        while (estab_event_next(stack, &event))
            hear(stack, &event, estab_now());
    }
    for (uint64_t cursor = 0; estab_list(stack, &cursor, &status);)
        estab_abort(stack, status.conn, estab_now());
    estab_loop_once(loop, 0); /* the resets leave */
}

int main(int argc, char **argv)
{
    struct estab_listen listen = {.size = sizeof listen, .backlog = 128};
    struct estab_interface interface;
    struct estab_host_error error;
    estab_listener listener;
    if (argc != 4 || (listen.local.port = (uint16_t)atoi(argv[3])) == 0)
        give_up("expected DEVICE ADDRESS/PREFIX PORT, as in tun:estab0 10.9.0.2/24 7777");
    estab_device *device = estab_device_open(argv[1], 0, &interface, &error);
    if (!device)
        give_up(error.text);
    parse_address(argv[2], &interface);

    estab_stack *stack = new_stack();
    estab_loop *loop = estab_loop_new(stack);
    int number = estab_interface_add(stack, &interface);
    if (!loop || number < 0 || estab_loop_join(loop, number, device) != ESTAB_OK)
        give_up("the interface cannot be used");
    if (estab_listen(stack, &listen, &listener) != ESTAB_OK)
        give_up("the port cannot be listened at");
    signal(SIGINT, interrupt);
    signal(SIGTERM, interrupt);
    fprintf(stderr, "server: listening at %s, port %s\n", argv[2], argv[3]);
    serve(stack, loop);
    estab_loop_free(loop);
    estab_device_close(device);
    return 0;
}
