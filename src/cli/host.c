/* SPDX-License-Identifier: MIT */
/*
 * host.c - `estab host NAME -- COMMAND`: a program over the kernel's TCP, on a wire.
 *
 *      wire <--station--> [ this process ] <--AF_PACKET--> veth <--> kernel <--> COMMAND
 *                               |
 *                         WIRE.NAME.host <--- estab host NAME -- COMMAND, a second time
 *
 * The first one with a name makes the namespace and carries frames until its own command and all
 * later ones have ended; a later one is given the namespace's descriptors and runs its command in
 * there.  As on any machine the kernel's connections outlive the programs: when all have ended, and
 * the kernel still has some, TIME-WAIT included, a copy of the first one without a terminal goes on
 * until these are gone.  A process apart from both, the janitor, ends what is left in the namespace when the first
 * one is gone, however it went.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/bridge.h"
#include "cli/carrier.h"
#include "cli/kernel_news.h"
#include "cli/netns.h"
#include "cli/talk_control.h"
#include "cli/verb.h"
#include "device/error.h"
#include "device/title.h"
#include "wire/place.h"
#include "wire/station.h"

#define GUESTS_MAX  32                   /* later ones at a time */
#define SOCKETS_MAX 1024                 /* of the kernel's, that are looked at */
#define LONGEST     (300 * ESTAB_SECOND) /* that the kernel's connections are carried on */
#define BEGINNING   (3 * ESTAB_SECOND)   /* in which a host of our name may begin, or end */
#define LOOK_MS     50
#define HOST_GONE   (-1) /* no exit code */

struct hosting {
    const struct cli_options *o;
    char **command;
    struct station *station;
    struct netns *netns;
    estab_device *packet; /* the kernel's end */
    struct bridge *bridge;
    struct kernel_news *news; /* NULL: this kernel does not tell of its sockets */
    struct control *control; /* tells netstat what the kernel has open; or NULL */
    int listener;
    int janitor; /* a pipe that says, by its end, that we are gone */
    pid_t child;
    int child_fd, status;
    bool ended;
    unsigned interrupts;
    int guest[GUESTS_MAX]; /* connections of later ones; -1 */
};

static int fail(const struct cli_options *o, const struct estab_host_error *error)
{
    static const enum cli_exit codes[] = {
        [ESTAB_HOST_OK] = CLI_FAILED,       [ESTAB_HOST_USAGE] = CLI_USAGE,
        [ESTAB_HOST_NOT_FOUND] = CLI_USAGE, [ESTAB_HOST_PERMISSION] = CLI_PERMISSION,
        [ESTAB_HOST_IO] = CLI_FAILED,
    };

    return cli_say(o, codes[error->kind], "%s", error->text);
}

/* ---- names --------------------------------------------------------------------------------------- */

static void tell_names(struct hosting *h)
{
    struct netns_name names[STATION_PEERS + 1];
    const struct station_peer *p;
    struct estab_interface ours;
    unsigned n = 0;

    station_interface(h->station, &ours);
    names[n++] = (struct netns_name){station_name(h->station), ours.address};
    for (unsigned i = 0; (p = station_peer_at(h->station, i)); i++)
        if (!(p->flags & (STATION_MONITOR | STATION_CARRIED)))
            names[n++] = (struct netns_name){p->name, p->address};
    (void)netns_rename(h->netns, names, n);
}

static void heard(void *context, const struct envelope *e)
{
    if (e->type == SAY_STATION)
        tell_names(context);
}

/* ---- making ---------------------------------------------------------------------------------------- */

static bool join(struct hosting *h, struct estab_host_error *error)
{
    const struct cli_options *o = h->o;
    struct station_config c = {
        .wire = o->on.name,
        .name = o->station,
        .program = "estab host",
        .flags = STATION_KERNEL | STATION_TOLD | (kernel_news_possible() ? STATION_REPORTS : 0u),
        .has_address = cli_given(o, OPT_IP),
        .prefix_length = o->ip.length,
        .start = &carrier_start,
    };

    if (o->ip.dhcp || o->ip.automatic) {
        host_fail(error, ESTAB_HOST_USAGE, 0, "a wire gives addresses itself: expected --ip A.B.C.D/N, or of IPv6");
        return false;
    }
    c.address = o->ip.host;
    h->station = station_join(&c, error);
    return h->station != NULL;
}

static bool make_namespace(struct hosting *h, struct estab_host_error *error)
{
    struct netns_options options = netns_defaults(false);
    struct estab_interface ours, ignored;

    station_interface(h->station, &ours);
    options.kernel_address = ours.address;
    options.prefix_length = ours.prefix_length;
    options.mtu = ours.mtu;
    options.terminal = true;
    options.names[0] = (struct netns_name){station_name(h->station), ours.address};
    options.names[1].name = NULL;
    h->netns = netns_make(&options, error);
    if (!h->netns)
        return false;
    if (netns_names_note(h->netns))
        fprintf(stderr, "%s\n", netns_names_note(h->netns));
    h->packet = netns_device(h->netns, &ignored, error);
    return h->packet != NULL;
}

/* In the janitor. */
static _Noreturn void clean_up(struct hosting *h, int pipe_end)
{
    char byte;
    int null = open("/dev/null", O_RDWR);

    (void)setsid();
    title_set("estab-janitor");
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    for (int i = 0; i < 3; i++)
        (void)dup2(null, i);
    while (read(pipe_end, &byte, 1) < 0 && errno == EINTR)
        ;
    netns_clear(h->netns);
    place_host_remove(h->o->on.name, h->o->station);
    _exit(0);
}

/* Its copies of our sockets are closed: they would keep the station on the wire. */
static bool start_janitor(struct hosting *h)
{
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    pid = fork();
    if (pid == 0) {
        close(ends[1]);
        close(h->listener);
        close(estab_device_fd(station_device(h->station)));
        close(estab_device_fd(h->packet));
        clean_up(h, ends[0]);
    }
    close(ends[0]);
    h->janitor = ends[1];
    return pid > 0;
}

/* ---- what netstat sees -------------------------------------------------------------------------------- */

static void find_names(void *context, struct names *names)
{
    const struct hosting *h = context;
    struct estab_interface ours;

    station_interface(h->station, &ours);
    (void)names_add(names, ours.address, station_name(h->station));
    talk_station_names(h->station, names);
}

/* Without it everything else goes on. */
static void open_control(struct hosting *h)
{
    struct estab_host_error error = {0};
    char on[40];

    h->control = control_open(&(struct control_config){.program = "estab host",
                                                       .on = talk_on_text(&h->o->on, on),
                                                       .kernel_name = station_name(h->station),
                                                       .diag = netns_diag(h->netns),
                                                       .names = find_names,
                                                       .context = h},
                              &error);
    if (!h->control)
        fprintf(stderr, "netstat will not show this host: %s\n", error.text);
}

/* ---- the first one -------------------------------------------------------------------------------------- */

static void leaving(void *context, const struct estab_frame *f)
{
    struct hosting *h = context;

    kernel_news_leaving(h->news, f);
}

static void lost(void *context)
{
    struct hosting *h = context;

    station_unnote(h->station);
}

static void reached(void *context, const struct estab_frame *f)
{
    struct hosting *h = context;

    kernel_news_reached(h->news, f, station_came(h->station, f));
}

static bool tell_states(struct hosting *h)
{
    if (!kernel_news_possible())
        return true; /* what others know of us is what the packets tell them */
    h->news = kernel_news_new(h->station, netns_diag(h->netns));
    if (!h->news)
        return false;
    bridge_observe(h->bridge, &(struct bridge_watch){h, leaving, lost, reached});
    return true;
}

static bool open_host(struct hosting *h, struct estab_host_error *error)
{
    if (!join(h, error) || !make_namespace(h, error))
        return false;
    h->listener = place_host_listen(h->o->on.name, h->o->station, error);
    if (h->listener < 0 || !start_janitor(h))
        return false;
    station_listen(h->station, heard, h);
    tell_names(h);
    open_control(h);
    h->bridge = bridge_new(station_device(h->station), h->packet);
    return h->bridge && tell_states(h);
}

static void close_host(struct hosting *h)
{
    control_close(h->control);
    for (unsigned i = 0; i < GUESTS_MAX; i++)
        if (h->guest[i] >= 0)
            close(h->guest[i]);
    if (h->listener >= 0) {
        close(h->listener);
        place_host_remove(h->o->on.name, h->o->station);
    }
    bridge_free(h->bridge);
    kernel_news_free(h->news);
    netns_free(h->netns);
    if (h->packet)
        estab_device_close(h->packet);
    if (h->station)
        estab_device_close(station_device(h->station));
    if (h->janitor >= 0)
        close(h->janitor);
    if (h->child_fd >= 0)
        close(h->child_fd);
}

/* ---- later ones -------------------------------------------------------------------------------------- */

static void take_guests(struct hosting *h)
{
    int fd;

    while ((fd = accept4(h->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        unsigned i = 0;
        while (i < GUESTS_MAX && h->guest[i] >= 0)
            i++;
        if (i < GUESTS_MAX && netns_share(h->netns, fd))
            h->guest[i] = fd;
        else
            close(fd);
    }
}

/* They say nothing: what can be read is their end. */
static unsigned count_guests(struct hosting *h)
{
    unsigned n = 0;
    char byte;

    for (unsigned i = 0; i < GUESTS_MAX; i++) {
        if (h->guest[i] < 0)
            continue;
        if (recv(h->guest[i], &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN) {
            n++;
            continue;
        }
        close(h->guest[i]);
        h->guest[i] = -1;
    }
    return n;
}

/* ---- running ------------------------------------------------------------------------------------------ */

/* Ctrl-C goes to the command, which shares our terminal; SIGTERM to us alone is passed on. */
static void pass_signals(struct hosting *h)
{
    unsigned now = cli_interrupts();

    if (now != h->interrupts && h->child > 0 && !h->ended)
        kill(h->child, now > 1 ? SIGKILL : SIGTERM);
    h->interrupts = now;
}

static void wait_a_moment(struct hosting *h)
{
    struct pollfd p[5 + GUESTS_MAX];
    nfds_t n = 0;

    p[n++] = (struct pollfd){.fd = estab_device_fd(station_device(h->station)), .events = POLLIN};
    p[n++] = (struct pollfd){.fd = estab_device_fd(h->packet), .events = POLLIN};
    p[n++] = (struct pollfd){.fd = h->listener, .events = POLLIN};
    p[n++] = (struct pollfd){.fd = h->control ? control_fd(h->control) : -1, .events = POLLIN};
    p[n++] = (struct pollfd){.fd = h->ended ? -1 : h->child_fd, .events = POLLIN};
    for (unsigned i = 0; i < GUESTS_MAX; i++)
        if (h->guest[i] >= 0)
            p[n++] = (struct pollfd){.fd = h->guest[i], .events = POLLIN};
    (void)poll(p, n, 1000); /* a signal just before the sleep is noticed then */
    if (h->control)
        control_turn(h->control, estab_now());
    if (h->news)
        kernel_news_settle(h->news, estab_now());
}

static int carry(struct hosting *h)
{
    unsigned guests = 0;
    bool said = false;

    while (!h->ended || guests > 0) {
        wait_a_moment(h);
        bridge_turn(h->bridge);
        pass_signals(h);
        if (!h->ended)
            h->ended = netns_wait(h->netns, h->child, 0, &h->status);
        take_guests(h); /* also those who came while it ended */
        guests = count_guests(h);
        if (h->ended && guests > 0 && !said)
            fprintf(stderr, "host %s stays until the other programs on it have ended: %u\n",
                    h->o->station, guests);
        said = said || (h->ended && guests > 0);
        if (station_gone(h->station)) {
            if (!h->ended && isatty(STDERR_FILENO)) /* behind a shell's prompt, say */
                fputc('\n', stderr);
            return cli_say(h->o, CLI_FAILED, "the hub of wire %s has ended, and the wire with it",
                           h->o->on.name);
        }
        if (h->ended && h->interrupts > 0)
            break;
    }
    return h->status;
}

/* Whether the kernel has connections yet, whoever began them. */
static bool kernel_connected(struct hosting *h)
{
    struct diag_socket *sockets = calloc(SOCKETS_MAX, sizeof *sockets);
    int n = sockets ? netns_sockets(h->netns, sockets, SOCKETS_MAX) : 0;
    bool open = false;

    for (int i = 0; i < n && i < SOCKETS_MAX && !open; i++)
        open = sockets[i].state != ESTAB_STATE_LISTEN && sockets[i].state != ESTAB_STATE_CLOSED;
    free(sockets);
    return open;
}

/* In the copy: it can still be joined. */
static _Noreturn void linger(struct hosting *h)
{
    estab_time until = estab_now() + LONGEST;
    int null = open("/dev/null", O_RDWR);
    unsigned guests = 0;

    (void)setsid();
    title_set("estab-keeper");
    control_leave(h->control);
    open_control(h);
    (void)signal(SIGTERM, SIG_DFL);
    (void)signal(SIGHUP, SIG_IGN);
    for (int i = 0; i < 3; i++)
        (void)dup2(null, i);
    while ((guests > 0 || (kernel_connected(h) && estab_now() < until)) &&
           !station_gone(h->station)) {
        wait_a_moment(h);
        bridge_turn(h->bridge);
        take_guests(h);
        guests = count_guests(h);
    }
    close_host(h);
    _exit(0);
}

/* What the programs have left running ends with them. */
static void leave_to_kernel(struct hosting *h)
{
    pid_t pid;

    netns_clear(h->netns);
    bridge_turn(h->bridge);
    if (!kernel_connected(h))
        return;
    fflush(NULL);
    pid = fork();
    if (pid == 0)
        linger(h);
    if (pid < 0)
        return;
    close(h->listener); /* its file is the copy's now */
    h->listener = -1;
}

static int run_command(struct hosting *h, struct estab_host_error *error)
{
    cli_catch();
    (void)signal(SIGINT, SIG_IGN);
    fflush(NULL);
    h->child = netns_spawn(h->netns, h->command, NULL, error);
    if (h->child < 0)
        return fail(h->o, error);
    h->child_fd = netns_pidfd(h->child);
    return CLI_OK;
}

/* ---- a name in use -------------------------------------------------------------------------------------- */

/* The first one's end ends us, too: nobody carries frames any more. */
static int run_guest(struct hosting *h, int to)
{
    struct estab_host_error error = {0};
    char byte;
    int code;

    if (cli_given(h->o, OPT_IP))
        return cli_say(h->o, CLI_USAGE,
                       "host %s exists already, and has its address: leave out --ip",
                       h->o->station);
    h->netns = netns_adopt(to, &error);
    if (!h->netns && error.kind == ESTAB_HOST_IO)
        return HOST_GONE;
    if (!h->netns)
        return fail(h->o, &error);
    code = run_command(h, &error);
    while (code == CLI_OK && !netns_wait(h->netns, h->child, 0, &h->status)) {
        struct pollfd p[] = {{.fd = h->child_fd, .events = POLLIN}, {.fd = to, .events = POLLIN}};
        (void)poll(p, 2, 1000);
        pass_signals(h);
        if (p[1].revents && recv(to, &byte, 1, MSG_DONTWAIT) == 0)
            return cli_say(h->o, CLI_FAILED, "host %s has ended", h->o->station);
    }
    return code == CLI_OK ? h->status : code;
}

/* HOST_GONE: there is no host of our name, or no longer. */
static int run_later(struct hosting *h, int *to)
{
    int code;

    *to = place_host_connect(h->o->on.name, h->o->station);
    if (*to < 0)
        return HOST_GONE;
    code = run_guest(h, *to);
    if (code == HOST_GONE) {
        close(*to);
        *to = -1;
    }
    return code;
}

/* Somebody may have our name: a host that began when we did, and does not yet take guests, or that is
 * about to end. */
static int run_first(struct hosting *h, int *to)
{
    estab_time until = estab_now() + BEGINNING;
    struct estab_host_error error = {0};
    int code;

    while (!open_host(h, &error)) {
        if (error.kind == ESTAB_HOST_OK)
            return cli_say(h->o, CLI_FAILED, "no memory");
        if (h->station || error.kind != ESTAB_HOST_USAGE || estab_now() >= until)
            return fail(h->o, &error);
        (void)poll(NULL, 0, LOOK_MS);
        code = run_later(h, to);
        if (code != HOST_GONE)
            return code;
    }
    code = run_command(h, &error);
    if (code != CLI_OK)
        return code;
    code = carry(h);
    if (h->ended && !station_gone(h->station) && h->interrupts == 0)
        leave_to_kernel(h);
    return code;
}

int cmd_host(const struct cli_options *o)
{
    const char *shell = getenv("SHELL");
    char *shell_words[] = {(char *)(shell && shell[0] ? shell : "/bin/sh"), NULL};
    struct hosting h = {.o = o,
                        .command = o->command ? o->command : shell_words,
                        .listener = -1,
                        .janitor = -1,
                        .child_fd = -1};
    int to, code;

    if (o->on.kind != ON_WIRE)
        return cli_say(o, CLI_USAGE, "a host is on a wire: expected --on wire:NAME");
    for (unsigned i = 0; i < GUESTS_MAX; i++)
        h.guest[i] = -1;
    code = run_later(&h, &to);
    if (code == HOST_GONE)
        code = run_first(&h, &to);
    close_host(&h);
    if (to >= 0)
        close(to);
    return code;
}
