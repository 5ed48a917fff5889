/* SPDX-License-Identifier: MIT */
/* socket_world.c - see socket_world.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "support/socket_world.h"

#define STATE_PATIENCE_MS 10000
#define PINGS             4 /* a SYN, its answer, and what that causes */

static struct sockaddr_in address_of(uint32_t address, int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(address)};
}

/* ---- families ---------------------------------------------------------------------------------------- */

static void ipv6_of(uint32_t address, struct in6_addr *out)
{
    static const struct {
        uint32_t ipv4;
        const char *ipv6;
    } known[] = {
        {INADDR_ANY, "::"},         {WORLD_OWN, "fd7f::1"},       {WORLD_FAR_OWN, "fd09::1"},
        {WORLD_FAR, "fd09::2"},     {WORLD_MULTICAST, "ff02::1"},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].ipv4 == address) {
            assert_int_equal(inet_pton(AF_INET6, known[i].ipv6, out), 1);
            return;
        }
    address = htonl(address);
    assert_int_equal(inet_pton(AF_INET6, "2001:db8::", out), 1);
    memcpy(out->s6_addr + 12, &address, sizeof address);
}

struct sockaddr_storage world_address(const struct world *w, uint32_t address, int port)
{
    struct sockaddr_in in = address_of(address, port);
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    struct sockaddr_storage out = {0};

    if (w->family == WORLD_IPV6) {
        ipv6_of(address, &in6.sin6_addr);
    } else {
        memset(in6.sin6_addr.s6_addr + 10, 0xff, 2);
        memcpy(in6.sin6_addr.s6_addr + 12, &in.sin_addr, sizeof in.sin_addr);
    }
    if (w->family == WORLD_IPV4)
        memcpy(&out, &in, sizeof in);
    else
        memcpy(&out, &in6, sizeof in6);
    return out;
}

socklen_t world_address_length(const struct world *w)
{
    return w->family == WORLD_IPV4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

const char *world_address_text(const struct sockaddr_storage *a, char text[64])
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;

    memcpy(&in, a, sizeof in);
    memcpy(&in6, a, sizeof in6);
    if (a->ss_family == AF_INET)
        (void)inet_ntop(AF_INET, &in.sin_addr, text, 64);
    else if (a->ss_family == AF_INET6)
        (void)inet_ntop(AF_INET6, &in6.sin6_addr, text, 64);
    else
        snprintf(text, 64, "family %d", a->ss_family);
    return text;
}

uint16_t world_port_of(const struct sockaddr_storage *a)
{
    struct sockaddr_in in; /* which IPv6's has at the same place */

    memcpy(&in, a, sizeof in);
    return ntohs(in.sin_port);
}

/* ---- the kernel's world ------------------------------------------------------------------------------ */

static int ping_fd = -1, tun_fd = -1;

static bool interface_up(int fd, const char *name, uint32_t address)
{
    struct ifreq r = {0};
    struct sockaddr_in a = address_of(address, 0), mask = address_of(0xffffff00u, 0);

    strncpy(r.ifr_name, name, sizeof r.ifr_name - 1);
    if (address) {
        memcpy(&r.ifr_addr, &a, sizeof a);
        if (ioctl(fd, SIOCSIFADDR, &r) < 0)
            return false;
        memcpy(&r.ifr_netmask, &mask, sizeof mask);
        if (ioctl(fd, SIOCSIFNETMASK, &r) < 0)
            return false;
    }
    r.ifr_flags = IFF_UP | IFF_RUNNING;
    return ioctl(fd, SIOCSIFFLAGS, &r) == 0;
}

/* struct in6_ifreq, whose header cannot be had beside the library's. */
struct address6_request {
    struct in6_addr address;
    uint32_t prefix_length;
    int interface;
};

static bool address6_add(const char *name, const char *address, unsigned prefix_length)
{
    struct address6_request r = {.prefix_length = prefix_length, .interface = (int)if_nametoindex(name)};
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && inet_pton(AF_INET6, address, &r.address) == 1 &&
              ioctl(fd, SIOCSIFADDR, &r) == 0;

    close(fd);
    return ok;
}

static bool tun_open(void)
{
    struct ifreq r = {.ifr_flags = IFF_TUN | IFF_NO_PI};

    strncpy(r.ifr_name, "far0", sizeof r.ifr_name - 1);
    tun_fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    return tun_fd >= 0 && ioctl(tun_fd, TUNSETIFF, &r) == 0;
}

static bool ping_open(void)
{
    struct sockaddr_in a = address_of(WORLD_OWN, 7);

    ping_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return ping_fd >= 0 && bind(ping_fd, (struct sockaddr *)&a, sizeof a) == 0 &&
           connect(ping_fd, (struct sockaddr *)&a, sizeof a) == 0;
}

bool world_kernel_ready(void)
{
    static int ready = -1;
    cpu_set_t one;
    int fd;

    if (ready >= 0)
        return ready;
    ready = 0;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 && unshare(CLONE_NEWNET) < 0)
        return false;
    if (sched_setaffinity(0, sizeof one, &one) < 0)
        return false;
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ready = fd >= 0 && interface_up(fd, "lo", 0) && tun_open() &&
            interface_up(fd, "far0", WORLD_FAR_OWN) && address6_add("lo", "fd7f::1", 128) &&
            address6_add("far0", "fd09::1", 64) && ping_open();
    close(fd);
    return ready;
}

static void kernel_settle(void)
{
    char c = 0;

    for (int i = 0; i < PINGS; i++) {
        assert_int_equal(send(ping_fd, &c, 1, 0), 1);
        assert_int_equal(recv(ping_fd, &c, 1, 0), 1);
    }
}

/* ---- ours ---------------------------------------------------------------------------------------------- */

static estab_time world_now(void *context)
{
    return ((struct world *)context)->now;
}

static void estab_settle(struct world *w)
{
    struct estab_frame out;

    do {
        if (estab_deadline(w->stack) <= w->now)
            estab_expire(w->stack, w->now);
        while (estab_output(w->stack, &out, 1, w->now) > 0)
            estab_output_done(w->stack, &out, 1); /* it left on the link that swallows */
        estab_posix_work(w->p);
    } while (estab_deadline(w->stack) <= w->now || estab_event_pending(w->stack));
}

static struct world_due *due_first(struct world *w)
{
    struct world_due *first = NULL;

    for (int i = 0; i < WORLD_CALLS; i++)
        if (w->due[i].call && (!first || w->due[i].at < first->at))
            first = &w->due[i];
    return first;
}

static void due_run(struct world *w, struct world_due *due)
{
    void (*call)(struct world *w) = due->call;

    if (due->at > w->now)
        w->now = due->at;
    due->call = NULL;
    call(w);
    estab_settle(w);
}

/* To the next deadline, `until` at most; false: there is nothing before it. */
static bool estab_step(struct world *w, estab_time until)
{
    struct world_due *due = due_first(w);
    estab_time next;

    estab_settle(w);
    next = estab_deadline(w->stack);
    if (due && due->at <= until && due->at <= next) {
        due_run(w, due);
        return true;
    }
    if (next > until) {
        if (until != ESTAB_NEVER && until > w->now)
            w->now = until;
        estab_settle(w);
        return false;
    }
    if (next > w->now)
        w->now = next;
    estab_settle(w);
    return true;
}

static bool world_wait(void *context, struct estab_posix_wait *wait)
{
    struct world *w = context;

    estab_settle(w);
    while (!wait->woken && !w->ends)
        if (!estab_step(w, wait->until))
            return wait->until != ESTAB_NEVER; /* nothing will ever happen: a test that hangs */
    return !w->ends;
}

void world_at(struct world *w, unsigned ms, void (*call)(struct world *w))
{
    int i = 0;

    while (w->due[i].call)
        assert_true(++i < WORLD_CALLS);
    w->due[i] = (struct world_due){w->now + ms * ESTAB_MS, call};
}

unsigned world_ms(const struct world *w)
{
    return (unsigned)((w->now - WORLD_START) / ESTAB_MS);
}

static void stack_open(struct world *w)
{
    const struct estab_addr own = {{0xfd, 0x7f, [15] = 1}}, far_own = {{0xfd, 9, [15] = 1}};
    struct estab_interface lo = {.size = sizeof lo,
                                 .link = ESTAB_LINK_IP,
                                 .prefix_length = 8,
                                 .address = estab_ipv4(127, 0, 0, 1),
                                 .mtu = 65535};
    struct estab_interface far = {.size = sizeof far,
                                  .link = ESTAB_LINK_IP,
                                  .prefix_length = 24,
                                  .address = estab_ipv4(10, 9, 9, 1),
                                  .mtu = 1500};
    struct estab_config c;
    struct estab_room room;

    estab_config_init(&c);
    c.connections = c.records = 256;
    c.listeners = 16;
    c.chunks = 2048;
    memset(c.isn_key, 1, sizeof c.isn_key);
    memset(c.hash_key, 2, sizeof c.hash_key);
    room.size = estab_stack_size(&c);
    assert_int_equal(posix_memalign(&room.base, 64, room.size), 0);
    memset(room.base, 0, room.size);
    w->room = room.base;
    w->now = WORLD_START;
    w->stack = estab_stack_init(room, &c, w->now);
    assert_non_null(w->stack);
    assert_int_equal(estab_interface_add(w->stack, &lo), 0);
    assert_int_equal(estab_interface_add(w->stack, &far), 1);
    assert_int_equal(estab_address_add(w->stack, 0, own, 128, w->now), ESTAB_OK);
    assert_int_equal(estab_address_add(w->stack, 1, far_own, 64, w->now), ESTAB_OK);
}

static void posix_open(struct world *w)
{
    struct estab_posix_config c;

    estab_posix_config_init(&c);
    c.waiter = (struct estab_posix_waiter){.context = w, .now = world_now, .wait = world_wait};
    w->p = estab_posix_new(w->stack, &c);
    assert_non_null(w->p);
}

/* ---- both ------------------------------------------------------------------------------------------------ */

void world_open(struct world *w, bool kernel)
{
    static uint16_t port = WORLD_PORT;

    memset(w, 0, sizeof *w);
    w->name = kernel ? "kernel" : "estab";
    w->port = port;
    if (kernel)
        return;
    port++; /* the kernel is asked first, and gets the next one next time */
    stack_open(w);
    posix_open(w);
}

void world_close(struct world *w)
{
    for (int i = 0; i < w->slots; i++)
        if (w->fd[i] >= 0) {
            struct linger now = {1, 0};

            (void)WORLD_CALL(w, setsockopt, w->fd[i], SOL_SOCKET, SO_LINGER, &now, sizeof now);
            (void)WORLD_CALL(w, close, w->fd[i]);
        }
    if (!w->p)
        return;
    estab_posix_free(w->p);
    free(w->room);
}

void world_settle(struct world *w)
{
    int number = errno;

    if (w->p)
        estab_settle(w);
    else
        kernel_settle();
    errno = number;
}

void world_sleep(struct world *w, unsigned ms)
{
    estab_time until = w->now + ms * ESTAB_MS;

    if (!w->p) {
        usleep(ms * 1000);
        return;
    }
    while (estab_step(w, until))
        continue;
}

void world_note(struct world *w, const char *format, ...)
{
    va_list args;

    if (w->quiet)
        return;
    va_start(args, format);
    w->used += (size_t)vsnprintf(w->log + w->used, sizeof w->log - w->used, format, args);
    va_end(args);
    assert_true(w->used < sizeof w->log);
}

void world_result(struct world *w, const char *what, long result)
{
    int number = errno;

    world_settle(w);
    if (result < 0)
        world_note(w, "%s = %s\n", what, strerrorname_np(number));
    else
        world_note(w, "%s = %ld\n", what, result);
}

static void difference(const char *family, const char *label, int argument, const char *kernel, const char *estab)
{
    size_t i = 0, line = 0;

    for (; kernel[i] && kernel[i] == estab[i]; i++)
        if (kernel[i] == '\n')
            line = i + 1;
    fprintf(stderr, "%s: %s (%d), after\n%.*s  kernel: %.*s\n  estab:  %.*s\n", family, label, argument, (int)line,
             kernel, (int)strcspn(kernel + line, "\n"), kernel + line,
             (int)strcspn(estab + line, "\n"), estab + line);
}

bool world_compare(enum world_family family, const char *label,
                   void (*program)(struct world *w, int argument), int argument)
{
    static const char *const names[] = {"IPv4", "IPv6", "mapped"};
    struct world *kernel = malloc(sizeof *kernel), *estab = malloc(sizeof *estab);
    bool same;

    assert_non_null(kernel);
    assert_non_null(estab);
    world_open(kernel, true);
    kernel->family = family;
    program(kernel, argument);
    world_close(kernel);
    world_open(estab, false);
    estab->family = family;
    program(estab, argument);
    world_close(estab);
    assert_true(kernel->used > 0);
    same = strcmp(kernel->log, estab->log) == 0;
    if (!same)
        difference(names[family], label, argument, kernel->log, estab->log);
    free(kernel);
    free(estab);
    return same;
}

unsigned world_differ(const char *label, void (*program)(struct world *w, int argument), int argument)
{
    unsigned differ = 0;

    for (int family = 0; family < WORLD_FAMILIES; family++)
        differ += !world_compare((enum world_family)family, label, program, argument);
    return differ;
}
