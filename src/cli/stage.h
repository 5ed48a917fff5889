/* SPDX-License-Identifier: MIT */
/*
 * stage.h - stacks of ours in virtual time, told as a story.
 *
 * Both ends are ours, so both ends' states are known.  Programs (app.h) act on the stage: they get
 * their stack's events, and the time when it is due.
 *
 * Limits: STAGE_STACKS stacks, two programs.
 */
#ifndef CLI_STAGE_H
#define CLI_STAGE_H

#include "cli/app.h"
#include "cli/watch.h"
#include "sim/sim.h"

#define STAGE_STACKS 2

struct stage {
    struct sim *sim;
    struct story *story;
    unsigned number;  /* of the wire, in the file */
    estab_time begin; /* what the story calls virtual time 0; set before stage_add */
    unsigned stacks;
    struct watch watch[STAGE_STACKS];
    struct sim_end end[STAGE_STACKS];
    struct app_server *server; /* or NULL */
    struct app_client *client; /* or NULL */
};

/* NULL, or a sentence: what went wrong. */
ESTAB_MUST_CHECK const char *stage_init(struct stage *, struct story *, uint64_t seed,
                                        unsigned number);
void stage_fini(struct stage *);
/* Adds a stack; its number, or -1 (sim_error). */
ESTAB_MUST_CHECK int stage_add(struct stage *, const char *name, struct estab_addr address,
                               const struct estab_config *);
/* Joins the two stacks; both directions are alike. */
ESTAB_MUST_CHECK const char *stage_join(struct stage *, const struct link_config *,
                                        const struct cli_rules *);
/* Lets everything happen that is due until then, and sets the clock to it; with ESTAB_NEVER, until
 * nothing will ever happen again.  NULL, or a sentence. */
ESTAB_MUST_CHECK const char *stage_play(struct stage *, estab_time until);
estab_time stage_now(const struct stage *); /* virtual */
estab_stack *stage_stack(const struct stage *, int stack);

#endif
