/* SPDX-License-Identifier: MIT */
/*
 * test_threads.c - sockets in real threads: two stacks, each with its lock and its loop, and a cable
 * between them that is two queues of frames.
 *
 *      clients -> stack a -> loop's thread -> cable -> loop's thread -> stack b -> a thread for each
 *
 * Each client sends and gets back the same text; then everything is stopped while calls still wait.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <estab_posix.h>

#define CLIENTS     8
#define CONNECTIONS 5 /* of each, one after the other */
#define BYTES       40000
#define PORT        7
#define QUEUE       512
#define FRAME_MAX   1600

/* ---- the cable ----------------------------------------------------------------------------------------- */

struct queue {
    pthread_mutex_t lock;
    int fd; /* readable while there is a frame */
    unsigned count, first;
    uint16_t length[QUEUE];
    uint8_t frame[QUEUE][FRAME_MAX];
};

struct host {
    estab_stack *stack;
    void *room;
    estab_loop *loop;
    estab_posix *p;
    struct queue *in, *out;
};

static struct queue cable[2];
static struct host hosts[2];

static void queue_init(struct queue *q)
{
    memset(q, 0, sizeof *q);
    pthread_mutex_init(&q->lock, NULL);
    q->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert_true(q->fd >= 0);
}

static void queue_fini(struct queue *q)
{
    close(q->fd);
    pthread_mutex_destroy(&q->lock);
}

/* A full queue drops, as a wire's does. */
static void leaving(void *context, const struct estab_frame *f, estab_time now)
{
    struct queue *q = ((struct host *)context)->out;
    uint64_t one = 1;
    unsigned i, n;

    (void)now;
    pthread_mutex_lock(&q->lock);
    if (q->count < QUEUE && f->length <= FRAME_MAX) {
        i = (q->first + q->count++) % QUEUE;
        memcpy(q->frame[i], f->head, f->head_length);
        n = f->head_length;
        for (unsigned k = 0; k < f->parts; n += f->part[k++].length)
            memcpy(q->frame[i] + n, f->part[k].base, f->part[k].length);
        q->length[i] = (uint16_t)n;
    }
    pthread_mutex_unlock(&q->lock);
    (void)!write(q->fd, &one, sizeof one);
}

static unsigned queue_take(struct queue *q, uint8_t *to)
{
    unsigned n = 0;

    pthread_mutex_lock(&q->lock);
    if (q->count > 0) {
        n = q->length[q->first];
        memcpy(to, q->frame[q->first], n);
        q->first = (q->first + 1) % QUEUE;
        q->count--;
    }
    pthread_mutex_unlock(&q->lock);
    return n;
}

static void arrived(void *context, int fd, short revents, estab_time now)
{
    struct host *h = context;
    uint8_t bytes[FRAME_MAX];
    uint64_t count;
    unsigned n;

    (void)revents;
    (void)!read(fd, &count, sizeof count);
    while ((n = queue_take(h->in, bytes)) > 0) {
        struct estab_frame f = {
            .length = n, .link = ESTAB_LINK_IP, .parts = 1, .part[0] = {bytes, n}};

        estab_input(h->stack, &f, 1, now);
    }
}

/* ---- two hosts ------------------------------------------------------------------------------------------- */

static void host_start(struct host *h, int i)
{
    struct estab_interface link = {.size = sizeof link,
                                   .link = ESTAB_LINK_IP,
                                   .prefix_length = 24,
                                   .address = estab_ipv4(10, 0, 0, (uint8_t)(i + 1)),
                                   .mtu = 1500};
    struct estab_observer observer = {.context = h, .leaving = leaving};
    struct estab_posix_config pc;
    struct estab_host_error error;
    struct estab_config c;
    struct estab_room room;

    estab_config_init(&c);
    c.connections = c.records = 256;
    c.chunks = 4096;
    estab_random(c.isn_key, sizeof c.isn_key);
    estab_random(c.hash_key, sizeof c.hash_key);
    room.size = estab_stack_size(&c);
    assert_int_equal(posix_memalign(&room.base, 64, room.size), 0);
    memset(room.base, 0, room.size);
    *h = (struct host){.room = room.base, .in = &cable[i], .out = &cable[!i]};
    h->stack = estab_stack_init(room, &c, estab_now());
    assert_non_null(h->stack);
    assert_int_equal(estab_interface_add(h->stack, &link), 0);
    h->loop = estab_loop_new(h->stack);
    assert_non_null(h->loop);
    estab_loop_observe(h->loop, &observer);
    assert_int_equal(estab_loop_watch(h->loop, h->in->fd, POLLIN, arrived, h), ESTAB_OK);
    estab_posix_config_init(&pc);
    pc.stack = &c;
    h->p = estab_posix_start(h->stack, h->loop, &pc, &error);
    assert_non_null(h->p);
}

static void host_stop(struct host *h)
{
    estab_posix_stop(h->p);
    estab_loop_free(h->loop);
    free(h->room);
}

static int set_up(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        queue_init(&cable[i]);
    for (int i = 0; i < 2; i++)
        host_start(&hosts[i], i);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        queue_fini(&cable[i]);
    return 0;
}

/* ---- an echo server, a thread for each connection --------------------------------------------------------- */

static pthread_t workers[CLIENTS * CONNECTIONS];
static int worker_count;
static atomic_int wrong;

static void check(bool good)
{
    if (!good)
        atomic_fetch_add(&wrong, 1);
}

static void *echo(void *argument)
{
    estab_posix *p = hosts[1].p;
    int fd = (int)(intptr_t)argument;
    char text[3000];
    ssize_t n;

    while ((n = estab_posix_read(p, fd, text, sizeof text)) > 0)
        check(estab_posix_write(p, fd, text, (size_t)n) == n);
    check(n == 0);
    check(estab_posix_close(p, fd) == 0);
    return NULL;
}

static int listen_on(estab_posix *p)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int l = estab_posix_socket(p, AF_INET, SOCK_STREAM, 0);

    assert_int_equal(estab_posix_bind(p, l, (struct sockaddr *)&any, sizeof any), 0);
    assert_int_equal(estab_posix_listen(p, l, 64), 0);
    return l;
}

static void *serve(void *argument)
{
    int l = (int)(intptr_t)argument, fd;

    while ((fd = estab_posix_accept(hosts[1].p, l, NULL, NULL)) >= 0)
        if (pthread_create(&workers[worker_count], NULL, echo, (void *)(intptr_t)fd) == 0)
            worker_count++;
    check(errno == EINTR); /* stopped */
    return NULL;
}

/* ---- clients ------------------------------------------------------------------------------------------------ */

static char byte_of(unsigned seed, size_t i)
{
    return (char)(seed * 31 + i * 7 + i / 251);
}

static int connect_to(estab_posix *p)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(PORT),
                             .sin_addr.s_addr = htonl(0x0a000002)};
    int fd = estab_posix_socket(p, AF_INET, SOCK_STREAM, 0);

    check(estab_posix_connect(p, fd, (struct sockaddr *)&to, sizeof to) == 0);
    return fd;
}

static void exchange(estab_posix *p, unsigned seed)
{
    int fd = connect_to(p);
    struct pollfd f = {.fd = fd, .events = POLLIN};
    char *sent = malloc(BYTES), *got = malloc(BYTES);
    char byte;

    for (size_t i = 0; i < BYTES; i++)
        sent[i] = byte_of(seed, i);
    check(estab_posix_send(p, fd, sent, BYTES, 0) == BYTES);
    check(estab_posix_poll(p, &f, 1, 30000) == 1);
    check(estab_posix_recv(p, fd, got, BYTES, MSG_WAITALL) == BYTES);
    check(memcmp(sent, got, BYTES) == 0);
    check(estab_posix_shutdown(p, fd, SHUT_WR) == 0);
    check(estab_posix_recv(p, fd, &byte, 1, 0) == 0);
    check(estab_posix_close(p, fd) == 0);
    free(sent);
    free(got);
}

static void *client(void *argument)
{
    unsigned number = (unsigned)(uintptr_t)argument;

    for (unsigned i = 0; i < CONNECTIONS; i++)
        exchange(hosts[0].p, number * CONNECTIONS + i);
    return NULL;
}

static void threads_exchange_text(void **state)
{
    pthread_t server, clients[CLIENTS];
    int l = listen_on(hosts[1].p);

    (void)state;
    worker_count = 0;
    assert_int_equal(pthread_create(&server, NULL, serve, (void *)(intptr_t)l), 0);
    for (uintptr_t i = 0; i < CLIENTS; i++)
        assert_int_equal(pthread_create(&clients[i], NULL, client, (void *)i), 0);
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(clients[i], NULL);
    host_stop(&hosts[0]);
    host_stop(&hosts[1]); /* the server waits in accept() */
    pthread_join(server, NULL);
    assert_int_equal(worker_count, CLIENTS * CONNECTIONS);
    for (int i = 0; i < worker_count; i++)
        pthread_join(workers[i], NULL);
    assert_int_equal(atomic_load(&wrong), 0);
}

/* ---- stopping ------------------------------------------------------------------------------------------------- */

static int waiting_fd, waiting_set;
static atomic_int at_work;
static pid_t thread_id[3];

static void begin(void)
{
    thread_id[atomic_load(&at_work)] = gettid();
    atomic_fetch_add(&at_work, 1);
}

static void *waits_to_read(void *argument)
{
    char byte;

    (void)argument;
    begin();
    check(estab_posix_read(hosts[0].p, waiting_fd, &byte, 1) == -1 && errno == EINTR);
    return NULL;
}

static void *waits_to_poll(void *argument)
{
    struct pollfd f = {.fd = waiting_fd, .events = POLLIN};

    (void)argument;
    begin();
    check(estab_posix_poll(hosts[0].p, &f, 1, -1) == -1 && errno == EINTR);
    return NULL;
}

static void *waits_for_events(void *argument)
{
    struct epoll_event e;

    (void)argument;
    begin();
    check(estab_posix_epoll_wait(hosts[0].p, waiting_set, &e, 1, -1) == -1 && errno == EINTR);
    return NULL;
}

static bool sleeps(pid_t id)
{
    char path[64], line[256] = "";
    const char *state;
    FILE *f;

    snprintf(path, sizeof path, "/proc/self/task/%d/stat", id);
    f = fopen(path, "re");
    if (!f)
        return false;
    (void)!fgets(line, sizeof line, f);
    fclose(f);
    state = strrchr(line, ')');
    return state && state[2] == 'S';
}

/* It sleeps in its call, or stands in line for the lock: then it has it before us. */
static void await_sleep(int i)
{
    while (atomic_load(&at_work) <= i || !sleeps(thread_id[i]))
        usleep(1000);
    estab_posix_lock(hosts[0].p);
    estab_posix_unlock(hosts[0].p);
}

static void stop_ends_what_waits(void **state)
{
    static void *(*const what[])(void *) = {waits_to_read, waits_to_poll, waits_for_events};
    pthread_t threads[3];
    struct epoll_event e = {.events = EPOLLIN};

    (void)state;
    (void)listen_on(hosts[1].p);
    waiting_fd = connect_to(hosts[0].p);
    waiting_set = estab_posix_epoll_create1(hosts[0].p, 0);
    assert_int_equal(
        estab_posix_epoll_ctl(hosts[0].p, waiting_set, EPOLL_CTL_ADD, waiting_fd, &e), 0);
    atomic_store(&at_work, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, what[i], NULL), 0);
        await_sleep(i);
    }
    host_stop(&hosts[0]);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    host_stop(&hosts[1]);
    assert_int_equal(atomic_load(&wrong), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(threads_exchange_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stop_ends_what_waits, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
