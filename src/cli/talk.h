/* SPDX-License-Identifier: MIT */
/*
 * talk.h - what `listen` and `connect` have in common: from the options to a stack of ours, on a
 * stage, beside the kernel, or on a device; its story, and its end.
 *
 *      --on wire:     wire.h    whoever is on the wire; a station (wire/station.h)
 *      --on sim       stage.h   both ends are ours, in virtual time
 *      --on kernel    wire.h    a namespace of our own (netns.h), a command or peer.h at its end
 *      --on packet:   wire.h    whoever is there
 *      --on tap:      wire.h    whoever is there
 */
#ifndef CLI_TALK_H
#define CLI_TALK_H

#include "cli/peer.h"
#include "cli/publish.h"
#include "cli/stage.h"
#include "cli/wire.h"
#include "control/control.h"

struct talk {
    const struct cli_options *o;
    FILE *out; /* of lines and objects */
    struct story *story;
    struct pcapng *file;            /* or NULL */
    struct estab_addr ours, theirs; /* theirs: unspecified where anybody may be there */
    const char *our_name;
    uint8_t prefix_length;
    struct cli_servers dns; /* whom to ask for names: --dns, or what DHCP gave */
    estab_time opened, origin; /* estab_now's; and the story's, that lines count from */
    bool bare;       /* there is no stack of ours, */
    estab_time time; /* and the verb says what time it is */
    bool staged;
    struct stage stage;
    estab_stack *stack; /* ours */
    /* In real time. */
    void *room;
    size_t room_size;
    struct netns *netns;
    estab_device *device;
    struct station *station; /* on a wire; the device is its */
    struct estab_interface interface;
    struct wire *wire;
    struct control *control; /* tells netstat; or NULL */
    pid_t child; /* the command, or the built-in peer; 0: none, or ended */
    int child_fd, child_status;
    bool child_ended;
    struct publication publication; /* of --publish */
    unsigned interrupts; /* that were acted upon */
    estab_time leave_at; /* since the first: then what is still open is left to others (leave.h) */
};

/* Makes all of it but the wire.  CLI_OK, or what the process ends with; the user has been told. */
int talk_open(struct talk *, const struct cli_options *, bool listens);
/* The same without a stack of ours, and on the stage without a stage: for a verb that makes its
 * segments by hand. */
int talk_open_bare(struct talk *, const struct cli_options *, bool listens);
/* Frees everything.  `code`, or why the file could not be written. */
int talk_close(struct talk *, int code);

/* HOST as the user wrote it; false: the user has been told what was expected. */
bool talk_resolve(struct talk *, const char *host, struct estab_addr *);
/* Starts the command, or else the built-in peer, in the namespace. */
int talk_start_child(struct talk *, const struct peer_options *);
/* Waits until the command listens; *listens is false if the kernel does not tell.  CLI_OK, or what
 * the process ends with. */
int talk_await_listener(struct talk *, uint16_t port, bool *listens);
/* Opens the wire: from here on the clock of the story runs. */
int talk_start_wire(struct talk *, bool peer_listens);

estab_time talk_time(const struct talk *); /* as the story has it */
/* Tells what calls into the stack have done. */
void talk_calls(struct talk *, const struct estab_endpoint *remote);
/* The wire has ended; the user has been told. */
bool talk_cut_off(const struct talk *);
/* How many times the user has asked for the end since the last call: 0, 1, 2. */
unsigned talk_interrupted(struct talk *);

/* --publish, of a port that we listen on or soon will: CLI_OK also where it was not given. */
int talk_publish(struct talk *, uint16_t port);
/* A sentence on stderr. */
void talk_say(const struct talk *, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What `~` means, where it will be seen. */
void talk_say_inferred(const struct talk *);
/* Hook of app.h; the context is the talk. */
void talk_text(void *talk, const struct estab_endpoint *from, const uint8_t *text, size_t n);
/* "10.11.0.1:3333" */
#define TALK_ENDPOINT_MAX (NAMES_ADDR_MAX + 8)
const char *talk_endpoint(const struct estab_endpoint *, char out[TALK_ENDPOINT_MAX]);

/* What the demo does in its own way. */
struct estab_config talk_config(const struct cli_options *, bool small);
ESTAB_MUST_CHECK estab_stack *talk_stack_new(const struct estab_config *, void **room,
                                             size_t *size);
void talk_stack_free(void *room, size_t size);

#endif
