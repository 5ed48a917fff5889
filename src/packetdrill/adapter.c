/* SPDX-License-Identifier: MIT */
/* adapter.c - making and ending it; its descriptors; the lock. */
#include "packetdrill/adapter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The interface makes one, and what stands before libc's functions must find it. */
struct adapter *adapter_current;

/* ---- descriptors: the kernel's, so that no number is given twice ---------------------------------------- */

static void mark(struct adapter *a, int fd, bool ours)
{
    uint8_t bit = (uint8_t)(1u << (fd % 8));

    if (ours)
        a->ours[fd / 8] |= bit;
    else
        a->ours[fd / 8] &= (uint8_t)~bit;
}

bool adapter_owns(const struct adapter *a, int fd)
{
    return fd >= 0 && fd < ESTAB_POSIX_FD_LIMIT && a->ours[fd / 8] >> (fd % 8) & 1;
}

static int take_number(void *context)
{
    int fd = eventfd(0, EFD_CLOEXEC);

    if (fd >= ESTAB_POSIX_FD_LIMIT) {
        syscall(SYS_close, fd);
        errno = EMFILE;
        return -1;
    }
    if (fd >= 0)
        mark(context, fd, true);
    return fd;
}

static void release_number(void *context, int fd)
{
    mark(context, fd, false);
    syscall(SYS_close, fd); /* not close(), which is ours */
}

/* ---- the lock ------------------------------------------------------------------------------------------------ */

static bool is_main(const struct adapter *a)
{
    return pthread_equal(pthread_self(), a->main);
}

void adapter_lock(struct adapter *a)
{
    pthread_mutex_lock(&a->mutex);
    a->moment++;
}

void adapter_unlock(struct adapter *a)
{
    int error = errno;

    if (a->virtual.stack)
        virtual_settle(&a->virtual);
    if (is_main(a))
        adapter_rest(a);
    pthread_mutex_unlock(&a->mutex);
    errno = error;
}

/* ---- packets that leave ---------------------------------------------------------------------------------------- */

static void queue_frame(void *context, const struct estab_frame *f)
{
    struct adapter *a = context;
    struct adapter_packet *p = malloc(sizeof *p + f->length);
    size_t used = f->head_length;

    if (!p)
        return; /* lost, as on a wire */
    *p = (struct adapter_packet){.time = a->virtual.now, .length = f->length};
    memcpy(p->bytes, f->head, f->head_length);
    for (unsigned i = 0; i < f->parts; i++) {
        memcpy(p->bytes + used, f->part[i].base, f->part[i].length);
        used += f->part[i].length;
    }
    *a->last = p;
    a->last = &p->next;
}

/* ---- the stack --------------------------------------------------------------------------------------------------- */

bool adapter_start(struct adapter *a)
{
    struct flags *f = &a->flags;
    struct sysctl_target target = {&f->stack, &f->posix};
    const char *wrong = NULL;

    if (a->virtual.stack)
        return true;
    if (f->sysctls[0] && !sysctl_read(&target, f->sysctls))
        wrong = strerror(errno);
    if (!wrong)
        wrong = virtual_start(&a->virtual, &f->stack, &f->posix, &f->link);
    if (!wrong)
        return true;
    fprintf(stderr, "libestab_packetdrill: no stack can be made: %s%s%s\n", f->sysctls,
            f->sysctls[0] ? ": " : "", wrong);
    errno = EINVAL;
    return false;
}

/* ---- both ends of its life ------------------------------------------------------------------------------------------ */

static void adapter_free(void *u)
{
    struct adapter *a = u;

    pthread_mutex_lock(&a->mutex);
    a->over = a->stirred = true;
    pthread_cond_broadcast(&a->changed);
    adapter_rest(a);
    adapter_current = NULL;
    virtual_stop(&a->virtual);
    pthread_mutex_unlock(&a->mutex);
    for (struct adapter_packet *p = a->first, *next; p; p = next) {
        next = p->next;
        free(p);
    }
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->mutex);
    free(a);
}

/* The interface has no way to refuse. */
static _Noreturn void refuse(const char *why)
{
    fprintf(stderr, "libestab_packetdrill: %s\n", why);
    exit(EXIT_FAILURE);
}

void packetdrill_interface_init(const char *text, struct packetdrill_interface *table)
{
    struct adapter *a = calloc(1, sizeof *a);
    char error[256];

    if (!a)
        refuse("no memory");
    if (!flags_read(&a->flags, text, error, sizeof error))
        refuse(error);
    if (adapter_current)
        refuse("expected to be initialized once");
    munlockall(); /* packetdrill locks all memory for exact times: here they are exact without it */
    pthread_mutex_init(&a->mutex, NULL);
    pthread_cond_init(&a->changed, NULL);
    a->main = pthread_self();
    a->main_tid = syscall(SYS_gettid);
    a->last = &a->first;
    a->virtual = (struct virtual_stack){.context = a, .frame = queue_frame, .now = VIRTUAL_EPOCH};
    adapter_waiter(a, &a->flags.posix.waiter);
    a->flags.posix.descriptors = (struct estab_posix_descriptors){
        .context = a, .take = take_number, .release = release_number};
    table->userdata = a;
    table->free = adapter_free;
    adapter_net_calls(table);
    adapter_time_calls(table);
    adapter_socket_calls(table);
    adapter_current = a;
}
