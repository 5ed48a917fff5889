/* SPDX-License-Identifier: MIT */
/* call.c - a call's arguments evaluated, the call made, its result compared. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "script/constant.h"
#include "script/runner.h"

#include <arpa/inet.h>
#include <netinet/in.h>

/* ---- values --------------------------------------------------------------------------------------------- */

void call_wrong(struct call *c, const struct expr *e, const char *expected)
{
    struct script_fault fault = {0};

    c->failed = true;
    script_fail(&fault, e ? e->at : c->spec->at, "expected %s in %s()", expected, c->spec->name);
    runner_bad(c->r, &fault);
}

static int64_t macro_value(struct call *c, const struct expr *e)
{
    const struct expr *a = e->list;
    struct in_addr in;

    if (strcmp(e->text, "htons") == 0 && a)
        return htons((uint16_t)call_number(c, a));
    if (strcmp(e->text, "htonl") == 0 && a)
        return htonl((uint32_t)call_number(c, a));
    if (strcmp(e->text, "inet_addr") == 0 && a && a->kind == EXPR_STRING &&
        inet_pton(AF_INET, a->text, &in) == 1)
        return in.s_addr;
    call_wrong(c, e, "htons(PORT), htonl(N) or inet_addr(\"A.B.C.D\")");
    return 0;
}

int64_t call_number(struct call *c, const struct expr *e)
{
    int64_t value = 0;

    if (!e)
        return 0;
    switch (e->kind) {
    case EXPR_INTEGER:
        return e->number;
    case EXPR_WORD:
        if (!constant_find(e->text, &value))
            call_wrong(c, e, "a constant that is known here");
        return value;
    case EXPR_OR:
        for (const struct expr *part = e->list; part; part = part->next)
            value |= call_number(c, part);
        return value;
    case EXPR_LIST:
        if (e->list && !e->list->next)
            return call_number(c, e->list);
        call_wrong(c, e, "one value in [ ]");
        return 0;
    case EXPR_CALL:
        return macro_value(c, e);
    default:
        call_wrong(c, e, "a number or a constant");
        return 0;
    }
}

const struct expr *call_member(const struct expr *group, const char *name)
{
    for (const struct expr *e = group ? group->list : NULL; e; e = e->next) {
        if (e->kind == EXPR_FIELD && strcmp(e->text, name) == 0)
            return e->list;
    }
    return NULL;
}

const struct expr *call_item(const struct expr *list, unsigned i)
{
    const struct expr *e = list ? list->list : NULL;

    for (; e && i; i--)
        e = e->next;
    return e;
}

/* ---- descriptors ------------------------------------------------------------------------------------------ */

static struct runner_fd *find_fd(struct runner *r, int script)
{
    for (unsigned i = 0; i < r->fds; i++) {
        if (r->fd[i].used && r->fd[i].script == script)
            return &r->fd[i];
    }
    return NULL;
}

void runner_map_fd(struct runner *r, int script, int live)
{
    struct runner_fd *fd = find_fd(r, script);

    for (unsigned i = 0; !fd && i < RUNNER_FDS_MAX; i++) {
        if (i >= r->fds || !r->fd[i].used) {
            fd = &r->fd[i];
            r->fds = i >= r->fds ? i + 1 : r->fds;
        }
    }
    if (fd)
        *fd = (struct runner_fd){.script = script, .live = live, .used = true};
}

void runner_unmap_fd(struct runner *r, int script)
{
    struct runner_fd *fd = find_fd(r, script);

    if (fd)
        fd->used = false;
}

struct runner_fd *call_stream(struct call *c, const struct expr *e)
{
    return find_fd(c->r, (int)call_number(c, e));
}

int call_fd(struct call *c, const struct expr *e)
{
    struct runner_fd *fd = call_stream(c, e);

    return fd ? fd->live : -1;
}

/* ---- addresses ---------------------------------------------------------------------------------------------- */

static socklen_t put_ipv4(struct sockaddr_storage *out, const uint8_t a[4], uint16_t port)
{
    struct sockaddr_in *in = (struct sockaddr_in *)out;

    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    memcpy(&in->sin_addr, a, 4);
    return sizeof *in;
}

/* IPv4's in its mapped form. */
static socklen_t put_ipv6(struct sockaddr_storage *out, const uint8_t a[16], uint16_t port)
{
    struct sockaddr_in6 *in = (struct sockaddr_in6 *)out;

    in->sin6_family = AF_INET6;
    in->sin6_port = htons(port);
    memcpy(&in->sin6_addr, a, 16);
    return sizeof *in;
}

/* {sa_family = AF_INET6, sin_port = htons(PORT), sin_addr = inet_addr("ADDRESS")}, or AF_INET; 0: its
 * address is to be the script's own. */
static socklen_t put_group(struct call *c, const struct expr *group, struct sockaddr_storage *out,
                           uint16_t port)
{
    const struct expr *member = call_member(group, "sin_addr"), *family = call_member(group, "sa_family");
    const struct expr *text = member && member->kind == EXPR_CALL ? member->list : NULL;
    uint32_t address;
    uint8_t six[16];

    if (!text)
        return 0;
    if (family && call_number(c, family) == AF_INET6) {
        if (strcmp(member->text, "inet_addr") != 0 || text->kind != EXPR_STRING ||
            inet_pton(AF_INET6, text->text, six) != 1)
            call_wrong(c, member, "inet_addr(\"IPV6-ADDRESS\") beside AF_INET6");
        return c->failed ? 0 : put_ipv6(out, six, port);
    }
    address = (uint32_t)call_number(c, member);
    return put_ipv4(out, (const uint8_t *)&address, port);
}

socklen_t call_address(struct call *c, const struct expr *e, bool remote,
                       struct sockaddr_storage *out)
{
    const struct script_settings *s = &c->r->settings;
    const struct estab_addr *a = remote ? &s->remote : &s->local;
    uint16_t port = remote ? s->connect_port : s->bind_port;
    const struct expr *member;
    socklen_t n;

    memset(out, 0, sizeof *out);
    if (e && e->kind == EXPR_WORD) { /* AF_UNSPEC alone dissolves an association */
        out->ss_family = (sa_family_t)call_number(c, e);
        return sizeof(struct sockaddr_in);
    }
    if (e && e->kind == EXPR_GROUP) {
        if ((member = call_member(e, "sin_port")))
            port = ntohs((uint16_t)call_number(c, member));
        n = put_group(c, e, out, port);
        if (n)
            return n;
    } else if (!e || e->kind != EXPR_ELLIPSIS) {
        call_wrong(c, e, "an address: `...`, AF_UNSPEC or {sa_family = AF_INET, ...}");
    }
    return s->ip_version == IP_VERSION_4 ? put_ipv4(out, a->b + 12, port) : put_ipv6(out, a->b, port);
}

/* ---- results -------------------------------------------------------------------------------------------------- */

void call_differs(struct call *c, const struct expr *e, const char *expected, const char *actual)
{
    struct runner *r = c->r;

    if (r->settings.calls_go_on) {
        runner_note(r, "line %u: %s(): expected %s, got %s", c->spec->at.line, c->spec->name,
                    expected, actual);
        return;
    }
    c->failed = true;
    if (!runner_failed(r)) {
        snprintf(r->report->expected, sizeof r->report->expected, "%s", expected);
        snprintf(r->report->actual, sizeof r->report->actual, "%s", actual);
        r->report->expected_us = r->report->actual_us = runner_us(r);
    }
    runner_fail(r, e ? e->at : c->spec->at, "%s(): expected %s, got %s", c->spec->name, expected,
                actual);
}

void call_expect(struct call *c, const struct expr *e, const char *what, int64_t actual)
{
    char expected_text[96], actual_text[96];
    int64_t expected;

    if (!e || e->kind == EXPR_ELLIPSIS || c->failed)
        return;
    expected = call_number(c, e);
    if (c->failed || expected == actual)
        return;
    snprintf(expected_text, sizeof expected_text, "%s %lld", what, (long long)expected);
    snprintf(actual_text, sizeof actual_text, "%s %lld", what, (long long)actual);
    call_differs(c, e, expected_text, actual_text);
}

static bool opens_descriptor(const char *name)
{
    static const char *const names[] = {"socket", "accept", "accept4", "epoll_create",
                                        "epoll_create1"};

    for (unsigned i = 0; i < 5; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

static void show_result(char *out, size_t size, int64_t result, int error)
{
    if (result == -1)
        snprintf(out, size, "-1 %s (%s)", constant_errno(error), strerror(error));
    else
        snprintf(out, size, "%lld", (long long)result);
}

/* The result as the script has it: a number, or -1 with the name of an errno. */
static void check_result(struct call *c, int64_t result, int error)
{
    const struct call_spec *spec = c->spec;
    char expected[160], actual[160];
    int64_t number, errno_number = error;
    bool fresh = opens_descriptor(spec->name) && result >= 0, same;

    if (spec->result->kind == EXPR_ELLIPSIS)
        return;
    number = call_number(c, spec->result);
    if (spec->error && !constant_find(spec->error, &errno_number)) {
        call_wrong(c, spec->result, "the name of an errno behind -1");
        return;
    }
    if (c->failed)
        return;
    same = fresh ? number >= 0 : number == result;
    if (same && (result != -1 || !spec->error || errno_number == error)) {
        if (fresh)
            runner_map_fd(c->r, (int)number, (int)result);
        return;
    }
    show_result(actual, sizeof actual, result, error);
    if (number == -1 && !spec->error)
        snprintf(expected, sizeof expected, "-1");
    else
        show_result(expected, sizeof expected, number, (int)errno_number);
    call_differs(c, spec->result, expected, actual);
}

/* A blocking call returns at its end time, within the tolerance. */
static void check_end(struct call *c, int64_t begin_us, int64_t end_us)
{
    struct runner *r = c->r;
    int64_t last = r->last_us;

    if (!c->spec->blocking || runner_failed(r))
        return;
    r->last_us = begin_us;
    runner_check_time(r, c->spec->at, "the return of the call", runner_us(r), end_us, end_us);
    r->last_us = last;
}

/* ---- the call --------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    call_run *run;
    unsigned least, most;
} calls[] = {
#define X(name, least, most) {#name, call_##name, least, most},
    SCRIPT_CALLS(X)
#undef X
};

static bool is_absent(const char *name)
{
    static const char *const names[] = {"open",   "sendfile",     "pipe",        "splice",
                                        "cap_set", "psp_rx_assoc", "psp_tx_assoc"};

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

static void run_call(struct call *c, unsigned i)
{
    struct runner *r = c->r;
    int64_t begin_us = r->last_us, end_us, result;
    int error;

    end_us = c->spec->end_us + r->origin_us;
    errno = 0;
    r->call = c->spec;
    result = calls[i].run(c);
    error = errno;
    runner_settle(r);
    if (c->failed || runner_failed(r))
        return;
    check_result(c, result, error);
    check_end(c, begin_us, end_us);
}

void runner_call(struct runner *r, const struct call_spec *spec)
{
    struct call c = {.r = r, .spec = spec};
    const struct expr *e = spec->arguments;
    char wrong[128];

    for (unsigned i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        if (strcmp(calls[i].name, spec->name) != 0)
            continue;
        if (spec->count < calls[i].least || spec->count > calls[i].most) {
            snprintf(wrong, sizeof wrong, calls[i].least == calls[i].most
                     ? "%u arguments" : "%u or %u arguments", calls[i].least, calls[i].most);
            call_wrong(&c, NULL, wrong);
            return;
        }
        for (unsigned k = 0; e; e = e->next)
            c.argument[k++] = e;
        run_call(&c, i);
        return;
    }
    if (is_absent(spec->name)) {
        runner_skip(r, spec->at, "it needs %s(), which is not there", spec->name);
    } else {
        call_wrong(&c, NULL, "a call that is known here");
    }
}
