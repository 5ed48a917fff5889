/* SPDX-License-Identifier: MIT */
/*
 * The adapter as packetdrill uses it: opened by its path, driven through the table of its interface,
 * without packetdrill.  $ESTAB_PACKETDRILL is the module.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/times.h>
#include <sys/wait.h>

#include "packetdrill/interface.h"
#include "support/made_frame.h"

#define SECOND INT64_C(1000000)
#define SLACK  1000 /* each look at the clock takes a microsecond, and a test looks often */

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

typedef void init_function(const char *, struct packetdrill_interface *);

struct world {
    void *module;
    struct packetdrill_interface ifc;
    int listener;
    uint32_t iss, irs;
    bool timestamps; /* agreed on */
    uint8_t echo[4]; /* of the stack's last segment */
};

struct segment {
    uint8_t flags;
    uint32_t seq, ack;
    size_t length; /* of text */
    bool timestamps, scale;
    long long time;
};

static const struct estab_endpoint ours = {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 168, 0, 1}}, 8080};
static const struct estab_endpoint theirs = {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1}}, 40000};

static void *load(void)
{
    const char *path = getenv("ESTAB_PACKETDRILL");
    void *module;

    if (!path) {
        print_message("ESTAB_PACKETDRILL is not set: run this by ctest\n");
        return NULL;
    }
    module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!module)
        print_message("%s\n", dlerror());
    return module;
}

static void start(struct world *w, const char *flags)
{
    init_function *init;

    memset(w, 0, sizeof *w);
    w->module = load();
    assert_non_null(w->module);
    *(void **)&init = dlsym(w->module, "packetdrill_interface_init");
    assert_non_null(init);
    init(flags, &w->ifc);
    w->irs = 0xfffffff0; /* wraps */
}

static void stop(struct world *w)
{
    w->ifc.free(w->ifc.userdata);
    dlclose(w->module);
}

#define CALL(w, name, ...) (w)->ifc.name((w)->ifc.userdata, __VA_ARGS__)

static int64_t now_us(struct world *w)
{
    struct timeval t;

    assert_int_equal(CALL(w, gettimeofday, &t, NULL), 0);
    return t.tv_sec * SECOND + t.tv_usec;
}

static void send_segment(struct world *w, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t length)
{
    static uint8_t bytes[MADE_FRAME_MAX];
    static const char options[] = "\2\4\5\xb4\4\2\10\12\0\0\0\1\0\0\0\0\1\3\3\7";
    char stamps[12] = {1, 1, 8, 10, 0, 0, 0, 2};
    struct made_tcp of = {
        .src = theirs, .dst = ours, .seq = w->irs + seq, .ack = flags & ACK ? w->iss + ack : 0,
        .window = 32792, .flags = flags, .length = length,
    };

    if (flags & SYN) {
        of.options = options;
        of.options_length = sizeof options - 1;
    } else if (w->timestamps) {
        memcpy(stamps + 8, w->echo, sizeof w->echo);
        of.options = stamps;
        of.options_length = sizeof stamps;
    }
    assert_int_equal(CALL(w, netdev_send, bytes, made_tcp(bytes, &of, true)), 0);
}

static void read_options(struct world *w, struct segment *s, const uint8_t *p, const uint8_t *end)
{
    while (p < end && *p) {
        s->timestamps |= *p == 8;
        s->scale |= *p == 3;
        if (*p == 8)
            memcpy(w->echo, p + 2, sizeof w->echo);
        p += *p == 1 ? 1 : p[1];
    }
}

static struct segment receive(struct world *w)
{
    uint8_t p[65536];
    size_t n = sizeof p;
    struct segment s = {0};

    assert_int_equal(CALL(w, netdev_receive, p, &n, &s.time), 0);
    if (n == 0)
        return s;
    assert_int_equal(p[0], 0x45);
    assert_int_equal(made_sum(0, p, 20), 0);
    s.flags = p[33];
    s.seq = (uint32_t)p[24] << 24 | (uint32_t)p[25] << 16 | (uint32_t)p[26] << 8 | p[27];
    s.ack = (uint32_t)p[28] << 24 | (uint32_t)p[29] << 16 | (uint32_t)p[30] << 8 | p[31];
    if (s.flags & SYN)
        w->iss = s.seq;
    s.seq -= w->iss;
    s.ack -= w->irs;
    s.length = n - 20 - (p[32] >> 4) * 4u;
    read_options(w, &s, p + 40, p + 20 + (p[32] >> 4) * 4);
    w->timestamps = s.timestamps;
    return s;
}

static void listen_there(struct world *w)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(8080)};

    w->listener = CALL(w, socket, AF_INET, SOCK_STREAM, IPPROTO_TCP);
    assert_true(w->listener >= 0);
    memcpy(&a.sin_addr, ours.addr.b + 12, 4);
    assert_int_equal(CALL(w, bind, w->listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(CALL(w, listen, w->listener, 1), 0);
}

static int establish(struct world *w)
{
    listen_there(w);
    send_segment(w, SYN, 0, 0, 0);
    (void)receive(w);
    send_segment(w, ACK, 1, 1, 0);
    return CALL(w, accept, w->listener, NULL, NULL);
}

static struct tcp_info info_of(struct world *w, int fd)
{
    struct tcp_info info = {0};
    socklen_t n = sizeof info;

    assert_int_equal(CALL(w, getsockopt, fd, IPPROTO_TCP, TCP_INFO, &info, &n), 0);
    return info;
}

/* ---- packets and time ---------------------------------------------------------------------------------- */

static void test_table_is_full(void **state)
{
    struct world w;

    (void)state;
    start(&w, NULL);
    for (size_t i = 0; i < sizeof w.ifc / sizeof(void *); i++)
        assert_non_null(((void **)&w.ifc)[i]);
    stop(&w);
}

static void test_handshake(void **state)
{
    struct world w;
    struct segment s;
    int64_t at;
    int fd;

    (void)state;
    start(&w, "local=192.168.0.1,mtu=1400");
    listen_there(&w);
    at = now_us(&w);
    send_segment(&w, SYN, 0, 0, 0);
    s = receive(&w);
    assert_int_equal(s.flags, SYN | ACK);
    assert_int_equal(s.ack, 1);
    assert_true(s.timestamps && s.scale);
    assert_in_range(s.time, at, at + SLACK);
    send_segment(&w, ACK, 1, 1, 0);
    fd = CALL(&w, accept, w.listener, NULL, NULL);
    assert_true(fd >= 0);
    assert_int_equal(info_of(&w, fd).tcpi_state, TCP_ESTABLISHED);
    assert_int_equal(info_of(&w, fd).tcpi_snd_mss, 1400 - 40 - 12);
    stop(&w);
}

/* A packet that does not come makes time pass: RFC 6298's timeouts, one after the other. */
static void test_receive_runs_timers(void **state)
{
    struct world w;
    long long first, second;

    (void)state;
    start(&w, NULL);
    listen_there(&w);
    send_segment(&w, SYN, 0, 0, 0);
    first = receive(&w).time;
    second = receive(&w).time;
    assert_int_equal(second, first + SECOND);
    assert_int_equal(receive(&w).time, second + 2 * SECOND);
    assert_in_range(now_us(&w), second + 2 * SECOND, second + 2 * SECOND + SLACK);
    stop(&w);
}

/* What a timer sends during usleep has the time of the timer, not that of the end. */
static void test_usleep_runs_timers(void **state)
{
    struct world w;
    long long first;
    int64_t before;

    (void)state;
    start(&w, NULL);
    listen_there(&w);
    send_segment(&w, SYN, 0, 0, 0);
    first = receive(&w).time;
    before = now_us(&w);
    assert_int_equal(CALL(&w, usleep, 5 * SECOND), 0);
    assert_int_equal(now_us(&w), before + 5 * SECOND + 1);
    assert_int_equal(receive(&w).time, first + SECOND);
    assert_int_equal(receive(&w).time, first + 3 * SECOND);
    assert_true(now_us(&w) < before + 6 * SECOND);
    stop(&w);
}

static void test_nothing_to_receive(void **state)
{
    struct world w;
    struct segment s;

    (void)state;
    start(&w, NULL);
    listen_there(&w);
    s = receive(&w);
    assert_int_equal(s.length, 0);
    assert_int_equal(s.flags, 0);
    stop(&w);
}

/* ---- calls that block ------------------------------------------------------------------------------------ */

struct sleeper {
    struct world *w;
    int fd, result, error;
    atomic_long tid;
    atomic_bool returned;
    int64_t time;
    pthread_t thread;
    bool reads;
};

/* As packetdrill's thread: the call, then the clock. */
static void *sleeper(void *context)
{
    struct sleeper *s = context;
    char text[64];

    s->tid = syscall(SYS_gettid);
    s->result = s->reads ? (int)CALL(s->w, read, s->fd, text, sizeof text)
                         : CALL(s->w, accept, s->fd, NULL, NULL);
    s->error = errno;
    s->time = now_us(s->w);
    s->returned = true;
    return NULL;
}

static bool sleeps(long tid)
{
    char path[64], text[512] = "";
    FILE *f;
    const char *end;

    snprintf(path, sizeof path, "/proc/self/task/%ld/stat", tid);
    f = fopen(path, "re");
    if (!f)
        return false;
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    end = strrchr(text, ')');
    return end && strncmp(end, ") S", 3) == 0;
}

/* Under qemu-i386 neither a thread nor a child ever runs, whatever the program is. */
static void need_threads(void)
{
    if (sizeof(void *) == 4)
        skip();
}

static void put_to_sleep(struct sleeper *s)
{
    assert_int_equal(pthread_create(&s->thread, NULL, sleeper, s), 0);
    while (!s->tid || !sleeps(s->tid))
        sched_yield();
    assert_false(s->returned);
}

static void test_accept_sleeps(void **state)
{
    struct world w;
    struct sleeper s = {.w = &w};
    int64_t at;

    (void)state;
    need_threads();
    start(&w, NULL);
    listen_there(&w);
    s.fd = w.listener;
    put_to_sleep(&s);
    assert_int_equal(CALL(&w, usleep, 100000), 0);
    send_segment(&w, SYN, 0, 0, 0);
    (void)receive(&w);
    assert_int_equal(CALL(&w, usleep, 100000), 0);
    assert_false(s.returned);
    at = now_us(&w);
    send_segment(&w, ACK, 1, 1, 0);
    assert_true(s.returned); /* before time could move */
    assert_true(s.result >= 0);
    assert_in_range(s.time, at, at + SLACK);
    pthread_join(s.thread, NULL);
    stop(&w);
}

static void test_read_times_out(void **state)
{
    struct world w;
    struct sleeper s = {.w = &w, .reads = true};
    struct timeval limit = {.tv_usec = 250000};
    int64_t at;

    (void)state;
    need_threads();
    start(&w, NULL);
    s.fd = establish(&w);
    assert_true(s.fd >= 0);
    assert_int_equal(CALL(&w, setsockopt, s.fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    at = now_us(&w);
    put_to_sleep(&s);
    assert_int_equal(CALL(&w, usleep, 240000), 0);
    assert_false(s.returned);
    assert_int_equal(CALL(&w, usleep, 2000000), 0);
    assert_true(s.returned);
    assert_int_equal(s.result, -1);
    assert_int_equal(s.error, EAGAIN);
    assert_in_range(s.time, at + 250000, at + 250000 + SLACK);
    pthread_join(s.thread, NULL);
    stop(&w);
}

/* packetdrill waits for a call to return before it makes the next one: nobody else moves time then. */
static void test_main_waits_for_the_call(void **state)
{
    struct world w;
    struct sleeper s = {.w = &w, .reads = true};
    struct timeval limit = {.tv_usec = 500000};
    int64_t at;

    (void)state;
    need_threads();
    start(&w, NULL);
    s.fd = establish(&w);
    assert_true(s.fd >= 0);
    assert_int_equal(CALL(&w, setsockopt, s.fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    at = now_us(&w);
    put_to_sleep(&s);
    assert_int_equal(CALL(&w, usleep, 100000), 0);
    pthread_join(s.thread, NULL);
    assert_int_equal(s.result, -1);
    assert_int_equal(s.error, EAGAIN);
    assert_in_range(s.time, at + 500000, at + 500000 + SLACK);
    stop(&w);
}

/* packetdrill's own thread must never hang: time passes, and where nothing is left that could wake the
 * call, it ends. */
static void test_main_never_waits(void **state)
{
    struct world w;
    struct timeval limit = {.tv_sec = 3};
    char text[16];
    int64_t at;
    int fd;

    (void)state;
    start(&w, NULL);
    fd = establish(&w);
    assert_true(fd >= 0);
    assert_int_equal(CALL(&w, read, fd, text, sizeof text), -1);
    assert_int_equal(errno, EINTR);
    assert_int_equal(CALL(&w, setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    at = now_us(&w);
    assert_int_equal(CALL(&w, read, fd, text, sizeof text), -1);
    assert_int_equal(errno, EAGAIN);
    assert_in_range(now_us(&w), at + 3 * SECOND, at + 3 * SECOND + SLACK);
    stop(&w);
}

/* The end comes while a call sleeps: it returns. */
static void test_free_wakes(void **state)
{
    struct world w;
    struct sleeper s = {.w = &w};

    (void)state;
    need_threads();
    start(&w, NULL);
    listen_there(&w);
    s.fd = w.listener;
    put_to_sleep(&s);
    stop(&w);
    assert_true(s.returned);
    assert_int_equal(s.result, -1);
    assert_int_equal(s.error, EINTR);
    pthread_join(s.thread, NULL);
}

/* ---- calls --------------------------------------------------------------------------------------------------- */

static void test_text_both_ways(void **state)
{
    struct world w;
    struct segment s;
    char text[3000] = "";
    int fd, queued = 0;

    (void)state;
    start(&w, NULL);
    fd = establish(&w);
    assert_true(fd >= 0);
    send_segment(&w, ACK | PSH, 1, 1, 5);
    assert_int_equal(CALL(&w, ioctl, fd, SIOCINQ, &queued), 0);
    assert_int_equal(queued, 5);
    assert_int_equal(CALL(&w, read, fd, text, sizeof text), 5);
    assert_memory_equal(text, "xxxxx", 5);
    assert_int_equal(receive(&w).ack, 6);
    assert_int_equal(CALL(&w, write, fd, text, sizeof text), sizeof text);
    s = receive(&w);
    assert_int_equal(s.seq, 1);
    assert_int_equal(s.length, 1448);
    assert_int_equal(CALL(&w, ioctl, fd, SIOCOUTQ, &queued), 0);
    assert_int_equal(queued, sizeof text);
    assert_int_equal(CALL(&w, fcntl, fd, F_SETFL, O_RDWR | O_NONBLOCK), 0);
    assert_int_equal(CALL(&w, fcntl, fd, F_GETFL), O_RDWR | O_NONBLOCK);
    assert_int_equal(CALL(&w, read, fd, text, sizeof text), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(CALL(&w, epoll_create, 0), -1);
    assert_int_equal(errno, EINVAL);
    stop(&w);
}

static void test_super_segment(void **state)
{
    struct world w;
    char text[20000];
    int fd;

    (void)state;
    start(&w, "net.ipv4.tcp_timestamps=0,mss=1000");
    fd = establish(&w);
    assert_true(fd >= 0);
    send_segment(&w, ACK | PSH, 1, 1, 10000);
    assert_int_equal(receive(&w).ack, 10001);
    assert_int_equal(CALL(&w, read, fd, text, sizeof text), 10000);
    assert_int_equal(info_of(&w, fd).tcpi_rcv_mss, 1000);
    stop(&w);
}

/* ---- configuration -------------------------------------------------------------------------------------------- */

static void write_file(const char *folder, const char *name, const char *value)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof path, "%s/net/ipv4/%s", folder, name);
    f = fopen(path, "we");
    assert_non_null(f);
    fputs(value, f);
    fclose(f);
}

/* They are read when the first socket is made: a script's preamble runs after the initialization. */
static void test_sysctls_from_a_tree(void **state)
{
    char folder[] = "/tmp/estab-sysctl-XXXXXX", flags[128], path[128];
    static const char *const names[] = {"tcp_timestamps", "tcp_window_scaling", "tcp_rmem"};
    struct world w;
    struct segment s;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(flags, sizeof flags, "sysctls=%s", folder);
    start(&w, flags);
    snprintf(path, sizeof path, "%s/net", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/net/ipv4", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    write_file(folder, names[0], "0\n");
    write_file(folder, names[1], "0\n");
    write_file(folder, names[2], "4096\t131072\t262144\n");
    listen_there(&w);
    send_segment(&w, SYN, 0, 0, 0);
    s = receive(&w);
    assert_int_equal(s.flags, SYN | ACK);
    assert_false(s.timestamps);
    assert_false(s.scale);
    stop(&w);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/net/ipv4/%s", folder, names[i]);
        assert_int_equal(unlink(path), 0);
    }
    snprintf(path, sizeof path, "%s/net/ipv4", folder);
    assert_int_equal(rmdir(path), 0);
    snprintf(path, sizeof path, "%s/net", folder);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* What a process says on its standard error that is initialized with these flags, and ends. */
static void refusal(const char *flags, char *out, size_t size)
{
    int fd[2], status;
    ssize_t n;
    pid_t child;

    assert_int_equal(pipe(fd), 0);
    child = fork();
    if (child == 0) {
        struct world w;

        dup2(fd[1], 2);
        start(&w, flags);
        _exit(0);
    }
    close(fd[1]);
    n = read(fd[0], out, size - 1);
    out[n > 0 ? n : 0] = '\0';
    close(fd[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), EXIT_FAILURE);
}

static void test_bad_flags(void **state)
{
    static const struct {
        const char *flags, *said;
    } rows[] = {
        {"mtu=5", "libestab_packetdrill: expected mtu to be bytes from 576 to 65535, found `5`\n"},
        {"mtu=1500,local=::g", "expected local to be an IP address, found `::g`\n"},
        {"mtu=-1500", "expected mtu to be bytes from 576 to 65535, found `-1500`\n"},
        {"prefix=129", "expected prefix to be bits from 0 to 128, found `129`\n"},
        {"mss=", "expected mss to be bytes from 1 to 65495, found ``\n"},
        {"sysctls=proc", "expected sysctls to be a path from the root, such as /proc/sys, found"},
        {"verbose", "expected NAME=VALUE, found `verbose`\n"},
        {"speed=9", "expected local, prefix, mtu, mss, sysctls or a name such as net.ipv4."},
        {"net.ipv4.tcp_rmem=1", "expected a value of net.ipv4.tcp_rmem, found `1`\n"},
        {"net.ipv4.tcp_frto=1", "expected a sysctl that has a counterpart here, found `net.ipv4.tcp_frto=1`"},
    };
    char said[512];

    (void)state;
    need_threads();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        refusal(rows[i].flags, said, sizeof said);
        if (!strstr(said, rows[i].said))
            fail_msg("%s: %s", rows[i].flags, said);
    }
}

/* ---- what bypasses the table ------------------------------------------------------------------------------------ */

static void test_before_libc(void **state)
{
    int (*their_getsockopt)(int, int, int, void *, socklen_t *);
    int (*their_close)(int);
    clock_t (*their_times)(struct tms *);
    struct tcp_info info = {0};
    socklen_t n = sizeof info;
    struct world w;
    int fd, kernel[2];
    clock_t ticks;

    (void)state;
    start(&w, NULL);
    *(void **)&their_getsockopt = dlsym(w.module, "getsockopt");
    *(void **)&their_close = dlsym(w.module, "close");
    *(void **)&their_times = dlsym(w.module, "times");
    fd = establish(&w);
    assert_int_equal(their_getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n), 0);
    assert_int_equal(info.tcpi_state, TCP_ESTABLISHED);
    ticks = their_times(NULL);
    assert_int_equal(their_times(NULL), ticks + 1);
    assert_int_equal(pipe(kernel), 0);
    n = sizeof info;
    assert_int_equal(their_getsockopt(kernel[0], SOL_SOCKET, SO_TYPE, &info, &n), -1);
    assert_int_equal(errno, ENOTSOCK);
    assert_int_equal(their_close(kernel[0]), 0);
    assert_int_equal(their_close(kernel[0]), -1);
    assert_int_equal(errno, EBADF);
    assert_int_equal(close(kernel[1]), 0);
    assert_int_equal(their_close(fd), 0);
    assert_int_equal(receive(&w).flags, FIN | ACK);
    assert_int_equal(CALL(&w, listen, fd, 1), -1);
    assert_int_equal(errno, EBADF);
    stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_is_full),
        cmocka_unit_test(test_handshake),
        cmocka_unit_test(test_receive_runs_timers),
        cmocka_unit_test(test_usleep_runs_timers),
        cmocka_unit_test(test_nothing_to_receive),
        cmocka_unit_test(test_accept_sleeps),
        cmocka_unit_test(test_read_times_out),
        cmocka_unit_test(test_main_waits_for_the_call),
        cmocka_unit_test(test_main_never_waits),
        cmocka_unit_test(test_free_wakes),
        cmocka_unit_test(test_text_both_ways),
        cmocka_unit_test(test_super_segment),
        cmocka_unit_test(test_sysctls_from_a_tree),
        cmocka_unit_test(test_bad_flags),
        cmocka_unit_test(test_before_libc),
    };

    void *module = load(); /* a child of the tests must not be the first to miss it */

    if (!module)
        return 1;
    dlclose(module);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
