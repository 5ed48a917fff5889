/* SPDX-License-Identifier: MIT */
/*
 * call_io.c - calls that move text.
 *
 * For `...` a write sends script_text_at of its place in the stream, and a read expects what the
 * script's packets carry there, so that text which is lost, doubled or mixed up is noticed.  Where
 * a script writes strings, both streams are no longer compared.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script/runner.h"

#define IO_BYTES_MAX (INT64_C(64) << 20)
#define IOV_MAX_HERE 64

/* One call's buffers. */
struct io {
    uint8_t *bytes;
    size_t size; /* of all pieces */
    unsigned pieces;
    struct iovec piece[IOV_MAX_HERE];
};

static bool is_null(const struct expr *e)
{
    return e->kind == EXPR_WORD && strcmp(e->text, "NULL") == 0;
}

static bool is_datagram(const struct call *c, const struct runner_fd *fd)
{
    const struct script_socket *s = call_socket_of(c, fd->live);

    return s && s->datagram;
}

/* The peer of a socket that is not connected is whom it has sent to last. */
static void note_peer(const struct call *c, int fd, const struct sockaddr_storage *to)
{
    struct script_socket *s = call_socket_of(c, fd);

    if (s && s->datagram)
        s->remote_port = ntohs(((const struct sockaddr_in *)to)->sin_port); /* in6 has it there too */
}

static bool io_room(struct call *c, struct io *io, int64_t size, const struct expr *e)
{
    if (size < 0 || size > IO_BYTES_MAX) {
        call_wrong(c, e, "a length of 0 to 67108864");
        return false;
    }
    io->size = (size_t)size;
    io->bytes = c->failed ? NULL : malloc(io->size ? io->size : 1);
    io->pieces = 1;
    io->piece[0] = (struct iovec){io->bytes, io->size};
    return io->bytes != NULL;
}

/* ---- what is sent --------------------------------------------------------------------------------------- */

static void fill(struct call *c, struct io *io, const struct expr *e, const struct expr *fd, size_t at,
                 size_t n)
{
    struct runner_fd *stream = call_stream(c, fd);
    uint32_t place = stream ? stream->written : 0; /* of UDP: 0, each datagram begins anew */

    if (e && e->kind == EXPR_STRING) {
        memset(io->bytes + at, 0, n);
        memcpy(io->bytes + at, e->text, e->length < n ? e->length : n);
        c->r->foreign_text = true;
        return;
    }
    for (size_t i = 0; i < n; i++)
        io->bytes[at + i] = script_text_at(place + (uint32_t)(at + i));
}

static int64_t sent(struct call *c, struct io *io, int64_t result)
{
    struct runner_fd *stream = call_stream(c, c->argument[0]);
    int error = errno;

    if (stream && result > 0 && !is_datagram(c, stream))
        stream->written += (uint32_t)result;
    free(io->bytes);
    errno = error;
    return result;
}

/* write, send and sendto differ in their last arguments only. */
static int64_t do_send(struct call *c, int flags, const struct expr *to)
{
    struct sockaddr_storage address;
    const struct expr *text = c->argument[1];
    int fd = call_fd(c, c->argument[0]);
    int64_t size = call_number(c, c->argument[2]);
    socklen_t n = 0;
    struct io io;

    if (to && !is_null(to))
        n = call_address(c, to, true, &address);
    if (n)
        note_peer(c, fd, &address);
    if (!io_room(c, &io, size, c->argument[2]))
        return -1;
    fill(c, &io, text, c->argument[0], 0, io.size);
    if (is_null(text))
        return sent(c, &io, estab_posix_sendto(c->r->virtual.posix, fd, NULL, io.size, flags, NULL, 0));
    return sent(c, &io, estab_posix_sendto(c->r->virtual.posix, fd, io.bytes, io.size, flags,
                                           n ? (struct sockaddr *)&address : NULL, n));
}

int64_t call_write(struct call *c)
{
    return do_send(c, 0, NULL);
}

int64_t call_send(struct call *c)
{
    return do_send(c, (int)call_number(c, c->argument[3]), NULL);
}

int64_t call_sendto(struct call *c)
{
    return do_send(c, (int)call_number(c, c->argument[3]), c->argument[4]);
}

/* ---- [{..., 1000}, {..., 500}] ------------------------------------------------------------------------------- */

static bool io_vector(struct call *c, struct io *io, const struct expr *list)
{
    int64_t total = 0;
    unsigned n = 0;

    for (const struct expr *e = list->list; e; e = e->next, n++) {
        if (e->kind != EXPR_GROUP || !call_item(e, 1) || n == IOV_MAX_HERE) {
            call_wrong(c, e, "at most 64 buffers such as {..., 1000}");
            return false;
        }
        total += call_number(c, call_item(e, 1));
        if (total < 0 || total > IO_BYTES_MAX)
            break;
    }
    if (!io_room(c, io, total, list))
        return false;
    io->pieces = n;
    n = 0;
    total = 0;
    for (const struct expr *e = list->list; e; e = e->next, n++) {
        size_t length = (size_t)call_number(c, call_item(e, 1));

        io->piece[n] = (struct iovec){io->bytes + total, length};
        total += (int64_t)length;
    }
    return true;
}

static void fill_vector(struct call *c, struct io *io, const struct expr *list)
{
    size_t at = 0;
    unsigned n = 0;

    for (const struct expr *e = list->list; e; e = e->next, n++) {
        fill(c, io, call_item(e, 0), c->argument[0], at, io->piece[n].iov_len);
        at += io->piece[n].iov_len;
    }
}

int64_t call_writev(struct call *c)
{
    int fd = call_fd(c, c->argument[0]);
    struct io io;

    if (!io_vector(c, &io, c->argument[1]))
        return -1;
    fill_vector(c, &io, c->argument[1]);
    return sent(c, &io, estab_posix_writev(c->r->virtual.posix, fd, io.piece, (int)io.pieces));
}

int64_t call_sendmsg(struct call *c)
{
    int fd = call_fd(c, c->argument[0]), flags = (int)call_number(c, c->argument[2]);
    const struct expr *list = call_member(c->argument[1], "msg_iov");
    const struct expr *to = call_member(c->argument[1], "msg_name");
    struct sockaddr_storage address;
    struct msghdr message = {0};
    struct io io;

    if (!list || list->kind != EXPR_LIST) {
        call_wrong(c, c->argument[1], "{msg_name(...)=..., msg_iov(N)=[...], msg_flags=N}");
        return -1;
    }
    if (!io_vector(c, &io, list))
        return -1;
    fill_vector(c, &io, list);
    message.msg_iov = io.piece;
    message.msg_iovlen = io.pieces;
    if (to && !is_null(to)) {
        message.msg_name = &address;
        message.msg_namelen = call_address(c, to, true, &address);
        note_peer(c, fd, &address);
    }
    return sent(c, &io, estab_posix_sendmsg(c->r->virtual.posix, fd, &message, flags));
}

/* ---- what is received ---------------------------------------------------------------------------------------- */

static void check_string(struct call *c, const struct expr *e, const uint8_t *bytes, size_t n)
{
    char expected[128], actual[128];
    size_t compared = e->kind == EXPR_PREFIX && e->length < n ? e->length : n;

    if (e->length == compared && memcmp(e->text, bytes, compared) == 0)
        return;
    snprintf(expected, sizeof expected, "\"%.*s\"", (int)(e->length < 100 ? e->length : 100), e->text);
    snprintf(actual, sizeof actual, "\"%.*s\"", (int)(n < 100 ? n : 100), (const char *)bytes);
    call_differs(c, e, expected, actual);
}

static void check_stream(struct call *c, const struct runner_fd *stream, const uint8_t *bytes,
                         size_t n)
{
    char expected[64], actual[64];

    for (size_t i = 0; i < n; i++) {
        uint8_t right = script_text_at(stream->read + (uint32_t)i);

        if (bytes[i] == right)
            continue;
        snprintf(expected, sizeof expected, "byte %u of the stream to be 0x%02x",
                 stream->read + (uint32_t)i, right);
        snprintf(actual, sizeof actual, "0x%02x", bytes[i]);
        call_differs(c, c->argument[1], expected, actual);
        return;
    }
}

static int64_t received(struct call *c, struct io *io, const struct expr *text, int flags,
                        int64_t result)
{
    struct runner_fd *stream = call_stream(c, c->argument[0]);
    size_t n = result > 0 ? (size_t)result : 0;
    int error = errno;

    n = n < io->size ? n : io->size;
    if (text && (text->kind == EXPR_STRING || text->kind == EXPR_PREFIX) && result >= 0)
        check_string(c, text, io->bytes, n);
    else if (stream && !(flags & (MSG_OOB | MSG_TRUNC)) && !c->r->foreign_text)
        check_stream(c, stream, io->bytes, n);
    if (flags & MSG_OOB)
        c->r->foreign_text = true; /* the stream lacks that byte from now on */
    if (stream && !(flags & MSG_PEEK) && result > 0 && !is_datagram(c, stream))
        stream->read += (uint32_t)result;
    free(io->bytes);
    errno = error;
    return result;
}

static int64_t do_receive(struct call *c, int flags)
{
    int fd = call_fd(c, c->argument[0]);
    int64_t size = call_number(c, c->argument[2]);
    const struct expr *text = c->argument[1];
    struct io io;

    if (!io_room(c, &io, size, c->argument[2]))
        return -1;
    return received(c, &io, text, flags,
                    estab_posix_recv(c->r->virtual.posix, fd, is_null(text) ? NULL : io.bytes, io.size, flags));
}

int64_t call_read(struct call *c)
{
    return do_receive(c, 0);
}

int64_t call_recv(struct call *c)
{
    return do_receive(c, (int)call_number(c, c->argument[3]));
}

int64_t call_recvfrom(struct call *c)
{
    return do_receive(c, (int)call_number(c, c->argument[3]));
}

int64_t call_readv(struct call *c)
{
    int fd = call_fd(c, c->argument[0]);
    struct io io;

    if (!io_vector(c, &io, c->argument[1]))
        return -1;
    return received(c, &io, NULL, 0,
                    estab_posix_readv(c->r->virtual.posix, fd, io.piece, (int)io.pieces));
}

/* ---- control messages ---------------------------------------------------------------------------------------- */

static bool cmsg_matches(struct call *c, const struct expr *want, struct cmsghdr *got)
{
    const struct expr *data = call_member(want, "cmsg_data");
    int number = 0;

    if (call_number(c, call_member(want, "cmsg_level")) != got->cmsg_level ||
        call_number(c, call_member(want, "cmsg_type")) != got->cmsg_type || !data)
        return false;
    if (data->kind != EXPR_INTEGER && data->kind != EXPR_WORD)
        return true; /* a struct: its members are Linux's own */
    memcpy(&number, CMSG_DATA(got), sizeof number);
    return call_number(c, data) == number;
}

/* Each control message that the script lists must have come, in its order, and no other. */
static void check_control(struct call *c, const struct expr *list, struct msghdr *message)
{
    struct cmsghdr *got = CMSG_FIRSTHDR(message);
    const struct expr *want = list ? list->list : NULL;
    char expected[64], actual[64] = "none";

    for (; want && got && cmsg_matches(c, want, got); want = want->next)
        got = CMSG_NXTHDR(message, got);
    if (c->failed || (!want && (!got || !list)))
        return;
    snprintf(expected, sizeof expected, "%s",
             want ? "the control messages that the script lists" : "no more control messages");
    if (got)
        snprintf(actual, sizeof actual, "one of level %d and type %d", got->cmsg_level,
                 got->cmsg_type);
    call_differs(c, list ? list : c->argument[1], expected, actual);
}

int64_t call_recvmsg(struct call *c)
{
    union {
        struct cmsghdr align;
        uint8_t bytes[1024];
    } control;
    const struct expr *header = c->argument[1];
    const struct expr *list = call_member(header, "msg_iov");
    int fd = call_fd(c, c->argument[0]), flags = (int)call_number(c, c->argument[2]), error;
    struct msghdr message = {.msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    struct io io;
    int64_t result;

    if (!list || list->kind != EXPR_LIST) {
        call_wrong(c, header, "{msg_name(...)=..., msg_iov(N)=[...], msg_flags=N}");
        return -1;
    }
    if (!io_vector(c, &io, list))
        return -1;
    message.msg_iov = io.piece;
    message.msg_iovlen = io.pieces;
    result = estab_posix_recvmsg(c->r->virtual.posix, fd, &message, flags);
    error = errno;
    if (result >= 0) {
        call_expect(c, call_member(header, "msg_flags"), "msg_flags", message.msg_flags);
        check_control(c, call_member(header, "msg_control"), &message);
    }
    errno = error;
    return received(c, &io, NULL, flags, result);
}
