/* SPDX-License-Identifier: MIT */
/*
 * time.c - virtual time, and the calls that sleep in it.
 *
 * The clock is packetdrill's only one: it reads it in a loop when little is left to wait, so each
 * reading takes a microsecond.
 */
#include "packetdrill/adapter.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define IDLE_LIMIT   (86400 * ESTAB_SECOND) /* how long a call of the main thread waits at most */
#define REST_SECONDS 5                      /* of real time */
#define LOOK_NS      10000000               /* also of real time: how often to look for main */
#define LOOKS        3
#define GRACE        ESTAB_SECOND           /* packetdrill's own, for a call that is to return */

static bool is_main(const struct adapter *a)
{
    return pthread_equal(pthread_self(), a->main);
}

/* ---- other threads --------------------------------------------------------------------------------------- */

/* What /proc/self/task has of a thread; empty if it has ended. */
static void thread_file(const char *number, const char *name, char *out, size_t size)
{
    char path[64];
    ssize_t n;
    int fd;

    snprintf(path, sizeof path, "/proc/self/task/%.16s/%s", number, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? 0 : read(fd, out, size - 1);
    if (fd >= 0)
        syscall(SYS_close, fd);
    out[n > 0 ? n : 0] = '\0';
}

/* "12 (name) S ..." */
static char thread_state(const char *number)
{
    char text[512];
    const char *end;

    thread_file(number, "stat", text, sizeof text);
    end = strrchr(text, ')');
    return end && end[1] ? end[2] : 'X'; /* it has ended */
}

/* Main waits for another thread, and not for a child or a file: where the kernel has it asleep, or if
 * that is a secret, which call it made, "202 0x...". */
static bool main_waits(const struct adapter *a)
{
    char number[24], text[256];

    snprintf(number, sizeof number, "%ld", a->main_tid);
    if (thread_state(number) != 'S')
        return false;
    thread_file(number, "wchan", text, sizeof text);
    if (strcmp(text, "0") != 0 && text[0])
        return strstr(text, "futex") != NULL;
    thread_file(number, "syscall", text, sizeof text);
    return text[0] >= '0' && text[0] <= '9' && strtol(text, NULL, 10) == SYS_futex;
}

static bool all_sleep(void)
{
    DIR *tasks = opendir("/proc/self/task");
    long self = syscall(SYS_gettid);
    bool asleep = true;

    for (struct dirent *d; asleep && tasks && (d = readdir(tasks));) {
        char *end;
        bool thread = strtol(d->d_name, &end, 10) != self && end != d->d_name;

        if (thread)
            asleep = strchr("SXZ", thread_state(d->d_name)) != NULL;
    }
    if (tasks)
        closedir(tasks);
    return asleep;
}

/* Waits, without the lock, until all other threads of the process sleep. */
static void let_run(void)
{
    struct timespec now, end;

    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += REST_SECONDS;
    do {
        sched_yield();
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (!all_sleep() && now.tv_sec < end.tv_sec);
}

void adapter_rest(struct adapter *a)
{
    while (a->stirred) {
        a->stirred = false;
        a->restless = true;
        pthread_mutex_unlock(&a->mutex);
        let_run();
        pthread_mutex_lock(&a->mutex);
    }
}

static void stir(struct adapter *a)
{
    if (!a->waits)
        return;
    a->stirred = true;
    pthread_cond_broadcast(&a->changed);
}

/* ---- time moves -------------------------------------------------------------------------------------------- */

estab_time adapter_deadline(const struct adapter *a)
{
    estab_time first = a->virtual.stack ? estab_deadline(a->virtual.stack) : ESTAB_NEVER;

    for (struct estab_posix_wait *w = a->waits; w; w = w->place)
        first = w->until < first ? w->until : first;
    return first;
}

void adapter_advance(struct adapter *a, estab_time until)
{
    for (struct estab_posix_wait *w = a->waits; w; w = w->place) {
        if (w->until > a->virtual.now && w->until < until)
            until = w->until;
    }
    a->moment++;
    if (a->virtual.stack)
        virtual_advance(&a->virtual, until);
    else
        a->virtual.now = until;
    stir(a);
    adapter_rest(a);
}

static void advance_by(struct adapter *a, estab_time span)
{
    estab_time until = a->virtual.now + span;

    while (a->virtual.now < until)
        adapter_advance(a, until);
}

static int call_usleep(void *u, useconds_t us)
{
    struct adapter *a = u;

    adapter_lock(a);
    if (a->restless) { /* who waited for packetdrill's lock: it is free while it sleeps */
        a->stirred = true;
        adapter_rest(a);
        a->restless = false;
    }
    advance_by(a, us * ESTAB_US);
    a->restless = false;
    adapter_unlock(a);
    return 0;
}

static int call_gettimeofday(void *u, struct timeval *t, struct timezone *zone)
{
    struct adapter *a = u;
    estab_time now;

    adapter_lock(a);
    advance_by(a, ESTAB_US);
    now = a->virtual.now;
    adapter_unlock(a);
    t->tv_sec = (time_t)(now / ESTAB_SECOND);
    t->tv_usec = (suseconds_t)(now % ESTAB_SECOND / ESTAB_US);
    if (zone)
        memset(zone, 0, sizeof *zone);
    return 0;
}

void adapter_time_calls(struct packetdrill_interface *table)
{
    table->usleep = call_usleep;
    table->gettimeofday = call_gettimeofday;
}

/* ---- calls that wait ------------------------------------------------------------------------------------------ */

/* Nobody else moves time: this call does, until it need not wait. */
static bool wait_in_main(struct adapter *a, struct estab_posix_wait *w, bool fruitless)
{
    estab_time limit = a->virtual.now + IDLE_LIMIT;

    for (; (fruitless || !w->woken) && a->virtual.now < w->until; fruitless = false) {
        if (adapter_deadline(a) == ESTAB_NEVER || a->virtual.now >= limit)
            return false; /* nothing will ever wake it */
        adapter_advance(a, limit);
    }
    return true;
}

/* Sleeps until it is woken, or for a while; false: a while. */
static bool sleep_a_while(struct adapter *a)
{
    struct timespec end;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_nsec += LOOK_NS;
    end.tv_sec += end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    return pthread_cond_timedwait(&a->changed, &a->mutex, &end) == 0;
}

static void run_down(struct adapter *a, const struct estab_posix_wait *w, estab_time limit)
{
    while (!w->woken && a->virtual.now < w->until && a->virtual.now < limit && !a->over)
        adapter_advance(a, limit);
}

/* Main moves time, unless it waits for this very call: before its next one, or at the end.  Then it
 * has no time to move, and the call itself lets a second pass at most. */
static bool wait_aside(struct adapter *a, struct estab_posix_wait *w, bool fruitless)
{
    uint64_t moment = a->moment, seen = moment;
    estab_time limit = a->virtual.now + GRACE;
    unsigned looks = 0;

    while ((fruitless ? a->moment == moment : !w->woken) && a->virtual.now < w->until && !a->over) {
        if (sleep_a_while(a) || a->moment != seen) {
            looks = 0;
            limit = a->virtual.now + GRACE;
        } else if (++looks >= LOOKS && main_waits(a)) {
            run_down(a, w, limit);
        }
        seen = a->moment;
    }
    return !a->over;
}

static void unlink_wait(struct adapter *a, const struct estab_posix_wait *w)
{
    for (struct estab_posix_wait *v = a->waits, *before = NULL; v; before = v, v = v->place) {
        if (v != w)
            continue;
        if (before)
            before->place = v->place;
        else
            a->waits = v->place;
        return;
    }
}

/* A call that was woken, did not complete, and waits again at the same moment would be woken once more:
 * something must happen first. */
static bool waiter_wait(void *context, struct estab_posix_wait *w)
{
    struct adapter *a = context;
    bool here = is_main(a), fruitless, goes_on;
    struct adapter_seat *seat = &a->seat[here ? 0 : 1];

    virtual_settle(&a->virtual);
    fruitless = seat->woken && seat->moment == a->moment;
    w->place = a->waits;
    a->waits = w;
    goes_on = here ? wait_in_main(a, w, fruitless) : wait_aside(a, w, fruitless);
    unlink_wait(a, w);
    *seat = (struct adapter_seat){w->woken, a->moment};
    return goes_on;
}

static void waiter_wake(void *context, struct estab_posix_wait *w)
{
    (void)w;
    stir(context);
}

static estab_time waiter_now(void *context)
{
    return ((struct adapter *)context)->virtual.now;
}

static void waiter_lock(void *context)
{
    adapter_lock(context);
}

static void waiter_unlock(void *context)
{
    adapter_unlock(context);
}

void adapter_waiter(struct adapter *a, struct estab_posix_waiter *w)
{
    *w = (struct estab_posix_waiter){
        .context = a,
        .now = waiter_now,
        .lock = waiter_lock,
        .unlock = waiter_unlock,
        .wait = waiter_wait,
        .wake = waiter_wake,
    };
}
