/* SPDX-License-Identifier: MIT */
/* What stations leave to a hub: children that carry it on, or do not, and a hub that goes on anyway. */
#include "wire/hub.h"

static void carry(const struct hub_guest *);
#define HUB_CARRIES carry

#include "hub_ends.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>

#include "wire/station.h"

#define PATIENCE_MS 60000
#define SEALS       (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* ---- the child ------------------------------------------------------------------------------------ */

static void say_carry(const struct hub_guest *g)
{
    static uint8_t bytes[ENVELOPE_MAX];
    struct envelope e;
    envelope_init(&e, SAY_CARRY);
    e.has = HAS_PID | HAS_LOCAL | HAS_REMOTE;
    e.pid = (uint32_t)getpid();
    e.local = (struct estab_endpoint){g->welcome.address, 4000};
    e.remote = (struct estab_endpoint){estab_ipv4(10, 11, 0, 1), 80};
    size_t n = envelope_write(&e, bytes, sizeof bytes);
    if (send(g->station, bytes, n, 0) != (ssize_t)n)
        _exit(1);
}

/* The first byte of the file says what it does. */
static void carry(const struct hub_guest *g)
{
    uint8_t what = 0;
    char byte;
    struct pollfd p = {.fd = g->station, .events = POLLIN};
    if (pread(g->room, &what, 1, 0) != 1 || strcmp(g->welcome.name, "client") != 0)
        _exit(1);
    switch (what) {
    case 'c':
        raise(SIGKILL);
        break;
    case 'w':
        pause();
        break;
    case 'r':
        station_answer(g, "it is not liked");
        break;
    default:
        say_carry(g);
        station_answer(g, NULL);
        while (what == 's')
            pause();
        do /* until the wire ends */
            (void)poll(&p, 1, -1);
        while (recv(g->station, &byte, 1, MSG_DONTWAIT) > 0);
        break;
    }
}

/* ---- the station ----------------------------------------------------------------------------------- */

static int memory(char what, int seals)
{
    int fd = memfd_create("room", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, &what, 1, 0), 1);
    if (seals)
        assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
    return fd;
}

static void send_room(int to, const int *fd, unsigned n)
{
    union {
        char bytes[CMSG_SPACE(8 * sizeof(int))];
        struct cmsghdr header;
    } control = {{0}};
    uint8_t bytes[16];
    struct envelope e;
    envelope_init(&e, SAY_ROOM);
    struct iovec piece = {bytes, envelope_write(&e, bytes, sizeof bytes)};
    struct msghdr m = {.msg_iov = &piece, .msg_iovlen = 1};
    if (n) {
        m.msg_control = control.bytes;
        m.msg_controllen = CMSG_SPACE(n * sizeof(int));
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(n * sizeof(int));
        memcpy(CMSG_DATA(&control.header), fd, n * sizeof(int));
    }
    assert_int_equal(sendmsg(to, &m, 0), piece.iov_len);
}

static bool said(const struct end *e, const char *what)
{
    char text[ENVELOPE_TEXT + 1] = "";
    memcpy(text, e->got.text, e->got.text_length);
    return strstr(text, what) != NULL;
}

/* Hands over `fd`; what is answered, with the words in `into`. */
static enum envelope_type leave_once(struct end *from, int fd, struct end *into)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    send_room(from->fd, (int[]){fd, from->fd, ends[1]}, 3);
    close(ends[1]);
    pass(0);
    struct pollfd p = {.fd = ends[0], .events = POLLIN};
    assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
    into->fd = ends[0];
    bool answered = hear(into);
    close(ends[0]);
    into->fd = -1;
    return answered ? (enum envelope_type)into->got.type : 0;
}

/* A child that has answered may not have ended yet. */
static enum envelope_type leave(struct end *from, int fd, struct end *into)
{
    enum envelope_type type = leave_once(from, fd, into);
    for (unsigned i = 0; type == SAY_ERROR && said(into, "looked at already") && i < PATIENCE_MS; i++) {
        (void)poll(NULL, 0, 1);
        type = leave_once(from, fd, into);
    }
    close(fd);
    return type;
}

/* The flags of a station, as others hear of it; GONE if there is none. */
static uint32_t flags_of(const struct end *station)
{
    uint32_t flags = STATION_GONE;
    struct envelope l;
    envelope_init(&l, SAY_LIST);
    say(&end[0], &l);
    pass(0);
    do {
        if (!hear(&end[0]))
            return flags;
        if (end[0].got.type == SAY_STATION && end[0].got.station == station->welcome.station)
            flags = end[0].got.flags;
    } while (end[0].got.type != SAY_DONE);
    return flags;
}

/* Children end when they like. */
static void await_gone(const struct end *station)
{
    for (unsigned i = 0; i < PATIENCE_MS && !(flags_of(station) & STATION_GONE); i++)
        (void)poll(NULL, 0, 1);
    assert_int_equal(flags_of(station), STATION_GONE);
}

static void depart(struct end *e)
{
    close(e->fd);
    e->fd = -1;
}

/* ---- tests -------------------------------------------------------------------------------------------- */

static void a_child_carries_it_on(void **state)
{
    (void)state;
    two(0);
    assert_int_equal(leave(&end[1], memory('k', SEALS), &end[5]), SAY_DONE);
    depart(&end[1]);
    pass(0);
    assert_int_equal(flags_of(&end[1]), STATION_CARRIED);
    join_as(&end[2], 0, NULL); /* its name and address are free */
    assert_string_equal(end[2].welcome.name, "client");
    assert_memory_equal(&end[2].welcome.address, &end[1].welcome.address, 16);
}

static void it_ends_with_the_wire(void **state)
{
    (void)state;
    two(0);
    assert_int_equal(leave(&end[1], memory('k', SEALS), &end[5]), SAY_DONE);
    int ours = dup(end[1].fd); /* nobody else has it once the child has ended */
    depart(&end[1]);
    hub_free(hub);
    hub = NULL;
    struct pollfd p = {.fd = ours, .events = POLLIN};
    assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
    close(ours);
}

/* It answers nothing, and takes nobody along. */
static void a_crash_is_its_own(void **state)
{
    (void)state;
    two(0);
    assert_int_equal(leave(&end[1], memory('c', SEALS), &end[5]), 0);
    assert_int_equal(flags_of(&end[1]), 0); /* whose verb still has it */
    depart(&end[1]);
    await_gone(&end[1]);
    join_as(&end[2], 0, NULL);
    assert_int_equal(leave(&end[2], memory('k', SEALS), &end[5]), SAY_DONE);
}

static void who_is_refused_goes_on(void **state)
{
    (void)state;
    two(STATION_TOLD);
    assert_int_equal(leave(&end[1], memory('r', SEALS), &end[5]), SAY_ERROR);
    assert_true(said(&end[5], "it is not liked"));
    assert_int_equal(leave(&end[1], memory('k', 0), &end[5]), SAY_ERROR);
    assert_true(said(&end[5], "no sealed memory"));
    assert_int_equal(leave(&end[1], memory('k', F_SEAL_WRITE), &end[5]), SAY_ERROR);
    assert_int_equal(leave(&end[1], open("/dev/null", O_RDWR), &end[5]), SAY_ERROR);
    assert_int_equal(leave(&end[1], memory('k', SEALS), &end[5]), SAY_DONE);
    assert_int_equal(leave(&end[1], memory('k', SEALS), &end[5]), SAY_ERROR);
    assert_true(said(&end[5], "carried on already"));
}

/* One that has not answered yet: rooms cost a process each. */
static void one_at_a_time(void **state)
{
    int ends[2], fd = memory('w', SEALS);
    (void)state;
    two(0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    send_room(end[1].fd, (int[]){fd, end[1].fd, ends[1]}, 3);
    pass(0);
    assert_int_equal(leave_once(&end[1], fd, &end[5]), SAY_ERROR);
    assert_true(said(&end[5], "a room of this station is looked at already"));
    for (unsigned i = 0; i < 2; i++)
        close(ends[i]);
    close(fd);
}

static void descriptors_are_three(void **state)
{
    int fd[8];
    (void)state;
    two(0);
    while (hear(&end[1]))
        ;
    for (unsigned i = 0; i < 8; i++)
        fd[i] = memory('k', SEALS);
    for (unsigned n = 0; n <= 8; n++) {
        if (n == 3)
            continue;
        send_room(end[1].fd, fd, n);
        pass(0);
        assert_true(hear(&end[1]));
        assert_int_equal(end[1].got.code, CODE_ORDER);
    }
    for (unsigned i = 0; i < 8; i++)
        close(fd[i]);
    assert_int_equal(flags_of(&end[1]), 0); /* both of them are still heard */
    enter(&end[2]); /* it has not joined */
    send_room(end[2].fd, NULL, 0);
    pass(0);
    assert_true(hear(&end[2]));
    assert_int_equal(end[2].got.code, CODE_ORDER);
}

static void rooms_have_a_number(void **state)
{
    (void)state;
    two(0);
    depart(&end[1]);
    for (unsigned i = 0; i <= HUB_ROOMS; i++) {
        join_as(&end[1], 0, NULL);
        assert_int_equal(leave(&end[1], memory('k', SEALS), &end[5]),
                         i < HUB_ROOMS ? SAY_DONE : SAY_ERROR);
        if (i < HUB_ROOMS)
            depart(&end[1]);
    }
    assert_true(said(&end[5], "carries on 32 rooms, and takes no more"));
}

static void they_have_a_size(void **state)
{
    int fd = memory('k', 0);
    (void)state;
    two(0);
    assert_int_equal(fallocate(fd, 0, 0, (64 << 20) + 8192), 0);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, SEALS), 0);
    assert_int_equal(leave(&end[1], fd, &end[5]), SAY_ERROR);
    assert_true(said(&end[5], "takes rooms of 64 MB, 256 MB in all: this one has 64, and 0 are"));
}

/* One that does not end by itself. */
static void they_have_an_hour(void **state)
{
    (void)state;
    two(0);
    estab_time begun = now;
    assert_int_equal(leave(&end[1], memory('s', SEALS), &end[5]), SAY_DONE);
    depart(&end[1]);
    pass(HUB_CARRY);
    assert_int_equal(flags_of(&end[1]), STATION_CARRIED);
    assert_int_equal(hub_deadline(hub), begun + HUB_CARRY + HUB_CLOSING);
    pass(HUB_CLOSING);
    await_gone(&end[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_child_carries_it_on),  TEST(it_ends_with_the_wire), TEST(a_crash_is_its_own),
        TEST(who_is_refused_goes_on), TEST(one_at_a_time),         TEST(descriptors_are_three),
        TEST(rooms_have_a_number),    TEST(they_have_a_size),      TEST(they_have_an_hour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
