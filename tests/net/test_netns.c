/* SPDX-License-Identifier: MIT */
/*
 * The namespace, the built-in peer and the oracle, with kernel sockets at both ends: as the user who
 * runs this, and, if that is root, once more as nobody.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/netns.h"
#include "control/diag.h"
#include "cli/oracle.h"
#include "cli/peer.h"
#include "support/whom.h"

static struct netns *make(void)
{
    struct estab_host_error error;
    struct netns_options o = netns_defaults(true);
    struct netns *ns = netns_make(&o, &error);
    if (!ns)
        fail_msg("%s", error.text);
    return ns;
}

static int await(struct netns *ns, pid_t pid)
{
    int status = -1;
    assert_true(netns_wait(ns, pid, estab_now() + 10 * ESTAB_SECOND, &status));
    return status;
}

static pid_t peer(struct netns *ns, struct peer_options o)
{
    struct estab_host_error error;
    pid_t pid = peer_start(ns, &o, &error);
    if (pid < 0)
        fail_msg("%s", error.text);
    return pid;
}

/* What a shell command inside writes, and its exit code. */
static int shell(struct netns *ns, const char *command, char *text, size_t size)
{
    struct estab_host_error error;
    char *const argv[] = {"sh", "-c", (char *)(uintptr_t)command, NULL};
    int pair[2];
    assert_int_equal(pipe(pair), 0);
    pid_t pid = netns_spawn(ns, argv, (int[]){-1, pair[1], -1}, &error);
    if (pid < 0)
        fail_msg("%s", error.text);
    close(pair[1]);
    size_t used = 0;
    ssize_t got;
    while ((got = read(pair[0], text + used, size - 1 - used)) > 0)
        used += (size_t)got;
    text[used] = 0;
    close(pair[0]);
    return await(ns, pid);
}

static void a_program_runs_inside_and_names_resolve(void **state)
{
    (void)state;
    struct netns *ns = make();
    char text[4096];
    if (netns_names_note(ns))
        print_message("%s\n", netns_names_note(ns));
    else {
        assert_int_equal(shell(ns, "getent ahostsv4 server client", text, sizeof text), 0);
        assert_non_null(strstr(text, "10.11.0.1 "));
        assert_non_null(strstr(text, "10.11.0.101 "));
    }
    assert_int_equal(shell(ns, "cat /proc/net/dev; exit 3", text, sizeof text), 3);
    assert_non_null(strstr(text, "kernel:"));
    assert_non_null(strstr(text, "estab:"));
    netns_free(ns);
}

static void the_working_directory_stays(void **state)
{
    (void)state;
    char here[4096], text[4096];
    struct netns *ns = make();
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(shell(ns, "pwd -P | tr -d '\\n'", text, sizeof text), 0);
    assert_string_equal(text, here);
    netns_free(ns);
}

static void a_program_that_is_none_is_not_found(void **state)
{
    (void)state;
    struct netns *ns = make();
    struct estab_host_error error;
    char *const argv[] = {"no-such-program", NULL};
    assert_int_equal(netns_spawn(ns, argv, NULL, &error), -1);
    assert_int_equal(error.kind, ESTAB_HOST_NOT_FOUND);
    assert_string_equal(error.text, "there is no program 'no-such-program'; estab doctor names the packages of the "
                        "usual ones");
    netns_free(ns);
}

static void children_end_with_the_namespace(void **state)
{
    (void)state;
    struct netns *ns = make();
    struct estab_host_error error;
    char *const polite[] = {"sleep", "1000", NULL};
    char *const stubborn[] = {"sh", "-c", "trap '' TERM; while :; do sleep 0.1; done", NULL};
    pid_t a = netns_spawn(ns, polite, NULL, &error), b = netns_spawn(ns, stubborn, NULL, &error);
    assert_true(a > 0 && b > 0);
    assert_false(netns_wait(ns, a, 0, NULL));
    netns_free(ns);
    assert_int_equal(kill(a, 0), -1);
    assert_int_equal(kill(b, 0), -1);
}

static void sysctls_are_of_the_namespace(void **state)
{
    (void)state;
    struct netns *ns = make();
    struct estab_host_error error;
    char text[64];
    assert_true(netns_sysctl(ns, "net.ipv4.tcp_timestamps", "0", &error));
    assert_int_equal(shell(ns, "cat /proc/sys/net/ipv4/tcp_timestamps", text, sizeof text), 0);
    assert_string_equal(text, "0\n");
    assert_false(netns_sysctl(ns, "net.ipv4.no_such", "0", &error));
    assert_int_equal(error.kind, ESTAB_HOST_NOT_FOUND);
    assert_false(netns_sysctl(ns, "kernel.panic", "0", &error));
    assert_int_equal(error.kind, ESTAB_HOST_USAGE);
    netns_free(ns);
}

static unsigned count(struct netns *ns, enum estab_state state)
{
    struct diag_socket sockets[16];
    int n = netns_sockets(ns, sockets, 16);
    unsigned found = 0;
    assert_in_range(n, 0, 16);
    for (int i = 0; i < n; i++)
        found += sockets[i].state == state;
    return found;
}

static bool await_count(struct netns *ns, enum estab_state state, unsigned n)
{
    for (unsigned i = 0; i < 2000 && count(ns, state) != n; i++)
        usleep(1000);
    return count(ns, state) == n;
}

/* One socket asked for: the connection, or else the listener, or nothing. */
static void expect_found(struct netns *ns, struct estab_endpoint at, enum estab_state state)
{
    struct diag_socket all[16], one;
    int n = netns_sockets(ns, all, 16);
    struct estab_endpoint nobody = {at.addr, 9};

    for (int i = 0; i < n; i++) {
        if (all[i].state != state)
            continue;
        assert_true(diag_find(netns_diag(ns), &all[i].local, &all[i].remote, &one));
        assert_int_equal(one.state, state);
        assert_int_equal(one.local.port, all[i].local.port);
        assert_int_equal(one.remote.port, all[i].remote.port);
    }
    assert_true(diag_find(netns_diag(ns), &at, &nobody, &one));
    assert_int_equal(one.state, ESTAB_STATE_LISTEN);
    assert_false(diag_find(netns_diag(ns), &nobody, &at, &one));
}

static void the_built_in_peers_talk(void **state)
{
    (void)state;
    struct netns *ns = make();
    struct estab_endpoint at = {netns_defaults(true).kernel_address, 3333};
    assert_int_equal(netns_listens(ns, 3333), 0);
    pid_t server = peer(ns, (struct peer_options){
                                .listens = true, .does = PEER_ECHO, .local = at, .connections = 1});
    assert_int_equal(netns_listens(ns, 3333), 1);
    pid_t client = peer(ns, (struct peer_options){.hold = true, .hold_ms = 200, .remote = at});
    assert_true(await_count(ns, ESTAB_STATE_ESTABLISHED, 2));
    expect_found(ns, at, ESTAB_STATE_ESTABLISHED);
    assert_int_equal(await(ns, client), 0);
    assert_int_equal(await(ns, server), 0);
    assert_true(await_count(ns, ESTAB_STATE_TIME_WAIT, 1));
    client = peer(ns, (struct peer_options){.remote = at});
    assert_int_equal(await(ns, client), 5); /* refused */
    netns_free(ns);
}

/* ---- the oracle ----------------------------------------------------------------------------- */

/* The tracepoint speaks of all sockets of the machine: a port of our own tells ours. */
static void expect_path(struct oracle *o, uint16_t port, const enum estab_state *path, unsigned n)
{
    struct oracle_event e;
    unsigned at = 1;
    struct pollfd p = {.fd = oracle_fd(o), .events = POLLIN};
    while (at < n) {
        if (!oracle_next(o, &e)) {
            if (poll(&p, 1, 2000) != 1)
                fail_msg("step %u of the path did not come", at);
        } else if (e.remote.port == port) {
            assert_int_equal(e.from, path[at - 1]);
            assert_int_equal(e.to, path[at]);
            assert_in_range(e.time, estab_now() - 10 * ESTAB_SECOND, estab_now());
            at++;
        }
    }
}

static void the_oracle_tells_every_state_of_a_client(void **state)
{
    (void)state;
    static const enum estab_state path[] = {
        ESTAB_STATE_CLOSED,     ESTAB_STATE_SYN_SENT,   ESTAB_STATE_ESTABLISHED,
        ESTAB_STATE_FIN_WAIT_1, ESTAB_STATE_FIN_WAIT_2, ESTAB_STATE_CLOSED, /* oracle.h */
    };
    struct estab_host_error error;
    struct estab_addr address = netns_defaults(true).kernel_address;
    struct oracle *o = oracle_open(address, &error);
    if (!o) {
        assert_int_equal(error.kind, ESTAB_HOST_PERMISSION);
        print_message("skipped: %s\n", error.text);
        return;
    }
    struct netns *ns = make();
    struct estab_endpoint at = {address, (uint16_t)(10000 + getpid() % 20000)};
    pid_t server = peer(ns, (struct peer_options){.listens = true, .local = at, .connections = 1});
    pid_t caller = peer(ns, (struct peer_options){.hold = true, .hold_ms = 100, .remote = at});
    expect_path(o, at.port, path, sizeof path / sizeof *path);
    assert_int_equal(await(ns, caller), 0);
    assert_int_equal(await(ns, server), 0);
    oracle_close(o);
    netns_free(ns);
}

static int run_all(const char *as)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_runs_inside_and_names_resolve),
        cmocka_unit_test(the_working_directory_stays),
        cmocka_unit_test(a_program_that_is_none_is_not_found),
        cmocka_unit_test(children_end_with_the_namespace),
        cmocka_unit_test(sysctls_are_of_the_namespace),
        cmocka_unit_test(the_built_in_peers_talk),
        cmocka_unit_test(the_oracle_tells_every_state_of_a_client),
    };
    return cmocka_run_group_tests_name(as, tests, NULL, NULL);
}

int main(void)
{
    return whom_run(run_all);
}
