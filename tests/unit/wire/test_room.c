/* SPDX-License-Identifier: MIT */
/* A room in a file of memory: what comes out is what went in, and nothing else is taken. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "wire/room.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static void *base;
static size_t size;
static struct estab_host_error error;

/* A stack with text that nobody has acknowledged; most of its room was never touched. */
static int begin(void **state)
{
    struct estab_config config;
    struct estab_interface i = {.size = sizeof i,
                                .link = ESTAB_LINK_IP,
                                .prefix_length = 24,
                                .address = estab_ipv4(10, 0, 0, 1),
                                .mtu = 1500};
    struct estab_open o = {.size = sizeof o, .remote = {estab_ipv4(10, 0, 0, 2), 80}};
    estab_stack *s;
    estab_conn conn;
    (void)state;
    estab_config_init(&config);
    config.trace_records = 64;
    config.chunks = 8192;
    size = estab_stack_size(&config);
    base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_ptr_not_equal(base, MAP_FAILED);
    s = estab_stack_init((struct estab_room){base, size}, &config, 5 * ESTAB_SECOND);
    assert_non_null(s);
    assert_int_equal(estab_interface_add(s, &i), 0);
    assert_int_equal(estab_open(s, &o, &conn, 6 * ESTAB_SECOND), ESTAB_OK);
    size_t taken;
    static uint8_t text[20000];
    memset(text, 'x', sizeof text);
    assert_int_equal(estab_send(s, conn, text, sizeof text, 0, &taken, 6 * ESTAB_SECOND), ESTAB_OK);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    return munmap(base, size);
}

static int written(void)
{
    int fd = room_write(base, size, &(struct room_note){.serial = 77}, &error);
    assert_true(fd >= 0);
    return fd;
}

static void what_comes_out_went_in(void **state)
{
    struct room r;
    int fd = written();
    (void)state;
    assert_null(room_open(&r, fd));
    assert_int_equal(r.size, size);
    assert_int_equal(r.note.serial, 77);
    assert_ptr_equal(r.stack, r.base);
    assert_ptr_not_equal(r.base, base);
    assert_memory_equal(r.base, base, size);
    room_close(&r);
    close(fd);
}

static void only_what_is_used_is_copied(void **state)
{
    int fd = written();
    (void)state;
    assert_true(size > 32u << 20);
    assert_in_range(room_in_use(fd), 20000, 1u << 20);
    close(fd);
}

/* Whoever runs it changes a copy of his own. */
static void the_file_stays_as_it_is(void **state)
{
    struct room r, again;
    int fd = written();
    (void)state;
    assert_null(room_open(&r, fd));
    memset(r.base, 0xee, r.size / 2);
    assert_null(room_open(&again, fd));
    assert_memory_equal(again.base, base, size);
    room_close(&r);
    room_close(&again);
    close(fd);
}

static void too_much_is_not_copied(void **state)
{
    (void)state;
    size_t n = ROOM_BYTES + 4096;
    void *all = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(all, MAP_FAILED);
    memset(all, 0xaa, n); /* a page of equal bytes is no page of zeros */
    assert_int_equal(room_write(all, n, &(struct room_note){0}, &error), -1);
    assert_int_equal(munmap(all, n), 0);
    assert_string_equal(error.text, "it has more than 64 MB in use");
}

/* ---- what is refused ------------------------------------------------------------------------------- */

/* The same file, but for a byte, a length and its seals. */
static int altered(off_t at, uint8_t by, off_t longer, int seals)
{
    int from = written(), to = memfd_create("altered", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    struct stat st;
    static uint8_t page[4096];
    off_t data = 0;
    assert_true(to >= 0);
    assert_int_equal(fstat(from, &st), 0);
    assert_int_equal(ftruncate(to, st.st_size), 0);
    while ((data = lseek(from, data, SEEK_DATA)) >= 0) {
        ssize_t n = pread(from, page, sizeof page, data);
        assert_int_equal(pwrite(to, page, (size_t)n, data), n);
        data += n;
    }
    assert_int_equal(pread(to, page, 1, at), 1);
    page[0] ^= by;
    assert_int_equal(pwrite(to, page, 1, at), 1);
    assert_int_equal(ftruncate(to, st.st_size + longer), 0);
    if (seals)
        assert_int_equal(fcntl(to, F_ADD_SEALS, seals), 0);
    close(from);
    return to;
}

static void others_are_refused(void **state)
{
    static const struct {
        off_t at;
        uint8_t by;
        off_t longer;
        int seals;
        const char *why;
    } rows[] = {
        {0, 0, 0, SEALS, NULL},
        {0, 0, 0, 0, "sealed"},
        {0, 0, 0, SEALS & ~F_SEAL_WRITE, "sealed"},
        {0, 0, 0, SEALS & ~F_SEAL_SHRINK, "sealed"},
        {0, 1, 0, SEALS, "no room"},              /* the magic number */
        {8, 1, 0, SEALS, "another build"},        /* the length of the head, */
        {12, 1, 0, SEALS, "another build"},       /* of the identity, */
        {16, 1, 0, SEALS, "another build"},       /* and this itself */
        {80, 64, 0, SEALS, "size"},               /* of the room */
        {0, 0, 4096, SEALS, "size"},
        {0, 0, -4096, SEALS, "size"},
        {88, 1, 0, SEALS, "damaged"},             /* the digest */
        {4096, 1, 0, SEALS, "damaged"},           /* the stack's header */
        {4096 + 70000, 1, 0, SEALS, "damaged"},   /* a page that was a hole */
    };
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        int fd = altered(rows[i].at, rows[i].by, rows[i].longer, rows[i].seals);
        struct room r;
        const char *why = room_open(&r, fd);
        if (!rows[i].why)
            assert_null(why);
        else if (!why || !strstr(why, rows[i].why))
            fail_msg("row %u: %s", i, why ? why : "it was taken");
        assert_int_equal(r.base == NULL, rows[i].why != NULL);
        room_close(&r);
        close(fd);
    }
}

/* The digest is right, and what it covers is not. */
static void a_stack_that_does_not_hold_is_refused(void **state)
{
    struct room r;
    (void)state;
    ((uint64_t *)base)[0]++;
    int fd = written();
    assert_string_equal(room_open(&r, fd), "there is no stack in it whose header holds");
    close(fd);
    fd = open("/dev/null", O_RDWR);
    assert_non_null(room_open(&r, fd));
    close(fd);
    assert_non_null(room_open(&r, -1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_comes_out_went_in),     TEST(only_what_is_used_is_copied),
        TEST(the_file_stays_as_it_is),    TEST(too_much_is_not_copied),
        TEST(others_are_refused),         TEST(a_stack_that_does_not_hold_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
