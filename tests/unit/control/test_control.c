/* SPDX-License-Identifier: MIT */
/*
 * A control socket and its clients: those that behave, and those that flood, stall, cut off or send
 * garbage.  The directory is a new one for each test.
 */
#include "control/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/ask.h"
#include "control/sockets.h"
#include "device/runtime.h"

#define NOW   (100 * ESTAB_SECOND)
#define PORTS 200 /* listeners of the stack: more than one buffer of lines */

static char base[64], folder[96];
static int place;
static struct estab_room room;
static estab_stack *stack;
static struct control *control;
static struct estab_host_error error;

/* ---- a stack and its socket ---------------------------------------------------------------------------- */

static void make_stack(void)
{
    struct estab_interface i = {.size = sizeof i,
                                .link = ESTAB_LINK_IP,
                                .prefix_length = 24,
                                .address = estab_ipv4(10, 11, 0, 1),
                                .mtu = 1500};
    struct estab_open open = {.size = sizeof open, .remote = {estab_ipv4(10, 11, 0, 101), 80}};
    struct estab_config c;
    estab_listener listener;
    estab_conn conn;

    estab_config_init(&c);
    c.connections = c.records = 16;
    c.listeners = PORTS;
    c.chunks = 1024;
    room.size = estab_stack_size(&c);
    room.base = mmap(NULL, room.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack = estab_stack_init(room, &c, NOW);
    assert_non_null(stack);
    assert_int_equal(estab_interface_add(stack, &i), 0);
    for (uint16_t port = 1; port <= PORTS; port++)
        assert_int_equal(estab_listen(stack,
                                      &(struct estab_listen){.size = sizeof(struct estab_listen),
                                                             .local.port = port,
                                                             .backlog = 5},
                                      &listener),
                         ESTAB_OK);
    assert_int_equal(estab_open(stack, &open, &conn, NOW), ESTAB_OK);
}

static const char *peer_name;

static void find_names(void *context, struct names *names)
{
    assert_ptr_equal(context, base);
    assert_true(names_add(names, estab_ipv4(10, 11, 0, 1), "server"));
    assert_true(names_add(names, estab_ipv4(10, 11, 0, 101), peer_name));
}

static struct control *open_control(void)
{
    return control_open(&(struct control_config){.program = "estab test",
                                                 .on = "nothing",
                                                 .name = "server",
                                                 .stack = stack,
                                                 .names = find_names,
                                                 .context = base,
                                                 .diag = -1},
                        &error);
}

static int setup(void **state)
{
    (void)state;
    memset(&error, 0, sizeof error);
    peer_name = "client";
    strcpy(base, "/tmp/estab-test-XXXXXX");
    assert_non_null(mkdtemp(base));
    assert_int_equal(setenv("XDG_RUNTIME_DIR", base, 1), 0);
    snprintf(folder, sizeof folder, "%s/estab", base);
    assert_int_equal(runtime_open(false, &error), -1);
    assert_int_equal(error.kind, ESTAB_HOST_NOT_FOUND);
    place = runtime_open(true, &error);
    assert_true(place >= 0);
    make_stack();
    control = open_control();
    assert_non_null(control);
    return 0;
}

static int teardown(void **state)
{
    struct socket_name names[CONTROL_SOCKETS_MAX];

    (void)state;
    control_close(control);
    munmap(room.base, room.size);
    assert_int_equal(sockets_list(place, names), 0);
    close(place);
    assert_int_equal(rmdir(folder), 0); /* nothing is left there */
    return rmdir(base);
}

/* ---- a client -------------------------------------------------------------------------------------------- */

static int client(void)
{
    struct socket_name name = {.pid = (uint32_t)getpid()};
    int fd = sockets_connect(place, &name);

    assert_true(fd >= 0);
    return fd;
}

static void say(int fd, const char *bytes, size_t n)
{
    assert_int_equal(send(fd, bytes, n, MSG_NOSIGNAL), n);
}

/* Turns until nothing moves any more; what came. */
static size_t hear(int fd, char *out, size_t size)
{
    size_t length = 0;
    ssize_t n = -1;

    for (unsigned idle = 0; idle < 3; idle += n <= 0) {
        control_turn(control, NOW);
        n = recv(fd, out + length, size - 1 - length, MSG_DONTWAIT);
        if (n > 0) {
            length += (size_t)n;
            idle = 0;
        }
    }
    out[length] = '\0';
    return length;
}

static bool is_dropped(int fd)
{
    char byte;

    for (unsigned i = 0; i < 4; i++)
        control_turn(control, NOW);
    while (recv(fd, &byte, 1, MSG_DONTWAIT) == 1)
        continue;
    return recv(fd, &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET;
}

static unsigned lines(const char *text)
{
    unsigned n = 0;

    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static char answer[1 << 20];

static void expect(int fd, const char *part)
{
    hear(fd, answer, sizeof answer);
    if (!strstr(answer, part))
        fail_msg("\"%s\" has no \"%s\"", answer, part);
}

#define END(request, count)                                                                        \
    "{\"schema\":\"estab.end/1\",\"request\":\"" request "\",\"count\":" count "}\n"

/* ---- those that behave ------------------------------------------------------------------------------------ */

static void everything_is_listed(void **state)
{
    int fd = client();
    char *last;

    (void)state;
    say(fd, "connections\n", 12);
    hear(fd, answer, sizeof answer);
    assert_int_equal(lines(answer), PORTS + 2);
    last = strstr(answer, "SYN-SENT");
    assert_non_null(last);
    assert_non_null(strstr(last, END("connections", "201")));
    assert_non_null(strstr(answer, "\"local\":\"[::]:1\",\"remote\":\"[::]:*\","
                                   "\"local_name\":\"server\",\"remote_name\":null,"
                                   "\"state\":\"LISTEN\""));
    assert_non_null(strstr(answer, "\"remote\":\"10.11.0.101:80\",\"local_name\":\"server\","
                                   "\"remote_name\":\"client\",\"state\":\"SYN-SENT\""));
    close(fd);
}

static void requests_one_after_the_other(void **state)
{
    int fd = client();

    (void)state;
    say(fd, "stack\nstatistics\r\nstack\n", 24);
    hear(fd, answer, sizeof answer);
    assert_int_equal(lines(answer), 2 + 3 + 2);
    assert_non_null(strstr(answer, END("stack", "1")));
    assert_non_null(strstr(answer, END("statistics", "2")));
    assert_non_null(strstr(answer, "\"schema\":\"estab.counters/1\""));
    assert_non_null(strstr(answer, "\"listeners\":200"));
    assert_non_null(strstr(answer, "{\"address\":\"10.11.0.101\",\"name\":\"client\"}"));
    say(fd, "stack\n", 6);
    expect(fd, END("stack", "1"));
    close(fd);
}

/* Stations come and go. */
static void names_are_those_of_the_moment(void **state)
{
    int fd = client();

    (void)state;
    say(fd, "stack\n", 6);
    expect(fd, "{\"address\":\"10.11.0.101\",\"name\":\"client\"}]");
    peer_name = "vm";
    say(fd, "stack\n", 6);
    expect(fd, "{\"address\":\"10.11.0.101\",\"name\":\"vm\"}]");
    close(fd);
}

/* As a child that carries on what its parent leaves. */
static void the_socket_survives_who_leaves_it(void **state)
{
    int status, fd;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        control_leave(control);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    fd = client();
    say(fd, "stack\n", 6);
    expect(fd, END("stack", "1"));
    close(fd);
}

static void a_request_in_pieces(void **state)
{
    int fd = client();

    (void)state;
    for (const char *p = "stack\n"; *p; p++) {
        hear(fd, answer, sizeof answer);
        assert_string_equal(answer, "");
        say(fd, p, 1);
    }
    expect(fd, END("stack", "1"));
    close(fd);
}

/* As nc -U -N does it. */
static void an_end_behind_the_request(void **state)
{
    int fd = client();

    (void)state;
    say(fd, "connections\n", 12);
    shutdown(fd, SHUT_WR);
    expect(fd, END("connections", "201"));
    assert_true(is_dropped(fd));
    close(fd);
}

static void a_reason_is_counted(void **state)
{
    uint8_t bytes[40] = {0x45};
    struct estab_frame f = {.length = sizeof bytes,
                            .link = ESTAB_LINK_IP,
                            .parts = 1,
                            .part[0] = {bytes, sizeof bytes}};
    int fd = client();

    (void)state;
    estab_input(stack, &f, 1, NOW); /* a header that does not hold */
    say(fd, "statistics\n", 11);
    expect(fd, END("statistics", "3"));
    assert_non_null(strstr(answer, "\"schema\":\"estab.reason/1\""));
    assert_non_null(strstr(answer, "\"count\":1}"));
    close(fd);
}

/* ---- those that do not -------------------------------------------------------------------------------------- */

static void what_is_no_request(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *says;
    } rows[] = {
        {"\n", 1, "\\\"\\\" is no request: expected stack, connections or statistics"},
        {"hello\n", 6, "\\\"hello\\\" is no request"},
        {"stack \x00more\n", 12, "\\\"stack \\\\x00more\\\" is no request"},
        {"STACK\n", 6, "\\\"STACK\\\" is no request"},
        {"\xff\xfe{\"a\":1}\n", 10, "is no request"},
        {"stackstackstackstackstackstackstackstackstackstack\n", 51, "\\\"... is no request"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int fd = client();
        say(fd, rows[i].bytes, rows[i].n);
        expect(fd, rows[i].says);
        assert_int_equal(lines(answer), 1);
        say(fd, "stack\n", 6); /* and it may go on */
        expect(fd, END("stack", "1"));
        close(fd);
    }
}

static void a_line_without_an_end(void **state)
{
    char bytes[CONTROL_REQUEST_MAX];
    int fd = client();

    (void)state;
    memset(bytes, 'x', sizeof bytes);
    say(fd, bytes, sizeof bytes - 1);
    hear(fd, answer, sizeof answer);
    assert_string_equal(answer, "");
    say(fd, bytes, 1);
    expect(fd, "\\\"... is no request");
    assert_true(is_dropped(fd));
    close(fd);
}

/* A client that never reads is owed one buffer and what its socket holds; others are answered. */
static void one_that_never_reads(void **state)
{
    static const char request[] = "connections\nconnections\nconnections\nconnections\n";
    int deaf = client(), small = 4096, fd;
    ssize_t taken = 0, n;

    (void)state;
    setsockopt(deaf, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    for (unsigned i = 0; i < 10000; i++) {
        n = send(deaf, request, sizeof request - 1, MSG_NOSIGNAL);
        taken += n > 0 ? n : 0;
        control_turn(control, NOW);
    }
    assert_true(taken < 10000 * (ssize_t)(sizeof request - 1)); /* it is not read from any more */
    fd = client();
    say(fd, "stack\n", 6);
    expect(fd, END("stack", "1"));
    hear(deaf, answer, sizeof answer);
    assert_non_null(strstr(answer, END("connections", "201"))); /* where it had stopped */
    close(deaf);
    close(fd);
}

static void one_that_goes_while_it_is_answered(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 50; i++) {
        int fd = client();
        say(fd, "connections\n", 12);
        for (unsigned k = 0; k < i % 5; k++)
            control_turn(control, NOW);
        close(fd);
        control_turn(control, NOW);
    }
    a_request_in_pieces(NULL);
}

/* The idlest makes room; whoever has just come is answered. */
static void more_than_there_is_room_for(void **state)
{
    int idle[3 * CONTROL_CLIENTS], fd;

    (void)state;
    for (unsigned i = 0; i < 3 * CONTROL_CLIENTS; i++) {
        idle[i] = client();
        control_turn(control, NOW);
    }
    fd = client();
    say(fd, "stack\n", 6);
    expect(fd, END("stack", "1"));
    assert_true(is_dropped(idle[0]));
    assert_false(is_dropped(idle[3 * CONTROL_CLIENTS - 1]));
    for (unsigned i = 0; i < 3 * CONTROL_CLIENTS; i++)
        close(idle[i]);
    close(fd);
}

/* A client that connects and goes, over and over, with or without words. */
static void a_flood(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5000; i++) {
        int fd = client();
        if (i % 3)
            say(fd, "\n\n\n\n\n\n\n\nconnections\nx", i % 22 + 1);
        if (i % 2)
            control_turn(control, NOW);
        close(fd);
        if (i % 8 == 0)
            control_turn(control, NOW);
    }
    a_request_in_pieces(NULL);
}

static bool wants_a_turn(void)
{
    struct pollfd p = {.fd = control_fd(control), .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

/* A loop sleeps while nothing can be done, whoever is connected. */
static void it_asks_for_no_turn_in_vain(void **state)
{
    int idle, deaf, half, small = 4096;

    (void)state;
    assert_false(wants_a_turn());
    idle = client();
    assert_true(wants_a_turn());
    deaf = client();
    half = client();
    setsockopt(deaf, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    for (unsigned i = 0; i < 40; i++)
        say(deaf, "connections\n", 12);
    say(half, "sta", 3);
    for (unsigned i = 0; i < 1000 && wants_a_turn(); i++)
        control_turn(control, NOW);
    assert_false(wants_a_turn());
    close(idle);
    assert_true(wants_a_turn());
    control_turn(control, NOW);
    assert_false(wants_a_turn());
    close(deaf);
    close(half);
}

/* Who could reach the socket in spite of the directory: only this user, and root, are answered. */
static void another_user_is_not_answered(void **state)
{
    struct socket_name name = {.pid = (uint32_t)getpid()};
    char path[96 + 32];
    int status = -1, fd;
    pid_t pid;

    (void)state;
    if (geteuid() != 0)
        skip();
    snprintf(path, sizeof path, "%s/%u-0", folder, (unsigned)getpid());
    assert_int_equal(chmod(base, 0755) | chmod(folder, 0755) | chmod(path, 0777), 0);
    pid = fork();
    if (pid == 0) {
        char byte;
        if (setuid(65534) != 0 || (fd = sockets_connect(place, &name)) < 0)
            _exit(1);
        (void)!send(fd, "stack\n", 6, MSG_NOSIGNAL); /* it may be dropped by now */
        fcntl(fd, F_SETFL, 0);
        _exit(recv(fd, &byte, 1, 0) == 1 ? 2 : 0);
    }
    while (waitpid(pid, &status, WNOHANG) == 0) {
        struct pollfd p = {.fd = control_fd(control), .events = POLLIN};
        (void)poll(&p, 1, 10);
        control_turn(control, NOW);
    }
    assert_int_equal(status, 0);
}

/* With no descriptor left a client is sent away, and the loop does not turn for ever. */
static void no_descriptor_is_left(void **state)
{
    struct rlimit limit, little;
    int first = client(), fd = client(), filler[64], n = 0;

    (void)state;
    control_turn(control, NOW);
    close(fd);
    control_turn(control, NOW);
    fd = client();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    little = limit;
    little.rlim_cur = 64;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &little), 0);
    while (n < 64 && (filler[n] = dup(fd)) >= 0)
        n++;
    assert_int_equal(errno, EMFILE);
    for (unsigned i = 0; i < 10 && wants_a_turn(); i++)
        control_turn(control, NOW);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while (n > 0)
        close(filler[--n]);
    assert_false(wants_a_turn());
    assert_true(is_dropped(fd));
    say(first, "stack\n", 6);
    expect(first, END("stack", "1"));
    close(first);
    close(fd);
}

/* ---- the directory --------------------------------------------------------------------------------------------- */

static void a_second_socket_of_the_process(void **state)
{
    struct socket_name names[CONTROL_SOCKETS_MAX];
    struct control *second = open_control();

    (void)state;
    assert_non_null(second);
    assert_int_equal(sockets_list(place, names), 2);
    assert_int_equal(names[1].number, 1);
    control_close(second);
    assert_int_equal(sockets_list(place, names), 1);
}

/* A socket that nobody listens on, as kill -9 leaves it, and one that was never finished. */
static void what_the_dead_leave_is_removed(void **state)
{
    struct socket_name names[CONTROL_SOCKETS_MAX], name;
    char unfinished[96 + 32];
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd, status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        fd = sockets_listen(place, &name, NULL);
        snprintf(a.sun_path, sizeof a.sun_path, "%s/.%u-0", folder, (unsigned)getpid());
        fd = fd < 0 ? fd : socket(AF_UNIX, SOCK_STREAM, 0);
        _exit(bind(fd, (struct sockaddr *)&a, sizeof a) != 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    snprintf(unfinished, sizeof unfinished, "%s/.%u-0", folder, (unsigned)pid);
    assert_int_equal(sockets_list(place, names), 2);
    assert_int_equal(access(unfinished, F_OK), 0);
    runtime_sweep(place);
    assert_int_not_equal(access(unfinished, F_OK), 0);
    assert_int_equal(sockets_list(place, names), 1);
    assert_int_equal(names[0].pid, getpid());
}

static void other_files_are_left_alone(void **state)
{
    static const char *const others[] = {"lab.wire", "1-2-3", "x1-1", "01-1", "1-01", "1-", "lock"};
    struct socket_name names[CONTROL_SOCKETS_MAX];
    char path[96 + 32];

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, others[i]);
        fclose(fopen(path, "w"));
    }
    runtime_sweep(place);
    assert_int_equal(sockets_list(place, names), 1);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, others[i]);
        assert_int_equal(unlink(path), 0);
    }
}

static void assert_refused(const char *says)
{
    assert_null(open_control());
    if (!strstr(error.text, says))
        fail_msg("\"%s\" has no \"%s\"", error.text, says);
}

static void a_directory_that_is_not_safe(void **state)
{
    char elsewhere[80];

    (void)state;
    assert_int_equal(chmod(folder, 0750), 0);
    assert_refused("expected a directory of our own with mode 0700");
    assert_int_equal(error.kind, ESTAB_HOST_PERMISSION);
    assert_int_equal(ask_all(&(struct ask){.request = "stack"}, &error), -1);
    assert_int_equal(chmod(folder, 0700), 0);

    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", base);
    assert_int_equal(rename(folder, elsewhere), 0);
    assert_int_equal(symlink(elsewhere, folder), 0);
    assert_refused("is not safe");
    assert_int_equal(unlink(folder), 0);
    fclose(fopen(folder, "w"));
    assert_refused("is not safe");
    assert_int_equal(unlink(folder), 0);
    assert_int_equal(rename(elsewhere, folder), 0);

    if (geteuid() == 0) {
        assert_int_equal(chown(folder, 65534, 65534), 0);
        assert_refused("is not safe");
        assert_int_equal(chown(folder, 0, 0), 0);
    }
}

/* Somebody else's XDG_RUNTIME_DIR, as `su` leaves it, or none: the temporary directory. */
static void the_directory_without_xdg(void **state)
{
    static const char *const not_ours[] = {"relative", "/nonexistent", "/proc/1", NULL};
    char expected[128];
    int fd;

    (void)state;
    assert_int_equal(setenv("TMPDIR", base, 1), 0);
    snprintf(expected, sizeof expected, "%s/estab-%u", base, (unsigned)geteuid());
    for (size_t i = 0; i < sizeof not_ours / sizeof *not_ours; i++) {
        if (not_ours[i])
            setenv("XDG_RUNTIME_DIR", not_ours[i], 1);
        else
            unsetenv("XDG_RUNTIME_DIR");
        if (i == 2 && geteuid() == 0)
            continue; /* it is ours */
        assert_int_equal(runtime_open(false, &error), -1);
        assert_int_equal(error.kind, ESTAB_HOST_NOT_FOUND);
        fd = runtime_open(true, &error);
        assert_true(fd >= 0);
        close(fd);
        assert_int_equal(rmdir(expected), 0);
    }
    unsetenv("TMPDIR");
    setenv("XDG_RUNTIME_DIR", base, 1);
}

/* Longer than the name of a socket can be, and longer than that of any file. */
static void the_path_may_be_long(void **state)
{
    char deep[256], longest[5000];
    int fd, listener, again;
    struct socket_name name;

    (void)state;
    snprintf(deep, sizeof deep, "%s/%0120d", base, 0);
    assert_int_equal(mkdir(deep, 0700), 0);
    setenv("XDG_RUNTIME_DIR", deep, 1);
    fd = runtime_open(true, &error);
    listener = sockets_listen(fd, &name, &error);
    assert_true(fd >= 0 && listener >= 0);
    again = sockets_connect(fd, &name);
    assert_true(again >= 0);
    sockets_remove(fd, &name);
    close(again);
    close(listener);
    close(fd);
    snprintf(deep, sizeof deep, "%s/%0120d/estab", base, 0);
    assert_int_equal(rmdir(deep), 0);
    *strrchr(deep, '/') = '\0';
    assert_int_equal(rmdir(deep), 0);

    memset(longest, '/', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    unsetenv("XDG_RUNTIME_DIR");
    assert_int_equal(setenv("TMPDIR", longest, 1), 0);
    assert_int_equal(runtime_open(true, &error), -1);
    assert_non_null(strstr(error.text, "expected a shorter"));
    unsetenv("TMPDIR");
    setenv("XDG_RUNTIME_DIR", base, 1);
}

/* Everybody's: a live one is neither woken nor removed, a dead one goes, but not under a lock. */
static void the_sweep(void **state)
{
    struct sockaddr_un a = runtime_address(place, "lab.wire");
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0), lock;
    struct pollfd p = {.fd = fd, .events = POLLIN};

    (void)state;
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    runtime_sweep(place); /* it does not listen yet */
    assert_int_equal(listen(fd, 0), 0);
    for (unsigned i = 0; i < 10; i++)
        runtime_sweep(place);
    assert_false(runtime_dead(place, "lab.wire"));
    assert_int_equal(poll(&p, 1, 0), 0);
    close(fd);
    lock = runtime_lock(place, 0);
    assert_true(lock >= 0);
    runtime_sweep(place);
    assert_true(runtime_dead(place, "lab.wire"));
    assert_int_equal(runtime_lock(place, 0), -1);
    assert_int_equal(errno, EWOULDBLOCK);
    close(lock);
    runtime_sweep(place);
    assert_false(runtime_dead(place, "lab.wire"));
    assert_int_equal(unlinkat(place, "lock", 0), 0);
    assert_int_not_equal(unlinkat(place, "lab.wire", 0), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(everything_is_listed),
        T(requests_one_after_the_other),
        T(names_are_those_of_the_moment),
        T(the_socket_survives_who_leaves_it),
        T(a_request_in_pieces),
        T(an_end_behind_the_request),
        T(a_reason_is_counted),
        T(what_is_no_request),
        T(a_line_without_an_end),
        T(one_that_never_reads),
        T(one_that_goes_while_it_is_answered),
        T(more_than_there_is_room_for),
        T(a_flood),
        T(it_asks_for_no_turn_in_vain),
        T(another_user_is_not_answered),
        T(no_descriptor_is_left),
        T(a_second_socket_of_the_process),
        T(what_the_dead_leave_is_removed),
        T(other_files_are_left_alone),
        T(a_directory_that_is_not_safe),
        T(the_directory_without_xdg),
        T(the_path_may_be_long),
        T(the_sweep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
