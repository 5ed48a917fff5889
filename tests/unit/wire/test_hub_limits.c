/* SPDX-License-Identifier: MIT */
/* A hub whose clients do not read, do not speak, or are too many. */
#include "hub_ends.h"

#include <sys/resource.h>

static void fill_with(struct end *e, const char *bytes, size_t n, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        while (send(e->fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
            ;
}

static const char list[] = "estb\1\10\0\0";

static void who_asks_and_does_not_listen_is_cut_off_at_once(void **state)
{
    (void)state;
    unsigned turns = 0;
    enter(&end[0]);
    while (!(turns > 0 && send(end[0].fd, list, 8, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
             errno == EPIPE)) {
        fill_with(&end[0], list, 8, 1);
        pass(0);
        assert_true(++turns < 1000);
    }
    assert_int_equal(hub_deadline(hub), now + HUB_IDLE); /* there is nothing to wait for */
}

/* Its answers fill its socket and not its queue; then it says what is no envelope. */
static void who_does_not_read_why_is_cut_off_in_time(void **state)
{
    (void)state;
    enter(&end[0]);
    for (unsigned i = 0; i < HUB_QUEUE; i++) {
        if (send(end[0].fd, list, 8, MSG_NOSIGNAL) < 0)
            break;
        pass(0);
    }
    assert_int_equal(send(end[0].fd, "GET /", 5, MSG_NOSIGNAL), 5);
    pass(0);
    assert_int_equal(send(end[0].fd, list, 8, MSG_NOSIGNAL), 8); /* this is not read any more */
    assert_int_equal(hub_deadline(hub), now + HUB_CLOSING);
    pass(HUB_CLOSING - 1);
    assert_int_equal(send(end[0].fd, list, 8, MSG_NOSIGNAL), 8);
    pass(1);
    assert_true(send(end[0].fd, list, 8, MSG_NOSIGNAL) < 0);
}

/* As the one before, in real time: what is not read wakes nobody. */
static void what_is_not_read_wakes_nobody(void **state)
{
    struct rusage before, after;
    (void)state;
    enter(&end[0]);
    for (unsigned i = 0; i < HUB_QUEUE; i++) {
        (void)send(end[0].fd, list, 8, MSG_NOSIGNAL);
        pass(0);
    }
    assert_int_equal(send(end[0].fd, "GET /", 5, MSG_NOSIGNAL), 5);
    pass(0);
    assert_int_equal(send(end[0].fd, list, 8, MSG_NOSIGNAL), 8);
    assert_int_equal(getrusage(RUSAGE_THREAD, &before), 0);
    hub_wait(hub, now + 50 * MS, now); /* returns at once, if woken */
    assert_int_equal(getrusage(RUSAGE_THREAD, &after), 0);
    assert_true(after.ru_nvcsw > before.ru_nvcsw); /* it has slept */
}

static int newcomer(bool taken)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(send(pair[0], list, 8, MSG_NOSIGNAL), 8); /* it speaks before it is accepted */
    assert_int_equal(hub_adopt(hub, pair[1], now), taken);
    return pair[0];
}

static void crowd(int *fd, unsigned n)
{
    int pair[2];
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
        assert_true(hub_adopt(hub, pair[1], now));
        fd[i] = pair[0];
    }
}

static void leave(const int *fd, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        close(fd[i]);
}

static void who_comes_to_a_full_wire_hears_so(void **state)
{
    (void)state;
    int fd[HUB_CLIENTS - 2];
    two(0);
    crowd(fd, HUB_CLIENTS - 2);
    end[2].fd = newcomer(false);
    assert_true(hear(&end[2]));
    assert_int_equal(end[2].got.type, SAY_ERROR);
    assert_int_equal(end[2].got.code, CODE_FULL);
    const char *say = "wire test is full: it takes 128 clients, and has 2 stations and 126 others";
    assert_int_equal(end[2].got.text_length, strlen(say));
    assert_memory_equal(end[2].got.text, say, strlen(say));
    assert_true(gone(&end[2]));
    leave(fd, HUB_CLIENTS - 2);
}

/* The longest silent first; who has spoken, or has joined, stays. */
static void who_is_silent_gives_way(void **state)
{
    (void)state;
    int fd[HUB_CLIENTS - 2];
    two(0);
    crowd(fd, HUB_CLIENTS - 2);
    pass(HUB_SILENCE - 1);
    assert_int_equal(send(fd[0], list, 8, MSG_NOSIGNAL), 8);
    pass(0);
    assert_int_equal(send(fd[1], list, 8, MSG_NOSIGNAL), 8); /* not read yet */
    now++;
    end[2].fd = newcomer(true); /* in the place of fd[2] */
    pass(0);
    assert_non_null(hear_a(&end[2], SAY_DONE));
    assert_true(gone(&(struct end){.fd = fd[2]}));
    for (unsigned i = 0; i < HUB_CLIENTS - 2; i++) {
        if (i != 2)
            assert_false(i > 2 && gone(&(struct end){.fd = fd[i]}));
        end[3].fd = i < 2 ? fd[i] : -1;
        if (i < 2)
            assert_non_null(hear_a(&end[3], SAY_DONE));
    }
    end[3].fd = -1;
    assert_int_equal(hub_stations(hub), 2);
    leave(fd, HUB_CLIENTS - 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_asks_and_does_not_listen_is_cut_off_at_once),
        TEST(who_does_not_read_why_is_cut_off_in_time),
        TEST(what_is_not_read_wakes_nobody),
        TEST(who_comes_to_a_full_wire_hears_so),
        TEST(who_is_silent_gives_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
