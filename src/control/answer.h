/* SPDX-License-Identifier: MIT */
/*
 * answer.h - the answer to one request, line by line.
 *
 * An answer is walked with a cursor of its own: it goes on where it was, whatever has happened to
 * the stack in between.
 */
#ifndef CONTROL_ANSWER_H
#define CONTROL_ANSWER_H

#include "control/control.h"
#include "control/diag.h"
#include "control/object.h"

#define ANSWER_REQUESTS(X)                                                                         \
    X(stack, "who answers, and the names that resolve there")                                      \
    X(connections, "what the stack has open, its UDP sockets too, and the kernel at its end")      \
    X(statistics, "who answers, what its stack has counted, and the reasons that have decided")

enum answer_request {
    ANSWER_NONE,
#define X(name, meaning) ANSWER_##name,
    ANSWER_REQUESTS(X)
#undef X
};

/* What is served. */
struct answer_source {
    const estab_stack *stack; /* or NULL */
    int diag;                 /* or -1 */
    char program[CONTROL_WORD_MAX], on[CONTROL_WORD_MAX];
    char name[NAMES_TEXT_MAX], kernel_name[NAMES_TEXT_MAX];
    void (*find_names)(void *context, struct names *);
    void *context;
    struct names names; /* as of the last request */
};

struct answer {
    enum answer_request request; /* ANSWER_NONE: there is none to give */
    uint64_t cursor;             /* of the stack's list, or of the reasons */
    uint64_t count;              /* of objects so far */
    bool stack_done;
    uint32_t udp_cursor;         /* of its UDP sockets */
    struct diag_socket *sockets; /* of the kernel; asked for once */
    int sockets_count, sockets_next;
    uint64_t name_space; /* of them */
    bool asked;
};

/* A socket of the kernel's in a namespace with this number; 0: unknown. */
struct control_row answer_kernel_row(const struct diag_socket *, uint64_t name_space);

/* The request of a line, without its newline; NONE if it is none. */
enum answer_request answer_request(const char *line, size_t n);
void answer_begin(struct answer *, struct answer_source *, enum answer_request);
void answer_end(struct answer *);
/* Adds lines while there is room for a longest one; sets `request` to NONE after the last. */
void answer_fill(struct answer *, const struct answer_source *, struct text *, estab_time now);
struct answer_source answer_source_of(const struct control_config *);

/* Adds the answer to what was no request. */
void answer_refuse(struct text *, const char *line, size_t n);

#endif
