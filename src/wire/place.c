/* SPDX-License-Identifier: MIT */
/* place.c - sockets of wires and hosts, and the child that becomes a hub. */
#include "wire/place.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device/error.h"
#include "device/runtime.h"
#include "device/title.h"
#include "wire/process.h"

#define ENDING      ".wire"
#define HOST        ".host"
#define FILE_MAX    (2 * PLACE_NAME + 8)
#define BACKLOG     128
#define PATIENCE    (10 * ESTAB_SECOND) /* for the lock, which is held for moments */
#define ANSWER      (5 * ESTAB_SECOND)  /* for a hub with too many before its door */
#define CHECK       (5 * ESTAB_SECOND) /* how often an idle hub looks whether its socket is there */

/* ---- names ----------------------------------------------------------------------------- */

bool place_name_valid(const char *wire)
{
    size_t n = strlen(wire);

    if (n == 0 || n >= PLACE_NAME || !isalnum((unsigned char)wire[0]))
        return false;
    for (; *wire; wire++)
        if (!isalnum((unsigned char)*wire) && !strchr("-_.", *wire))
            return false;
    return true;
}

static void file_of(const char *wire, char out[FILE_MAX])
{
    snprintf(out, FILE_MAX, "%.23s" ENDING, wire);
}

static void host_file(const char *wire, const char *host, char out[FILE_MAX])
{
    snprintf(out, FILE_MAX, "%.23s.%.23s" HOST, wire, host);
}

/* The lock; -1 with `error`. */
static int take_lock(int place, const char *wire, struct estab_host_error *error)
{
    int lock = runtime_lock(place, PATIENCE);

    if (lock < 0 && errno == EWOULDBLOCK)
        host_fail(error, ESTAB_HOST_IO, 0,
                  "another estab command holds the lock of wire %s, for more than %d s: is it "
                  "stopped?",
                  wire, (int)(PATIENCE / ESTAB_SECOND));
    else if (lock < 0)
        host_fail(error, ESTAB_HOST_IO, errno, "the lock of wire %s cannot be taken", wire);
    return lock;
}

/* ---- the hub's process --------------------------------------------------------------------------- */

/* Only these two, and nothing on the terminal or a pipe that somebody may wait for the end of. */
static void keep_only(int *listener, int *place)
{
    int null = open("/dev/null", O_RDWR);
    int a = fcntl(*listener, F_DUPFD, 10), b = fcntl(*place, F_DUPFD, 10);

    for (int i = 0; i < 3; i++)
        (void)dup2(null, i);
    (void)dup2(a, PROCESS_LISTENER);
    (void)dup2(b, PROCESS_PLACE);
    *listener = PROCESS_LISTENER;
    *place = PROCESS_PLACE;
    if (syscall(SYS_close_range, 5u, ~0u, 0u) != 0)
        for (int fd = 5; fd < 1024; fd++)
            close(fd);
}

/* Whether the socket is still the one that was made. */
static bool in_place(int place, const char *file, const struct stat *made)
{
    struct stat st;

    return fstatat(place, file, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == made->st_ino &&
           st.st_dev == made->st_dev;
}

/* With the lock in hand nobody begins to wait for us unseen.  False: somebody does, and nobody has
 * said DOWN. */
static bool give_up(const struct hub *h, int place, const char *file, const struct stat *made)
{
    int lock = runtime_lock(place, PATIENCE);
    bool stays = !hub_down(h) && hub_awaited(h);

    if (!stays && in_place(place, file, made))
        (void)unlinkat(place, file, 0);
    if (lock >= 0)
        close(lock);
    return !stays;
}

static void serve(struct hub *h, int place, const char *file)
{
    struct stat made = {0};
    estab_time now = estab_now(), check = now + CHECK;

    (void)fstatat(place, file, &made, AT_SYMLINK_NOFOLLOW);
    for (;;) {
        hub_turn(h, now);
        if (hub_over(h, now) && give_up(h, place, file, &made))
            return;
        hub_wait(h, check, now);
        now = estab_now();
        if (now < check)
            continue;
        check = now + CHECK;
        if (hub_stations(h) == 0 && !in_place(place, file, &made))
            return; /* nobody could find us any more */
    }
}

static _Noreturn void become_hub(const char *wire, const struct place_start *how, int listener,
                                 int place)
{
    char file[FILE_MAX];
    struct hub_config config;
    struct hub *h;
    uint32_t seed;
    sigset_t none;

    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    for (int s = 1; s < NSIG; s++)
        (void)signal(s, SIG_DFL);
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGCHLD, SIG_IGN); /* its children are nobody's to wait for */
    title_set(PROCESS_HUB);
    (void)listen(listener, BACKLOG); /* SO_PEERCRED names who has called it last: us */
    keep_only(&listener, &place);
    (void)!chdir("/");
    estab_random(&seed, sizeof seed);
    config = hub_defaults(wire, seed);
    config.carry = how->carry;
    h = hub_new(&config, listener, estab_now());
    file_of(wire, file);
    if (h)
        serve(h, place, file);
    hub_free(h);
    _exit(0);
}

/* Returns once the hub, who then closes all that is not its own, has closed its end of the pipe. */
static void await_hub(int pipe_end)
{
    char byte;

    while (read(pipe_end, &byte, 1) < 0 && errno == EINTR)
        ;
}

/* A grandchild, so that it is nobody's to wait for. */
static bool spawn_hub(const char *wire, const struct place_start *how, int listener, int place)
{
    int status = 0, ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    pid = fork();

    if (pid == 0) {
        (void)setsid();
        pid = fork();
        if (pid == 0)
            become_hub(wire, how, listener, place);
        _exit(pid < 0 ? 1 : 0);
    }
    close(ends[1]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    await_hub(ends[0]);
    close(ends[0]);
    return pid > 0 && status == 0;
}

/* ---- connecting ------------------------------------------------------------------------------------ */

/* A socket that blocks, connected within `patience`.  EAGAIN: too many wait there already;
 * ECONNREFUSED: nobody listens. */
static int try_connect(int place, const char *file, estab_time patience)
{
    struct sockaddr_un a = runtime_address(place, file);
    struct timeval time = {.tv_sec = (time_t)(patience / ESTAB_SECOND)}, ever = {0};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | (patience ? 0 : SOCK_NONBLOCK), 0);
    int number;

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &ever, sizeof ever);
        (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
        return fd;
    }
    number = errno;
    close(fd);
    errno = number;
    return -1;
}

static int make_listener(int place, const char *file)
{
    struct sockaddr_un a = runtime_address(place, file);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), number;

    if (fd < 0)
        return -1;
    if (bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    number = errno;
    close(fd);
    errno = number;
    return -1;
}

/* With the lock in hand. */
static int start(int place, const char *wire, const struct place_start *how,
                 struct estab_host_error *error)
{
    char file[FILE_MAX];
    int listener, fd = -1;

    file_of(wire, file);
    listener = make_listener(place, file);
    if (listener >= 0 && spawn_hub(wire, how, listener, place))
        fd = try_connect(place, file, ANSWER);
    if (fd < 0)
        host_fail(error, ESTAB_HOST_IO, errno, "wire %s cannot be started", wire);
    if (listener >= 0)
        close(listener);
    return fd;
}

/* Removes a socket that nobody listens on; with the lock in hand. */
static void remove_dead(int place, const char *file)
{
    if (runtime_dead(place, file))
        (void)unlinkat(place, file, 0);
}

/* After try_connect. */
static bool is_there(void)
{
    return errno != ENOENT && errno != ECONNREFUSED;
}

static void explain(int place, const char *wire, const char *file, struct estab_host_error *error)
{
    int number = errno;
    pid_t hub = number == EAGAIN ? process_of_hub(place, file) : 0;

    errno = number;
    if (!is_there())
        host_fail(error, ESTAB_HOST_NOT_FOUND, 0, "there is no wire %s", wire);
    else if (hub)
        host_fail(error, ESTAB_HOST_IO, 0,
                  "the hub of wire %s, process %d, does not answer, and too many wait for it already: "
                  "is it stopped? To end it: kill -9 %d",
                  wire, (int)hub, (int)hub);
    else if (errno == EAGAIN)
        host_fail(error, ESTAB_HOST_IO, 0,
                  "the hub of wire %s does not answer: too many wait for it already; it is a process "
                  "called %s: is it stopped?",
                  wire, PROCESS_HUB);
    else
        host_fail(error, ESTAB_HOST_IO, errno, "wire %s cannot be reached", wire);
}

/* Nobody has answered before. */
static int start_once(int place, const char *wire, const char *file, const struct place_start *how,
                      struct estab_host_error *error)
{
    int lock = take_lock(place, wire, error), fd;

    if (lock < 0)
        return -1;
    fd = try_connect(place, file, 0); /* somebody may have been faster */
    if (fd < 0 && is_there()) {
        explain(place, wire, file, error);
    } else if (fd < 0) {
        remove_dead(place, file);
        fd = start(place, wire, how, error);
    }
    close(lock);
    return fd;
}

static int connect_or_start(int place, const char *wire, const struct place_start *how,
                            struct estab_host_error *error)
{
    char file[FILE_MAX];
    int fd;

    file_of(wire, file);
    fd = try_connect(place, file, ANSWER);
    if (fd >= 0)
        return fd;
    if (how && !is_there())
        return start_once(place, wire, file, how, error);
    explain(place, wire, file, error);
    return -1;
}

int place_connect(const char *wire, const struct place_start *how, struct estab_host_error *error)
{
    int place, fd;

    if (!place_name_valid(wire)) {
        host_fail(
            error, ESTAB_HOST_USAGE, 0,
            "'%.64s' is no name of a wire: expected 1 to %d letters, digits, '-', '_' and '.'",
            wire, PLACE_NAME - 1);
        return -1;
    }
    place = runtime_open(how != NULL, error);
    if (place < 0)
        return -1;
    fd = connect_or_start(place, wire, how, error);
    close(place);
    return fd;
}

pid_t place_process(const char *wire)
{
    int place = place_name_valid(wire) ? runtime_open(false, NULL) : -1;
    char file[FILE_MAX];
    pid_t hub = 0;

    file_of(wire, file);
    if (place >= 0) {
        hub = process_of_hub(place, file);
        close(place);
    }
    return hub;
}

/* ---- hosts ------------------------------------------------------------------------------------------------ */

int place_host_listen(const char *wire, const char *host, struct estab_host_error *error)
{
    int place = runtime_open(true, error);
    int lock = place < 0 ? -1 : take_lock(place, wire, error), fd = -1;
    char file[FILE_MAX];

    host_file(wire, host, file);
    if (lock >= 0) {
        remove_dead(place, file);
        fd = make_listener(place, file);
        if (fd < 0)
            host_fail(error, ESTAB_HOST_IO, errno, "the socket %s cannot be made", file);
        close(lock);
    }
    if (place >= 0)
        close(place);
    return fd;
}

int place_host_connect(const char *wire, const char *host)
{
    int place = runtime_open(false, NULL), fd = -1;
    char file[FILE_MAX];

    host_file(wire, host, file);
    if (place >= 0) {
        fd = try_connect(place, file, ANSWER);
        close(place);
    }
    return fd;
}

void place_host_remove(const char *wire, const char *host)
{
    int place = runtime_open(false, NULL), lock = -1;
    char file[FILE_MAX];

    host_file(wire, host, file);
    if (place >= 0 && faccessat(place, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        lock =
            runtime_lock(place, PATIENCE); /* else there is nothing to do, and no file to leave */
    if (lock >= 0) {
        remove_dead(place, file);
        close(lock);
    }
    if (place >= 0)
        close(place);
}

/* ---- listing -------------------------------------------------------------------------------------------- */

/* "lab" of "lab.wire"; else false. */
static bool wire_of(const char *file, char out[PLACE_NAME])
{
    size_t n = strlen(file), m = strlen(ENDING);

    if (n <= m || n - m >= PLACE_NAME || strcmp(file + n - m, ENDING) != 0)
        return false;
    snprintf(out, PLACE_NAME, "%.*s", (int)(n - m), file);
    return true;
}

unsigned place_list(char name[PLACE_MAX][PLACE_NAME])
{
    int place = runtime_open(false, NULL);
    int fd = place < 0 ? -1 : openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    unsigned n = 0;

    while (folder && n < PLACE_MAX && (entry = readdir(folder)))
        n += wire_of(entry->d_name, name[n]) && !runtime_dead(place, entry->d_name);
    if (folder)
        closedir(folder);
    if (place >= 0)
        close(place);
    return n;
}
