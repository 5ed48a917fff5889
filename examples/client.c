/* SPDX-License-Identifier: MIT */
/*
 * client.c - a connection with a TCP of its own: what comes in is sent, what is received goes out.
 *
 *      client packet:eth0 192.0.2.8/24 192.0.2.1 7777     beside the kernel
 *      client tun:estab0 10.9.0.3/24 10.9.0.1 7777        behind it (server.c tells how)
 *
 * At the end of its input it closes, and ends when the peer has closed too.
 */
#define _DEFAULT_SOURCE /* for MAP_ANONYMOUS */
#include <arpa/inet.h>
#include <estab_host.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct client {
    estab_stack *stack;
    estab_loop *loop;
    estab_conn conn;
    uint8_t text[65536]; /* read, but not yet taken by the stack: from `at` to `end` */
    size_t at, end;
};

static void give_up(const char *why)
{
    fprintf(stderr, "client: %s\n", why);
    exit(1);
}

static void parse_address(const char *text, struct estab_addr *address)
{
    *address = estab_ipv4(0, 0, 0, 0);
    if (inet_pton(AF_INET, text, address->b + 12) != 1)
        give_up("an address is expected as in 10.9.0.2");
}

/* "10.9.0.2/24" */
static void parse_prefix(const char *text, struct estab_interface *interface)
{
    char address[16], more;
    unsigned bits;
    if (sscanf(text, "%15[0-9.]/%2u%c", address, &bits, &more) != 2 || bits > 32)
        give_up("an address with its prefix is expected as in 10.9.0.2/24");
    parse_address(address, &interface->address);
    interface->prefix_length = (uint8_t)bits;
}

static estab_stack *new_stack(void)
{
    struct estab_config config;
    struct estab_room room;
    estab_stack *stack = NULL;
    estab_config_init(&config);
    estab_random(config.isn_key, sizeof config.isn_key);
    estab_random(config.hash_key, sizeof config.hash_key);
    config.connections = config.records = 16;
    config.chunks = 1024;
    room.size = estab_stack_size(&config);
    room.base = mmap(NULL, room.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room.base != MAP_FAILED)
        stack = estab_stack_init(room, &config, estab_now());
    if (!stack)
        give_up("there is no room for a stack");
    return stack;
}

/* ---- input -> SEND ---------------------------------------------------------------------------- */

static void read_more(void *context, int fd, short ready, estab_time now);

/* Sends what was read.  Input waits until the stack has taken all of it. */
static void send_text(struct client *c, estab_time now)
{
    size_t taken;
    enum estab_error error =
        estab_send(c->stack, c->conn, c->text + c->at, c->end - c->at, 0, &taken, now);
    if (error != ESTAB_OK && error != ESTAB_AGAIN)
        give_up(estab_error_text(error));
    c->at += taken;
    estab_loop_watch(c->loop, STDIN_FILENO, POLLIN, error == ESTAB_OK ? read_more : NULL, c);
}

static void read_more(void *context, int fd, short ready, estab_time now)
{
    struct client *c = context;
    ssize_t n = read(fd, c->text, sizeof c->text);
    (void)ready;
    c->at = 0;
    c->end = n > 0 ? (size_t)n : 0;
    if (n > 0) {
        send_text(c, now);
        return;
    }
    estab_loop_watch(c->loop, fd, 0, NULL, NULL);
    estab_close(c->stack, c->conn, now);
}

/* ---- RECEIVE -> output ------------------------------------------------------------------------ */

static void receive_text(struct client *c, estab_time now)
{
    static uint8_t text[65536];
    struct estab_received got;
    while (estab_receive(c->stack, c->conn, text, sizeof text, 0, &got, now) == ESTAB_OK &&
           got.length > 0)
        fwrite(text, 1, got.length, stdout);
    fflush(stdout);
}

static void hear(struct client *c, const struct estab_event *event, estab_time now)
{
    if (event->bits & ESTAB_EVENT_CLOSED && event->error != ESTAB_OK)
        give_up(estab_error_text(event->error));
    receive_text(c, now);
    if (event->bits & (ESTAB_EVENT_OPENED | ESTAB_EVENT_WRITABLE))
        send_text(c, now);
}

/* In TIME-WAIT all is said and acknowledged; only a peer that missed our last ACK would still ask. */
static bool is_over(const struct client *c)
{
    struct estab_status status = {.size = sizeof status};
    return estab_status(c->stack, c->conn, &status) != ESTAB_OK ||
           status.state == ESTAB_STATE_TIME_WAIT;
}

static void converse(struct client *c)
{
    struct estab_event event;
    while (!is_over(c)) {
        estab_loop_once(c->loop, ESTAB_NEVER);
        while (estab_event_next(c->stack, &event))
            hear(c, &event, estab_now());
    }
    estab_loop_once(c->loop, 0); /* the last ACK leaves */
}

int main(int argc, char **argv)
{
    static struct client c;
    struct estab_open open = {.size = sizeof open};
    struct estab_interface interface;
    struct estab_host_error why;
    if (argc != 5 || (open.remote.port = (uint16_t)atoi(argv[4])) == 0)
        give_up("expected DEVICE ADDRESS/PREFIX PEER PORT, as in tun:t0 10.9.0.3/24 10.9.0.1 7777");
    estab_device *device = estab_device_open(argv[1], 0, &interface, &why);
    if (!device)
        give_up(why.text);
    parse_prefix(argv[2], &interface);
    parse_address(argv[3], &open.remote.addr);

    c.stack = new_stack();
    c.loop = estab_loop_new(c.stack);
    int number = estab_interface_add(c.stack, &interface);
    if (!c.loop || number < 0 || estab_loop_join(c.loop, number, device) != ESTAB_OK)
        give_up("the interface cannot be used");
    enum estab_error error = estab_open(c.stack, &open, &c.conn, estab_now());
    if (error != ESTAB_OK)
        give_up(estab_error_text(error));
    converse(&c);
    estab_loop_free(c.loop);
    estab_device_close(device);
    return 0;
}
