/* SPDX-License-Identifier: MIT */
/*
 * oracle.c - a child mounts tracefs where nobody else sees it, makes the instance, and passes two
 * descriptors back: the instance's trace_pipe, and the folder of instances, through which this side
 * removes the instance at the end.
 *
 * An instance that a killed process left behind ("estab.PID" of a process that is gone) is removed
 * by whoever comes next.
 */
#include "cli/oracle.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device/error.h"
#include "packet/address.h"

#define TRACEFS        "/sys/kernel/tracing"
#define INSTANCE       "estab."
#define LINE_MAX_BYTES 1024

struct oracle {
    int pipe, instances;
    struct estab_addr local;
    char name[32];
    size_t used; /* of text */
    char text[16384];
};

/* ---- opening, in the child ---------------------------------------------------------------------- */

static bool put(int folder, const char *path, const char *text)
{
    int fd = openat(folder, path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool done = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    close(fd);
    return done;
}

static void remove_stale(int instances)
{
    int copy = openat(instances, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
    for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
        if (strncmp(e->d_name, INSTANCE, strlen(INSTANCE)) != 0)
            continue;
        pid_t pid = (pid_t)strtol(e->d_name + strlen(INSTANCE), NULL, 10);
        if (pid > 0 && kill(pid, 0) != 0 && errno == ESRCH)
            (void)unlinkat(instances, e->d_name, AT_REMOVEDIR);
    }
    if (d)
        closedir(d);
}

/* The folder of instances; mounts tracefs in a mount namespace of our own if need be. */
static int open_instances(void)
{
    int fd = open(TRACEFS "/instances", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        return fd;
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tracefs", TRACEFS, "tracefs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0)
        return -1;
    return open(TRACEFS "/instances", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* CLOCK_MONOTONIC, and a reader that wakes at once instead of when the buffer is half full. */
static int open_pipe(int instance)
{
    const char *event = "events/sock/inet_sock_set_state/enable";
    if (!put(instance, "trace_clock", "mono"))
        return -1;
    (void)put(instance, "buffer_percent", "0");
    int fd = openat(instance, "trace_pipe", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && put(instance, event, "1"))
        return fd;
    return -1;
}

struct found {
    int number; /* errno */
    const char *what;
    int fd[2]; /* pipe, instances */
};

static struct found find(const char *name)
{
    struct found f = {.fd = {-1, -1}};
    f.what = "tracefs cannot be mounted";
    f.fd[1] = open_instances();
    if (f.fd[1] >= 0) {
        f.what = "a trace instance cannot be made";
        remove_stale(f.fd[1]);
        if (mkdirat(f.fd[1], name, 0700) == 0) {
            f.what = "the tracepoint sock:inet_sock_set_state cannot be read";
            int instance = openat(f.fd[1], name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            f.fd[0] = instance >= 0 ? open_pipe(instance) : -1;
        }
    }
    f.number = f.fd[0] < 0 ? errno : 0;
    if (f.number)
        (void)unlinkat(f.fd[1], name, AT_REMOVEDIR);
    return f;
}

/* ---- opening, on this side ------------------------------------------------------------------------ */

union control {
    struct cmsghdr align;
    uint8_t bytes[CMSG_SPACE(2 * sizeof(int))];
};

static _Noreturn void find_inside(const char *name, int to)
{
    struct found f = find(name);
    union control control = {0};
    struct iovec piece = {&f, sizeof f};
    struct msghdr m = {.msg_iov = &piece, .msg_iovlen = 1};
    if (f.number == 0) {
        m.msg_control = control.bytes;
        m.msg_controllen = sizeof control.bytes;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof f.fd);
        memcpy(CMSG_DATA(c), f.fd, sizeof f.fd);
    }
    _exit(sendmsg(to, &m, MSG_NOSIGNAL) == (ssize_t)sizeof f ? 0 : 1);
}

static struct found receive_found(int from)
{
    struct found f = {.number = EPROTO, .what = "the child that opens the trace did not succeed"};
    union control control = {0};
    struct iovec piece = {&f, sizeof f};
    struct msghdr m = {.msg_iov = &piece,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof control.bytes};
    ssize_t got;
    do
        got = recvmsg(from, &m, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    struct cmsghdr *c = got > 0 ? CMSG_FIRSTHDR(&m) : NULL;
    if (c)
        memcpy(f.fd, CMSG_DATA(c), sizeof f.fd);
    else if (f.number == 0)
        f.number = EPROTO;
    return f;
}

static struct found find_by_child(const char *name)
{
    struct found f = {.number = 0, .what = "no child can be made"};
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        f.number = errno;
        return f;
    }
    pid_t pid = fork();
    if (pid == 0)
        find_inside(name, pair[1]);
    f.number = pid < 0 ? errno : 0;
    close(pair[1]);
    if (pid > 0)
        f = receive_found(pair[0]);
    close(pair[0]);
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return f;
}

struct oracle *oracle_open(struct estab_addr local, struct estab_host_error *error)
{
    if (geteuid() != 0) {
        host_fail(error, ESTAB_HOST_PERMISSION, 0,
                  "the kernel shows its sockets' true states only to root; they are inferred");
        return NULL;
    }
    struct oracle *o = calloc(1, sizeof *o);
    if (!o) {
        host_fail(error, ESTAB_HOST_IO, ENOMEM, "the kernel's trace cannot be read");
        return NULL;
    }
    o->local = local;
    snprintf(o->name, sizeof o->name, INSTANCE "%d", (int)getpid());
    struct found f = find_by_child(o->name);
    if (f.number) {
        bool denied = f.number == EPERM || f.number == EACCES;
        host_fail(error, denied ? ESTAB_HOST_PERMISSION : ESTAB_HOST_IO, f.number, "%s", f.what);
        free(o);
        return NULL;
    }
    o->pipe = f.fd[0];
    o->instances = f.fd[1];
    return o;
}

/* An instance goes only when none of its files is open. */
void oracle_close(struct oracle *o)
{
    if (!o)
        return;
    close(o->pipe);
    (void)unlinkat(o->instances, o->name, AT_REMOVEDIR);
    close(o->instances);
    free(o);
}

int oracle_fd(const struct oracle *o)
{
    return o->pipe;
}

/* ---- reading ---------------------------------------------------------------------------------------- */

/* "TCP_FIN_WAIT1"; the kernel's own names. */
static bool state_named(const char *name, enum estab_state *state)
{
    static const struct {
        const char *name;
        enum estab_state state;
    } names[] = {
        {"TCP_ESTABLISHED", ESTAB_STATE_ESTABLISHED},
        {"TCP_SYN_SENT", ESTAB_STATE_SYN_SENT},
        {"TCP_SYN_RECV", ESTAB_STATE_SYN_RECEIVED},
        {"TCP_FIN_WAIT1", ESTAB_STATE_FIN_WAIT_1},
        {"TCP_FIN_WAIT2", ESTAB_STATE_FIN_WAIT_2},
        {"TCP_TIME_WAIT", ESTAB_STATE_TIME_WAIT},
        {"TCP_CLOSE", ESTAB_STATE_CLOSED},
        {"TCP_CLOSE_WAIT", ESTAB_STATE_CLOSE_WAIT},
        {"TCP_LAST_ACK", ESTAB_STATE_LAST_ACK},
        {"TCP_LISTEN", ESTAB_STATE_LISTEN},
        {"TCP_CLOSING", ESTAB_STATE_CLOSING},
        {"TCP_NEW_SYN_RECV", ESTAB_STATE_SYN_RECEIVED},
    };
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i].name) == 0) {
            *state = names[i].state;
            return true;
        }
    return false;
}

/* The word after " key=", in word[size]. */
static bool field(const char *line, const char *key, char *word, size_t size)
{
    const char *at = strstr(line, key);
    if (!at)
        return false;
    at += strlen(key);
    size_t n = strcspn(at, " \n");
    if (n == 0 || n >= size)
        return false;
    memcpy(word, at, n);
    word[n] = 0;
    return true;
}

static bool endpoint(const char *line, const char *address, const char *address6, const char *port,
                     struct estab_endpoint *out)
{
    char word[64];
    if (!field(line, port, word, sizeof word))
        return false;
    out->port = (uint16_t)strtoul(word, NULL, 10);
    if (strstr(line, " family=AF_INET6 ") && field(line, address6, word, sizeof word) &&
        inet_pton(AF_INET6, word, out->addr.b) == 1 && !addr_is_ipv4(&out->addr))
        return true;
    out->addr = estab_ipv4(0, 0, 0, 0);
    return field(line, address, word, sizeof word) &&
           inet_pton(AF_INET, word, out->addr.b + 12) == 1;
}

/* "  program-123  [001] ..s1.  1234.567890: inet_sock_set_state: family=AF_INET ..." */
static bool time_of(const char *line, estab_time *time)
{
    const char *end = strstr(line, ": inet_sock_set_state: ");
    if (!end)
        return false;
    const char *start = end;
    while (start > line && start[-1] != ' ')
        start--;
    char *dot;
    unsigned long long seconds = strtoull(start, &dot, 10);
    if (*dot != '.')
        return false;
    *time = seconds * ESTAB_SECOND + strtoull(dot + 1, NULL, 10) * ESTAB_US;
    return true;
}

/* IPv6 sockets that serve IPv4 report their mapped address in saddr as well. */
static bool parse(const struct oracle *o, const char *line, struct oracle_event *e)
{
    static const struct estab_addr any;
    char from[32], to[32];
    if (!strstr(line, " protocol=IPPROTO_TCP ") || !time_of(line, &e->time) ||
        !endpoint(line, " saddr=", " saddrv6=", " sport=", &e->local) ||
        !endpoint(line, " daddr=", " daddrv6=", " dport=", &e->remote) ||
        !field(line, " oldstate=", from, sizeof from) || !state_named(from, &e->from) ||
        !field(line, " newstate=", to, sizeof to) || !state_named(to, &e->to))
        return false;
    return memcmp(&o->local, &any, sizeof any) == 0 ||
           memcmp(&o->local, &e->local.addr, sizeof any) == 0;
}

/* One whole line in line[LINE_MAX_BYTES], cut to fit. */
static bool take_line(struct oracle *o, char *line)
{
    char *end = memchr(o->text, '\n', o->used);
    if (!end)
        return false;
    size_t n = (size_t)(end - o->text) + 1;
    size_t kept = n < LINE_MAX_BYTES ? n : LINE_MAX_BYTES - 1;
    memcpy(line, o->text, kept);
    line[kept] = 0;
    o->used -= n;
    memmove(o->text, o->text + n, o->used);
    return true;
}

static bool fill(struct oracle *o)
{
    if (o->used == sizeof o->text)
        o->used = 0; /* a line without an end is none of the kernel's */
    ssize_t got = read(o->pipe, o->text + o->used, sizeof o->text - o->used);
    if (got <= 0)
        return false;
    o->used += (size_t)got;
    return true;
}

bool oracle_next(struct oracle *o, struct oracle_event *e)
{
    char line[LINE_MAX_BYTES];
    do
        while (take_line(o, line))
            if (parse(o, line, e))
                return true;
    while (fill(o));
    return false;
}
