/* SPDX-License-Identifier: MIT */
/* runtime.c - one directory, chosen and judged; its lock, and who is dead in there. */
#include "device/runtime.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "device/error.h"

_Static_assert(sizeof "/proc/self/fd/2147483647" + RUNTIME_FILE_MAX <=
                   sizeof(((struct sockaddr_un *)0)->sun_path),
               "every name fits");

/* ---- the path ------------------------------------------------------------------------------------------- */

/* Our number as it is outside of the user namespace that we may be root of: a program of
 * `estab host` is to find the same directory as the terminal beside it. */
static unsigned outer_uid(void)
{
    unsigned inside, outside, count, uid = geteuid();
    FILE *f = fopen("/proc/self/uid_map", "re");

    while (f && fscanf(f, "%u %u %u", &inside, &outside, &count) == 3)
        if (uid >= inside && uid - inside < count) {
            uid = outside + (uid - inside);
            break;
        }
    if (f)
        fclose(f);
    return uid;
}

static bool is_own_directory(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

/* XDG_RUNTIME_DIR of somebody else is what `su` leaves behind. */
static bool choose(char path[PATH_MAX], struct estab_host_error *error)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR"), *temporary = getenv("TMPDIR");
    int n;

    if (runtime && runtime[0] == '/' && is_own_directory(runtime))
        n = snprintf(path, PATH_MAX, "%s/estab", runtime);
    else
        n = snprintf(path, PATH_MAX, "%s/estab-%u",
                     temporary && temporary[0] == '/' ? temporary : "/tmp", outer_uid());
    if (n > 0 && n < PATH_MAX)
        return true;
    host_fail(
        error, ESTAB_HOST_USAGE, 0,
        "the directory for sockets would have a path of more than %d bytes: expected a shorter "
        "XDG_RUNTIME_DIR or TMPDIR",
        PATH_MAX - 1);
    return false;
}

/* ---- opening -------------------------------------------------------------------------------------------- */

static bool ours_alone(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && st.st_uid == geteuid() && !(st.st_mode & 077);
}

static void refuse(const char *path, int number, struct estab_host_error *error)
{
    if (number == ENOENT)
        host_fail(error, ESTAB_HOST_NOT_FOUND, 0, "there is no directory %.200s", path);
    else if (number == EACCES)
        host_fail(error, ESTAB_HOST_PERMISSION, number, "%.200s cannot be opened", path);
    else if (number && number != ENOTDIR && number != ELOOP)
        host_fail(error, ESTAB_HOST_IO, number, "%.200s cannot be opened", path);
    else
        host_fail(
            error, ESTAB_HOST_PERMISSION, 0,
            "%.200s is not safe: expected a directory of our own with mode 0700; remove it, or "
            "set XDG_RUNTIME_DIR to one",
            path);
}

int runtime_open(bool make, struct estab_host_error *error)
{
    char path[PATH_MAX];
    int fd;

    if (!choose(path, error))
        return -1;
    if (make && mkdir(path, 0700) != 0 && errno != EEXIST) {
        host_fail(error, errno == EACCES ? ESTAB_HOST_PERMISSION : ESTAB_HOST_IO, errno,
                  "the directory %.200s cannot be made", path);
        return -1;
    }
    fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && ours_alone(fd)) {
        runtime_sweep(fd);
        return fd;
    }
    refuse(path, fd < 0 ? errno : 0, error);
    if (fd >= 0)
        close(fd);
    return -1;
}

struct sockaddr_un runtime_address(int place, const char *file)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/%.*s", place, RUNTIME_FILE_MAX - 1,
             file);
    return a;
}

/* ---- the lock ------------------------------------------------------------------------------------------- */

int runtime_lock(int place, estab_time patience)
{
    static const struct timespec moment = {.tv_nsec = 2000000};
    int fd = openat(place, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600), number;
    estab_time until = estab_now() + patience;

    while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        number = errno;
        if (number != EWOULDBLOCK || estab_now() >= until) {
            close(fd);
            errno = number;
            return -1;
        }
        nanosleep(&moment, NULL);
    }
    return fd;
}

/* ---- the dead ------------------------------------------------------------------------------------------- */

static bool refuses(int place, const char *file, int type)
{
    struct sockaddr_un a = runtime_address(place, file);
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool refused =
        fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) != 0 && errno == ECONNREFUSED;

    if (fd >= 0)
        close(fd);
    return refused;
}

/* Linux tells a datagram socket whether anybody has bound this one (EPROTOTYPE) without any trouble
 * for him: he is not woken, and if he is stopped, then his backlog does not fill.  It is not
 * written down anywhere, so who is dead by that is asked in earnest. */
bool runtime_dead(int place, const char *file)
{
    struct stat st;

    return fstatat(place, file, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode) &&
           refuses(place, file, SOCK_DGRAM) && refuses(place, file, SOCK_SEQPACKET) &&
           refuses(place, file, SOCK_STREAM);
}

enum namer {
    BY_NOBODY,  /* not one of ours: left alone */
    BY_PROCESS, /* "123-0", and ".123-0" before it listens: process 123 alone gives such names */
    BY_PEOPLE,  /* "lab.wire", "lab.vm.host": made and removed under the lock */
};

static enum namer namer_of(const char *file, pid_t *pid)
{
    const char *dot = strrchr(file, '.');
    int end = 0;

    if (strlen(file) >= RUNTIME_FILE_MAX)
        return BY_NOBODY;
    if (sscanf(file + (file[0] == '.'), "%9d-%*3u%n", pid, &end) == 1 && *pid > 0 && end > 0 &&
        file[(file[0] == '.') + end] == '\0')
        return BY_PROCESS;
    return dot && dot > file && (strcmp(dot, ".wire") == 0 || strcmp(dot, ".host") == 0)
               ? BY_PEOPLE
               : BY_NOBODY;
}

static void sweep_one(int place, const char *file, int *lock)
{
    pid_t pid = 0;
    enum namer namer = namer_of(file, &pid);

    if (namer == BY_NOBODY || !runtime_dead(place, file))
        return;
    if (file[0] == '.' && (kill(pid, 0) == 0 || errno != ESRCH))
        return; /* it may be about to listen */
    if (namer == BY_PEOPLE && *lock < 0)
        *lock = runtime_lock(place, 0);
    if (namer == BY_PROCESS || (*lock >= 0 && runtime_dead(place, file)))
        (void)unlinkat(place, file, 0);
}

void runtime_sweep(int place)
{
    int fd = openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), lock = -1;
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;

    while (folder && (entry = readdir(folder)))
        sweep_one(place, entry->d_name, &lock);
    if (folder)
        closedir(folder);
    if (lock >= 0)
        close(lock);
}
