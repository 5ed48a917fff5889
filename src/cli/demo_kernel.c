/* SPDX-License-Identifier: MIT */
/*
 * demo_kernel.c - parts 2 and 3 of the tour: the Linux kernel as the peer.
 *
 *      our stack 10.11.1.1 `estab` <---veth---> 10.11.1.2 `kernel`, where the programs run
 *
 * One stack of ours listens and then connects.  While it waits in TIME-WAIT, both TCPs are asked
 * for their lists.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/demo.h"

#define OUR_PORT   3333
#define THEIR_PORT 4444
#define SLEEP_MS   300
#define CLOSE_MS   200
#define PART_3     "Two lists: a TCP knows its own ends, and no other's"
#define LIST_MAX   8192
#define PATIENCE   (5 * ESTAB_SECOND) /* for each of the kernel's programs */

static const char python_client[] = "import socket, time\n"
                                    "s = socket.create_connection(('estab', 3333))\n"
                                    "time.sleep(0.3)\n"
                                    "s.close()\n";
static const char python_server[] = "import socket, time\n"
                                    "s = socket.create_server(('kernel', 4444))\n"
                                    "c, peer = s.accept()\n"
                                    "c.recv(100)\n"
                                    "time.sleep(0.2)\n"
                                    "c.close()\n"
                                    "time.sleep(9)\n";

struct tour {
    struct demo *d;
    struct netns *netns;
    estab_device *device;
    struct estab_interface interface;
    estab_stack *stack;
    void *room;
    size_t room_size;
    struct wire *wire;
    struct estab_addr ours, theirs;
    struct app_server server;
    struct app_client client;
    bool client_open;
};

/* ---- turns -------------------------------------------------------------------------------------------- */

static void turn(struct tour *t, estab_time until)
{
    estab_time server = app_server_deadline(&t->server);
    estab_time client = t->client_open ? app_client_deadline(&t->client) : ESTAB_NEVER;
    struct estab_event e;
    estab_time now;

    until = until < server ? until : server;
    wire_turn(t->wire, until < client ? until : client);
    now = estab_now();
    while (estab_event_next(t->stack, &e)) {
        app_server_event(&t->server, &e, now);
        if (t->client_open)
            app_client_event(&t->client, &e, now);
    }
    app_server_turn(&t->server, now);
    if (t->client_open)
        app_client_turn(&t->client, now);
    wire_calls(t->wire, &t->client.remote);
}

/* A program of the kernel's: Python's, which uses names, or else the built-in one. */
static pid_t start(struct tour *t, const char *script, const struct peer_options *peer)
{
    char *argv[] = {"python3", "-c", (char *)(uintptr_t)script, NULL};
    struct estab_host_error error = {.kind = ESTAB_HOST_NOT_FOUND};
    const char *why = "There is no python3 here";
    pid_t pid = -1;

    fflush(NULL);
    if (netns_names_note(t->netns))
        why = "Names do not resolve here";
    else
        pid = netns_spawn(t->netns, argv, NULL, &error);
    if (pid < 0 && error.kind == ESTAB_HOST_NOT_FOUND) {
        demo_show(t->d, "(%s: a built-in program does the same.)", why);
        fflush(NULL);
        pid = peer_start(t->netns, peer, &error);
    }
    if (pid < 0)
        cli_say(t->d->o, CLI_FAILED, "%s", error.text);
    return pid;
}

static void introduce(struct tour *t)
{
    fputc('\n', t->d->prose);
    demo_show(t->d, "estab 10.11.1.1 <-- a veth pair --> 10.11.1.2 kernel");
    if (wire_knows_peer(t->wire))
        demo_say(t->d,
                 "Our states we know. The kernel's are read from its own trace of its sockets, "
                 "as root may; what that does not show is inferred, and marked ~.");
    else
        demo_say(t->d, "Our states we know. The kernel's are inferred from the packets, and marked "
                       "~; root would see them in the kernel's own trace.");
}

/* ---- part 2 --------------------------------------------------------------------------------------------- */

static int listen_to_kernel(struct tour *t)
{
    struct peer_options peer = {.does = PEER_SINK,
                                .local.addr = t->theirs,
                                .remote = {t->ours, OUR_PORT},
                                .hold = true,
                                .hold_ms = SLEEP_MS};
    struct estab_listen listen = {.size = sizeof listen, .local.port = OUR_PORT, .backlog = 8};
    struct story_end end = {{t->ours, OUR_PORT}, {estab_ipv4(0, 0, 0, 0), 0}};
    estab_time patience = estab_now() + PATIENCE;

    demo_say(t->d, "A Python program connects to our port 3333, sleeps, and closes. Between its "
                   "socket and us is Linux's own TCP.");
    demo_show(t->d, "s = socket.create_connection((\"estab\", 3333)); time.sleep(0.3); s.close()");
    fputc('\n', t->d->prose);
    t->server = (struct app_server){.stack = t->stack, .close_ms = CLOSE_MS};
    if (app_server_listen(&t->server, &listen) != ESTAB_OK)
        return cli_say(t->d->o, CLI_FAILED, "cannot listen on port %d", OUR_PORT);
    story_move(t->d->story, &end, fsm_next(TCP_CLOSED, EV_PASSIVE_OPEN), REASONS, 0,
               wire_time(t->wire, estab_now()));
    if (start(t, python_client, &peer) < 0)
        return CLI_FAILED;
    while ((!t->server.accepted || t->server.open) && estab_now() < patience)
        turn(t, patience);
    story_state(t->d->story, &end, TCP_LISTEN, "ready for the next",
                wire_time(t->wire, estab_now()));
    return CLI_OK;
}

static int connect_to_kernel(struct tour *t)
{
    struct peer_options peer = {
        .listens = true, .does = PEER_SINK, .local = {t->theirs, THEIR_PORT}, .close_ms = CLOSE_MS};
    struct estab_open open = {.size = sizeof open, .remote = {t->theirs, THEIR_PORT}};
    estab_time patience = estab_now() + PATIENCE;
    struct estab_status st = {.size = sizeof st};

    demo_say(t->d, "The other way round: we connect to a Python server on port 4444, and close "
                   "first.");
    demo_show(t->d, "s = socket.create_server((\"kernel\", 4444)); c, peer = s.accept() ...");
    fputc('\n', t->d->prose);
    if (start(t, python_server, &peer) < 0)
        return CLI_FAILED;
    while (netns_listens(t->netns, THEIR_PORT) == 0 && estab_now() < patience)
        turn(t, estab_now() + 10 * ESTAB_MS);
    wire_listens(t->wire);
    t->client = (struct app_client){.stack = t->stack, .hold_ms = SLEEP_MS};
    if (app_client_open(&t->client, &open, estab_now()) != ESTAB_OK)
        return cli_say(t->d->o, CLI_FAILED, "cannot connect to port %d", THEIR_PORT);
    t->client_open = true;
    wire_calls(t->wire, &open.remote);
    while (!t->client.done && estab_now() < patience &&
           estab_status(t->stack, t->client.conn, &st) == ESTAB_OK &&
           st.state != ESTAB_STATE_TIME_WAIT)
        turn(t, patience);
    return CLI_OK;
}

/* ---- part 3 --------------------------------------------------------------------------------------------- */

static void show_row(struct tour *t, const char *state, uint32_t in, uint32_t out,
                     const struct estab_endpoint *local, const struct estab_endpoint *remote)
{
    char here[TALK_ENDPOINT_MAX], there[TALK_ENDPOINT_MAX];
    bool any = remote->port == 0;

    talk_endpoint(local, here);
    talk_endpoint(remote, there);
    demo_show(t->d, "%-12s %-6u %-6u %-22s %s", state, in, out, here, any ? "*:*" : there);
}

static void show_header(struct tour *t)
{
    demo_show(t->d, "%-12s %-6s %-6s %-22s %s", "State", "Recv-Q", "Send-Q", "Local Address:Port",
              "Peer Address:Port");
}

static void show_ours(struct tour *t)
{
    struct estab_status st = {.size = sizeof st};
    uint64_t cursor = 0;

    show_header(t);
    while (estab_list(t->stack, &cursor, &st)) {
        if (st.state == ESTAB_STATE_LISTEN)
            st.local.addr = t->ours;
        show_row(t, estab_state_name(st.state), st.receive_queued, st.send_queued, &st.local,
                 &st.remote);
    }
}

static void show_kernels(struct tour *t)
{
    struct diag_socket sockets[32];
    int n = netns_sockets(t->netns, sockets, 32);

    show_header(t);
    for (int i = 0; i < n && i < 32; i++)
        show_row(t, estab_state_name(sockets[i].state), sockets[i].receive_queue,
                 sockets[i].send_queue, &sockets[i].local, &sockets[i].remote);
}

/* What a program there writes; false: there is no such program. */
static bool read_output(struct tour *t, char *const argv[], char *text, size_t size)
{
    struct estab_host_error error;
    estab_time patience = estab_now() + PATIENCE;
    int pipes[2];
    ssize_t n;
    pid_t pid;

    if (pipe2(pipes, O_CLOEXEC) != 0)
        return false;
    fflush(NULL);
    pid = netns_spawn(t->netns, argv, (int[3]){-1, pipes[1], -1}, &error);
    close(pipes[1]);
    while (pid > 0 && !netns_wait(t->netns, pid, 0, NULL) && estab_now() < patience)
        turn(t, estab_now() + 5 * ESTAB_MS);
    (void)fcntl(pipes[0], F_SETFL, O_NONBLOCK);
    n = pid > 0 ? read(pipes[0], text, size - 1) : -1;
    close(pipes[0]);
    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

static void show_lines(struct tour *t, char *text)
{
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        size_t n = strlen(line);
        while (n > 0 && line[n - 1] == ' ')
            line[--n] = '\0';
        demo_show(t->d, "%s", line);
    }
}

static void lists(struct tour *t)
{
    char *ss[] = {"ss", "-tan", NULL}, text[LIST_MAX];

    demo_part(t->d, 3, PART_3);
    if (read_output(t, ss, text, sizeof text)) {
        demo_say(t->d, "The kernel's, as `ss -tan` shows it there:");
        show_lines(t, text);
    } else {
        demo_say(t->d, "The kernel's (by inet_diag; there is no `ss` here):");
        show_kernels(t);
    }
    demo_say(t->d, "Ours, which the kernel knows nothing of:");
    show_ours(t);
    demo_say(t->d,
             "Each side that closed first waits out TIME-WAIT in its own list: the kernel for "
             "60 s, we for 2 MSL.");
}

static void wait_out(struct tour *t)
{
    estab_time patience = estab_now() + PATIENCE;

    while (!t->client.done && estab_now() < patience)
        turn(t, patience);
}

/* ---- making ------------------------------------------------------------------------------------------------ */

static bool make(struct tour *t, struct estab_host_error *error)
{
    struct netns_options options = netns_defaults(true);
    struct estab_config config = talk_config(t->d->o, false);

    t->ours = estab_ipv4(10, 11, 1, 1);
    t->theirs = estab_ipv4(10, 11, 1, 2);
    options.kernel_address = t->theirs;
    options.names[0] = (struct netns_name){"estab", t->ours};
    options.names[1] = (struct netns_name){"kernel", t->theirs};
    t->netns = netns_make(&options, error);
    t->device = t->netns ? netns_device(t->netns, &t->interface, error) : NULL;
    if (!t->device)
        return false;
    t->interface.address = t->ours;
    t->interface.prefix_length = options.prefix_length;
    t->stack = talk_stack_new(&config, &t->room, &t->room_size);
    story_name(t->d->story, t->ours, "estab");
    story_name(t->d->story, t->theirs, "kernel");
    t->d->end = (t->d->end / ESTAB_SECOND + 1) * ESTAB_SECOND;
    story_begin(t->d->story, t->d->end);
    t->wire = t->stack ? wire_new(&(struct wire_config){.cli = t->d->o,
                                                        .story = t->d->story,
                                                        .stack = t->stack,
                                                        .device = t->device,
                                                        .interface = t->interface,
                                                        .name = estab_device_name(t->device),
                                                        .netns = t->netns,
                                                        .peer = t->theirs,
                                                        .begin = t->d->end},
                                  error)
                       : NULL;
    return t->wire != NULL;
}

static void unmake(struct tour *t)
{
    wire_free(t->wire);
    if (t->device)
        estab_device_close(t->device);
    netns_free(t->netns);
    talk_stack_free(t->room, t->room_size);
}

int demo_kernel(struct demo *d)
{
    struct tour *t = calloc(1, sizeof *t);
    struct estab_host_error error = {0};
    int code = CLI_OK;

    if (!t)
        return cli_say(d->o, CLI_FAILED, "no memory");
    t->d = d;
    demo_part(d, 2, "The Linux kernel is the peer, in a namespace made on the spot");
    if (make(t, &error)) {
        introduce(t);
        code = listen_to_kernel(t);
        if (code == CLI_OK)
            code = connect_to_kernel(t);
        if (code == CLI_OK)
            lists(t);
        if (code == CLI_OK)
            wait_out(t);
    } else {
        fputc('\n', d->prose);
        demo_show(d, "Not here: %s.", error.text);
        demo_part(d, 3, PART_3);
        fputc('\n', d->prose);
        demo_show(d, "Not here either: the lists are of what part 2 has done.");
    }
    unmake(t);
    free(t);
    return code;
}
