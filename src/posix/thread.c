/* SPDX-License-Identifier: MIT */
/*
 * thread.c - the waiter of real time: threads make the calls, one more runs the loop.
 *
 *      a call      lock .. attempt .. sleep on a condition of its own .. attempt .. unlock -> kick
 *      the loop    lock .. turn of estab_loop, events, wake .. unlock while it sleeps in ppoll
 *
 * The loop's thread is always hungry: it would take a plain mutex again before anybody else wakes up.
 * So the lock has a queue of one place in front of it, and whoever stands there is next.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "posix/posix.h"

struct threads {
    struct estab_posix *p;
    estab_loop *loop;
    pthread_t thread;
    pthread_mutex_t next, data;
    pthread_cond_t drained; /* the last call has returned */
    int kick_fd;
    bool ends;
};

/* ---- the waiter ------------------------------------------------------------------------------------ */

static estab_time threads_now(void *context)
{
    (void)context;
    return estab_now();
}

static void threads_lock(void *context)
{
    struct threads *t = context;

    pthread_mutex_lock(&t->next);
    pthread_mutex_lock(&t->data);
    pthread_mutex_unlock(&t->next);
}

static void threads_unlock(void *context)
{
    struct threads *t = context;

    if (t->ends && t->p && atomic_load(&t->p->calls) == 0)
        pthread_cond_broadcast(&t->drained);
    pthread_mutex_unlock(&t->data);
}

static void condition_init(pthread_cond_t *c)
{
    pthread_condattr_t a;

    pthread_condattr_init(&a);
    pthread_condattr_setclock(&a, CLOCK_MONOTONIC); /* as estab_now */
    pthread_cond_init(c, &a);
    pthread_condattr_destroy(&a);
}

static bool threads_wait(void *context, struct estab_posix_wait *w)
{
    struct threads *t = context;
    struct timespec until = {.tv_sec = (time_t)(w->until / ESTAB_SECOND),
                             .tv_nsec = (long)(w->until % ESTAB_SECOND)};
    pthread_cond_t mine;
    int result = 0;

    condition_init(&mine);
    w->place = &mine;
    while (!w->woken && !t->ends && result == 0)
        result = w->until == ESTAB_NEVER ? pthread_cond_wait(&mine, &t->data)
                                         : pthread_cond_timedwait(&mine, &t->data, &until);
    w->place = NULL;
    pthread_cond_destroy(&mine);
    return !t->ends;
}

static void threads_wake(void *context, struct estab_posix_wait *w)
{
    (void)context;
    if (w->place)
        pthread_cond_signal(w->place);
}

static void threads_kick(void *context)
{
    struct threads *t = context;
    uint64_t one = 1;

    (void)!write(t->kick_fd, &one, sizeof one);
}

static void kicked(void *context, int fd, short revents, estab_time now)
{
    uint64_t count;

    (void)context;
    (void)revents;
    (void)now;
    (void)!read(fd, &count, sizeof count);
}

/* ---- the loop's thread ------------------------------------------------------------------------------- */

static void *run(void *context)
{
    struct threads *t = context;

    threads_lock(t);
    while (!t->ends) {
        (void)estab_loop_once(t->loop, ESTAB_NEVER);
        estab_posix_work(t->p);
    }
    threads_unlock(t);
    return NULL;
}

static void threads_free(struct threads *t)
{
    (void)estab_loop_watch(t->loop, t->kick_fd, 0, NULL, NULL);
    estab_loop_aside(t->loop, NULL, NULL, NULL);
    close(t->kick_fd);
    pthread_cond_destroy(&t->drained);
    pthread_mutex_destroy(&t->data);
    pthread_mutex_destroy(&t->next);
    free(t);
}

static struct threads *threads_new(estab_loop *loop)
{
    struct threads *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->loop = loop;
    t->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (t->kick_fd < 0) {
        free(t);
        return NULL;
    }
    pthread_mutex_init(&t->next, NULL);
    pthread_mutex_init(&t->data, NULL);
    condition_init(&t->drained);
    estab_loop_aside(loop, threads_unlock, threads_lock, t);
    return t;
}

static estab_posix *refuse(struct estab_host_error *error, struct threads *t, estab_posix *p,
                           const char *text)
{
    int number = errno;

    if (p)
        estab_posix_free(p);
    if (t)
        threads_free(t);
    *error = (struct estab_host_error){.kind = ESTAB_HOST_IO, .number = number};
    strncpy(error->text, text, sizeof error->text - 1);
    return NULL;
}

estab_posix *estab_posix_start(estab_stack *stack, estab_loop *loop,
                               const struct estab_posix_config *config,
                               struct estab_host_error *error)
{
    struct estab_posix_config c = *config;
    struct threads *t = threads_new(loop);

    if (!t)
        return refuse(error, NULL, NULL, "sockets need memory and one descriptor for their thread");
    c.waiter = (struct estab_posix_waiter){.context = t,
                                           .now = threads_now,
                                           .lock = threads_lock,
                                           .unlock = threads_unlock,
                                           .wait = threads_wait,
                                           .wake = threads_wake,
                                           .kick = threads_kick};
    t->p = estab_posix_new(stack, &c);
    if (!t->p)
        return refuse(error, t, NULL, "sockets were refused: no memory, or a limit of 0");
    t->p->threads = t;
    if (estab_loop_watch(loop, t->kick_fd, POLLIN, kicked, t) != ESTAB_OK)
        return refuse(error, t, t->p, "the loop watches too many descriptors already");
    errno = pthread_create(&t->thread, NULL, run, t);
    if (errno)
        return refuse(error, t, t->p, "sockets need a thread of their own, and got none");
    return t->p;
}

static void wake_everybody(struct estab_posix *p)
{
    wake_all(p, p->any);
    wake_all(p, p->turn);
    for (struct sock *s = p->all; s; s = s->all_next)
        wake_all(p, s->waits);
    for (int fd = 0; fd < p->file_count; fd++)
        if (p->files[fd].kind == FILE_EPOLL)
            epoll_wake(p, p->files[fd].epoll);
}

void estab_posix_stop(estab_posix *p)
{
    struct threads *t = p ? p->threads : NULL;

    if (!t) {
        estab_posix_free(p);
        return;
    }
    threads_lock(t);
    t->ends = true;
    wake_everybody(p);
    threads_kick(t);
    while (atomic_load(&p->calls) > 0)
        pthread_cond_wait(&t->drained, &t->data);
    threads_unlock(t);
    pthread_join(t->thread, NULL);
    estab_posix_free(p);
    threads_free(t);
}
