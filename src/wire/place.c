/* SPDX-License-Identifier: MIT */
/*
 * place.c - the directory, its lock, and the child that becomes a hub.
 *
 * Paths of sockets are short by law (108 bytes), and those of directories are not: sockets are
 * reached through /proc/self/fd/N.
 */
#include "wire/place.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "device/error.h"
#include "wire/hub.h"

#define ENDING   ".wire"
#define HOST     ".host"
#define FILE_MAX (2 * PLACE_NAME + 8)
#define BACKLOG  128
#define PATIENCE (10 * ESTAB_SECOND) /* for the lock, which is held for moments */
#define CHECK    (5 * ESTAB_SECOND)  /* how often an idle hub looks whether its socket is there */

/* ---- the directory ----------------------------------------------------------------------------- */

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

void place_path(char *out, size_t size)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR"), *temporary = getenv("TMPDIR");

    if (runtime && runtime[0] == '/')
        snprintf(out, size, "%s/estab", runtime);
    else
        snprintf(out, size, "%s/estab-%u", temporary && temporary[0] == '/' ? temporary : "/tmp",
                 (unsigned)geteuid());
}

/* Nobody else may have made it, or may look into it. */
static int open_place(bool make, struct estab_host_error *error)
{
    char path[4096];
    struct stat st;
    int fd;

    place_path(path, sizeof path);
    if (make && mkdir(path, 0700) != 0 && errno != EEXIST) {
        host_fail(error, errno == EACCES ? ESTAB_HOST_PERMISSION : ESTAB_HOST_IO, errno,
                  "the directory %.200s cannot be made", path);
        return -1;
    }
    fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        host_fail(error, ESTAB_HOST_IO, errno, "%.200s cannot be opened", path);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    if (st.st_uid != geteuid() || st.st_mode & 077) {
        host_fail(error, ESTAB_HOST_PERMISSION, 0,
                  "%.200s is not ours alone: expected a directory of this user with mode 0700",
                  path);
        close(fd);
        return -1;
    }
    return fd;
}

int place_open(struct estab_host_error *error)
{
    return open_place(true, error);
}

static struct sockaddr_un address_of(int place, const char *file)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/%.*s", place, FILE_MAX - 1, file);
    return a;
}

static void file_of(const char *wire, char out[FILE_MAX])
{
    snprintf(out, FILE_MAX, "%.23s" ENDING, wire);
}

static void host_file(const char *wire, const char *host, char out[FILE_MAX])
{
    snprintf(out, FILE_MAX, "%.23s.%.23s" HOST, wire, host);
}

/* A descriptor that holds the lock until it is closed; -1. */
static int take_lock(int place, estab_time patience)
{
    static const struct timespec moment = {.tv_nsec = 2000000};
    int fd = openat(place, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    estab_time until = estab_now() + patience;

    while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK || estab_now() >= until) {
            close(fd);
            return -1;
        }
        nanosleep(&moment, NULL);
    }
    return fd;
}

/* ---- the hub's process --------------------------------------------------------------------------- */

/* Only these two, and nothing on the terminal or a pipe that somebody may wait for the end of. */
static void keep_only(int *listener, int *place)
{
    int null = open("/dev/null", O_RDWR);
    int a = fcntl(*listener, F_DUPFD, 10), b = fcntl(*place, F_DUPFD, 10);

    for (int i = 0; i < 3; i++)
        (void)dup2(null, i);
    (void)dup2(a, 3);
    (void)dup2(b, 4);
    *listener = 3;
    *place = 4;
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
    int lock = take_lock(place, PATIENCE);
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

static _Noreturn void become_hub(const char *wire, int listener, int place)
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
    (void)prctl(PR_SET_NAME, "estab-wire");
    (void)listen(listener, BACKLOG); /* SO_PEERCRED names who has called it last: us */
    keep_only(&listener, &place);
    (void)!chdir("/");
    estab_random(&seed, sizeof seed);
    config = hub_defaults(wire, seed);
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
static bool spawn_hub(const char *wire, int listener, int place)
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
            become_hub(wire, listener, place);
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

/* ECONNREFUSED: a socket that nobody listens on. */
static int try_connect(int place, const char *file)
{
    struct sockaddr_un a = address_of(place, file);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), number;

    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
        return fd;
    number = errno;
    close(fd);
    errno = number;
    return -1;
}

static int make_listener(int place, const char *file)
{
    struct sockaddr_un a = address_of(place, file);
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
static int start(int place, const char *wire, struct estab_host_error *error)
{
    char file[FILE_MAX];
    int listener, fd = -1;

    file_of(wire, file);
    listener = make_listener(place, file);
    if (listener >= 0 && spawn_hub(wire, listener, place))
        fd = try_connect(place, file);
    if (fd < 0)
        host_fail(error, ESTAB_HOST_IO, errno, "wire %s cannot be started", wire);
    if (listener >= 0)
        close(listener);
    return fd;
}

/* Removes a socket that nobody listens on; with the lock in hand. */
static void remove_dead(int place, const char *file)
{
    int fd = try_connect(place, file), number = errno;

    if (fd >= 0)
        close(fd);
    if (fd < 0 && number == ECONNREFUSED)
        (void)unlinkat(place, file, 0);
}

static bool ends_with(const char *file, const char *ending)
{
    size_t n = strlen(file), m = strlen(ending);

    return n > m && n < FILE_MAX && strcmp(file + n - m, ending) == 0;
}

/* Calls `act` for each socket here. */
static void each_socket(int place, void (*act)(int place, const char *file, void *context),
                        void *context)
{
    int fd = openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;

    while (folder && (entry = readdir(folder)))
        if (ends_with(entry->d_name, ENDING) || ends_with(entry->d_name, HOST))
            act(place, entry->d_name, context);
    if (folder)
        closedir(folder);
}

static void sweep_one(int place, const char *file, void *context)
{
    int *lock = context, fd = try_connect(place, file);

    if (fd >= 0) {
        close(fd);
        return;
    }
    if (errno != ECONNREFUSED)
        return;
    if (*lock < 0)
        *lock = take_lock(place, PATIENCE);
    if (*lock >= 0)
        remove_dead(place, file);
}

static void sweep(int place)
{
    int lock = -1;

    each_socket(place, sweep_one, &lock);
    if (lock >= 0)
        close(lock);
}

static int connect_or_start(int place, const char *wire, bool may_start,
                            struct estab_host_error *error)
{
    char file[FILE_MAX];
    int fd, lock;

    file_of(wire, file);
    fd = try_connect(place, file);
    if (fd >= 0)
        return fd;
    if (!may_start) {
        host_fail(error, ESTAB_HOST_NOT_FOUND, 0, "there is no wire %s", wire);
        return -1;
    }
    lock = take_lock(place, PATIENCE);
    if (lock < 0) {
        host_fail(error, ESTAB_HOST_IO, errno,
                  "the lock of the wires' directory is held by another process");
        return -1;
    }
    fd = try_connect(place, file); /* somebody may have been faster */
    if (fd < 0) {
        remove_dead(place, file);
        fd = start(place, wire, error);
    }
    close(lock);
    return fd;
}

int place_connect(const char *wire, bool may_start, struct estab_host_error *error)
{
    int place, fd;

    if (!place_name_valid(wire)) {
        host_fail(
            error, ESTAB_HOST_USAGE, 0,
            "'%.64s' is no name of a wire: expected 1 to %d letters, digits, '-', '_' and '.'",
            wire, PLACE_NAME - 1);
        return -1;
    }
    place = place_open(error);
    if (place < 0)
        return -1;
    sweep(place);
    fd = connect_or_start(place, wire, may_start, error);
    close(place);
    return fd;
}

/* ---- hosts ------------------------------------------------------------------------------------------------ */

int place_host_listen(const char *wire, const char *host, struct estab_host_error *error)
{
    int place = place_open(error), lock = place < 0 ? -1 : take_lock(place, PATIENCE), fd = -1;
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
    int place = open_place(false, NULL), fd = -1;
    char file[FILE_MAX];

    host_file(wire, host, file);
    if (place >= 0) {
        fd = try_connect(place, file);
        close(place);
    }
    return fd;
}

void place_host_remove(const char *wire, const char *host)
{
    int place = open_place(false, NULL), lock = -1;
    char file[FILE_MAX];

    host_file(wire, host, file);
    if (place >= 0 && faccessat(place, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        lock = take_lock(place, PATIENCE); /* else there is nothing to do, and no file to leave */
    if (lock >= 0) {
        remove_dead(place, file);
        close(lock);
    }
    if (place >= 0)
        close(place);
}

/* ---- listing -------------------------------------------------------------------------------------------- */

struct listing {
    unsigned n;
    char (*name)[PLACE_NAME];
};

static void list_one(int place, const char *file, void *context)
{
    size_t n = strlen(file) - strlen(ENDING);
    struct listing *l = context;

    (void)place;
    if (l->n < PLACE_MAX && ends_with(file, ENDING) && n < PLACE_NAME)
        snprintf(l->name[l->n++], PLACE_NAME, "%.*s", (int)n, file);
}

unsigned place_list(char name[PLACE_MAX][PLACE_NAME])
{
    struct listing l = {.name = name};
    int place = place_open(NULL);

    if (place < 0)
        return 0;
    sweep(place);
    each_socket(place, list_one, &l);
    close(place);
    return l.n;
}
