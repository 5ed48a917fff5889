/* SPDX-License-Identifier: MIT */
/* call_socket.c - calls that open, name and close; fcntl and ioctl; options. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script/constant.h"
#include "script/runner.h"

#include <sys/time.h>

static estab_posix *posix_of(const struct call *c)
{
    return c->r->virtual.posix;
}

struct script_socket *call_socket_of(const struct call *c, int live)
{
    for (unsigned i = c->r->sockets; i-- > 0;) {
        if (c->r->socket[i]->fd == live && live >= 0)
            return c->r->socket[i];
    }
    return NULL;
}

/* ---- opening ------------------------------------------------------------------------------------------- */

int64_t call_socket(struct call *c)
{
    bool four = c->r->settings.ip_version == IP_VERSION_4;
    const struct expr *domain = c->argument[0];
    int type = (int)call_number(c, c->argument[1]);
    int protocol = (int)call_number(c, c->argument[2]);
    int family = four ? AF_INET : AF_INET6, fd, error;
    struct script_socket *made;

    if (domain->kind != EXPR_ELLIPSIS)
        family = (int)call_number(c, domain);
    if (c->failed)
        return -1;
    fd = estab_posix_socket(posix_of(c), family, type, protocol);
    error = errno;
    if (fd >= 0 && (made = runner_new_socket(c->r, fd)) != NULL)
        made->datagram = (type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) == SOCK_DGRAM;
    errno = error;
    return fd;
}

int64_t call_bind(struct call *c)
{
    struct sockaddr_storage address;
    struct script_socket *s;
    int fd = call_fd(c, c->argument[0]), result, error;
    socklen_t n = call_address(c, c->argument[1], false, &address);

    if (c->failed)
        return -1;
    result = estab_posix_bind(posix_of(c), fd, (struct sockaddr *)&address, n);
    error = errno;
    s = call_socket_of(c, fd);
    if (s && result == 0)
        s->local_port = ntohs(((struct sockaddr_in *)&address)->sin_port); /* in6 has it there too */
    errno = error;
    return result;
}

int64_t call_listen(struct call *c)
{
    int fd = call_fd(c, c->argument[0]), backlog = (int)call_number(c, c->argument[1]);
    struct script_socket *s = call_socket_of(c, fd);
    int result;

    if (c->failed)
        return -1;
    result = estab_posix_listen(posix_of(c), fd, backlog);
    if (s && result == 0)
        s->phase = SOCKET_LISTENING;
    return result;
}

static int64_t do_accept(struct call *c, int flags)
{
    struct sockaddr_storage address = {0};
    socklen_t n = sizeof address;
    int fd = call_fd(c, c->argument[0]), result, error;
    uint16_t port;

    if (c->failed)
        return -1;
    result = estab_posix_accept4(posix_of(c), fd, (struct sockaddr *)&address, &n, flags);
    error = errno;
    port = ntohs(((struct sockaddr_in *)&address)->sin_port);
    for (unsigned i = 0; result >= 0 && i < c->r->sockets; i++) {
        struct script_socket *s = c->r->socket[i];

        if (s->fd == -1 && s->remote_port == port)
            s->fd = result;
    }
    errno = error;
    return result;
}

int64_t call_accept(struct call *c)
{
    return do_accept(c, 0);
}

int64_t call_accept4(struct call *c)
{
    return do_accept(c, (int)call_number(c, c->argument[3]));
}

/* Of a datagram socket, which has sent nothing that would tell. */
static void learn_port(const struct call *c, struct script_socket *s)
{
    struct sockaddr_storage name = {0};
    socklen_t n = sizeof name;

    if (estab_posix_getsockname(posix_of(c), s->fd, (struct sockaddr *)&name, &n) == 0)
        s->local_port = ntohs(((struct sockaddr_in *)&name)->sin_port); /* in6 has it there too */
}

int64_t call_connect(struct call *c)
{
    struct sockaddr_storage address;
    int fd = call_fd(c, c->argument[0]);
    socklen_t n = call_address(c, c->argument[1], true, &address);
    struct script_socket *s = call_socket_of(c, fd);
    int result;

    if (c->failed)
        return -1;
    if (s && address.ss_family == AF_UNSPEC) {
        s->phase = SOCKET_NEW;
    } else if (s && s->phase == SOCKET_NEW) {
        s->phase = SOCKET_CONNECTING;
        s->iss_known = false;
        s->remote_port = ntohs(((struct sockaddr_in *)&address)->sin_port);
    }
    result = estab_posix_connect(posix_of(c), fd, (struct sockaddr *)&address, n);
    if (s && s->datagram && result == 0)
        learn_port(c, s);
    return result;
}

int64_t call_shutdown(struct call *c)
{
    int fd = call_fd(c, c->argument[0]), how = (int)call_number(c, c->argument[1]);

    return c->failed ? -1 : estab_posix_shutdown(posix_of(c), fd, how);
}

int64_t call_close(struct call *c)
{
    int fd = call_fd(c, c->argument[0]), result, error;

    if (c->failed)
        return -1;
    result = estab_posix_close(posix_of(c), fd);
    error = errno;
    if (fd >= 0)
        runner_unmap_fd(c->r, (int)call_number(c, c->argument[0]));
    for (unsigned i = 0; i < c->r->sockets; i++) {
        if (c->r->socket[i]->fd == fd)
            c->r->socket[i]->fd = -2; /* closed: a number may come again */
    }
    errno = error;
    return result;
}

int64_t call_fcntl(struct call *c)
{
    int fd = call_fd(c, c->argument[0]), command = (int)call_number(c, c->argument[1]);
    int argument = (int)call_number(c, c->argument[2]);

    return c->failed ? -1 : estab_posix_fcntl(posix_of(c), fd, command, argument);
}

/* The third argument of ioctl is [N]: what is handed over, or what is expected back. */
int64_t call_ioctl(struct call *c)
{
    int fd = call_fd(c, c->argument[0]);
    unsigned long request = (unsigned long)call_number(c, c->argument[1]);
    int64_t given = 0;
    int value, result, error;

    if (request == 0x5421) /* FIONBIO takes a value, the others give one */
        given = call_number(c, c->argument[2]);
    value = (int)given;
    if (c->failed)
        return -1;
    result = estab_posix_ioctl(posix_of(c), fd, request, &value);
    error = errno;
    if (result == 0 && request != 0x5421 && c->argument[2])
        call_expect(c, c->argument[2], "a value of", value);
    errno = error;
    return result;
}

/* ---- options -------------------------------------------------------------------------------------------- */

#define OPTION_BYTES_MAX 4096

static struct timeval read_timeval(struct call *c, const struct expr *e)
{
    return (struct timeval){
        .tv_sec = (time_t)call_number(c, call_member(e, "tv_sec")),
        .tv_usec = (suseconds_t)call_number(c, call_member(e, "tv_usec")),
    };
}

/* {onoff=1, linger=5}, and {tv_sec=1, tv_usec=0}; or [1], "reno". */
static size_t read_value(struct call *c, const struct expr *e, uint8_t *out)
{
    struct linger linger;
    struct timeval time;
    int number;

    if (e->kind == EXPR_LIST && e->list && e->list->kind == EXPR_GROUP)
        e = e->list;
    if (e->kind == EXPR_STRING) {
        size_t n = e->length < OPTION_BYTES_MAX ? e->length : OPTION_BYTES_MAX;

        memcpy(out, e->text, n);
        return n;
    }
    if (call_member(e, "onoff")) {
        linger.l_onoff = (int)call_number(c, call_member(e, "onoff"));
        linger.l_linger = (int)call_number(c, call_member(e, "linger"));
        memcpy(out, &linger, sizeof linger);
        return sizeof linger;
    }
    if (call_member(e, "tv_sec")) {
        time = read_timeval(c, e);
        memcpy(out, &time, sizeof time);
        return sizeof time;
    }
    number = (int)call_number(c, e);
    memcpy(out, &number, sizeof number);
    return sizeof number;
}

int64_t call_setsockopt(struct call *c)
{
    uint8_t value[OPTION_BYTES_MAX] = {0};
    int fd = call_fd(c, c->argument[0]), level = (int)call_number(c, c->argument[1]);
    int option = (int)call_number(c, c->argument[2]);
    const struct expr *e = c->argument[3];
    int64_t length = call_number(c, c->argument[4]);
    bool null = e->kind == EXPR_WORD && strcmp(e->text, "NULL") == 0;

    if (!null && e->kind != EXPR_ELLIPSIS)
        read_value(c, e, value);
    if (length < 0 || length > OPTION_BYTES_MAX)
        call_wrong(c, c->argument[4], "a length of 0 to 4096");
    if (c->failed)
        return -1;
    return estab_posix_setsockopt(posix_of(c), fd, level, option, null ? NULL : value,
                                  (socklen_t)length);
}

static void check_text(struct call *c, const struct expr *e, const uint8_t *value, size_t n)
{
    char expected[128], actual[128];
    size_t length = strnlen((const char *)value, n);

    if (e->length == length && memcmp(e->text, value, length) == 0)
        return;
    snprintf(expected, sizeof expected, "\"%.*s\"", (int)(e->length < 100 ? e->length : 100), e->text);
    snprintf(actual, sizeof actual, "\"%.*s\"", (int)(length < 100 ? length : 100),
             (const char *)value);
    call_differs(c, e, expected, actual);
}

static void check_value(struct call *c, const struct expr *e, const uint8_t *value, size_t n)
{
    struct linger linger;
    struct timeval time;
    int number = 0;

    if (e->kind == EXPR_LIST && e->list && e->list->kind == EXPR_GROUP)
        e = e->list;
    if (e->kind == EXPR_STRING) {
        check_text(c, e, value, n);
    } else if (call_member(e, "onoff") && n == sizeof linger) {
        memcpy(&linger, value, sizeof linger);
        call_expect(c, call_member(e, "onoff"), "onoff", linger.l_onoff);
        call_expect(c, call_member(e, "linger"), "linger", linger.l_linger);
    } else if (call_member(e, "tv_sec") && n == sizeof time) {
        memcpy(&time, value, sizeof time);
        call_expect(c, call_member(e, "tv_sec"), "tv_sec", time.tv_sec);
        call_expect(c, call_member(e, "tv_usec"), "tv_usec", time.tv_usec);
    } else if (e->kind != EXPR_ELLIPSIS) {
        memcpy(&number, value, n < sizeof number ? n : sizeof number);
        bool wide = call_number(c, e) > INT32_MAX; /* [0xffffffff] is unsigned */

        call_expect(c, e, "a value of", wide ? (int64_t)(uint32_t)number : number);
    }
}

int64_t call_getsockopt(struct call *c)
{
    uint8_t value[OPTION_BYTES_MAX] = {0};
    int fd = call_fd(c, c->argument[0]), level = (int)call_number(c, c->argument[1]);
    int option = (int)call_number(c, c->argument[2]), result, error;
    const struct expr *size = c->argument[4];
    int64_t room = size->kind == EXPR_ELLIPSIS ? OPTION_BYTES_MAX : call_number(c, size);
    socklen_t n;

    if (room < 0 || room > OPTION_BYTES_MAX)
        call_wrong(c, size, "a length of 0 to 4096");
    if (c->failed)
        return -1;
    if (c->argument[3]->kind == EXPR_STRING)
        room = OPTION_BYTES_MAX;
    n = (socklen_t)room;
    result = estab_posix_getsockopt(posix_of(c), fd, level, option, value, &n);
    error = errno;
    if (result == 0) {
        check_value(c, c->argument[3], value, n);
        if (c->argument[3]->kind != EXPR_STRING)
            call_expect(c, size, "a length of", n);
    }
    errno = error;
    return result;
}
