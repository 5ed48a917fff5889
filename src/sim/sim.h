/* SPDX-License-Identifier: MIT */
/*
 * sim.h - stacks and the links between them, in virtual time.
 *
 *                    link a>b
 *        stack a  ------------->  stack b         clock: the time of the last thing that happened
 *                 <-------------                  calls: what the user scheduled with sim_at
 *                    link b>a
 *
 * A step goes to the next moment at which something is due and does one thing.  Of what is due at
 * the same moment the first in this order is done:
 *
 *      1. calls of sim_at, in the order in which they were scheduled;
 *      2. frames, link by link in the order of sim_join, a>b before b>a;
 *      3. deadlines, stack by stack in the order of sim_stack_add.
 *
 * Then the stack's output goes onto its links until there is no more, and its events to the
 * observers.  Nothing else decides, so that equal seeds and equal calls give equal runs, byte for
 * byte, on every machine: sim_digest sums up a run.
 *
 * Frames are input one at a time, unless sim_set_batch says otherwise: the end of a vector is the
 * end of a batch for the stack, so that the size of the batch is part of the experiment.  Watching
 * is not.
 *
 * Calls of sim_at, and observers of events, act: they may call into every stack, with sim_now.  The
 * other observers watch: they may read (estab_status, estab_trace_next) and act through sim_at.
 * None of them calls sim_step, sim_run, sim_fork or sim_free.  Between steps anything may be called.
 *
 * Limits: below.  A simulation that runs out of memory or of steps stops, and sim_error tells.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "sim/link.h"

#define SIM_STACKS_MAX    64
#define SIM_JOINS_MAX     64
#define SIM_OBSERVERS_MAX 8
#define SIM_NAME_MAX      32 /* bytes, the terminating one included */
#define SIM_BATCH_MAX     64
#define SIM_CALLS_MAX     (1u << 20)
#define SIM_STEPS_DEFAULT UINT64_C(10000000)

struct sim;

/* ---- stacks and links ------------------------------------------------------------------------- */

/* NULL: no memory.  The clock starts at 0. */
ESTAB_MUST_CHECK struct sim *sim_new(uint64_t seed);
void sim_free(struct sim *sim); /* or NULL */

/* Adds a stack; its number from 0, or -1 (sim_error).  The keys of `config` are replaced by ones
 * that follow from the seed and the name. */
ESTAB_MUST_CHECK int sim_stack_add(struct sim *sim, const char *name,
                                   const struct estab_config *config);
unsigned sim_stacks(const struct sim *sim);
estab_stack *sim_stack(const struct sim *sim, int stack);
const char *sim_stack_name(const struct sim *sim, int stack);

/* One end of a link: a stack, and the interface that it gets there. */
struct sim_end {
    int stack;
    struct estab_interface interface;
};

/* Ethernet, a /24, MTU 1500, a MAC made of the (IPv4) address: 02:00:a:b:c:d. */
struct sim_end sim_end_at(int stack, struct estab_addr address);
/* Adds an interface to both stacks, and a link in each direction; NULL is a perfect one.  The
 * number of the join, or -1 (sim_error).  Both ends have the same link type; super_segment is 0. */
ESTAB_MUST_CHECK int sim_join(struct sim *sim, const struct sim_end *a, const struct sim_end *b,
                              const struct link_config *ab, const struct link_config *ba);
/* The first link that leads from one stack to the other; NULL if there is none. */
struct link *sim_link(const struct sim *sim, int from, int to);

/* ---- observers -------------------------------------------------------------------------------- */

/* A frame's way from one stack to another. */
struct sim_frame {
    int from, to;                    /* stacks */
    const struct estab_frame *frame; /* as the sender put it out, or as it arrives */
    struct link_passage passage;
};

/* Any of them may be NULL. */
struct sim_observer {
    void *arg;
    /* The stack put out a frame; passage.fate tells what becomes of it, `due` when. */
    void (*sent)(void *arg, struct sim *sim, const struct sim_frame *frame);
    /* A frame is about to be input to its stack, and was input. */
    void (*arriving)(void *arg, struct sim *sim, const struct sim_frame *frame);
    void (*arrived)(void *arg, struct sim *sim, const struct sim_frame *frame);
    /* estab_expire ran. */
    void (*expired)(void *arg, struct sim *sim, int stack);
    /* The stack reported an event.  Without an observer that has this, events stay in the stack. */
    void (*event)(void *arg, struct sim *sim, int stack, const struct estab_event *event);
};

/* Adds an observer; all of them see everything, in the order in which they were added.  False: there
 * are too many. */
ESTAB_MUST_CHECK bool sim_observe(struct sim *sim, const struct sim_observer *observer);
void sim_observe_none(struct sim *sim);

/* ---- running ---------------------------------------------------------------------------------- */

typedef void sim_call(struct sim *sim, void *arg);

/* Calls `call` at `when`; if that has passed, in the next step. */
void sim_at(struct sim *sim, estab_time when, sim_call *call, void *arg);

enum sim_result {
    SIM_REACHED, /* the time asked for; more may follow */
    SIM_IDLE,    /* nothing is due any more, ever */
    SIM_STOPPED, /* by sim_stop */
    SIM_FAILED,  /* sim_error tells: no memory, too many steps */
};

/* When the next step will be; ESTAB_NEVER. */
estab_time sim_next(struct sim *sim);
/* One step.  SIM_REACHED: it was done; else there was none to do. */
enum sim_result sim_step(struct sim *sim);
/* All steps up to and including `until`.  SIM_REACHED or SIM_IDLE leave the clock at `until`, unless
 * that is ESTAB_NEVER. */
enum sim_result sim_run(struct sim *sim, estab_time until);
/* Makes sim_run return after the present step. */
void sim_stop(struct sim *sim);

estab_time sim_now(const struct sim *sim);
uint64_t sim_seed(const struct sim *sim);
uint64_t sim_steps(const struct sim *sim);
/* The most steps that one sim_run may take; SIM_STEPS_DEFAULT. */
void sim_set_limit(struct sim *sim, uint64_t steps);
/* Frames to a call of estab_input, 1 .. SIM_BATCH_MAX; 1 by default. */
void sim_set_batch(struct sim *sim, unsigned frames);
/* A sentence that says why something returned -1 or SIM_FAILED; "" if nothing did. */
const char *sim_error(const struct sim *sim);
/* A hash of everything that was sent, delivered and reported so far, and when. */
uint64_t sim_digest(const struct sim *sim);

/* What the user keeps beside a simulation, for callbacks to find: see sim_fork. */
void sim_set_user(struct sim *sim, void *user);
void *sim_user(const struct sim *sim);

/* A deep copy, from which both futures run on; NULL: no memory.  Scheduled calls and observers are
 * copied with their `arg` as it is, and are handed the simulation that they run in: what differs
 * between the futures belongs behind sim_user, which the caller sets for the copy. */
ESTAB_MUST_CHECK struct sim *sim_fork(const struct sim *sim);

#endif
