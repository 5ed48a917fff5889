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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_asks_and_does_not_listen_is_cut_off_at_once),
        TEST(who_does_not_read_why_is_cut_off_in_time),
        TEST(what_is_not_read_wakes_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
