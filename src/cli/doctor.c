/* SPDX-License-Identifier: MIT */
/*
 * doctor.c - `estab doctor`: what works on this machine, and what would mend the rest.
 *
 * Nothing is deduced from a version or a setting: each row tries the thing itself, in a child where
 * it would leave traces in this process.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/netns_build.h"
#include "cli/oracle.h"
#include "cli/prose.h"
#include "cli/rtnl.h"
#include "cli/verb.h"

struct finding {
    bool ok;
    char found[256];  /* what was found, or what went wrong; "" if there is nothing to add */
    char remedy[320]; /* unless ok */
};

struct check {
    const char *name, *what;
    void (*probe)(const struct check *, struct finding *);
    const char *package; /* of a program */
};

__attribute__((format(printf, 2, 3))) static void found(struct finding *f, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    (void)vsnprintf(f->found, sizeof(f->found), format, list);
    va_end(list);
}

__attribute__((format(printf, 2, 3))) static void remedy(struct finding *f, const char *format, ...)
{
    static const char sudo[] = "sudo ";
    va_list list;

    if (geteuid() == 0 && strncmp(format, sudo, sizeof(sudo) - 1) == 0)
        format += sizeof(sudo) - 1;
    va_start(list, format);
    (void)vsnprintf(f->remedy, sizeof(f->remedy), format, list);
    va_end(list);
}

/* An error's sentence is "what failed: why; what helps". */
static void take_error(struct finding *f, const struct estab_host_error *error)
{
    const char *help = strstr(error->text, "; ");
    int length = help ? (int)(help - error->text) : (int)strlen(error->text);

    found(f, "%.*s", length, error->text);
    remedy(f, "%s", help ? help + 2 : "");
}

/* Runs a probe in a child and brings its finding back. */
static void in_child(void (*probe)(struct finding *), struct finding *f)
{
    struct finding result = {0};
    int pipes[2];
    pid_t child;

    if (pipe2(pipes, O_CLOEXEC) != 0) {
        found(f, "no pipe: %s", strerror(errno));
        return;
    }
    fflush(stdout);
    child = fork();
    if (child == 0) {
        probe(&result);
        _exit(write(pipes[1], &result, sizeof(result)) != (ssize_t)sizeof(result));
    }
    close(pipes[1]);
    if (child < 0)
        found(f, "no child process: %s", strerror(errno));
    else if (read(pipes[0], &result, sizeof(result)) == (ssize_t)sizeof(result))
        *f = result;
    else
        found(f, "the attempt ended without an answer");
    close(pipes[0]);
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
        continue;
}

/* ---- namespaces ----------------------------------------------------------------------------------- */

static bool enter(struct finding *f)
{
    struct estab_host_error error = {0};

    if (unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0)
        return true;
    netns_why(&error, errno, "no namespace can be made");
    take_error(f, &error);
    return false;
}

static void child_namespace(struct finding *f)
{
    f->ok = enter(f);
    if (f->ok && geteuid() != 0)
        found(f, "without root");
}

static void child_packet(struct finding *f)
{
    if (!enter(f))
        return;
    f->ok = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0) >= 0;
    if (f->ok)
        return;
    found(f, "%s", strerror(errno));
    remedy(f, "in a container, start it with: --cap-add NET_RAW; else run as root");
}

static void child_veth(struct finding *f)
{
    int number;

    if (!enter(f))
        return;
    number = rtnl_veth(rtnl_open(), "a", "b", 1500);
    f->ok = number == 0;
    if (f->ok)
        return;
    found(f, "%s", strerror(number));
    remedy(f, "sudo modprobe veth");
}

static void probe_namespace(const struct check *check, struct finding *f)
{
    (void)check;
    in_child(child_namespace, f);
}

static void probe_packet(const struct check *check, struct finding *f)
{
    (void)check;
    in_child(child_packet, f);
}

static void probe_veth(const struct check *check, struct finding *f)
{
    (void)check;
    in_child(child_veth, f);
}

/* All of it together, as `--on kernel` will do it. */
static void probe_kernel(const struct check *check, struct finding *f)
{
    struct netns_options options = netns_defaults(true);
    struct estab_host_error error = {0};
    struct netns *netns = netns_make(&options, &error);

    (void)check;
    f->ok = netns;
    if (!netns)
        take_error(f, &error);
    else if (netns_names_note(netns))
        found(f, "%s", netns_names_note(netns));
    netns_free(netns);
}

/* ---- this machine --------------------------------------------------------------------------------- */

static void probe_tap(const struct check *check, struct finding *f)
{
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

    (void)check;
    f->ok = fd >= 0;
    if (f->ok) {
        close(fd);
        return;
    }
    found(f, "/dev/net/tun: %s", strerror(errno));
    if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
        remedy(f, "sudo modprobe tun; a container is started with: --device /dev/net/tun");
    else
        remedy(f, "sudo chmod 0666 /dev/net/tun");
}

static void probe_capture(const struct check *check, struct finding *f)
{
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    char self[256] = "";

    (void)check;
    f->ok = fd >= 0;
    if (f->ok) {
        close(fd);
        return;
    }
    found(f, "%s", strerror(errno));
    if (geteuid() == 0)
        remedy(f, "a container is started with: --cap-add NET_RAW");
    else if (readlink("/proc/self/exe", self, sizeof(self) - 1) > 0)
        remedy(f, "sudo setcap cap_net_raw,cap_net_admin+ep %s", self);
}

static void child_oracle(struct finding *f)
{
    struct estab_host_error error = {0};
    struct oracle *oracle = oracle_open((struct estab_addr){{0}}, &error);

    f->ok = oracle;
    if (!oracle)
        take_error(f, &error);
    else
        oracle_close(oracle);
    if (f->ok)
        return;
    if (geteuid() != 0)
        remedy(f, "sudo estab ...; without it the kernel's states are inferred, and marked ~");
    else if (!*f->remedy)
        remedy(f, "a container is started with: --privileged");
}

static void probe_oracle(const struct check *check, struct finding *f)
{
    (void)check;
    in_child(child_oracle, f);
}

/* ---- programs ------------------------------------------------------------------------------------- */

/* Along PATH, and where Debian keeps what users seldom need. */
static void probe_program(const struct check *check, struct finding *f)
{
    const char *path = getenv("PATH");
    char folders[4096], file[4352], *rest = folders;
    const char *folder;

    (void)snprintf(folders, sizeof(folders), "%s:/usr/sbin:/sbin", path ? path : "/usr/bin:/bin");
    while (!f->ok && (folder = strsep(&rest, ":"))) {
        (void)snprintf(file, sizeof(file), "%s/%s", *folder ? folder : ".", check->name);
        f->ok = access(file, X_OK) == 0;
    }
    if (f->ok)
        found(f, "%.200s", file);
    else
        remedy(f, "sudo apt-get install %s", check->package);
}

/* ---- the list ------------------------------------------------------------------------------------- */

static const struct check checks[] = {
    {"namespace", "a network namespace of our own", probe_namespace, NULL},
    {"packet", "packet sockets in it", probe_packet, NULL},
    {"veth", "veth pairs in it", probe_veth, NULL},
    {"kernel", "the Linux kernel as peer: --on kernel", probe_kernel, NULL},
    {"tap", "TAP devices: --on tap:NAME", probe_tap, NULL},
    {"capture", "this machine's interfaces: --on packet:IFACE", probe_capture, NULL},
    {"oracle", "the kernel's own word on its sockets' states", probe_oracle, NULL},
    {"python3", "clients and servers over the kernel's sockets", probe_program, "python3"},
    {"nc", "netcat as peer", probe_program, "netcat-openbsd"},
    {"curl", "curl as peer", probe_program, "curl"},
    {"tshark", "reads the captures that -w writes", probe_program, "tshark"},
    {"ss", "the kernel's list of its own connections", probe_program, "iproute2"},
};

#define CHECKS (sizeof(checks) / sizeof(checks[0]))

static void print_json(const struct check *check, const struct finding *f)
{
    printf("{\"schema\":\"estab.check/1\",\"ok\":%s,\"name\":", f->ok ? "true" : "false");
    prose_json(stdout, check->name);
    fputs(",\"what\":", stdout);
    prose_json(stdout, check->what);
    fputs(",\"found\":", stdout);
    prose_json(stdout, f->found);
    fputs(",\"remedy\":", stdout);
    prose_json(stdout, f->remedy);
    fputs("}\n", stdout);
}

static void print_text(const struct check *check, const struct finding *f, bool colour)
{
    if (colour)
        fputs(f->ok ? "\033[32m" : "\033[1;31m", stdout);
    printf("%s%s  %-10s %s", f->ok ? "ok" : "no", colour ? "\033[0m" : "", check->name,
           check->what);
    if (*f->found)
        printf("%s%s%s", f->ok ? " (" : ": ", f->found, f->ok ? ")" : "");
    putchar('\n');
    if (!f->ok && *f->remedy)
        printf("               -> %s\n", f->remedy);
}

int cmd_doctor(const struct cli_options *o)
{
    unsigned missing = 0;

    for (size_t i = 0; i < CHECKS; i++) {
        struct finding finding = {0};

        checks[i].probe(&checks[i], &finding);
        if (!finding.ok && !*finding.remedy)
            remedy(&finding, "another kernel, or fewer restrictions around this process");
        missing += !finding.ok;
        if (o->json)
            print_json(&checks[i], &finding);
        else
            print_text(&checks[i], &finding, o->colour);
    }
    if (!o->json && missing == 0)
        printf("Everything works here.\n");
    return o->strict && missing ? CLI_FAILED : CLI_OK;
}
