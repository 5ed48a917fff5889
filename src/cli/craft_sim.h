/* SPDX-License-Identifier: MIT */
/*
 * craft_sim.h - the other end of what is made by hand, in virtual time: a stack of ours with a
 * program of the tutorials on it, ten milliseconds away.
 *
 * The peer's states and reasons are its own, so they are known; our end has no stack.  Time passes
 * only in craft_sim_run.
 */
#ifndef CLI_CRAFT_SIM_H
#define CLI_CRAFT_SIM_H

#include "cli/app.h"
#include "cli/watch.h"

struct craft_sim;

struct craft_sim_config {
    const struct cli_options *cli;
    struct story *story;
    unsigned wire; /* of the story */
    struct estab_addr peer;
    uint8_t prefix_length;
    bool peer_listens; /* on `port`; else it connects to `ours` */
    uint16_t port;
    struct estab_endpoint ours;
    struct app_hooks hooks; /* what the peer's program hears */
    /* A frame of ours has reached the peer and was told; one of the peer's has reached us, and is
     * the caller's to tell. */
    void *context;
    void (*reached)(void *context, const struct frame_view *, enum reason);
    void (*came)(void *context, const struct estab_frame *, const struct frame_view *,
                 uint64_t serial, enum emit_why);
};

/* NULL: no memory. */
ESTAB_MUST_CHECK struct craft_sim *craft_sim_new(const struct craft_sim_config *);
void craft_sim_free(struct craft_sim *);
estab_time craft_sim_now(const struct craft_sim *);
/* The peer's own state, of its end of this connection. */
enum tcp_state craft_sim_state(const struct craft_sim *, const struct estab_endpoint *peer,
                               const struct estab_endpoint *ours);
/* Puts a frame of ours on the link; story_sent is done. */
void craft_sim_put(struct craft_sim *, const uint8_t *bytes, size_t n);
/* Does what is due next, at `until` at the latest.  False: nothing was, and it is `until` now. */
bool craft_sim_run(struct craft_sim *, estab_time until);

#endif
