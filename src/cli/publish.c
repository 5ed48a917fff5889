/* SPDX-License-Identifier: MIT */
/*
 * publish.c - bytes and ends in both directions.
 *
 *      kernel --recv--> out --estab_send-----> wire        end: CLOSE
 *      kernel <--send-- in <--estab_receive--- wire        end: shutdown
 *
 * A relay is pumped when its kernel socket or its connection has something new, until neither moves.
 * An error of one side resets the other.
 */
#include "cli/publish.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/carrier.h"
#include "cli/talk_control.h"
#include "device/error.h"
#include "device/title.h"
#include "wire/room.h"

#define PIECE   65536
#define BACKLOG 64
#define END_MS  5000 /* for a relay to hear of its end */
#define LAST    (30 * ESTAB_SECOND) /* that a relay may be silent once the verb has ended */

struct piece {
    size_t first, length;
    uint8_t bytes[PIECE];
};

struct relay {
    int fd; /* -1: free */
    estab_conn conn;
    bool work;             /* something is new */
    bool opened;           /* was ESTABLISHED */
    bool ended_in, closed; /* the kernel's side sends no more; we have said CLOSE */
    bool ended_out, shut;  /* the wire's side; we have said shutdown */
    estab_time moved_at; /* when a byte or an end last passed */
    struct piece *out, *in;
};

struct publisher {
    const struct cli_options *o;
    struct estab_endpoint target;
    int listener, epoll, report;
    bool ending; /* nobody is taken any more */
    struct station *station;
    struct estab_interface interface;
    estab_stack *stack;
    void *room;
    size_t room_size;
    struct control *control; /* or NULL */
    struct story *story; /* which nobody hears: it lets others be told our true states */
    struct wire *wire;
    struct relay relay[PUBLISH_RELAYS];
};

/* ---- one relay ----------------------------------------------------------------------------------- */

static void free_relay(struct relay *r)
{
    close(r->fd);
    free(r->out);
    free(r->in);
    *r = (struct relay){.fd = -1};
}

/* What the browser sees is a reset. */
static void break_relay(struct relay *r)
{
    struct linger at_once = {.l_onoff = 1};

    (void)setsockopt(r->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    free_relay(r);
}

enum moved { MOVED_NOT, MOVED_SOME, MOVED_BROKEN };

static enum moved from_kernel(struct relay *r)
{
    ssize_t n;

    if (r->ended_in || r->out->length > 0)
        return MOVED_NOT;
    n = recv(r->fd, r->out->bytes, PIECE, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? MOVED_NOT : MOVED_BROKEN;
    r->ended_in = n == 0;
    r->out->first = 0;
    r->out->length = (size_t)n;
    return MOVED_SOME;
}

static enum moved to_wire(struct publisher *p, struct relay *r, estab_time now)
{
    size_t taken = 0;
    enum estab_error error;

    if (!r->opened || r->closed)
        return MOVED_NOT;
    if (r->out->length == 0) {
        if (!r->ended_in)
            return MOVED_NOT;
        r->closed = true;
        return estab_close(p->stack, r->conn, now) == ESTAB_OK ? MOVED_SOME : MOVED_BROKEN;
    }
    error = estab_send(p->stack, r->conn, r->out->bytes + r->out->first, r->out->length, ESTAB_PUSH,
                       &taken, now);
    if (error != ESTAB_OK && error != ESTAB_AGAIN && error != ESTAB_NO_RESOURCES)
        return MOVED_BROKEN;
    r->out->first += taken;
    r->out->length -= taken;
    return taken ? MOVED_SOME : MOVED_NOT;
}

static enum moved from_wire(struct publisher *p, struct relay *r, estab_time now)
{
    struct estab_received got = {0};
    enum estab_error error;

    if (!r->opened || r->ended_out || r->in->length > 0)
        return MOVED_NOT;
    error = estab_receive(p->stack, r->conn, r->in->bytes, PIECE, 0, &got, now);
    if (error == ESTAB_AGAIN)
        return MOVED_NOT;
    r->ended_out = got.end || error != ESTAB_OK;
    r->in->first = 0;
    r->in->length = got.length;
    return MOVED_SOME;
}

static enum moved to_kernel(struct relay *r)
{
    ssize_t n;

    if (r->in->length == 0) {
        if (!r->ended_out || r->shut)
            return MOVED_NOT;
        r->shut = true;
        (void)shutdown(r->fd, SHUT_WR);
        return MOVED_SOME;
    }
    n = send(r->fd, r->in->bytes + r->in->first, r->in->length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? MOVED_NOT : MOVED_BROKEN;
    r->in->first += (size_t)n;
    r->in->length -= (size_t)n;
    return n ? MOVED_SOME : MOVED_NOT;
}

static void give_up(struct publisher *p, struct relay *r, estab_time now)
{
    (void)estab_abort(p->stack, r->conn, now);
    break_relay(r);
}

static void pump(struct publisher *p, struct relay *r, estab_time now)
{
    enum moved a, b, c, d;

    r->work = false;
    do {
        a = from_kernel(r);
        b = to_wire(p, r, now);
        c = from_wire(p, r, now);
        d = to_kernel(r);
        if (a == MOVED_BROKEN || b == MOVED_BROKEN || c == MOVED_BROKEN || d == MOVED_BROKEN) {
            give_up(p, r, now);
            return;
        }
        if (a || b || c || d)
            r->moved_at = now;
    } while (a || b || c || d);
    if (!r->closed || !r->shut)
        return;
    (void)estab_release(p->stack, r->conn, now);
    free_relay(r);
}

/* ---- those that come -------------------------------------------------------------------------------- */

static bool begin(struct publisher *p, struct relay *r, int fd, estab_time now)
{
    struct estab_open open = {.size = sizeof open, .remote = p->target};
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = r};

    *r = (struct relay){.fd = fd, .moved_at = now};
    r->out = calloc(1, sizeof *r->out);
    r->in = calloc(1, sizeof *r->in);
    return r->out && r->in && epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &e) == 0 &&
           estab_open(p->stack, &open, &r->conn, now) == ESTAB_OK;
}

static bool someone_waits(const struct publisher *p)
{
    struct pollfd l = {.fd = p->listener, .events = POLLIN};

    return poll(&l, 1, 0) > 0;
}

/* A free place, or that of the relay that has been silent longest, if it has been for long enough: a browser
 * keeps connections that it does not use.  NULL: none. */
static struct relay *find_place(struct publisher *p, estab_time now)
{
    struct relay *silent = NULL;

    for (unsigned i = 0; i < PUBLISH_RELAYS; i++) {
        struct relay *r = &p->relay[i];
        if (r->fd < 0)
            return r;
        if (now >= r->moved_at + PUBLISH_SILENCE && (!silent || r->moved_at < silent->moved_at))
            silent = r;
    }
    if (silent && someone_waits(p))
        give_up(p, silent, now);
    return silent && silent->fd < 0 ? silent : NULL;
}

/* As many as there is place for. */
static void take_all(struct publisher *p, estab_time now)
{
    struct relay *r;
    int fd;

    while ((r = find_place(p, now))) {
        fd = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        if (!begin(p, r, fd, now))
            break_relay(r);
    }
}

static struct relay *find(struct publisher *p, estab_conn conn)
{
    for (unsigned i = 0; i < PUBLISH_RELAYS; i++)
        if (p->relay[i].fd >= 0 && p->relay[i].conn.index == conn.index &&
            p->relay[i].conn.generation == conn.generation)
            return &p->relay[i];
    return NULL;
}

static void take_event(struct publisher *p, const struct estab_event *e, estab_time now)
{
    struct relay *r = find(p, e->conn);

    if (!r)
        return;
    r->opened = r->opened || e->bits & ESTAB_EVENT_OPENED;
    r->work = true;
    if (!(e->bits & ESTAB_EVENT_CLOSED))
        return;
    pump(p, r, now); /* what came before its end */
    if (r->fd >= 0)
        break_relay(r);
}

static void kernel_ready(void *context, int fd, short revents, estab_time now)
{
    struct epoll_event e[PUBLISH_RELAYS];
    int n = epoll_wait(fd, e, PUBLISH_RELAYS, 0);

    (void)context;
    (void)revents;
    (void)now;
    for (int i = 0; i < n; i++)
        if (e[i].data.ptr)
            ((struct relay *)e[i].data.ptr)->work = true;
}

static unsigned open_relays(const struct publisher *p)
{
    unsigned n = 0;

    for (unsigned i = 0; i < PUBLISH_RELAYS; i++)
        n += p->relay[i].fd >= 0;
    return n;
}

/* Whether there was anything to do. */
static bool pump_all(struct publisher *p, estab_time now)
{
    struct estab_event e;
    bool any = false;

    for (; estab_event_next(p->stack, &e); any = true)
        take_event(p, &e, now);
    for (unsigned i = 0; i < PUBLISH_RELAYS; i++)
        if (p->relay[i].fd >= 0 && p->relay[i].work)
            pump(p, &p->relay[i], now);
    return any;
}

/* Those that end make room for those that wait. */
static void turn(struct publisher *p)
{
    unsigned before;
    estab_time now;

    wire_turn(p->wire, estab_now() + ESTAB_SECOND);
    now = estab_now();
    do {
        take_all(p, now);
        wire_calls(p->wire, &p->target);
        before = open_relays(p);
        while (pump_all(p, now))
            continue;
    } while (open_relays(p) < before);
    wire_calls(p->wire, &p->target);
}

/* ---- the process ------------------------------------------------------------------------------------ */

/* The name `relay`, if nobody has it. */
static struct station *join(const struct cli_options *o, struct estab_host_error *error)
{
    struct station_config c = {.wire = o->on.name,
                               .name = "relay",
                               .program = "estab --publish",
                               .flags = STATION_REPORTS | STATION_TOLD,
                               .start = &carrier_start};
    struct station *s = station_join(&c, error);

    c.name = NULL;
    return s || error->kind != ESTAB_HOST_USAGE ? s : station_join(&c, error);
}

static bool watch(struct publisher *p, struct estab_host_error *error)
{
    struct wire_config config = {.cli = p->o,
                                 .stack = p->stack,
                                 .device = station_device(p->station),
                                 .name = "relay",
                                 .station = p->station};

    station_interface(p->station, &p->interface);
    config.interface = p->interface;
    p->story = story_new(&(struct story_config){.cli = p->o, .out = stdout});
    if (!p->story)
        return false;
    story_mute(p->story);
    config.story = p->story;
    p->wire = wire_new(&config, error);
    return p->wire != NULL;
}

static bool make(struct publisher *p, struct estab_host_error *error)
{
    struct estab_config config = talk_config(p->o, false);
    struct epoll_event e = {.events = EPOLLIN | EPOLLET};

    p->station = join(p->o, error);
    if (!p->station)
        return false;
    p->stack = talk_stack_new(&config, &p->room, &p->room_size);
    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (p->stack && p->epoll >= 0 && epoll_ctl(p->epoll, EPOLL_CTL_ADD, p->listener, &e) == 0 &&
        watch(p, error) &&
        estab_loop_watch(wire_loop(p->wire), p->epoll, POLLIN, kernel_ready, p) == ESTAB_OK)
        return true;
    if (error->kind == ESTAB_HOST_OK)
        host_fail(error, ESTAB_HOST_IO, errno, "the relay has no memory, or no descriptors");
    return false;
}

static void find_names(void *context, struct names *names)
{
    const struct publisher *p = context;

    (void)names_add(names, p->interface.address, station_name(p->station));
    talk_station_names(p->station, names);
}

static void tell_netstat(struct publisher *p)
{
    struct estab_host_error ignored;
    char on[40];
    struct control_config config = {.program = "estab --publish",
                                    .on = talk_on_text(&p->o->on, on),
                                    .name = station_name(p->station),
                                    .stack = p->stack,
                                    .diag = -1,
                                    .names = find_names,
                                    .context = p};

    p->control = control_open(&config, &ignored);
    if (p->control)
        (void)estab_loop_watch(wire_loop(p->wire), control_fd(p->control), POLLIN, control_ready,
                               p->control);
}

/* The verb ends, and not by being killed: those that are here may come to their end. */
static void asked_to_end(void *context, int fd, short revents, estab_time now)
{
    struct publisher *p = context;
    struct signalfd_siginfo ignored;

    (void)revents;
    (void)now;
    (void)!read(fd, &ignored, sizeof ignored);
    if (p->ending)
        return;
    p->ending = true;
    (void)prctl(PR_SET_PDEATHSIG, 0);
    close(p->listener);
    p->listener = -1;
    close(p->report); /* what the verb waits for */
}

static void watch_signal(struct publisher *p)
{
    sigset_t end;
    int fd;

    sigemptyset(&end);
    sigaddset(&end, SIGUSR1);
    (void)sigprocmask(SIG_BLOCK, &end, NULL);
    fd = signalfd(-1, &end, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd >= 0)
        (void)estab_loop_watch(wire_loop(p->wire), fd, POLLIN, asked_to_end, p);
}

static bool goes_on(struct publisher *p, estab_time now)
{
    for (unsigned i = 0; p->ending && i < PUBLISH_RELAYS; i++)
        if (p->relay[i].fd >= 0 && now >= p->relay[i].moved_at + LAST)
            give_up(p, &p->relay[i], now);
    return !station_gone(p->station) && (!p->ending || open_relays(p) > 0);
}

/* TIME-WAIT, and what the server does not have yet. */
static void leave(struct publisher *p)
{
    struct estab_host_error ignored;
    struct estab_counters n = {.size = sizeof n};
    struct room_note note;
    int fd;

    wire_flush(p->wire);
    estab_counters(p->stack, &n);
    note.serial = wire_sent(p->wire);
    fd = n.connections + n.records ? room_write(p->room, p->room_size, &note, &ignored) : -1;
    if (fd >= 0)
        (void)!station_leave(p->station, fd, &ignored);
}

static void keep_only(int listener, int report)
{
    int null = open("/dev/null", O_RDWR);

    for (int i = 0; i < 3; i++)
        (void)dup2(null, i);
    for (int fd = 3; fd < 4096; fd++)
        if (fd != listener && fd != report)
            close(fd);
}

/* In the child.  Its first words are whether it has begun. */
static _Noreturn void run(const struct cli_options *o, int listener, int report, pid_t parent,
                          const struct estab_endpoint *target)
{
    struct publisher *p = calloc(1, sizeof *p);
    struct estab_host_error error = {0};
    sigset_t none;
    bool made;

    sigemptyset(&none);
    for (int s = 1; s < NSIG; s++)
        (void)signal(s, SIG_DFL);
    (void)sigprocmask(SIG_SETMASK, &none, NULL); /* the verb's threads may have blocked some */
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGPIPE, SIG_IGN);
    title_set("estab-relay");
    keep_only(listener, report);
    if (!p || prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent)
        _exit(1);
    p->o = o;
    p->listener = listener;
    p->target = *target;
    for (unsigned i = 0; i < PUBLISH_RELAYS; i++)
        p->relay[i].fd = -1;
    p->report = report;
    made = make(p, &error);
    if (made) {
        watch_signal(p);
        tell_netstat(p);
    }
    (void)!write(report, &error, sizeof error);
    while (made && goes_on(p, estab_now()))
        turn(p);
    if (made)
        leave(p);
    control_close(p->control);
    _exit(0);
}

static int listen_on(uint16_t port, struct estab_host_error *error)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), yes = 1;

    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
        bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    host_fail(error, errno == EACCES ? ESTAB_HOST_PERMISSION : ESTAB_HOST_USAGE, errno,
              "127.0.0.1:%u cannot be published", port);
    if (fd >= 0)
        close(fd);
    return -1;
}

/* False: it did not begin. */
static bool hear_begin(int from, struct estab_host_error *error)
{
    ssize_t n;

    do
        n = read(from, error, sizeof *error);
    while (n < 0 && errno == EINTR);
    if (n == (ssize_t)sizeof *error)
        return error->kind == ESTAB_HOST_OK;
    host_fail(error, ESTAB_HOST_IO, 0, "the relay did not begin");
    return false;
}

bool publish_start(struct publication *p, const struct cli_options *o, uint16_t port,
                   const struct estab_endpoint *target, struct estab_host_error *error)
{
    int ends[2], listener = listen_on(port, error);
    pid_t pid = -1, parent = getpid();

    if (listener < 0)
        return false;
    if (pipe2(ends, O_CLOEXEC) == 0) {
        fflush(NULL);
        pid = fork();
        if (pid == 0)
            run(o, listener, ends[1], parent, target);
        close(ends[1]);
        *p = (struct publication){pid, ends[0]};
        if (pid > 0 && !hear_begin(ends[0], error)) {
            publish_end(p);
            pid = -1;
        }
    }
    if (pid < 0 && error->kind == ESTAB_HOST_OK)
        host_fail(error, ESTAB_HOST_IO, errno, "the relay cannot be started");
    close(listener);
    return pid > 0;
}

void publish_end(struct publication *p)
{
    struct pollfd taking = {.fd = p->taking};

    if (p->pid <= 0)
        return;
    kill(p->pid, SIGUSR1);
    while (poll(&taking, 1, END_MS) < 0 && errno == EINTR)
        ;
    close(p->taking);
    (void)waitpid(p->pid, NULL, WNOHANG);
    p->pid = 0;
}
