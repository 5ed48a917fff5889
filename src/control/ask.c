/* SPDX-License-Identifier: MIT */
/* ask.c - connect, send, read to the end; bounded in bytes and in time. */
#include "control/ask.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "control/sockets.h"
#include "device/runtime.h"

struct asked {
    int fd;
    uint64_t pid;
};

struct reading {
    const struct ask *ask;
    const struct asked *from;
    estab_time until;
    size_t length, done; /* bytes in `bytes`, and those of lines that were read */
    unsigned objects;
    struct control_object object;
    char bytes[4 * CONTROL_LINE_MAX];
};

/* ---- asking ----------------------------------------------------------------------------------------------- */

/* Who is at the other end: another user's answers are not wanted. */
static bool is_ours(int fd, uint64_t *pid)
{
    struct ucred peer;
    socklen_t size = sizeof peer;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return false;
    if (peer.pid > 0) /* 0: of another PID namespace */
        *pid = (uint64_t)peer.pid;
    return peer.uid == geteuid();
}

static bool send_request(int fd, const char *request)
{
    char line[CONTROL_WORD_MAX];
    int n = snprintf(line, sizeof line, "%s\n", request);

    return send(fd, line, (size_t)n, MSG_NOSIGNAL) == n;
}

/* False: it is dead, or was never there. */
static bool begin(const struct ask *ask, int place, const struct socket_name *name,
                  struct asked *out)
{
    out->pid = name->pid;
    out->fd = sockets_connect(place, name);
    if (out->fd < 0) {
        if (errno == EAGAIN)
            ask->trouble(ask->context, out->pid, "does not answer: too many wait for it already");
        return false;
    }
    if (is_ours(out->fd, &out->pid) && send_request(out->fd, ask->request))
        return true;
    ask->trouble(ask->context, out->pid, "cannot be asked");
    close(out->fd);
    return false;
}

/* ---- reading ---------------------------------------------------------------------------------------------- */

enum step {
    STEP_MORE,
    STEP_END,
    STEP_WRONG, /* the user has been told */
};

static enum step wrong(const struct reading *r, const char *sentence)
{
    r->ask->trouble(r->ask->context, r->from->pid, sentence);
    return STEP_WRONG;
}

static enum step take_line(struct reading *r, const char *line, size_t n)
{
    const char *why = control_read(line, n, &r->object);
    char sentence[160];

    if (why) {
        snprintf(sentence, sizeof sentence, "gives an answer that cannot be read: %s", why);
        return wrong(r, sentence);
    }
    if (r->object.schema == CONTROL_END)
        return STEP_END;
    if (r->object.schema == CONTROL_ERROR)
        return wrong(r, r->object.error);
    if (r->object.schema == CONTROL_OTHER)
        return wrong(r, "is of another version of estab, whose answers are not understood");
    if (r->objects++ == ASK_OBJECTS_MAX)
        return wrong(r, "gives an answer without an end");
    r->ask->object(r->ask->context, r->from->pid, &r->object);
    return STEP_MORE;
}

static enum step take_lines(struct reading *r)
{
    enum step step = STEP_MORE;
    const char *end;

    while (step == STEP_MORE && (end = memchr(r->bytes + r->done, '\n', r->length - r->done))) {
        const char *line = r->bytes + r->done;
        r->done = (size_t)(end - r->bytes) + 1;
        step = take_line(r, line, (size_t)(end - line));
    }
    r->length -= r->done;
    memmove(r->bytes, r->bytes + r->done, r->length);
    r->done = 0;
    if (step == STEP_MORE && r->length == sizeof r->bytes)
        return wrong(r, "gives an answer that cannot be read: expected a shorter line");
    return step;
}

static enum step await(const struct reading *r)
{
    struct pollfd p = {.fd = r->from->fd, .events = POLLIN};
    estab_time now = estab_now();
    estab_time left = r->until > now ? r->until - now : 0;
    struct timespec t = {.tv_sec = (time_t)(left / ESTAB_SECOND),
                         .tv_nsec = (long)(left % ESTAB_SECOND)};
    int n = ppoll(&p, 1, &t, NULL);

    if (n == 0)
        return wrong(r, "does not answer: is it stopped?");
    return n > 0 || errno == EINTR ? STEP_MORE : wrong(r, "does not answer");
}

static enum step read_some(struct reading *r)
{
    ssize_t n = recv(r->from->fd, r->bytes + r->length, sizeof r->bytes - r->length, 0);

    if (n < 0 && errno == EAGAIN)
        return await(r);
    if (n < 0 && errno == EINTR)
        return STEP_MORE;
    if (n <= 0)
        return wrong(r, "ended while it answered");
    r->length += (size_t)n;
    return take_lines(r);
}

static bool read_answer(const struct ask *ask, const struct asked *from, estab_time until)
{
    struct reading r = {.ask = ask, .from = from, .until = until};
    enum step step;

    while ((step = read_some(&r)) == STEP_MORE)
        continue;
    return step == STEP_END;
}

/* Connects to everybody and sends the request; how many. */
static size_t begin_all(const struct ask *ask, int place, struct asked asked[CONTROL_SOCKETS_MAX])
{
    struct socket_name names[CONTROL_SOCKETS_MAX];
    size_t n = sockets_list(place, names), live = 0;

    for (size_t i = 0; i < n; i++)
        live += begin(ask, place, &names[i], &asked[live]);
    return live;
}

int ask_all(const struct ask *ask, struct estab_host_error *error)
{
    struct asked asked[CONTROL_SOCKETS_MAX];
    struct estab_host_error why = {0};
    int answered = 0, place = runtime_open(false, &why);
    estab_time until;
    size_t live;

    if (place < 0) {
        if (error)
            *error = why;
        return why.kind == ESTAB_HOST_NOT_FOUND ? 0 : -1;
    }
    live = begin_all(ask, place, asked);
    close(place);
    until = estab_now() + ASK_PATIENCE;
    for (size_t i = 0; i < live; i++) {
        answered += read_answer(ask, &asked[i], until);
        close(asked[i].fd);
    }
    return answered;
}
