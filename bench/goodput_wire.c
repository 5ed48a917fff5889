/* SPDX-License-Identifier: MIT */
/*
 * goodput_wire.c - a bad wire in real time: the simulator's links between packet sockets.
 *
 *      goodput_wire LEFT[,LEFT...] RIGHT FORWARD BACK SEED
 *
 *      LEFT ---.                                            .--- RIGHT
 *               >--- link FORWARD: what comes from the left ---->
 *      LEFT --- '<-- link BACK: what comes from the right ------'
 *
 * LEFT and RIGHT are interfaces of this network namespace, whose other ends have their offloads off,
 * so that a frame is one segment; FORWARD and BACK are impairments as src/sim/link_config.h has them.
 * Whoever is measured, and whatever it is compared with, crosses the same code.  ARP crosses at once
 * and takes no chance, so that equal seeds lose equal segments, by number.
 *
 * Runs until its input ends, and then tells what crossed, one JSON object a direction: `late_us` is
 * how much later than due a frame was handed over, on average and at most.
 */
#include <estab_host.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "sim/link.h"

enum { LEFTS_MAX = 4, PORTS_MAX = LEFTS_MAX + 1, BATCH = 64, ROOM = 2048 };
enum { ETHERNET = 14, ETHERTYPE_ARP = 0x0806 };

struct port {
    estab_device *device;
    uint8_t mac[6]; /* who was heard there last */
};

struct direction {
    struct link *link;
    estab_time late_sum, late_most;
    uint64_t refused; /* by the device that it was handed to */
};

struct wire {
    struct port port[PORTS_MAX];
    unsigned ports; /* the last one is RIGHT */
    struct direction forward, back;
    struct estab_frame frame[BATCH];
    uint8_t room[BATCH][ROOM];
};

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "goodput_wire: %s: %s\n", what, why);
    exit(1);
}

static void port_open(struct wire *w, const char *ifname)
{
    struct estab_host_error error;
    struct estab_interface interface;
    char spec[64];

    if (w->ports == PORTS_MAX)
        fail(ifname, "too many interfaces");
    snprintf(spec, sizeof spec, "packet:%s", ifname);
    w->port[w->ports].device = estab_device_open(spec, ESTAB_DEVICE_PLAIN, &interface, &error);
    if (!w->port[w->ports].device)
        fail(ifname, error.text);
    w->ports++;
}

static void ports_open(struct wire *w, char *lefts, const char *right)
{
    for (char *name = strtok(lefts, ","); name; name = strtok(NULL, ","))
        port_open(w, name);
    port_open(w, right);
}

static struct link *link_made(const char *text, uint64_t seed)
{
    struct link_config config = {0};
    char error[LINK_ERROR_MAX];
    struct link *link;

    if (!link_config_parse(&config, text, error))
        fail(text, error);
    link = link_new(&config, seed);
    if (!link)
        fail("link", "no memory");
    return link;
}

/* ---- crossing --------------------------------------------------------------------------------- */

static void hand_to(struct direction *d, estab_device *device, const struct estab_frame *frame)
{
    if (estab_device_send(device, frame, 1) != 1)
        d->refused++;
}

/* To whom it is addressed; to all where nobody known is. */
static void hand_over(struct wire *w, struct direction *d, const struct estab_frame *frame)
{
    const uint8_t *to = frame->part[0].base;
    bool known = false;

    if (d == &w->forward) {
        hand_to(d, w->port[w->ports - 1].device, frame);
        return;
    }
    for (unsigned i = 0; i + 1 < w->ports && !known; i++) {
        known = memcmp(w->port[i].mac, to, 6) == 0;
        if (known)
            hand_to(d, w->port[i].device, frame);
    }
    for (unsigned i = 0; i + 1 < w->ports && !known; i++)
        hand_to(d, w->port[i].device, frame);
}

static void arrivals(struct wire *w, struct direction *d)
{
    struct link_passage passage;
    struct estab_frame frame;
    estab_time now = estab_now();

    while (link_get(d->link, &frame, &passage, now)) {
        estab_time late = now - passage.due;

        d->late_sum += late;
        d->late_most = late > d->late_most ? late : d->late_most;
        hand_over(w, d, &frame);
        link_release(d->link);
        now = estab_now();
    }
}

static bool is_arp(const struct estab_frame *frame)
{
    const uint8_t *p = frame->part[0].base;

    return frame->length >= ETHERNET && (p[12] << 8 | p[13]) == ETHERTYPE_ARP;
}

static void departs(struct wire *w, unsigned from, struct estab_frame *frame)
{
    struct direction *d = from + 1 == w->ports ? &w->back : &w->forward;

    if (frame->length < ETHERNET)
        return;
    memcpy(w->port[from].mac, frame->part[0].base + 6, 6);
    if (frame->checksum == ESTAB_CHECKSUM_GOOD && frame->checksum_start)
        frame->checksum = ESTAB_CHECKSUM_FINISH;
    if (is_arp(frame))
        hand_over(w, d, frame);
    else
        (void)link_put(d->link, frame, estab_now());
}

static void receive(struct wire *w, unsigned from)
{
    size_t n;

    for (unsigned i = 0; i < BATCH; i++)
        w->frame[i] = (struct estab_frame){.parts = 1, .part = {{w->room[i], ROOM}}};
    n = estab_device_receive(w->port[from].device, w->frame, BATCH);
    for (size_t i = 0; i < n; i++)
        departs(w, from, &w->frame[i]);
}

/* ---- time ------------------------------------------------------------------------------------- */

static int wait_for(const struct wire *w, struct pollfd *fd)
{
    estab_time a = link_next(w->forward.link), b = link_next(w->back.link), now = estab_now();
    estab_time when = a < b ? a : b, left = when > now ? when - now : 0;
    struct timespec t = {.tv_sec = (time_t)(left / ESTAB_SECOND),
                         .tv_nsec = (long)(left % ESTAB_SECOND)};

    for (unsigned i = 0; i < w->ports; i++)
        fd[i] = (struct pollfd){.fd = estab_device_fd(w->port[i].device), .events = POLLIN};
    fd[w->ports] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    return ppoll(fd, w->ports + 1, when == ESTAB_NEVER ? NULL : &t, NULL);
}

static void run(struct wire *w)
{
    struct pollfd fd[PORTS_MAX + 1];

    do {
        if (wait_for(w, fd) < 0)
            fail("ppoll", "interrupted");
        for (unsigned i = 0; i < w->ports; i++)
            if (fd[i].revents)
                receive(w, i);
        arrivals(w, &w->forward);
        arrivals(w, &w->back);
    } while (!fd[w->ports].revents);
}

static void tell(const struct wire *w, const char *name, const struct direction *d)
{
    struct link_counters c = link_counters(d->link);
    uint64_t lost = 0;

    for (unsigned i = 0; i < w->ports; i++) {
        struct estab_device_counters device = {.size = sizeof device};

        estab_device_counters(w->port[i].device, &device);
        lost += device.lost + device.cut;
    }
    printf("{\"direction\": \"%s\", \"frames\": %llu, \"bytes\": %llu, \"lost\": %llu, "
           "\"queue_full\": %llu, \"overtaken\": %llu, \"refused\": %llu, \"missed\": %llu, "
           "\"late_us\": %.1f, \"late_most_us\": %.1f}\n",
           name, (unsigned long long)c.put, (unsigned long long)c.delivered_bytes,
           (unsigned long long)c.lost, (unsigned long long)c.queue_full,
           (unsigned long long)c.overtaken, (unsigned long long)(c.refused + d->refused),
           (unsigned long long)(lost + c.over_limit),
           c.delivered ? (double)d->late_sum / (double)c.delivered / 1e3 : 0.0,
           (double)d->late_most / 1e3);
}

int main(int argc, char **argv)
{
    static struct wire w;
    uint64_t seed;

    if (argc != 6) {
        fputs("usage: goodput_wire LEFT[,LEFT...] RIGHT FORWARD BACK SEED\n", stderr);
        return 2;
    }
    seed = strtoull(argv[5], NULL, 10);
    ports_open(&w, argv[1], argv[2]);
    w.forward.link = link_made(argv[3], seed);
    w.back.link = link_made(argv[4], ~seed);
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    puts("ready");
    fflush(stdout);
    run(&w);
    tell(&w, "forward", &w.forward);
    tell(&w, "back", &w.back);
    for (unsigned i = 0; i < w.ports; i++)
        estab_device_close(w.port[i].device);
    link_free(w.forward.link);
    link_free(w.back.link);
    return 0;
}
