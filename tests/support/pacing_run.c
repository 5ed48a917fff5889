/* SPDX-License-Identifier: MIT */
/* pacing_run.c - see pacing_run.h. */
#include "support/pacing_run.h"

/* Opens, with the client's options. */
static bool begin(struct sim *sim, struct transfer *t, bool paced)
{
    estab_stack *client;

    transfer_start(sim);
    client = sim_stack(sim, TRANSFER_CLIENT);
    return estab_set(client, t->client, ESTAB_OPTION_PACING, paced, sim_now(sim)) == ESTAB_OK &&
           /* An object has to fit, else the buffer grows with the window only. */
           estab_set(client, t->client, ESTAB_OPTION_SEND_BUFFER, 1 << 20, sim_now(sim)) == ESTAB_OK;
}

/* Goes on until the server has `bytes`. */
static bool run_to(struct sim *sim, const struct transfer *t, size_t bytes)
{
    while (t->received < bytes)
        if (sim_step(sim) != SIM_REACHED || t->failed != ESTAB_OK)
            return false;
    return t->wrong == 0;
}

static uint64_t dropped(struct sim *sim)
{
    return link_counters(sim_link(sim, TRANSFER_CLIENT, TRANSFER_SERVER)).queue_full;
}

bool pacing_bulk(const char *link, uint64_t seed, bool paced, struct pacing_cost *cost)
{
    struct transfer t;
    struct sim *sim = transfer_new(&t, seed, PACING_BULK, link);
    bool whole = sim != NULL && begin(sim, &t, paced) && run_to(sim, &t, PACING_BULK);

    if (whole) {
        cost->took += sim_now(sim);
        cost->dropped += dropped(sim);
    }
    sim_free(sim);
    return whole;
}

/* The client's user has another object to send; the text is as sim_transfer.c checks it. */
static void send_object(struct sim *sim, void *arg)
{
    struct transfer *t = sim_user(sim);
    static uint8_t text[PACING_OBJECT];
    size_t taken = 0;

    (void)arg;
    for (size_t i = 0; i < PACING_OBJECT; i++)
        text[i] = (uint8_t)((t->sent + i) * 31 + (t->sent + i) / 251);
    if (estab_send(sim_stack(sim, TRANSFER_CLIENT), t->client, text, PACING_OBJECT, 0, &taken, sim_now(sim)) !=
            ESTAB_OK ||
        taken < PACING_OBJECT)
        t->failed = ESTAB_NO_RESOURCES;
    t->sent += taken;
}

bool pacing_objects(const char *link, uint64_t seed, bool paced, struct pacing_cost *cost)
{
    struct transfer t;
    struct sim *sim = transfer_new(&t, seed, 0, link);
    bool whole = sim != NULL;

    for (unsigned i = 1; whole && i <= PACING_OBJECTS; i++)
        sim_at(sim, i * PACING_EVERY, send_object, NULL);
    whole = whole && begin(sim, &t, paced);
    for (unsigned i = 1; whole && i <= PACING_OBJECTS; i++) {
        whole = run_to(sim, &t, (size_t)PACING_OBJECT * i);
        cost->took += sim_now(sim) - i * PACING_EVERY;
    }
    cost->dropped += whole ? dropped(sim) : 0;
    sim_free(sim);
    return whole;
}
