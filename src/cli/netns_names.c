/* SPDX-License-Identifier: MIT */
/*
 * netns_names.c - names inside a namespace: a hosts file of its own, and nobody else who is asked.
 *
 * Files of ours are bound over /etc/hosts and /etc/nsswitch.conf in a mount namespace.  The latter says
 * that the hosts file decides alone: from in there no name server can be reached, and a program that
 * asks one hears of a "temporary failure" where the truth is that there is no such name.
 *
 * A file can only be bound over one that is there.  Where /etc/hosts is not, as in a minimal root, all of
 * /etc is covered by a directory in memory that has links to what was there, and the files besides.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/netns_parts.h"
#include "packet/address.h"

#define HOSTS  "/etc/hosts"
#define SWITCH "/etc/nsswitch.conf"
#define REAL   ".real" /* in the covering directory: the covered one */

/* ---- the hosts file ------------------------------------------------------------------------------ */

static size_t put_names(const struct netns_name *names, unsigned n, char *out, size_t room)
{
    size_t used = 0;

    for (unsigned i = 0; i < n && used < room; i++) {
        char address[INET6_ADDRSTRLEN];
        bool four = addr_is_ipv4(&names[i].address);
        inet_ntop(four ? AF_INET : AF_INET6, names[i].address.b + (four ? 12 : 0), address, sizeof address);
        used += (size_t)snprintf(out + used, room - used, "%s %s\n", address, names[i].name);
    }
    return used < room ? used : room;
}

static bool is_ours(const char *word, size_t length, const struct netns_name *names, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (strlen(names[i].name) == length && memcmp(names[i].name, word, length) == 0)
            return true;
    return false;
}

/* Takes our names out of a line of the machine's own file, in place: a name that two lines have would
 * resolve to both.  Words are cut at blanks; a comment is words like any other. */
static void take_names_out(char *line, const struct netns_name *names, unsigned n)
{
    for (char *p = line; *p;) {
        size_t length = strcspn(p, " \t");
        if (length == 0) {
            p++;
            continue;
        }
        if (p != line && is_ours(p, length, names, n))
            memset(p, ' ', length);
        p += length;
    }
}

static size_t put_machines(const struct netns_name *names, unsigned n, char *out, size_t room)
{
    FILE *from = fopen(HOSTS, "re");
    size_t used = 0;
    char line[1024];

    if (!from)
        used = (size_t)snprintf(out, room, "127.0.0.1 localhost\n::1 localhost\n");
    while (from && fgets(line, sizeof line, from)) {
        line[strcspn(line, "\n")] = '\0';
        take_names_out(line, names, n);
        if (used < room)
            used += (size_t)snprintf(out + used, room - used, "%s\n", line);
    }
    if (from)
        fclose(from);
    return used < room ? used : room;
}

/* Written over what was there, and cut then: who reads meanwhile finds old or new lines. */
static bool write_over(int fd, const char *text, size_t n)
{
    return pwrite(fd, text, n, 0) == (ssize_t)n && ftruncate(fd, (off_t)n) == 0;
}

/* Ours come first: the first line that has a name decides. */
static bool write_hosts(int fd, const struct netns_name *names, unsigned n)
{
    char *text = malloc(NETNS_HOSTS_MAX);
    size_t used;
    bool done;

    if (!text)
        return false;
    used = put_names(names, n, text, NETNS_HOSTS_MAX);
    used += put_machines(names, n, text + used, NETNS_HOSTS_MAX - used);
    done = write_over(fd, text, used);
    free(text);
    return done;
}

bool netns_rename(struct netns *ns, const struct netns_name *names, unsigned n)
{
    return ns->fd[NETNS_FD_HOSTS] >= 0 && write_hosts(ns->fd[NETNS_FD_HOSTS], names, n);
}

/* ---- who is asked -------------------------------------------------------------------------------- */

/* The machine's own nsswitch.conf, but for its line about hosts. */
static bool write_switch(int fd)
{
    static const char line[] = "hosts: files\n";
    FILE *from = fopen(SWITCH, "re");
    char text[1024];
    bool done = write(fd, line, sizeof line - 1) == sizeof line - 1;

    while (done && from && fgets(text, sizeof text, from))
        if (strncmp(text, "hosts:", 6) != 0)
            done = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (from)
        fclose(from);
    return done;
}

/* ---- binding ------------------------------------------------------------------------------------- */

/* "/tmp/estab-WHAT-XXXXXX" */
static bool temporary(char path[PATH_MAX], const char *what)
{
    const char *folder = getenv("TMPDIR");
    int n = snprintf(path, PATH_MAX, "%s/estab-%s-XXXXXX", folder ? folder : "/tmp", what);

    return n > 0 && n < PATH_MAX;
}

/* Binds a new file over `path`, which fill() writes; its descriptor, or -1. */
static int bind_file(const char *path, const char *what, bool (*fill)(int fd, const void *),
                     const void *context)
{
    char made[PATH_MAX];
    int fd = temporary(made, what) ? mkostemp(made, O_CLOEXEC) : -1, number;

    if (fd < 0)
        return -1;
    if (fchmod(fd, 0644) != 0 || !fill(fd, context) || mount(made, path, NULL, MS_BIND, NULL) != 0) {
        number = errno;
        close(fd);
        fd = -1;
        errno = number;
    }
    number = errno;
    unlink(made);
    errno = number;
    return fd;
}

static bool fill_hosts(int fd, const void *options)
{
    const struct netns_options *o = options;
    unsigned n = 0;

    while (n < NETNS_NAMES_MAX && o->names[n].name)
        n++;
    return write_hosts(fd, o->names, n);
}

static bool fill_switch(int fd, const void *context)
{
    (void)context;
    return write_switch(fd);
}

/* ---- a machine without the files ------------------------------------------------------------------- */

/* A link to an entry of the covered directory; a link of its own is made again, for it may be relative. */
static void link_entry(int cover, const char *name)
{
    char target[PATH_MAX];
    int real = open("/etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ssize_t n = real >= 0 ? readlinkat(real, name, target, sizeof target - 1) : -1;

    if (n < 0)
        n = snprintf(target, sizeof target, REAL "/%s", name);
    target[n] = '\0';
    (void)!symlinkat(target, cover, name);
    if (real >= 0)
        close(real);
}

static bool link_all(int cover)
{
    DIR *etc = opendir("/etc");
    struct dirent *e;

    if (!etc)
        return false;
    while ((e = readdir(etc)))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            link_entry(cover, e->d_name);
    closedir(etc);
    return true;
}

static bool make_file(int cover, const char *name)
{
    int fd;

    if (faccessat(cover, name, F_OK, 0) == 0)
        return true;
    fd = openat(cover, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static bool fill_cover(const char *path)
{
    char real[PATH_MAX + sizeof REAL];
    int cover = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done;

    snprintf(real, sizeof real, "%s/" REAL, path);
    done = cover >= 0 && mkdirat(cover, REAL, 0755) == 0 &&
           mount("/etc", real, NULL, MS_BIND | MS_REC, NULL) == 0 && link_all(cover) &&
           make_file(cover, strrchr(HOSTS, '/') + 1) && make_file(cover, strrchr(SWITCH, '/') + 1);
    if (cover >= 0)
        close(cover);
    return done;
}

static bool cover_etc(void)
{
    char path[PATH_MAX];
    bool done;

    if (!temporary(path, "etc") || !mkdtemp(path))
        return false;
    done = mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=4m") == 0;
    if (done && !(fill_cover(path) && mount(path, "/etc", NULL, MS_MOVE, NULL) == 0)) {
        int number = errno;
        (void)umount2(path, MNT_DETACH);
        errno = number;
        done = false;
    }
    (void)rmdir(path);
    return done;
}

bool netns_names(const struct netns_options *o, int *hosts)
{
    int nobody_else;

    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        (access(HOSTS, F_OK) != 0 && !cover_etc()))
        return false;
    *hosts = bind_file(HOSTS, "hosts", fill_hosts, o);
    if (*hosts < 0)
        return false;
    nobody_else = bind_file(SWITCH, "nsswitch", fill_switch, NULL);
    if (nobody_else >= 0) /* else unknown names are asked for in vain, and take a little longer */
        close(nobody_else);
    return true;
}
