/* SPDX-License-Identifier: MIT */
/*
 * Asking: of processes that answer well, badly, in pieces, never; each is a child of this one that
 * serves a socket of its own, in a new directory for each test.
 */
#include "control/ask.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/sockets.h"
#include "device/runtime.h"

#define CHILDREN 4
#define ROW                                                                                        \
    "{\"schema\":\"estab.connection/1\",\"stack\":\"estab\",\"proto\":\"tcp\",\"local\":"          \
    "\"10.11.0.1:3333\",\"remote\":\"0.0.0.0:*\",\"state\":\"LISTEN\",\"timer\":\"off\","          \
    "\"recv_queue\":0,\"send_queue\":5}\n"
#define END(count) "{\"schema\":\"estab.end/1\",\"request\":\"connections\",\"count\":" count "}\n"

static char base[64], folder[96];
static int place;
static pid_t child[CHILDREN];
static unsigned children;

/* What was heard. */
static unsigned objects, troubles;
static uint64_t last_pid;
static char said[256];

/* ---- processes ------------------------------------------------------------------------------------------- */

static int setup(void **state)
{
    (void)state;
    strcpy(base, "/tmp/estab-test-XXXXXX");
    assert_non_null(mkdtemp(base));
    assert_int_equal(setenv("XDG_RUNTIME_DIR", base, 1), 0);
    snprintf(folder, sizeof folder, "%s/estab", base);
    place = runtime_open(true, NULL);
    assert_true(place >= 0);
    children = 0;
    return 0;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static int teardown(void **state)
{
    (void)state;
    while (children > 0)
        end(child[--children]);
    runtime_sweep(place);
    close(place);
    assert_int_equal(rmdir(folder), 0);
    return rmdir(base);
}

/* Serves one client after the other: waits for a line, sends `n` bytes in pieces, closes; or
 * never answers, if `n` is 0. */
static _Noreturn void serve(int listener, const char *bytes, size_t n, size_t piece)
{
    char line[64];

    for (;;) {
        struct pollfd p = {.fd = listener, .events = POLLIN};
        int fd = poll(&p, 1, -1) == 1 ? accept(listener, NULL, NULL) : -1;
        if (fd < 0 || recv(fd, line, sizeof line, 0) <= 0 || n == 0)
            continue;
        for (size_t at = 0; at < n; at += piece)
            if (send(fd, bytes + at, n - at < piece ? n - at : piece, MSG_NOSIGNAL) < 0)
                break;
        close(fd);
    }
}

static pid_t start(const char *bytes, size_t n, size_t piece)
{
    struct socket_name name;
    int ready[2];
    char byte;
    pid_t pid;

    assert_int_equal(pipe(ready), 0);
    pid = fork();
    if (pid == 0) {
        int listener = sockets_listen(place, &name, NULL);
        if (listener < 0 || write(ready[1], "!", 1) != 1)
            _exit(1);
        serve(listener, bytes, n, piece);
    }
    child[children++] = pid;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

/* ---- asking ---------------------------------------------------------------------------------------------- */

static void object(void *context, uint64_t pid, const struct control_object *o)
{
    assert_ptr_equal(context, base);
    assert_int_equal(o->schema, CONTROL_CONNECTION);
    assert_int_equal(o->row.local.port, 3333);
    objects++;
    last_pid = pid;
}

static void trouble(void *context, uint64_t pid, const char *sentence)
{
    assert_ptr_equal(context, base);
    troubles++;
    last_pid = pid;
    snprintf(said, sizeof said, "%s", sentence);
}

static int ask(void)
{
    struct ask a = {"connections", base, object, trouble};
    struct estab_host_error error = {0};

    objects = troubles = 0;
    said[0] = '\0';
    return ask_all(&a, &error);
}

static void nobody_is_there(void **state)
{
    (void)state;
    assert_int_equal(ask(), 0);
    assert_int_equal(troubles, 0);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(ask(), 0); /* and does not make the directory */
    assert_int_not_equal(access(folder, F_OK), 0);
    assert_int_equal(mkdir(folder, 0700), 0);
}

static void an_answer_whole_and_in_pieces(void **state)
{
    static const char answer[] = ROW ROW END("2");

    (void)state;
    for (size_t piece = 1; piece < sizeof answer; piece = piece * 7 + 1) {
        pid_t pid = start(answer, sizeof answer - 1, piece);
        assert_int_equal(ask(), 1);
        assert_int_equal(objects, 2);
        assert_int_equal(last_pid, pid);
        end(pid);
        children--;
    }
}

static void several_are_asked(void **state)
{
    static const char answer[] = ROW END("1");

    (void)state;
    for (unsigned i = 0; i < CHILDREN; i++)
        (void)start(answer, sizeof answer - 1, 1000);
    assert_int_equal(ask(), CHILDREN);
    assert_int_equal(objects, CHILDREN);
    assert_int_equal(troubles, 0);
}

static void bad_answers(void **state)
{
    static const struct {
        const char *bytes;
        unsigned objects;
        const char *says;
    } rows[] = {
        {"hello\n", 0, "cannot be read: expected one object"},
        {ROW "{}\n", 1, "cannot be read: expected an object with its schema"},
        {ROW, 1, "ended while it answered"},
        {ROW "{\"sch", 1, "ended while it answered"},
        {"{\"schema\":\"estab.error/1\",\"error\":\"no such request\"}\n", 0, "no such request"},
        {ROW "{\"schema\":\"estab.thing/9\"}\n", 1, "another version"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pid_t pid = start(rows[i].bytes, strlen(rows[i].bytes), 1000);
        assert_int_equal(ask(), 0);
        assert_int_equal(objects, rows[i].objects);
        assert_int_equal(troubles, 1);
        assert_int_equal(last_pid, pid);
        if (!strstr(said, rows[i].says))
            fail_msg("\"%s\" has no \"%s\"", said, rows[i].says);
        end(pid);
        children--;
    }
}

static void a_line_without_an_end(void **state)
{
    static char bytes[100000];

    (void)state;
    memset(bytes, 'x', sizeof bytes);
    (void)start(bytes, sizeof bytes, sizeof bytes);
    assert_int_equal(ask(), 0);
    assert_non_null(strstr(said, "expected a shorter line"));
}

/* One that is stopped does not keep the others from being heard, and is waited for no longer than
 * ASK_PATIENCE. */
static void one_that_never_answers(void **state)
{
    static const char answer[] = ROW END("1");
    estab_time began;

    (void)state;
    (void)start("", 0, 1);
    (void)start(answer, sizeof answer - 1, 1000);
    began = estab_now();
    assert_int_equal(ask(), 1);
    assert_int_equal(objects, 1);
    assert_int_equal(troubles, 1);
    assert_non_null(strstr(said, "does not answer"));
    assert_true(estab_now() - began >= ASK_PATIENCE);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(nobody_is_there), T(an_answer_whole_and_in_pieces), T(several_are_asked),
        T(bad_answers),     T(a_line_without_an_end),         T(one_that_never_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
