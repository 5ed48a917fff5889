/* SPDX-License-Identifier: MIT */
/*
 * test_server.c - the three servers, and clients that are sockets of the same stack: it talks to
 * itself, in real time, with threads.  Nothing here waits for a time to pass, but for what must come.
 */
#include "cli/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#define PORT     4000
#define HELLO    "GET /hello HTTP/1.1\r\nHost: s\r\n\r\n"
#define PATIENCE 60 /* seconds, after which a client gives up */

struct scene {
    void *room;
    size_t size;
    estab_stack *stack;
    estab_loop *loop;
    estab_posix *posix;
    struct server *server;
    struct serve_log log;
    char *told;
    size_t told_length;
};

static void open_scene(struct scene *s, bool json)
{
    struct estab_config c;
    struct estab_posix_config sockets;
    struct estab_host_error error = {0};
    struct estab_interface here = {.size = sizeof here,
                                   .address = estab_ipv4(10, 0, 0, 1),
                                   .prefix_length = 24,
                                   .link = ESTAB_LINK_IP,
                                   .mtu = 1500};

    *s = (struct scene){0};
    estab_config_init(&c);
    c.connections = c.records = 1024;
    c.msl_ms = 10;
    estab_random(c.isn_key, sizeof c.isn_key);
    estab_random(c.hash_key, sizeof c.hash_key);
    s->size = estab_stack_size(&c);
    s->room = mmap(NULL, s->size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_ptr_not_equal(s->room, MAP_FAILED);
    s->stack = estab_stack_init((struct estab_room){s->room, s->size}, &c, estab_now());
    assert_non_null(s->stack);
    assert_true(estab_interface_add(s->stack, &here) >= 0);
    s->loop = estab_loop_new(s->stack);
    assert_non_null(s->loop);
    estab_posix_config_init(&sockets);
    sockets.stack = &c;
    s->posix = estab_posix_start(s->stack, s->loop, &sockets, &error);
    assert_non_null(s->posix);
    serve_log_init(&s->log, open_memstream(&s->told, &s->told_length), json, TS_RELATIVE);
    assert_non_null(s->log.out);
}

static void serve(struct scene *s, const struct service *service, struct server_config c)
{
    c.posix = s->posix;
    c.service = service;
    c.log = &s->log;
    c.port = PORT;
    c.workers = c.workers ? c.workers : 16;
    c.idle_ms = c.idle_ms ? c.idle_ms : PATIENCE * 1000;
    c.delay_ms = PATIENCE * 1000;
    s->server = server_start(&c);
    assert_non_null(s->server);
}

static void end_server(struct scene *s)
{
    server_end(s->server);
    server_free(s->server);
    s->server = NULL;
    (void)fflush(s->log.out);
}

static void close_scene(struct scene *s)
{
    if (s->server)
        end_server(s);
    estab_posix_stop(s->posix);
    estab_loop_free(s->loop);
    munmap(s->room, s->size);
    fclose(s->log.out);
    free(s->told);
}

/* ---- clients --------------------------------------------------------------------------------------- */

static int dial(struct scene *s)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    struct timeval patience = {.tv_sec = PATIENCE};
    int fd = estab_posix_socket(s->posix, AF_INET, SOCK_STREAM, 0);

    to.sin_addr.s_addr = htonl(0x0a000001);
    assert_true(fd >= 0);
    estab_posix_setsockopt(s->posix, fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    estab_posix_setsockopt(s->posix, fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    assert_int_equal(estab_posix_connect(s->posix, fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void say(struct scene *s, int fd, const char *bytes, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t sent = estab_posix_send(s->posix, fd, bytes + at, n - at, 0);
        assert_true(sent > 0);
        at += (size_t)sent;
    }
}

static void say_line(struct scene *s, int fd, const char *text)
{
    say(s, fd, text, strlen(text));
}

/* Up to `most` bytes; fewer only where the server has closed. */
static size_t hear(struct scene *s, int fd, char *bytes, size_t most)
{
    size_t got = 0;

    while (got < most) {
        ssize_t n = estab_posix_recv(s->posix, fd, bytes + got, most - got, 0);
        if (n < 0)
            fail_msg("after %zu of %zu bytes: %s", got, most, strerror(errno));
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return got;
}

/* The body of one answer with this status, which is the next to come. */
static void hear_answer(struct scene *s, int fd, unsigned status, const char *body)
{
    char head[2048] = "", text[512] = "", *length;
    size_t n = 0;

    while (!strstr(head, "\r\n\r\n")) {
        assert_true(n < sizeof head - 1);
        assert_int_equal(hear(s, fd, head + n++, 1), 1);
    }
    assert_int_equal(strtoul(head + 9, NULL, 10), status);
    length = strstr(head, "Content-Length: ");
    assert_non_null(length);
    n = strtoul(length + 16, NULL, 10);
    assert_true(n < sizeof text);
    assert_int_equal(hear(s, fd, text, n), n);
    assert_string_equal(text, body);
}

static void hear_end(struct scene *s, int fd)
{
    char byte;

    assert_int_equal(hear(s, fd, &byte, 1), 0);
    assert_int_equal(estab_posix_close(s->posix, fd), 0);
}

/* The state of the only connection whose local port is the server's. */
static enum estab_state server_state(struct scene *s)
{
    struct estab_status st = {.size = sizeof st};
    enum estab_state state = ESTAB_STATE_CLOSED;
    uint64_t cursor = 0;

    estab_posix_lock(s->posix);
    while (estab_list(s->stack, &cursor, &st))
        if (st.local.port == PORT && st.state != ESTAB_STATE_LISTEN)
            state = st.state;
    estab_posix_unlock(s->posix);
    return state;
}

static void await(bool (*holds)(struct scene *), struct scene *s)
{
    estab_time until = estab_now() + PATIENCE * (estab_time)ESTAB_SECOND;

    while (!holds(s)) {
        assert_true(estab_now() < until);
        sched_yield();
    }
}

static bool idle(struct scene *s)
{
    return server_busy(s->server) == 0;
}

static bool told(struct scene *s, const char *text)
{
    bool is;

    flockfile(s->log.out); /* the buffer moves when it grows */
    (void)fflush(s->log.out);
    is = s->told && strstr(s->told, text);
    funlockfile(s->log.out);
    return is;
}

static bool told_of_leaving(struct scene *s)
{
    return told(s, "the peer has closed; left open, in CLOSE-WAIT\n");
}

static bool told_of_full(struct scene *s)
{
    return told(s, "all 2 workers are busy");
}

/* ---- http -------------------------------------------------------------------------------------------- */

static void http_keeps_the_connection(void **state)
{
    struct scene s;
    int fd;

    (void)state;
    open_scene(&s, false);
    serve(&s, &service_http, (struct server_config){0});
    fd = dial(&s);
    say_line(&s, fd, HELLO);
    hear_answer(&s, fd, 200, "Hello World!");
    say_line(&s, fd, "GET /info?name=N&age=7 HTTP/1.1\r\nHost: s\r\n\r\n");
    hear_answer(&s, fd, 200, "hello, I'm N and 7 years old.");
    say_line(&s, fd, "GET /info?name=N HTTP/1.1\r\nHost: s\r\n\r\n");
    hear_answer(&s, fd, 400, "age is missing in the query; expected GET /info?name=N&age=A\n");
    say_line(&s, fd, "GET /hello HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n");
    hear_answer(&s, fd, 200, "Hello World!");
    hear_end(&s, fd);
    await(idle, &s);
    end_server(&s);
    assert_non_null(strstr(s.told, " worker-1 10.0.0.1:"));
    assert_non_null(strstr(s.told, "GET \"/hello\": 200 OK, 12 bytes\n"));
    assert_non_null(strstr(s.told, "GET \"/info?name=N\": 400 Bad Request, 61 bytes\n"));
    close_scene(&s);
}

static void http_takes_a_body_in_segments(void **state)
{
    static const char *const pieces[] = {"POST /fo",
                                         "rm HTTP/1.1\r\nHost: s\r",
                                         "\nContent-Length: 21",
                                         "\r\n\r\n",
                                         "user",
                                         "name=U&pass",
                                         "word=P"};
    struct scene s;
    int fd, on = 1;

    (void)state;
    open_scene(&s, false);
    serve(&s, &service_http, (struct server_config){0});
    fd = dial(&s);
    estab_posix_setsockopt(s.posix, fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        say_line(&s, fd, pieces[i]);
    hear_answer(&s, fd, 200, "I'm U and my password is P.");
    close_scene(&s);
}

static void http_answers_a_pipeline(void **state)
{
    struct scene s;
    int fd;

    (void)state;
    open_scene(&s, false);
    serve(&s, &service_http, (struct server_config){0});
    fd = dial(&s);
    for (int i = 0; i < 200; i++)
        say_line(&s, fd, HELLO);
    for (int i = 0; i < 200; i++)
        hear_answer(&s, fd, 200, "Hello World!");
    estab_posix_shutdown(s.posix, fd, SHUT_WR);
    hear_end(&s, fd);
    close_scene(&s);
}

/* The refusal arrives although the client goes on sending; no RST overtakes it. */
static void http_refuses_what_is_too_large(void **state)
{
    static char body[300000];
    struct scene s;
    int fd;

    (void)state;
    open_scene(&s, false);
    serve(&s, &service_http, (struct server_config){0});
    fd = dial(&s);
    say_line(&s, fd, "POST /form HTTP/1.1\r\nHost: s\r\nContent-Length: 300000\r\n\r\n");
    say(&s, fd, body, sizeof body);
    hear_answer(&s, fd, 413, "the body is longer than 65536 octets\n");
    hear_end(&s, fd);
    close_scene(&s);
}

static void http_waits_no_longer_than_it_says(void **state)
{
    struct scene s;
    int silent, slow;

    (void)state;
    open_scene(&s, false);
    serve(&s, &service_http, (struct server_config){.idle_ms = 20});
    silent = dial(&s);
    slow = dial(&s);
    say_line(&s, slow, "GET /hello HT");
    hear_answer(&s, slow, 408, "the rest of the request did not come in time\n");
    hear_end(&s, slow);
    hear_end(&s, silent);
    close_scene(&s);
}

static void http_tells_programs(void **state)
{
    struct scene s;
    int fd;

    (void)state;
    open_scene(&s, true);
    serve(&s, &service_http, (struct server_config){0});
    fd = dial(&s);
    say_line(&s, fd, "GET /\"x\" HTTP/1.1\r\nHost: s\r\n\r\n");
    hear_answer(&s, fd, 404,
                "there is no page '/\"x\"' here; there are GET /hello, GET /info?name=N&age=A, and "
                "POST /form with the body username=U&password=P\n");
    estab_posix_close(s.posix, fd);
    await(idle, &s);
    end_server(&s);
    assert_true(strncmp(s.told, "{\"schema\":\"estab.serve/1\",\"time\":", 33) == 0);
    assert_non_null(
        strstr(s.told, ",\"event\":\"request\",\"worker\":\"worker-1\",\"remote\":\"10.0."));
    assert_non_null(
        strstr(s.told, ",\"method\":\"GET\",\"target\":\"/\\\"x\\\"\",\"status\":404,"));
    close_scene(&s);
}

/* ---- echo and print ------------------------------------------------------------------------------------ */

struct talker {
    struct scene *scene;
    int fd;
    const char *bytes;
    size_t n;
};

static void *talk(void *context)
{
    struct talker *t = context;

    say(t->scene, t->fd, t->bytes, t->n);
    estab_posix_shutdown(t->scene->posix, t->fd, SHUT_WR);
    return NULL;
}

/* All of it comes back, also what is still under way when we have closed our side. */
static void echo_ends_when_all_is_back(void **state)
{
    static char out[1000000], in[sizeof out + 1];
    struct talker talker = {.bytes = out, .n = sizeof out};
    pthread_t thread;
    struct scene s;

    (void)state;
    for (size_t i = 0; i < sizeof out; i++)
        out[i] = (char)(i * 31 + i / 251);
    open_scene(&s, false);
    serve(&s, &service_echo, (struct server_config){0});
    talker.scene = &s;
    talker.fd = dial(&s);
    assert_int_equal(pthread_create(&thread, NULL, talk, &talker), 0);
    assert_int_equal(hear(&s, talker.fd, in, sizeof in), sizeof out);
    assert_memory_equal(in, out, sizeof out);
    pthread_join(thread, NULL);
    hear_end(&s, talker.fd);
    await(idle, &s);
    end_server(&s);
    assert_non_null(strstr(s.told, "closed after the peer; 1000000 bytes came and went back\n"));
    close_scene(&s);
}

static void print_tells_and_never_answers(void **state)
{
    struct scene s;
    int one, two;

    (void)state;
    open_scene(&s, false);
    serve(&s, &service_print, (struct server_config){0});
    one = dial(&s);
    say_line(&s, one, "from one\n");
    estab_posix_shutdown(s.posix, one, SHUT_WR);
    hear_end(&s, one);
    two = dial(&s);
    say_line(&s, two, "\033[2Jfrom two");
    estab_posix_shutdown(s.posix, two, SHUT_WR);
    hear_end(&s, two);
    await(idle, &s);
    end_server(&s);
    assert_non_null(strstr(s.told, " has connected\n"));
    assert_non_null(strstr(s.told, "received 9 bytes: \"from one\\n\"\n"));
    assert_non_null(strstr(strstr(s.told, " worker-2 "), "from two\"\n"));
    assert_null(strchr(s.told, '\033'));
    assert_non_null(strstr(s.told, " closed after the peer\n"));
    close_scene(&s);
}

static void print_leaves_open(void **state)
{
    struct scene s;
    int fd;

    (void)state;
    open_scene(&s, false);
    serve(&s, &service_print, (struct server_config){.leave_open = true});
    fd = dial(&s);
    estab_posix_shutdown(s.posix, fd, SHUT_WR);
    await(told_of_leaving, &s);
    assert_int_equal(server_state(&s), ESTAB_STATE_CLOSE_WAIT);
    server_end(s.server);
    hear_end(&s, fd);
    end_server(&s);
    assert_non_null(strstr(s.told, " closed, as the server ends\n"));
    close_scene(&s);
}

/* ---- the server ------------------------------------------------------------------------------------------ */

static void workers_are_bounded(void **state)
{
    struct scene s;
    int fd[3];
    char text[6] = "";

    (void)state;
    open_scene(&s, false);
    serve(&s, &service_echo, (struct server_config){.workers = 2});
    for (int i = 0; i < 3; i++)
        fd[i] = dial(&s); /* the third waits in the backlog */
    await(told_of_full, &s);
    say_line(&s, fd[2], "third");
    assert_int_equal(server_busy(s.server), 2);
    say_line(&s, fd[0], "first");
    assert_int_equal(hear(&s, fd[0], text, 5), 5);
    estab_posix_shutdown(s.posix, fd[0], SHUT_WR);
    hear_end(&s, fd[0]);
    assert_int_equal(hear(&s, fd[2], text, 5), 5);
    assert_string_equal(text, "third");
    close_scene(&s);
}

static void the_end_is_a_fin(void **state)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    struct scene s;
    int fd[2];

    (void)state;
    to.sin_addr.s_addr = htonl(0x0a000001);
    open_scene(&s, false);
    serve(&s, &service_http, (struct server_config){0});
    for (int i = 0; i < 2; i++) {
        fd[i] = dial(&s);
        say_line(&s, fd[i], HELLO);
        hear_answer(&s, fd[i], 200, "Hello World!");
    }
    server_end(s.server);
    hear_end(&s, fd[0]);
    hear_end(&s, fd[1]);
    end_server(&s);
    fd[0] = estab_posix_socket(s.posix, AF_INET, SOCK_STREAM, 0);
    assert_int_equal(estab_posix_connect(s.posix, fd[0], (struct sockaddr *)&to, sizeof to), -1);
    assert_int_equal(errno, ECONNREFUSED);
    close_scene(&s);
}

static void a_port_in_use_is_refused(void **state)
{
    struct scene s;
    struct server_config c = {.service = &service_echo, .port = PORT, .workers = 1};

    (void)state;
    open_scene(&s, false);
    serve(&s, &service_echo, (struct server_config){0});
    c.posix = s.posix;
    c.log = &s.log;
    assert_null(server_start(&c));
    assert_int_equal(errno, EADDRINUSE);
    close_scene(&s);
}

struct visitor {
    struct scene *scene;
    unsigned rounds;
};

static void *visit(void *context)
{
    struct visitor *v = context;

    for (unsigned i = 0; i < v->rounds; i++) {
        int fd = dial(v->scene);
        say_line(v->scene, fd, HELLO HELLO);
        hear_answer(v->scene, fd, 200, "Hello World!");
        hear_answer(v->scene, fd, 200, "Hello World!");
        estab_posix_close(v->scene->posix, fd);
    }
    return NULL;
}

static void many_at_once(void **state)
{
    pthread_t thread[16];
    struct visitor visitor = {.rounds = 10};
    struct scene s;

    (void)state;
    open_scene(&s, true);
    serve(&s, &service_http, (struct server_config){.workers = 8});
    visitor.scene = &s;
    for (int i = 0; i < 16; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, visit, &visitor), 0);
    for (int i = 0; i < 16; i++)
        pthread_join(thread[i], NULL);
    await(idle, &s);
    end_server(&s);
    for (int i = 1; i <= 160; i++) {
        char name[40];
        (void)snprintf(name, sizeof name, "\"worker\":\"worker-%d\"", i);
        assert_non_null(strstr(s.told, name));
    }
    close_scene(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_keeps_the_connection),
        cmocka_unit_test(http_takes_a_body_in_segments),
        cmocka_unit_test(http_answers_a_pipeline),
        cmocka_unit_test(http_refuses_what_is_too_large),
        cmocka_unit_test(http_waits_no_longer_than_it_says),
        cmocka_unit_test(http_tells_programs),
        cmocka_unit_test(echo_ends_when_all_is_back),
        cmocka_unit_test(print_tells_and_never_answers),
        cmocka_unit_test(print_leaves_open),
        cmocka_unit_test(workers_are_bounded),
        cmocka_unit_test(the_end_is_a_fin),
        cmocka_unit_test(a_port_in_use_is_refused),
        cmocka_unit_test(many_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
