/* SPDX-License-Identifier: MIT */
/* hub.c - a turn: accept, read, move, send. */
#include "wire/hub.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "wire/hub_parts.h"

struct hub_config hub_defaults(const char *name, uint64_t seed)
{
    return (struct hub_config){.name = name,
                               .seed = seed,
                               .idle_ns = HUB_IDLE,
                               .network = {10, 11, 0, 0},
                               .prefix_length = 24};
}

struct hub *hub_new(const struct hub_config *config, int listener, estab_time now)
{
    static const struct link_config perfect;
    struct hub *h = calloc(1, sizeof *h);

    if (h)
        h->rules = link_new(&perfect, config->seed);
    if (!h || !h->rules) {
        free(h);
        return NULL;
    }
    h->config = *config;
    snprintf(h->name, sizeof h->name, "%s", config->name);
    h->config.name = h->name;
    h->listener = listener;
    h->idle_since = now;
    for (unsigned i = 0; i < HUB_CLIENTS; i++)
        h->client[i].fd = -1;
    rooms_init(h);
    return h;
}

static void drop(struct hub *h, struct client *c)
{
    client_drop_queue(c);
    frames_leave(h, c);
    close(c->fd);
    c->fd = -1;
    if (c->number)
        names_tell(h, c, STATION_GONE);
    free(c->carried);
    c->carried = NULL;
    c->number = 0;
    for (unsigned i = 0; i < HUB_CLIENTS; i++)
        h->client[i].share[hub_slot(h, c)] = 0;
}

void hub_free(struct hub *h)
{
    if (!h)
        return;
    rooms_free(h);
    for (unsigned i = 0; i < HUB_CLIENTS; i++)
        if (h->client[i].fd >= 0)
            drop(h, &h->client[i]);
    frames_free(h);
    link_free(h->rules);
    if (h->listener >= 0)
        close(h->listener);
    free(h);
}

/* ---- who comes ------------------------------------------------------------------------------ */

/* Who is here to no purpose; NULL.  What it has said may not have been read yet. */
static struct client *most_silent(struct hub *h, estab_time now)
{
    struct client *found = NULL;

    for (unsigned i = 0; i < HUB_CLIENTS; i++) {
        struct client *c = &h->client[i];
        struct pollfd p = {.fd = c->fd, .events = POLLIN};
        if (c->number || now < c->spoke + HUB_SILENCE || (found && found->spoke <= c->spoke))
            continue;
        if (poll(&p, 1, 0) == 0 || p.revents & POLLHUP || c->closing)
            found = c;
    }
    return found;
}

static struct client *room_for_one(struct hub *h, estab_time now)
{
    struct client *c;

    for (unsigned i = 0; i < HUB_CLIENTS; i++)
        if (h->client[i].fd < 0)
            return &h->client[i];
    c = most_silent(h, now);
    if (c)
        drop(h, c);
    return c;
}

/* What it has said is read, for what is left unread becomes a reset, which comes before our words. */
static void turn_away(struct hub *h, int fd)
{
    char sentence[ENVELOPE_TEXT + 1];
    struct envelope e;
    size_t n;

    for (unsigned i = 0; i < HUB_TURN && recv(fd, h->in, sizeof h->in, MSG_DONTWAIT) > 0; i++)
        ;
    snprintf(sentence, sizeof sentence,
             "wire %s is full: it takes %d clients, and has %u stations and %u others", h->name,
             HUB_CLIENTS, hub_stations(h), HUB_CLIENTS - hub_stations(h));
    envelope_init(&e, SAY_ERROR);
    e.has = HAS_CODE;
    e.code = CODE_FULL;
    envelope_text(&e, sentence);
    n = envelope_write(&e, h->out, sizeof h->out);
    (void)send(fd, h->out, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    h->refused++;
    close(fd);
}

bool hub_adopt(struct hub *h, int fd, estab_time now)
{
    static const struct client none;
    struct client *c = room_for_one(h, now);
    struct ucred who = {0};
    socklen_t n = sizeof who;

    if (!c) {
        turn_away(h, fd);
        return false;
    }
    *c = none;
    c->fd = fd;
    c->spoke = now;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0)
        c->pid = (uint32_t)who.pid;
    return true;
}

static void accept_all(struct hub *h, estab_time now)
{
    int fd;

    if (h->listener < 0 || h->down)
        return;
    while ((fd = accept4(h->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
        (void)hub_adopt(h, fd, now);
}

bool hub_awaited(const struct hub *h)
{
    struct pollfd p = {.fd = h->listener, .events = POLLIN};

    return h->listener >= 0 && poll(&p, 1, 0) > 0;
}

unsigned hub_stations(const struct hub *h)
{
    unsigned n = 0;

    for (unsigned i = 0; i < HUB_CLIENTS; i++)
        n += h->client[i].fd >= 0 && h->client[i].number > 0;
    return n;
}

/* ---- what they say ----------------------------------------------------------------------------- */

static void judge(struct hub *h, struct client *c, size_t n, estab_time now)
{
    static const char ours[] = "version 1 of the wire's protocol";
    struct envelope e;
    const char *wrong = envelope_read(&e, h->in, n);

    _Static_assert(ENVELOPE_VERSION == 1, "the sentence above");
    c->spoke = now;
    if (!wrong) {
        orders_take(h, c, &e, now);
        return;
    }
    h->malformed++;
    if (e.version && e.version != ENVELOPE_VERSION)
        client_refuse(h, c, CODE_VERSION, "this hub speaks %s, and you speak version %u", ours,
                      e.version);
    else
        client_refuse(h, c, CODE_MALFORMED, "this is no envelope: %s", wrong);
    c->closing = true;
}

static bool hung_up(const struct client *c)
{
    struct pollfd p = {.fd = c->fd};

    return poll(&p, 1, 0) > 0 && p.revents & POLLHUP;
}

static void close_passed(struct hub *h)
{
    while (h->passed > 0)
        close(h->passed_fd[--h->passed]);
}

/* False: there are more than a message may have.  The control buffer is padded, so that one more than it
 * was made for may fit into it. */
static bool take_passed(struct hub *h, const struct cmsghdr *k)
{
    size_t n = (k->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    bool few = h->passed + n <= HUB_PASSED;

    for (size_t i = 0; i < n; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(k) + i * sizeof fd, sizeof fd);
        if (few)
            h->passed_fd[h->passed++] = fd;
        else
            close(fd);
    }
    return few;
}

/* One message, and the descriptors that came with it: those that are not taken are closed again. */
static ssize_t receive(struct hub *h, const struct client *c)
{
    union {
        char bytes[CMSG_SPACE(HUB_PASSED * sizeof(int))];
        struct cmsghdr header;
    } control;
    struct iovec bytes = {h->in, sizeof h->in};
    struct msghdr m = {.msg_iov = &bytes,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof control.bytes};
    ssize_t n = recvmsg(c->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    bool few = !(m.msg_flags & MSG_CTRUNC);

    h->passed = 0;
    for (struct cmsghdr *k = n < 0 ? NULL : CMSG_FIRSTHDR(&m); k; k = CMSG_NXTHDR(&m, k))
        if (k->cmsg_level == SOL_SOCKET && k->cmsg_type == SCM_RIGHTS)
            few = take_passed(h, k) && few;
    if (!few)
        close_passed(h);
    return n;
}

/* False: the other side has gone.  What it has left unread is read in one turn. */
static bool read_some(struct hub *h, struct client *c, estab_time now)
{
    for (unsigned i = 0; !c->closing; i++) {
        if (i == HUB_TURN && !hung_up(c))
            break;
        ssize_t n = receive(h, c);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        if (n > 0)
            judge(h, c, (size_t)n, now);
        close_passed(h);
        if (n == 0)
            return false;
    }
    return true;
}

static void read_those(struct hub *h, bool joined, estab_time now)
{
    for (unsigned i = 0; i < HUB_CLIENTS; i++) {
        struct client *c = &h->client[i];
        if (c->fd >= 0 && (c->number > 0) == joined && !read_some(h, c, now))
            drop(h, c);
    }
}

/* Who has left before another one came has left its name to it. */
static void read_all(struct hub *h, estab_time now)
{
    read_those(h, true, now);
    read_those(h, false, now);
}

/* Who is being cut off has a moment to read why. */
static bool closed(struct client *c, estab_time now)
{
    if (!c->closing)
        return false;
    if (!c->closes_at)
        c->closes_at = now + HUB_CLOSING;
    return c->waiting == 0 || now >= c->closes_at;
}

static void flush_all(struct hub *h, estab_time now)
{
    for (unsigned i = 0; i < HUB_CLIENTS; i++) {
        struct client *c = &h->client[i];
        if (c->fd >= 0 && (!client_flush(c) || closed(c, now)))
            drop(h, c);
    }
}

void hub_turn(struct hub *h, estab_time now)
{
    accept_all(h, now);
    read_all(h, now);
    frames_move(h, now);
    rooms_turn(h, now);
    flush_all(h, now);
    if (hub_stations(h) > 0)
        h->idle_since = now;
}

/* ---- when it ends, and until when it sleeps -------------------------------------------------------- */

void hub_end(struct hub *h)
{
    h->down = true;
}

bool hub_down(const struct hub *h)
{
    return h->down;
}

bool hub_over(const struct hub *h, estab_time now)
{
    return h->down || (hub_stations(h) == 0 && now >= h->idle_since + h->config.idle_ns);
}

estab_time hub_deadline(const struct hub *h)
{
    estab_time frames = frames_next(h), rooms = rooms_next(h);
    estab_time next = frames < rooms ? frames : rooms;
    estab_time idle = hub_stations(h) ? ESTAB_NEVER : h->idle_since + h->config.idle_ns;

    for (unsigned i = 0; i < HUB_CLIENTS; i++) {
        const struct client *c = &h->client[i];
        if (c->fd >= 0 && c->closing && c->closes_at < next)
            next = c->closes_at;
    }
    return next < idle ? next : idle;
}

void hub_wait(struct hub *h, estab_time until, estab_time now)
{
    struct pollfd p[HUB_CLIENTS + HUB_ROOMS + 1];
    estab_time due = hub_deadline(h), when = due < until ? due : until;
    estab_time left = when > now ? when - now : 0;
    struct timespec t = {.tv_sec = (time_t)(left / ESTAB_SECOND),
                         .tv_nsec = (long)(left % ESTAB_SECOND)};
    nfds_t n = 0;

    if (h->listener >= 0)
        p[n++] = (struct pollfd){.fd = h->listener, .events = POLLIN};
    for (unsigned i = 0; i < HUB_CLIENTS; i++) {
        const struct client *c = &h->client[i];
        short in = c->closing ? 0 : POLLIN, out = c->waiting ? POLLOUT : 0; /* what is not read */
        if (c->fd >= 0)
            p[n++] = (struct pollfd){.fd = c->fd, .events = (short)(in | out)};
    }
    for (unsigned i = 0; i < HUB_ROOMS; i++)
        if (h->guest[i].alive >= 0)
            p[n++] = (struct pollfd){.fd = h->guest[i].alive, .events = POLLIN};
    (void)ppoll(p, n, when == ESTAB_NEVER ? NULL : &t, NULL);
}
