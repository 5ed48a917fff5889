/* SPDX-License-Identifier: MIT */
/* room.c - pages out of a room and into a file, and back. */
#include "wire/room.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/siphash.h"
#include "device/error.h"

#define PAGE   4096u
#define SEALS  (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define BUILD  64 /* bytes of a build's identity */
#define WINDOW 4096u /* pages that are asked for at a time */

struct room_head {
    char magic[8];
    uint32_t head_bytes, build_bytes;
    uint8_t build[BUILD];
    uint64_t size, digest;
    struct room_note note;
};

static const char magic[8] = "estbroom";

_Static_assert(sizeof(struct room_head) <= ROOM_HEAD, "the head has a page");

/* ---- which build ---------------------------------------------------------------------------- */

/* The linker's identity of the program or library that this code is in. */
static bool take_identity(const struct dl_phdr_info *info, const ElfW(Phdr) *p, uint8_t out[BUILD],
                          uint32_t *n)
{
    const uint8_t *at = (const uint8_t *)(info->dlpi_addr + p->p_vaddr), *end = at + p->p_memsz;

    while ((size_t)(end - at) > sizeof(ElfW(Nhdr))) {
        ElfW(Nhdr) note;
        memcpy(&note, at, sizeof note);
        const uint8_t *name = at + sizeof note, *text = name + ((note.n_namesz + 3) & ~3u);
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && memcmp(name, "GNU", 4) == 0 &&
            note.n_descsz <= BUILD) {
            memcpy(out, text, note.n_descsz);
            *n = note.n_descsz;
            return true;
        }
        at = text + ((note.n_descsz + 3) & ~3u);
    }
    return false;
}

static int find_identity(struct dl_phdr_info *info, size_t size, void *context)
{
    struct room_head *h = context;
    uintptr_t here = (uintptr_t)&room_write;
    bool ours = false;

    (void)size;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        ours = ours || (p->p_type == PT_LOAD && here - info->dlpi_addr - p->p_vaddr < p->p_memsz);
    }
    for (unsigned i = 0; ours && i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_NOTE &&
            take_identity(info, &info->dlpi_phdr[i], h->build, &h->build_bytes))
            return 1;
    return 0;
}

static void begin_head(struct room_head *h)
{
    memset(h, 0, sizeof *h);
    memcpy(h->magic, magic, sizeof magic);
    h->head_bytes = sizeof *h;
    (void)dl_iterate_phdr(find_identity, h);
}

/* ---- pages ------------------------------------------------------------------------------------ */

static bool is_zero(const uint8_t *page, size_t n)
{
    return page[0] == 0 && memcmp(page, page + 1, n - 1) == 0;
}

/* A digest over pages and where they are, each on top of the one before. */
static uint64_t add_page(uint64_t digest, const uint8_t *page, size_t n, uint64_t at)
{
    uint8_t key[SIPHASH_KEY_BYTES];

    memcpy(key, &digest, 8);
    memcpy(key + 8, &at, 8);
    return siphash13(key, page, n);
}

static bool write_all(int fd, const uint8_t *bytes, size_t n, uint64_t at)
{
    while (n > 0) {
        ssize_t wrote = pwrite(fd, bytes, n, (off_t)at);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        bytes += wrote;
        n -= (size_t)wrote;
        at += (uint64_t)wrote;
    }
    return true;
}

/* Which pages were ever touched, WINDOW of them at a time. */
struct touched {
    int map; /* /proc/self/pagemap, or -1 */
    uint64_t word[WINDOW];
    uint8_t resident[WINDOW];
};

/* Those in memory, and those in swap, of which only the map knows (proc_pid_pagemap(5)).  Where nobody tells
 * all may have been. */
static void ask_touched(struct touched *t, const uint8_t *at, size_t n)
{
    off_t place = (off_t)((uintptr_t)at / PAGE * sizeof t->word[0]);
    size_t bytes = n * sizeof t->word[0];
    bool known = t->map >= 0 && pread(t->map, t->word, bytes, place) == (ssize_t)bytes &&
                 mincore((void *)(uintptr_t)at, n * PAGE, t->resident) == 0;

    if (!known)
        memset(t->resident, 1, n);
}

static bool is_touched(const struct touched *t, size_t i)
{
    static const uint64_t present_or_swapped = UINT64_C(3) << 62;

    return t->resident[i % WINDOW] & 1 || t->word[i % WINDOW] & present_or_swapped;
}

/* 0, or errno. */
static int write_pages(int fd, const uint8_t *base, size_t size, struct touched *t,
                       uint64_t *digest)
{
    size_t pages = (size + PAGE - 1) / PAGE;
    uint64_t in_use = 0;

    for (size_t i = 0; i < pages; i++) {
        size_t at = i * PAGE, n = size - at < PAGE ? size - at : PAGE;
        if (i % WINDOW == 0)
            ask_touched(t, base + at, pages - i < WINDOW ? pages - i : WINDOW);
        if (!is_touched(t, i) || is_zero(base + at, n))
            continue;
        in_use += n;
        *digest = add_page(*digest, base + at, n, at);
        if (in_use > ROOM_BYTES)
            return EFBIG;
        if (!write_all(fd, base + at, n, ROOM_HEAD + at))
            return errno;
    }
    return 0;
}

/* 0, or errno. */
static int write_room(int fd, const void *base, struct room_head *h)
{
    bool by_page = sysconf(_SC_PAGESIZE) == PAGE && (uintptr_t)base % PAGE == 0;
    struct touched *t = calloc(1, sizeof *t);
    int wrong;

    if (!t)
        return ENOMEM;
    t->map = by_page ? open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC) : -1;
    wrong = write_pages(fd, base, (size_t)h->size, t, &h->digest);
    if (t->map >= 0)
        close(t->map);
    free(t);
    if (!wrong && !write_all(fd, (const uint8_t *)h, sizeof *h, 0))
        wrong = errno;
    return wrong;
}

int room_write(const void *base, size_t size, const struct room_note *note,
               struct estab_host_error *error)
{
    int fd = memfd_create("estab room", MFD_CLOEXEC | MFD_ALLOW_SEALING), wrong;
    struct room_head h;

    begin_head(&h);
    h.size = size;
    h.note = *note;
    wrong = fd < 0 || ftruncate(fd, (off_t)(ROOM_HEAD + size)) != 0 ? errno : 0;
    wrong = wrong ? wrong : write_room(fd, base, &h);
    if (!wrong && fcntl(fd, F_ADD_SEALS, SEALS) != 0)
        wrong = errno;
    if (!wrong)
        return fd;
    if (fd >= 0)
        close(fd);
    if (wrong == EFBIG)
        host_fail(error, ESTAB_HOST_IO, 0, "it has more than %u MB in use",
                  (unsigned)(ROOM_BYTES >> 20));
    else
        host_fail(error, ESTAB_HOST_IO, wrong, "a file of memory cannot be written");
    return -1;
}

/* ---- back --------------------------------------------------------------------------------------- */

uint64_t room_in_use(int fd)
{
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);

    if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return 0;
    return (uint64_t)st.st_blocks * 512;
}

static const char *check_head(const struct room_head *h, uint64_t file_bytes)
{
    struct room_head ours;

    begin_head(&ours);
    if (memcmp(h->magic, magic, sizeof magic) != 0)
        return "it is no room of a stack";
    if (ours.build_bytes == 0)
        return "this build has no identity, and so takes none";
    if (h->head_bytes != ours.head_bytes || h->build_bytes != ours.build_bytes ||
        memcmp(h->build, ours.build, BUILD) != 0)
        return "it is of another build of estab";
    if (h->size == 0 || h->size > ROOM_SIZE || file_bytes != ROOM_HEAD + h->size)
        return "its size is not what its head says";
    return NULL;
}

static bool read_all(int fd, uint8_t *bytes, size_t n, uint64_t at)
{
    while (n > 0) {
        ssize_t got = pread(fd, bytes, n, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        bytes += got;
        n -= (size_t)got;
        at += (uint64_t)got;
    }
    return true;
}

/* The pages from `at` on, up to a hole; pages of zeros count as holes. */
static uint64_t digest_pages(uint64_t digest, const uint8_t *base, uint64_t at, uint64_t end)
{
    for (; at < end; at += PAGE) {
        size_t n = end - at < PAGE ? (size_t)(end - at) : PAGE;
        if (!is_zero(base + at, n))
            digest = add_page(digest, base + at, n, at);
    }
    return digest;
}

/* NULL, or what is wrong. */
static const char *read_room(int fd, const struct room_head *h, uint8_t *base)
{
    uint64_t digest = 0, end = ROOM_HEAD + h->size;
    off_t from = lseek(fd, ROOM_HEAD, SEEK_DATA);

    while (from >= (off_t)ROOM_HEAD && (uint64_t)from < end) {
        off_t hole = lseek(fd, from, SEEK_HOLE);
        uint64_t until = hole > from && (uint64_t)hole < end ? (uint64_t)hole : end;
        uint64_t at = (uint64_t)from / PAGE * PAGE;
        if (!read_all(fd, base + (at - ROOM_HEAD), (size_t)(until - at), at))
            return "it cannot be read";
        digest = digest_pages(digest, base, at - ROOM_HEAD, until - ROOM_HEAD);
        from = lseek(fd, (off_t)until, SEEK_DATA);
    }
    return digest == h->digest ? NULL : "it is damaged: its digest is another one";
}

const char *room_open(struct room *r, int fd)
{
    struct room_head h;
    struct stat st;
    const char *wrong;

    *r = (struct room){0};
    if (room_in_use(fd) == 0)
        return "it is no sealed memory";
    if (room_in_use(fd) > ROOM_BYTES + ROOM_HEAD)
        return "it has too much in use";
    if (fstat(fd, &st) != 0 || pread(fd, &h, sizeof h, 0) != (ssize_t)sizeof h)
        return "it is no room of a stack";
    wrong = check_head(&h, (uint64_t)st.st_size);
    if (wrong)
        return wrong;
    r->base = mmap(NULL, (size_t)h.size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (r->base == MAP_FAILED) {
        *r = (struct room){0};
        return "there is no memory for it";
    }
    r->size = (size_t)h.size;
    r->note = h.note;
    wrong = read_room(fd, &h, r->base);
    if (!wrong && !(r->stack = estab_stack_adopt((struct estab_room){r->base, r->size})))
        wrong = "there is no stack in it whose header holds";
    if (wrong)
        room_close(r);
    return wrong;
}

void room_close(struct room *r)
{
    if (r->base)
        munmap(r->base, r->size);
    *r = (struct room){0};
}
