/* SPDX-License-Identifier: MIT */
/*
 * netns.c - this side of a namespace: a child builds it and passes its descriptors back; later
 * children enter through these (setns).
 *
 * A child may enter since the user namespace belongs to the user who made it, who has every
 * capability in it from outside.
 */
#include "cli/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/netns_parts.h"
#include "device/error.h"

struct netns_options netns_defaults(bool kernel_is_server)
{
    struct estab_addr server = estab_ipv4(10, 11, 0, 1), client = estab_ipv4(10, 11, 0, 101);
    return (struct netns_options){
        .kind = NETNS_VETH,
        .kernel_address = kernel_is_server ? server : client,
        .prefix_length = 24,
        .mtu = 1500,
        .names = {{"server", server}, {"client", client}},
    };
}

/* ---- making ----------------------------------------------------------------------------------- */

union control {
    struct cmsghdr align;
    uint8_t bytes[CMSG_SPACE(NETNS_FDS * sizeof(int))];
};

bool netns_bring(int to, struct netns_built *built)
{
    union control control = {0};
    struct iovec piece = {built, sizeof *built};
    struct msghdr m = {.msg_iov = &piece, .msg_iovlen = 1};
    int fds[NETNS_FDS];
    unsigned n = 0;
    for (unsigned i = 0; i < NETNS_FDS; i++)
        if (built->fd[i] >= 0)
            fds[n++] = built->fd[i];
    if (n) {
        m.msg_control = control.bytes;
        m.msg_controllen = CMSG_SPACE(n * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n * sizeof(int));
        memcpy(CMSG_DATA(c), fds, n * sizeof(int));
    }
    return sendmsg(to, &m, MSG_NOSIGNAL) == (ssize_t)sizeof *built;
}

bool netns_take(int from, struct netns_built *built)
{
    union control control = {0};
    struct iovec piece = {built, sizeof *built};
    struct msghdr m = {.msg_iov = &piece,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof control.bytes};
    ssize_t got;
    do
        got = recvmsg(from, &m, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    struct cmsghdr *c = got == (ssize_t)sizeof *built ? CMSG_FIRSTHDR(&m) : NULL;
    unsigned n =
        c && c->cmsg_type == SCM_RIGHTS ? (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int)) : 0;
    const uint8_t *next = c ? CMSG_DATA(c) : NULL;
    for (unsigned i = 0; got == (ssize_t)sizeof *built && i < NETNS_FDS; i++) {
        if (built->fd[i] < 0)
            continue;
        built->fd[i] = -1;
        if (n > 0) {
            memcpy(&built->fd[i], next, sizeof(int));
            next += sizeof(int);
            n--;
        }
    }
    return got == (ssize_t)sizeof *built;
}

static void wait_for(pid_t pid)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* In the child. */
static _Noreturn void build_inside(const struct netns_options *o, int to)
{
    struct netns_built built;
    netns_build(o, &built);
    _exit(netns_bring(to, &built) ? 0 : 1);
}

/* The descriptors of a child that did the work; false with built->error. */
static bool build(const struct netns_options *o, struct netns_built *built)
{
    int pair[2];
    memset(built, 0xff, sizeof *built); /* no descriptors: -1 */
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        host_fail(&built->error, ESTAB_HOST_IO, errno, "a namespace cannot be made");
        return false;
    }
    pid_t pid = fork();
    if (pid == 0)
        build_inside(o, pair[1]);
    int number = pid < 0 ? errno : 0;
    close(pair[1]);
    bool back = pid > 0 && netns_take(pair[0], built);
    close(pair[0]);
    if (pid > 0)
        wait_for(pid);
    if (!back)
        host_fail(&built->error, ESTAB_HOST_IO, number,
                  "the child that makes a namespace did not succeed");
    return built->error.kind == ESTAB_HOST_OK;
}

static void close_all(int fd[NETNS_FDS])
{
    for (unsigned i = 0; i < NETNS_FDS; i++)
        if (fd[i] >= 0)
            close(fd[i]);
}

struct netns *netns_make(const struct netns_options *options, struct estab_host_error *error)
{
    struct netns_options o = *options;
    struct netns_built built;
    o.mtu = o.mtu ? o.mtu : 1500;
    struct netns *ns = calloc(1, sizeof *ns);
    if (!ns) {
        host_fail(error, ESTAB_HOST_IO, ENOMEM, "a namespace cannot be made");
        return NULL;
    }
    if (!build(&o, &built)) {
        if (error)
            *error = built.error;
        close_all(built.fd);
        free(ns);
        return NULL;
    }
    ns->options = o;
    memcpy(ns->fd, built.fd, sizeof ns->fd);
    memcpy(ns->note, built.note, sizeof ns->note);
    return ns;
}

estab_device *netns_device(struct netns *ns, struct estab_interface *out,
                           struct estab_host_error *error)
{
    static const char *const specs[] = {
        [NETNS_VETH] = "packet:" NETNS_ESTAB_IF,
        [NETNS_TAP] = "tap:" NETNS_KERNEL_IF,
        [NETNS_TUN] = "tun:" NETNS_KERNEL_IF,
    };
    int fd = ns->fd[NETNS_FD_DEVICE];
    if (fd < 0) {
        host_fail(error, ESTAB_HOST_USAGE, 0, "the namespace's device was taken before");
        return NULL;
    }
    ns->fd[NETNS_FD_DEVICE] = -1;
    return estab_device_adopt(specs[ns->options.kind], fd, ns->options.mtu,
                              ns->options.offload ? 0 : ESTAB_DEVICE_PLAIN, out, error);
}

const char *netns_names_note(const struct netns *ns)
{
    return ns->note[0] ? ns->note : NULL;
}

/* ---- children ----------------------------------------------------------------------------------- */

/* Entering a mount namespace loses the root directory, which may be a chroot's, and the working
 * directory: both are set again. */
static bool enter_mounts(const struct netns *ns)
{
    char here[4096];
    if (ns->fd[NETNS_FD_MNT] < 0)
        return true;
    bool known = getcwd(here, sizeof here) != NULL;
    if (setns(ns->fd[NETNS_FD_MNT], CLONE_NEWNS) != 0 || fchdir(ns->fd[NETNS_FD_ROOT]) != 0 ||
        chroot(".") != 0)
        return false;
    if (known && chdir(here) != 0)
        return chdir("/") == 0;
    return true;
}

static bool enter(const struct netns *ns)
{
    if (ns->fd[NETNS_FD_USER] >= 0 && setns(ns->fd[NETNS_FD_USER], CLONE_NEWUSER) != 0)
        return false;
    return setns(ns->fd[NETNS_FD_NET], CLONE_NEWNET) == 0 && enter_mounts(ns);
}

static void reset_signals(bool terminal)
{
    sigset_t none;
    sigemptyset(&none);
    for (int s = 1; s < NSIG; s++)
        (void)signal(s, SIG_DFL);
    if (!terminal)
        (void)signal(SIGINT, SIG_IGN);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Changing credentials, as entering a user namespace does, forgets the death signal: it comes
 * last, and the parent may have gone by then. */
static bool follow(pid_t parent)
{
    return prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent;
}

/* A descriptor that is in the way of a later one is moved out of it first. */
static bool standard(const int fd[3])
{
    int use[3];
    for (int i = 0; i < 3; i++) {
        use[i] = fd && fd[i] >= 0 ? fcntl(fd[i], F_DUPFD_CLOEXEC, 3) : -1;
        if (fd && fd[i] >= 0 && use[i] < 0)
            return false;
    }
    for (int i = 0; i < 3; i++)
        if (use[i] >= 0 && dup2(use[i], i) < 0)
            return false;
    return true;
}

struct work {
    char *const *argv; /* or */
    int (*run)(void *);
    void *context;
};

static void report(int to, int number)
{
    ssize_t n = write(to, &number, sizeof number);
    (void)n;
}

/* In the child.  Until `to` is closed, an errno written to it is the parent's answer. */
static _Noreturn void child(const struct netns *ns, const struct work *work, const int fd[3],
                            pid_t parent, int to)
{
    reset_signals(ns->options.terminal);
    if (!enter(ns) || !follow(parent) || !standard(fd)) {
        report(to, errno);
        _exit(127);
    }
    if (work->run) {
        report(to, 0);
        close(to);
        _exit(work->run(work->context));
    }
    execvp(work->argv[0], work->argv);
    report(to, errno);
    _exit(127);
}

static pid_t *free_child(struct netns *ns)
{
    for (unsigned i = 0; i < NETNS_CHILDREN_MAX; i++)
        if (!ns->child[i])
            return &ns->child[i];
    return NULL;
}

/* 0 once the child runs what it is to run, else an errno. */
static int wait_started(int from)
{
    int number = 0;
    ssize_t got;
    do
        got = read(from, &number, sizeof number);
    while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof number ? number : 0;
}

static pid_t start(struct netns *ns, const struct work *work, const int fd[3], int *number)
{
    int pipe_fd[2];
    pid_t *slot = free_child(ns), parent = getpid();
    *number = slot ? 0 : EAGAIN;
    if (!slot || pipe2(pipe_fd, O_CLOEXEC) != 0) {
        *number = *number ? *number : errno;
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0)
        child(ns, work, fd, parent, pipe_fd[1]);
    *number = pid < 0 ? errno : 0;
    close(pipe_fd[1]);
    if (pid > 0)
        *number = wait_started(pipe_fd[0]);
    close(pipe_fd[0]);
    if (pid > 0 && *number)
        wait_for(pid);
    if (*number)
        return -1;
    return *slot = pid;
}

pid_t netns_spawn(struct netns *ns, char *const argv[], const int fd[3],
                  struct estab_host_error *error)
{
    int number;
    pid_t pid = start(ns, &(struct work){.argv = argv}, fd, &number);
    if (pid > 0)
        return pid;
    /* execvp says EACCES, too, where it may not look into one of PATH's directories. */
    bool looked_for = !strchr(argv[0], '/');
    if (number == ENOENT || number == ENOTDIR || (number == EACCES && looked_for))
        host_fail(error, ESTAB_HOST_NOT_FOUND, 0, "there is no program '%s'; estab doctor names the packages of the usual ones",
                  argv[0]);
    else if (number == EACCES)
        host_fail(error, ESTAB_HOST_PERMISSION, 0, "'%s' may not be executed", argv[0]);
    else
        host_fail(error, ESTAB_HOST_IO, number, "'%s' cannot be run in the namespace", argv[0]);
    return -1;
}

pid_t netns_call(struct netns *ns, int (*run)(void *), void *context, const int fd[3],
                 struct estab_host_error *error)
{
    int number;
    pid_t pid = start(ns, &(struct work){.run = run, .context = context}, fd, &number);
    if (pid < 0)
        host_fail(error, ESTAB_HOST_IO, number, "no child can be run in the namespace");
    return pid;
}

int netns_pidfd(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* Sleeps until the child has ended, or it is `until`, or a signal came. */
static void await_end(pid_t pid, estab_time until)
{
    struct pollfd p = {.fd = netns_pidfd(pid), .events = POLLIN};
    estab_time now = estab_now();
    estab_time left = until > now ? until - now : 0;
    struct timespec t = {.tv_sec = (time_t)(left / ESTAB_SECOND),
                         .tv_nsec = (long)(left % ESTAB_SECOND)};
    if (p.fd < 0)
        return;
    (void)ppoll(&p, 1, until == ESTAB_NEVER ? NULL : &t, NULL);
    close(p.fd);
}

static void forget(struct netns *ns, pid_t pid)
{
    for (unsigned i = 0; i < NETNS_CHILDREN_MAX; i++)
        if (ns->child[i] == pid)
            ns->child[i] = 0;
}

bool netns_wait(struct netns *ns, pid_t pid, estab_time until, int *status)
{
    int raw = 0;
    if (until)
        await_end(pid, until);
    pid_t got = waitpid(pid, &raw, WNOHANG);
    if (got == 0 || (got < 0 && errno == EINTR))
        return false;
    forget(ns, pid);
    if (status)
        *status = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
    return true;
}

void netns_free(struct netns *ns)
{
    if (!ns)
        return;
    for (unsigned i = 0; i < NETNS_CHILDREN_MAX; i++)
        if (ns->child[i])
            kill(ns->child[i], SIGTERM);
    estab_time patience = estab_now() + ESTAB_SECOND;
    for (unsigned i = 0; i < NETNS_CHILDREN_MAX; i++) {
        pid_t pid = ns->child[i];
        while (pid && !netns_wait(ns, pid, patience, NULL) && estab_now() < patience)
            ;
        if (ns->child[i]) {
            kill(pid, SIGKILL);
            wait_for(pid);
        }
    }
    close_all(ns->fd);
    free(ns);
}

/* ---- looking and setting -------------------------------------------------------------------------- */

struct sysctl {
    const char *name, *value;
};

/* 0, or an errno. */
static int write_sysctl(void *context)
{
    const struct sysctl *s = context;
    char path[256];
    snprintf(path, sizeof path, "/proc/sys/%s", s->name);
    for (char *p = path + strlen("/proc/sys/"); *p; p++)
        if (*p == '.')
            *p = '/';
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, s->value, strlen(s->value)) > 0 ? 0 : errno;
}

bool netns_sysctl(struct netns *ns, const char *name, const char *value,
                  struct estab_host_error *error)
{
    struct sysctl s = {name, value};
    int number = 0;
    if (strncmp(name, "net.", 4) != 0 || strstr(name, "..") || strchr(name, '/')) {
        host_fail(error, ESTAB_HOST_USAGE, 0, "'%s' is no sysctl of a namespace: expected net.NAME",
                  name);
        return false;
    }
    pid_t pid = netns_call(ns, write_sysctl, &s, NULL, error);
    if (pid < 0)
        return false;
    while (!netns_wait(ns, pid, ESTAB_NEVER, &number))
        ;
    if (number == ENOENT)
        host_fail(error, ESTAB_HOST_NOT_FOUND, 0, "this kernel has no sysctl %s", name);
    else if (number)
        host_fail(error, ESTAB_HOST_IO, number, "sysctl %s cannot be set to %s", name, value);
    return number == 0;
}

int netns_diag(const struct netns *ns)
{
    return ns->fd[NETNS_FD_DIAG];
}

int netns_sockets(struct netns *ns, struct diag_socket *out, size_t n)
{
    return ns->fd[NETNS_FD_DIAG] < 0 ? -1 : diag_list(ns->fd[NETNS_FD_DIAG], out, n);
}

int netns_listens(struct netns *ns, uint16_t port)
{
    struct diag_socket sockets[256];
    int n = netns_sockets(ns, sockets, 256);
    for (int i = 0; i < n && i < 256; i++)
        if (sockets[i].state == ESTAB_STATE_LISTEN && sockets[i].local.port == port)
            return 1;
    return n < 0 ? -1 : 0;
}
