/* SPDX-License-Identifier: MIT */
/*
 * station.c - joining, the device, and what is said beside the frames.
 *
 * The struct estab_device comes first: whoever closes the device frees the station with it.
 */
#include "wire/station.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "device/device.h"

#define NOTES      128   /* frames that were noted and not yet sent */
#define CAME       64    /* frames of one batch */
#define PATIENCE   5000  /* milliseconds for an answer of the hub */
#define SAY_WAIT   200   /* milliseconds for the hub to take a message that must not be lost */
#define ATTEMPTS   5     /* to find a hub that does not just end */
#define HEADER_MAX 4096u

struct station {
    estab_device device;
    struct envelope welcome;
    char name[ENVELOPE_WORD], wire[PLACE_NAME];
    bool gone;
    station_hook *hook;
    void *context;
    uint64_t serial;
    unsigned peers, first_note, notes, came;
    struct station_peer peer[STATION_PEERS];
    struct envelope note[NOTES], frame[CAME];
    uint8_t in[ENVELOPE_MAX + 1], out[HEADER_MAX];
};

/* ---- one message ------------------------------------------------------------------------------------ */

static bool send_envelope(int fd, const struct envelope *e)
{
    uint8_t bytes[HEADER_MAX];
    size_t n = envelope_write(e, bytes, sizeof bytes);

    return n > 0 && send(fd, bytes, n, MSG_NOSIGNAL) == (ssize_t)n;
}

enum heard { HEARD_IT, HEARD_NOTHING, HEARD_END, HEARD_OTHER };

/* Waits for a message of the hub's.  A hub that closes before it has read everything resets: its last
 * words come behind that. */
static enum heard hear(int fd, uint8_t *bytes, struct envelope *e)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    ssize_t n;

    do
        n = poll(&p, 1, PATIENCE) > 0 ? recv(fd, bytes, ENVELOPE_MAX + 1, MSG_DONTWAIT) : -1;
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == ECONNRESET)
        n = recv(fd, bytes, ENVELOPE_MAX + 1, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN && p.revents & POLLHUP)
        n = 0;
    if (n == 0 || (n < 0 && errno == ECONNRESET))
        return HEARD_END;
    if (n < 0)
        return HEARD_NOTHING;
    return envelope_read(e, bytes, (size_t)n) ? HEARD_OTHER : HEARD_IT;
}

static unsigned hub_process(int fd)
{
    struct ucred who = {0};
    socklen_t n = sizeof who;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 ? (unsigned)who.pid : 0;
}

static void explain(int fd, const char *wire, enum heard what, const struct envelope *e,
                    struct estab_host_error *error)
{
    if (what == HEARD_NOTHING)
        host_fail(error, ESTAB_HOST_IO, 0,
                  "the hub of wire %s, process %u, does not answer; to end it: kill -9 %u", wire,
                  hub_process(fd), hub_process(fd));
    else if (what == HEARD_END)
        host_fail(error, ESTAB_HOST_IO, 0, "the hub of wire %s has ended", wire);
    else if (e->version && e->version != ENVELOPE_VERSION)
        host_fail(error, ESTAB_HOST_IO, 0,
                  "the hub of wire %s, process %u, speaks version %u of the wire's protocol, and "
                  "this estab version %d; to end it: estab wire --on wire:%s down",
                  wire, hub_process(fd), e->version, ENVELOPE_VERSION, wire);
    else
        host_fail(error, ESTAB_HOST_IO, 0,
                  "what answers as the hub of wire %s, process %u, does not speak its protocol",
                  wire, hub_process(fd));
}

/* The hub's own words. */
static void refused(const struct envelope *e, struct estab_host_error *error)
{
    bool usage = e->code != CODE_FULL && e->code != CODE_MALFORMED && e->code != CODE_VERSION;

    host_fail(error, usage ? ESTAB_HOST_USAGE : ESTAB_HOST_IO, 0, "%.*s", (int)e->text_length,
              e->text ? e->text : "");
}

/* ---- the others -------------------------------------------------------------------------------------- */

static struct station_peer *find_peer(struct station *s, uint32_t number)
{
    for (unsigned i = 0; i < s->peers; i++)
        if (s->peer[i].number == number)
            return &s->peer[i];
    return NULL;
}

/* In the order of their numbers; NULL: there are too many. */
static struct station_peer *add_peer(struct station *s, uint32_t number)
{
    unsigned i = s->peers;

    if (i == STATION_PEERS)
        return NULL;
    while (i > 0 && s->peer[i - 1].number > number)
        i--;
    memmove(&s->peer[i + 1], &s->peer[i], (s->peers - i) * sizeof s->peer[0]);
    s->peers++;
    return &s->peer[i];
}

static void learn(struct station *s, const struct envelope *e)
{
    struct station_peer *p = find_peer(s, e->station);

    if (e->flags & STATION_GONE) {
        if (p)
            memmove(p, p + 1, (size_t)(&s->peer[--s->peers] - p) * sizeof *p);
        return;
    }
    p = p ? p : add_peer(s, e->station);
    if (!p)
        return;
    *p = (struct station_peer){.number = e->station,
                               .flags = e->flags,
                               .pid = e->pid,
                               .address = e->address,
                               .ports = e->ports};
    memcpy(p->name, e->name, sizeof p->name);
    memcpy(p->program, e->program, sizeof p->program);
    memcpy(p->mac, e->mac, sizeof p->mac);
    memcpy(p->port, e->port, sizeof p->port);
}

const struct station_peer *station_peer_at(const struct station *s, unsigned i)
{
    return i < s->peers ? &s->peer[i] : NULL;
}

static bool has_name(const struct station_peer *p)
{
    return !(p->flags & (STATION_CARRIED | STATION_MONITOR));
}

const struct station_peer *station_peer_named(const struct station *s, const char *name)
{
    for (unsigned i = 0; i < s->peers; i++)
        if (has_name(&s->peer[i]) && strcmp(s->peer[i].name, name) == 0)
            return &s->peer[i];
    return NULL;
}

const struct station_peer *station_peer_with(const struct station *s,
                                             const struct estab_addr *address)
{
    for (unsigned i = 0; i < s->peers; i++)
        if (has_name(&s->peer[i]) && memcmp(&s->peer[i].address, address, sizeof *address) == 0)
            return &s->peer[i];
    return NULL;
}

const struct station_peer *station_peer_number(const struct station *s, uint32_t number)
{
    for (unsigned i = 0; i < s->peers; i++)
        if (s->peer[i].number == number)
            return &s->peer[i];
    return NULL;
}

/* ---- the device -------------------------------------------------------------------------------------- */

static void hear_beside(struct station *s, const struct envelope *e)
{
    if (e->type == SAY_STATION)
        learn(s, e);
    if (s->hook)
        s->hook(s->context, e);
}

/* Copies into the parts that the frame provides. */
static bool fill(struct estab_frame *in, const uint8_t *bytes, uint32_t n)
{
    uint32_t done = 0;

    for (unsigned i = 0; i < in->parts && done < n; i++) {
        uint32_t piece = n - done < in->part[i].length ? n - done : in->part[i].length;
        memcpy(in->part[i].base, bytes + done, piece);
        done += piece;
    }
    return done == n;
}

static void take_frame(struct station *s, struct estab_frame *in, const struct envelope *e)
{
    static const struct device_slot plain;
    unsigned place = s->came++ % CAME;

    s->frame[place] = *e;
    s->frame[place].frame = NULL; /* its bytes are in the caller's frame now */
    s->frame[place].text = NULL;
    if (fill(in, e->frame, e->frame_length)) {
        device_received(&s->device, &plain, in, e->frame_length);
        in->cause = place + 1;
        return;
    }
    in->length = 0;
    s->device.counters.cut++;
}

static size_t receive(estab_device *d, struct estab_frame *in, size_t n)
{
    struct station *s = (struct station *)d;
    struct envelope e;
    size_t got = 0;

    for (unsigned messages = 0; got < n && messages < 4 * DEVICE_BATCH; messages++) {
        ssize_t length = recv(d->fd, s->in, sizeof s->in, MSG_DONTWAIT);
        if (length <= 0) {
            s->gone = s->gone || length == 0 || (errno != EAGAIN && errno != EINTR);
            break;
        }
        if (envelope_read(&e, s->in, (size_t)length))
            continue; /* a hub that has begun to speak so is to blame */
        if (e.type != SAY_FRAME || !(e.has & HAS_FRAME) || e.frame_length == 0) {
            hear_beside(s, &e);
            continue;
        }
        take_frame(s, &in[got++], &e);
        if (s->hook)
            break; /* what was said behind this frame is to be heard behind it */
    }
    return got;
}

static size_t envelope_of(struct station *s, const struct estab_frame *out)
{
    struct envelope e;

    if (s->notes) {
        e = s->note[s->first_note];
        e.type = SAY_FRAME;
    } else {
        envelope_init(&e, SAY_FRAME);
        e.serial = ++s->serial;
    }
    e.has |= HAS_SERIAL | HAS_FRAME;
    e.frame = NULL;
    e.frame_length = out->length;
    return envelope_write(&e, s->out, sizeof s->out);
}

static void note_done(struct station *s)
{
    if (s->notes == 0)
        return;
    s->first_note = (s->first_note + 1) % NOTES;
    s->notes--;
}

/* False: the socket takes no more for now. */
static bool send_frame(struct station *s, const struct estab_frame *out)
{
    estab_device *d = &s->device;
    struct iovec piece[DEVICE_PIECES + 1];
    struct msghdr m = {.msg_iov = piece};
    size_t n = envelope_of(s, out);

    piece[m.msg_iovlen++] = (struct iovec){s->out, n};
    m.msg_iovlen += device_gather(d, &d->slot[0], out);
    memcpy(piece + 1, d->slot[0].piece, (m.msg_iovlen - 1) * sizeof *piece);
    if (n == 0 || s->gone) {
        device_refused(d, EMSGSIZE);
    } else if (sendmsg(d->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        if (errno == EAGAIN || errno == ENOBUFS || errno == EINTR)
            return false;
        s->gone = s->gone || errno == EPIPE || errno == ECONNRESET;
        device_refused(d, errno);
    } else {
        d->counters.frames_out++;
        d->counters.bytes_out += out->length;
    }
    note_done(s);
    return true;
}

static size_t transmit(estab_device *d, const struct estab_frame *out, size_t n)
{
    size_t sent = 0;

    while (sent < n && send_frame((struct station *)d, &out[sent]))
        sent++;
    return sent;
}

static estab_device *make(const char *name, struct estab_interface *out,
                          struct estab_host_error *error)
{
    struct station *s =
        station_join(&(struct station_config){.wire = name, .program = "a program"}, error);

    if (!s)
        return NULL;
    station_interface(s, out);
    return &s->device;
}

const struct device_kind device_wire = {
    .prefix = "wire:",
    .link = ESTAB_LINK_ETHERNET,
    .receive = receive,
    .send = transmit,
    .make = make,
};

/* ---- joining ------------------------------------------------------------------------------------------ */

static void make_join(const struct station_config *c, struct envelope *e)
{
    envelope_init(e, SAY_JOIN);
    e->has = HAS_FLAGS | HAS_PID;
    e->flags = c->flags;
    e->pid = (uint32_t)getpid();
    envelope_word(e, HAS_PROGRAM, c->program);
    if (c->name)
        envelope_word(e, HAS_NAME, c->name);
    if (c->has_address) {
        e->has |= HAS_ADDRESS | HAS_PREFIX;
        e->address = c->address;
        e->prefix_length = c->prefix_length;
    }
    if (c->mac) {
        e->has |= HAS_MAC;
        memcpy(e->mac, c->mac, sizeof e->mac);
    }
}

/* Hears WELCOME, who else is here, and DONE. */
static enum heard hear_welcome(struct station *s, int fd, struct estab_host_error *error)
{
    struct envelope e;
    enum heard what;

    while ((what = hear(fd, s->in, &e)) == HEARD_IT) {
        if (e.type == SAY_DONE)
            return HEARD_IT;
        if (e.type == SAY_ERROR && e.version == ENVELOPE_VERSION) {
            refused(&e, error);
            return HEARD_OTHER;
        }
        if (e.type == SAY_ERROR)
            break;
        if (e.type == SAY_WELCOME)
            s->welcome = e;
        if (e.type == SAY_STATION)
            learn(s, &e);
    }
    explain(fd, s->wire, what == HEARD_IT ? HEARD_OTHER : what, &e, error);
    return what == HEARD_IT ? HEARD_OTHER : what;
}

static void become_device(struct station *s, int fd)
{
    estab_device *d = &s->device;

    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    d->kind = &device_wire;
    d->fd = fd;
    d->link = ESTAB_LINK_ETHERNET;
    d->plain = true;
    d->mtu = s->welcome.mtu;
    d->counters.size = sizeof d->counters;
    snprintf(d->ifname, sizeof d->ifname, "%.15s", s->wire);
    snprintf(d->name, sizeof d->name, "%s%s", device_wire.prefix, d->ifname);
    s->welcome.text = NULL;
}

/* A hub that just ended is followed by another one. */
static int join(struct station *s, const struct station_config *c, struct estab_host_error *error)
{
    static const struct place_start plain;
    struct envelope e;

    make_join(c, &e);
    for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
        int fd = place_connect(c->wire, c->start ? c->start : &plain, error);
        if (fd < 0)
            return -1;
        s->peers = 0;
        (void)send_envelope(fd, &e); /* if it fails, then hearing does */
        switch (hear_welcome(s, fd, error)) {
        case HEARD_IT:
            return fd;
        case HEARD_END:
            close(fd);
            continue;
        default:
            close(fd);
            return -1;
        }
    }
    return -1;
}

struct station *station_join(const struct station_config *c, struct estab_host_error *error)
{
    struct station *s = calloc(1, sizeof *s);
    int fd;

    if (!s) {
        host_fail(error, ESTAB_HOST_IO, ENOMEM, "wire %s cannot be joined", c->wire);
        return NULL;
    }
    snprintf(s->wire, sizeof s->wire, "%.23s", c->wire);
    fd = join(s, c, error);
    if (fd < 0 || !(s->welcome.has & HAS_STATION)) {
        if (fd >= 0)
            close(fd);
        free(s);
        return NULL;
    }
    memcpy(s->name, s->welcome.name, sizeof s->name);
    become_device(s, fd);
    return s;
}

estab_device *station_device(struct station *s)
{
    return &s->device;
}

void station_interface(const struct station *s, struct estab_interface *out)
{
    *out = (struct estab_interface){
        .size = sizeof *out,
        .link = ESTAB_LINK_ETHERNET,
        .prefix_length = (uint8_t)s->welcome.prefix_length,
        .address = s->welcome.address,
        .mtu = s->welcome.mtu,
    };
    memcpy(out->mac, s->welcome.mac, sizeof out->mac);
}

const char *station_name(const struct station *s)
{
    return s->name;
}

const char *station_wire(const struct station *s)
{
    return s->wire;
}

uint32_t station_number(const struct station *s)
{
    return s->welcome.station;
}

uint64_t station_seed(const struct station *s)
{
    return s->welcome.seed;
}

bool station_gone(const struct station *s)
{
    return s->gone;
}

void station_listen(struct station *s, station_hook *hook, void *context)
{
    s->hook = hook;
    s->context = context;
}

/* ---- beside the frames ----------------------------------------------------------------------------------- */

void station_note(struct station *s, const struct envelope *e)
{
    if (s->notes < NOTES)
        s->note[(s->first_note + s->notes++) % NOTES] = *e;
}

void station_unnote(struct station *s)
{
    s->notes -= s->notes > 0;
}

const struct envelope *station_came(const struct station *s, const struct estab_frame *f)
{
    return f->cause > 0 && f->cause <= CAME ? &s->frame[f->cause - 1] : NULL;
}

bool station_say(struct station *s, const struct envelope *e)
{
    struct pollfd p = {.fd = s->device.fd, .events = POLLOUT};

    if (s->gone)
        return false;
    if (send_envelope(s->device.fd, e))
        return true;
    if (errno != EAGAIN || e->type == SAY_REPORT || poll(&p, 1, SAY_WAIT) <= 0)
        return false;
    return send_envelope(s->device.fd, e);
}

/* ---- orders -------------------------------------------------------------------------------------------------- */

static bool hear_answers(int fd, const char *wire, station_hook *answer, void *context,
                         struct estab_host_error *error)
{
    uint8_t *bytes = malloc(ENVELOPE_MAX + 1);
    enum heard what = HEARD_NOTHING;
    struct envelope e;
    bool done = false;

    while (bytes && !done && (what = hear(fd, bytes, &e)) == HEARD_IT && e.type != SAY_ERROR) {
        done = e.type == SAY_DONE;
        if (!done && answer)
            answer(context, &e);
    }
    if (!done && what == HEARD_IT && e.version == ENVELOPE_VERSION)
        refused(&e, error);
    else if (!done)
        explain(fd, wire, what == HEARD_IT ? HEARD_OTHER : what, &e, error);
    free(bytes);
    return done;
}

/* The hub answers, removes its socket, and ends: who looks for the wire after us finds none. */
static void await_end(int fd)
{
    struct timeval time = {.tv_sec = 10};
    uint8_t rest[64];

    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    while (recv(fd, rest, sizeof rest, 0) > 0)
        continue;
}

bool station_order(const char *wire, const struct place_start *start, const struct envelope *order,
                   station_hook *answer, void *context, struct estab_host_error *error)
{
    int fd = place_connect(wire, start, error);
    bool done;

    if (fd < 0)
        return false;
    (void)send_envelope(fd, order);
    done = hear_answers(fd, wire, answer, context, error);
    if (done && order->type == SAY_DOWN)
        await_end(fd);
    close(fd);
    return done;
}

/* ---- what is left behind -------------------------------------------------------------------------------------- */

static bool send_room(int fd, const int passed[3])
{
    union {
        char bytes[CMSG_SPACE(3 * sizeof(int))];
        struct cmsghdr header;
    } control = {{0}};
    uint8_t bytes[64];
    struct envelope e;
    struct iovec piece = {bytes, 0};
    struct msghdr m = {.msg_iov = &piece,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof control.bytes};
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    envelope_init(&e, SAY_ROOM);
    piece.iov_len = envelope_write(&e, bytes, sizeof bytes);
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(3 * sizeof(int));
    memcpy(CMSG_DATA(&control.header), passed, 3 * sizeof(int));
    return poll(&p, 1, PATIENCE) > 0 && sendmsg(fd, &m, MSG_NOSIGNAL) > 0;
}

bool station_leave(struct station *s, int room, struct estab_host_error *error)
{
    int ends[2] = {-1, -1};
    struct envelope e;
    enum heard what = HEARD_NOTHING;
    uint8_t *bytes = malloc(ENVELOPE_MAX + 1);
    bool done = false;

    if (bytes && !s->gone &&
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0 &&
        send_room(s->device.fd, (int[]){room, s->device.fd, ends[1]})) {
        close(ends[1]);
        ends[1] = -1;
        what = hear(ends[0], bytes, &e);
        done = what == HEARD_IT && e.type == SAY_DONE;
        if (!done && what == HEARD_IT && e.type == SAY_ERROR)
            refused(&e, error);
    }
    if (!done && !(what == HEARD_IT && e.type == SAY_ERROR))
        host_fail(error, ESTAB_HOST_IO, 0,
                  what == HEARD_END ? "the process that was to carry it on has ended"
                                    : "the hub of wire %s does not answer", s->wire);
    for (unsigned i = 0; i < 2; i++)
        if (ends[i] >= 0)
            close(ends[i]);
    free(bytes);
    return done;
}

struct station *station_adopt(const struct hub_guest *g)
{
    struct station *s = calloc(1, sizeof *s);
    struct envelope list;

    if (!s)
        return NULL;
    snprintf(s->wire, sizeof s->wire, "%.23s", g->wire);
    s->welcome = g->welcome;
    memcpy(s->name, s->welcome.name, sizeof s->name);
    become_device(s, g->station);
    envelope_init(&list, SAY_LIST); /* who else is here */
    (void)station_say(s, &list);
    return s;
}

void station_answer(const struct hub_guest *g, const char *wrong)
{
    struct envelope e;

    envelope_init(&e, wrong ? SAY_ERROR : SAY_DONE);
    if (wrong) {
        e.has = HAS_CODE;
        e.code = CODE_ORDER;
        envelope_text(&e, wrong);
    }
    (void)send_envelope(g->answer, &e);
    close(g->answer);
}
