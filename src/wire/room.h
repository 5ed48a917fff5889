/* SPDX-License-Identifier: MIT */
/*
 * room.h - a stack's room in a file of memory, on its way to another process.
 *
 *      0         4096                                  4096 + size
 *      | head    | the room as it was: pages in use, and holes |       a memfd, sealed
 *
 * Whoever writes one copies what is in use: pages that were never touched, or hold zeros, are holes of
 * the file, and so they are again in the memory of whoever opens it.  Who opens one looks at it first: it is
 * sealed, so that nobody can change or cut it any more; its head is of this very build, for a room is
 * structs in memory, which the next build may lay out in another way; the digest of all pages is right;
 * and it has a stack whose header holds (estab_stack_adopt).  That finds what is foreign or damaged.  It
 * does not find what is made to look right: rooms are run where a crash takes nobody else along
 * (hub_rooms.c).
 */
#ifndef WIRE_ROOM_H
#define WIRE_ROOM_H

#include <estab_host.h>

#define ROOM_HEAD  4096u
#define ROOM_SIZE  (UINT64_C(4) << 30)  /* of a room, holes included */
#define ROOM_BYTES (UINT64_C(64) << 20) /* of it that may be in use */

/* What its owner says of itself. */
struct room_note {
    uint64_t serial; /* of the last frame that its station has sent */
};

struct room {
    void *base; /* NULL: none */
    size_t size;
    estab_stack *stack;
    struct room_note note;
};

/* A copy of a room of `size` bytes, in which a stack is; -1 with `error`. */
ESTAB_MUST_CHECK int room_write(const void *base, size_t size, const struct room_note *,
                                struct estab_host_error *error);
/* A copy of one, in memory of this process alone.  NULL, or why it is refused. */
ESTAB_MUST_CHECK const char *room_open(struct room *, int fd);
void room_close(struct room *);
/* What a file has in use, if it is sealed memory; else 0. */
uint64_t room_in_use(int fd);

#endif
