/* SPDX-License-Identifier: MIT */
/*
 * hub_rooms.c - what stations leave behind, each in a child of the hub's.
 *
 *      station --ROOM [room, its socket, answer]--> hub --fork--> child: looks at the room,
 *                                                                 says CARRY, runs its stack
 *              <---------------- DONE, or ERROR ------------------'
 *
 * The hub itself looks at no more than how much memory it is.  The child has the three descriptors and
 * nothing else; once it ends, its station leaves the wire like any other.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "device/title.h"
#include "wire/hub_parts.h"
#include "wire/room.h"

#define CARRIER "estab-carrier" /* the name of the child's process */

enum { ROOM, STATION, ANSWER };

void rooms_init(struct hub *h)
{
    for (unsigned i = 0; i < HUB_ROOMS; i++)
        h->guest[i].alive = -1;
}

/* ---- the child ------------------------------------------------------------------------------- */

/* Its standard streams lead nowhere; the three, and what tells the hub that it lives, come behind. */
static void keep_only(int fd[HUB_PASSED], int alive)
{
    int high[HUB_PASSED + 1], null = open("/dev/null", O_RDWR);

    for (unsigned i = 0; i < HUB_PASSED; i++)
        high[i] = fcntl(fd[i], F_DUPFD, 16);
    high[HUB_PASSED] = fcntl(alive, F_DUPFD, 16);
    for (int i = 0; i < 3; i++)
        (void)dup2(null, i);
    for (int i = 0; i <= HUB_PASSED; i++) {
        (void)dup2(high[i], 3 + i);
        (void)fcntl(3 + i, F_SETFD, FD_CLOEXEC);
    }
    for (int i = 0; i < HUB_PASSED; i++)
        fd[i] = 3 + i;
    if (syscall(SYS_close_range, 4u + HUB_PASSED, ~0u, 0u) != 0)
        for (int i = 4 + HUB_PASSED; i < 1024; i++)
            close(i);
}

static _Noreturn void become_carrier(struct hub *h, const struct client *c, int alive, pid_t hub)
{
    int fd[HUB_PASSED] = {h->passed_fd[0], h->passed_fd[1], h->passed_fd[2]};
    struct hub_guest guest = {.wire = h->name};

    names_welcome(h, c, &guest.welcome);
    title_set(CARRIER);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGCHLD, SIG_DFL);
    keep_only(fd, alive);
    guest.room = fd[ROOM];
    guest.station = fd[STATION];
    guest.answer = fd[ANSWER];
    if (getppid() == hub)
        h->config.carry(&guest);
    _exit(0);
}

/* ---- the hub ----------------------------------------------------------------------------------- */

static void answer(struct hub *h, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void answer(struct hub *h, const char *format, ...)
{
    char sentence[ENVELOPE_TEXT + 1];
    struct envelope e;
    va_list list;
    size_t n;

    va_start(list, format);
    vsnprintf(sentence, sizeof sentence, format, list);
    va_end(list);
    envelope_init(&e, SAY_ERROR);
    e.has = HAS_CODE;
    e.code = CODE_FULL;
    envelope_text(&e, sentence);
    n = envelope_write(&e, h->out, sizeof h->out);
    (void)send(h->passed_fd[ANSWER], h->out, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static struct guest *free_guest(struct hub *h, uint64_t *in_use)
{
    struct guest *found = NULL;

    *in_use = 0;
    for (unsigned i = 0; i < HUB_ROOMS; i++) {
        struct guest *g = &h->guest[i];
        if (g->alive < 0)
            found = found ? found : g;
        else
            *in_use += g->bytes;
    }
    return found;
}

/* Each room costs a process: who sends one after the other waits for the end of that. */
static bool is_looked_at(const struct hub *h, const struct client *c)
{
    for (unsigned i = 0; i < HUB_ROOMS; i++)
        if (h->guest[i].alive >= 0 && h->guest[i].station == c->number)
            return true;
    return false;
}

static bool start(struct hub *h, const struct client *c, struct guest *g, uint64_t bytes,
                  estab_time now)
{
    pid_t hub = getpid(), pid = -1;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    pid = fork();
    if (pid == 0)
        become_carrier(h, c, ends[1], hub);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return false;
    }
    *g = (struct guest){.alive = ends[0],
                        .pid = pid,
                        .station = c->number,
                        .bytes = bytes,
                        .until = now + HUB_CARRY};
    return true;
}

void rooms_take(struct hub *h, struct client *c, estab_time now)
{
    uint64_t all, bytes;
    struct guest *g;

    if (h->passed != HUB_PASSED) {
        client_refuse(h, c, CODE_ORDER, "a ROOM comes with three descriptors: room, socket, answer");
        return;
    }
    rooms_turn(h, now);
    g = free_guest(h, &all);
    bytes = room_in_use(h->passed_fd[ROOM]);
    if (!h->config.carry)
        answer(h, "the hub of wire %s was started by a program that carries nothing on", h->name);
    else if (c->flags & STATION_CARRIED)
        answer(h, "this station is carried on already");
    else if (bytes == 0)
        answer(h, "what was handed over is no sealed memory");
    else if (is_looked_at(h, c))
        answer(h, "a room of this station is looked at already");
    else if (!g)
        answer(h, "wire %s carries on %d rooms, and takes no more", h->name, HUB_ROOMS);
    else if (bytes > ROOM_BYTES + ROOM_HEAD || all + bytes > HUB_ROOMS_BYTES)
        answer(h, "wire %s takes rooms of %u MB, %u MB in all: this one has %u, and %u are taken",
               h->name, (unsigned)(ROOM_BYTES >> 20), (unsigned)(HUB_ROOMS_BYTES >> 20),
               (unsigned)(bytes >> 20), (unsigned)(all >> 20));
    else if (!start(h, c, g, bytes, now))
        answer(h, "wire %s cannot start a process: %s", h->name, strerror(errno));
}

static bool has_ended(const struct guest *g)
{
    struct pollfd p = {.fd = g->alive, .events = POLLIN};

    return poll(&p, 1, 0) > 0;
}

static void forget(struct guest *g)
{
    close(g->alive);
    *g = (struct guest){.alive = -1};
}

void rooms_turn(struct hub *h, estab_time now)
{
    for (unsigned i = 0; i < HUB_ROOMS; i++) {
        struct guest *g = &h->guest[i];
        if (g->alive < 0)
            continue;
        if (has_ended(g))
            forget(g);
        else if (now >= g->until + HUB_CLOSING)
            (void)kill(g->pid, SIGKILL); /* it should have ended by itself */
    }
}

estab_time rooms_next(const struct hub *h)
{
    estab_time next = ESTAB_NEVER;

    for (unsigned i = 0; i < HUB_ROOMS; i++) {
        const struct guest *g = &h->guest[i];
        if (g->alive >= 0 && g->until + HUB_CLOSING < next)
            next = g->until + HUB_CLOSING;
    }
    return next;
}

void rooms_free(struct hub *h)
{
    for (unsigned i = 0; i < HUB_ROOMS; i++) {
        struct guest *g = &h->guest[i];
        if (g->alive < 0)
            continue;
        if (!has_ended(g))
            (void)kill(g->pid, SIGKILL);
        forget(g);
    }
}
