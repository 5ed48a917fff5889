/* SPDX-License-Identifier: MIT */
/*
 * runner.h - a script under way.
 *
 * Virtual time moves in small steps: to the stack's next deadline, or to the time of the next event.
 * One step is one call of runner_step, and no step waits.  So a call that blocks needs no thread: its
 * waiter takes further steps of the same script until it is woken, and then the call goes on, at the
 * time at which it was woken.
 *
 *      runner_step -> call -> estab_posix_read -> wait -> runner_step -> packet -> woken
 *                                  <----------------------------------------------
 */
#ifndef SCRIPT_RUNNER_H
#define SCRIPT_RUNNER_H

#include "capture/infer.h"
#include "estab_posix.h"
#include "script/ast.h"
#include "script/code.h"
#include "script/packet.h"
#include "script/script.h"
#include "script/settings.h"
#include "virtual/stack.h"

#define RUNNER_QUEUE_MAX   65536 /* packets that left the stack and that no event has taken */
#define RUNNER_SOCKETS_MAX 256
#define RUNNER_FDS_MAX     1024
#define RUNNER_LATE_US     INT64_C(2000000) /* how long an outbound packet may be late to be reported */
#define RUNNER_SECOND      INT64_C(1000000)

struct runner_fd {
    int script, live;
    bool used;
    uint32_t written, read; /* places in the two streams, for script_text_at */
};

struct runner {
    struct script_settings settings;
    struct script_report *report;
    struct script_fault fault; /* of the first failure */
    struct arena arena;
    struct script *script;
    const char *text;
    size_t text_length;
    char folder[4096];
    struct code_scope *scope;

    struct virtual_stack virtual; /* started before the first event that is no command */
    estab_time start;

    struct event *event; /* the next one, or the one that waits for its time */
    bool begun;       /* its times below are known */
    int64_t begin_us, end_us; /* of that event, since the start */
    int64_t origin_us;        /* what was added to its relative times */
    int64_t last_us;          /* of the event before; -1: there was none */
    bool last_anchored;       /* it was an inbound packet */
    struct estab_posix_wait *wait; /* of a call that is blocked, or NULL */
    const struct call_spec *call;  /* that runs */
    /* When a wait ended last. */
    const struct call_spec *woken_call;
    const struct event *woken_event;
    estab_time woken_at;

    struct live_packet *queue;
    unsigned queue_head, queue_count;

    unsigned sockets;
    struct script_socket *socket[RUNNER_SOCKETS_MAX];
    struct script_socket *under_test; /* or NULL */
    struct infer *theirs;             /* the script's end of its connection */
    unsigned fds;
    struct runner_fd fd[RUNNER_FDS_MAX];
    bool foreign_text; /* bytes were sent that are not script_text_at */

    bool why;                   /* all is kept */
    struct estab_trace *kept;
    unsigned kept_count, kept_room;
    unsigned history_next;
    struct estab_trace history[SCRIPT_HISTORY_MAX];
};

static inline int64_t runner_us(const struct runner *r)
{
    return (int64_t)((r->virtual.now - r->start) / ESTAB_US);
}

static inline bool runner_failed(const struct runner *r)
{
    return r->report->verdict != SCRIPT_PASSED;
}

/* Ends the run.  `expected` and `actual` may be set in the report before or after. */
void runner_fail(struct runner *, struct span at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void runner_skip(struct runner *, struct span at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void runner_bad(struct runner *, const struct script_fault *);

/* ---- run.c: time ---------------------------------------------------------------------------------- */

/* False: the script is over, or has failed. */
bool runner_step(struct runner *);
/* Lets the stack work at the present time until it has nothing more to do. */
void runner_settle(struct runner *);
/* Moves time to the stack's next deadline, at most to `until_us`; false if it is there already. */
bool runner_advance(struct runner *, int64_t until_us);
/* Whether `actual_us` is within the tolerance of begin..end; else fails. */
bool runner_check_time(struct runner *, struct span at, const char *what, int64_t actual_us,
                       int64_t begin_us, int64_t end_us);

/* ---- run_packet.c ------------------------------------------------------------------------------------- */

void runner_packet_in(struct runner *, const struct packet_spec *);
/* Takes what has left; true when the event is done (or has failed), false: time must move on. */
bool runner_packet_out(struct runner *, const struct event *);
void runner_queue_frame(struct runner *, const struct estab_frame *);
struct script_socket *runner_new_socket(struct runner *, int fd);

/* ---- call.c and its parts ------------------------------------------------------------------------------- */

void runner_call(struct runner *, const struct call_spec *);

/* A call as its parts see it. */
struct call {
    struct runner *r;
    const struct call_spec *spec;
    const struct expr *argument[10];
    bool failed; /* an argument is wrong: the run has ended */
};

typedef int64_t call_run(struct call *); /* the result, and errno */

#define SCRIPT_CALLS(X)                                                                            \
    X(socket, 3, 3)                                                                                \
    X(bind, 3, 3)                                                                                  \
    X(listen, 2, 2)                                                                                \
    X(accept, 3, 3)                                                                                \
    X(accept4, 4, 4)                                                                               \
    X(connect, 3, 3)                                                                               \
    X(shutdown, 2, 2)                                                                              \
    X(close, 1, 1)                                                                                 \
    X(read, 3, 3)                                                                                  \
    X(readv, 3, 3)                                                                                 \
    X(recv, 4, 4)                                                                                  \
    X(recvfrom, 6, 6)                                                                              \
    X(recvmsg, 3, 3)                                                                               \
    X(write, 3, 3)                                                                                 \
    X(writev, 3, 3)                                                                                \
    X(send, 4, 4)                                                                                  \
    X(sendto, 6, 6)                                                                                \
    X(sendmsg, 3, 3)                                                                               \
    X(fcntl, 2, 3)                                                                                 \
    X(ioctl, 2, 3)                                                                                 \
    X(getsockopt, 5, 5)                                                                            \
    X(setsockopt, 5, 5)                                                                            \
    X(poll, 3, 3)                                                                                  \
    X(epoll_create, 1, 1)                                                                          \
    X(epoll_create1, 1, 1)                                                                         \
    X(epoll_ctl, 4, 4)                                                                             \
    X(epoll_wait, 4, 4)

#define X(name, least, most) call_run call_##name;
SCRIPT_CALLS(X)
#undef X

/* The value of an expression; 0 and a failed call if it has none.  [N] stands for N. */
int64_t call_number(struct call *, const struct expr *);
/* Of a script's descriptor: the stack's; -1, which no call knows, if it has none. */
int call_fd(struct call *, const struct expr *);
struct runner_fd *call_stream(struct call *, const struct expr *);
/* The socket that has this descriptor of the stack's; NULL. */
struct script_socket *call_socket_of(const struct call *, int live);
void call_wrong(struct call *, const struct expr *, const char *expected);
/* The member of a group; NULL if it has none of that name. */
const struct expr *call_member(const struct expr *group, const char *name);
const struct expr *call_item(const struct expr *list, unsigned i);
/* Compares what a call gave back with what the script says; `...` is never compared. */
void call_expect(struct call *, const struct expr *, const char *what, int64_t actual);
void call_differs(struct call *, const struct expr *, const char *expected, const char *actual);
/* An address to bind or connect to: the script's, or for `...` the configured one. */
socklen_t call_address(struct call *, const struct expr *, bool remote, struct sockaddr_storage *);
void runner_map_fd(struct runner *, int script, int live);
void runner_unmap_fd(struct runner *, int script);

/* ---- run_code.c, report.c ----------------------------------------------------------------------------------- */

void runner_code(struct runner *, const struct event *);
void runner_command(struct runner *, const char *text);
/* Fills the report's states, reason and history. */
void runner_explain(struct runner *);
/* Puts into the report what was kept. */
void runner_tell(struct runner *);
void runner_note(struct runner *, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
