/* SPDX-License-Identifier: MIT */
/* hub_parts.h - what the files of the hub share. */
#ifndef WIRE_HUB_PARTS_H
#define WIRE_HUB_PARTS_H

#include "sim/link.h"
#include "wire/envelope.h"
#include "wire/hub.h"

#define HUB_LANES   (2 * HUB_CLIENTS)
#define HUB_NAME    24  /* of a name, the terminating zero included */
#define HUB_SHARE   (HUB_QUEUE / 4 * 3)
#define NOBODY      HUB_CLIENTS
#define HUB_PASSED  3 /* descriptors with one message */

/* A message that waits for one reader or several. */
struct packet {
    unsigned refs;
    uint32_t length;
    uint8_t bytes[];
};

struct post {
    struct packet *packet;
    unsigned from; /* the client that has caused it, or NOBODY */
};

struct carried {
    struct estab_endpoint local, remote;
};

struct station_counters {
    uint64_t frames_in, frames_out, bytes_in, bytes_out; /* as the station sees it */
    uint64_t lost;                                       /* of what it sent */
    uint64_t slow;                                       /* not read in time */
    uint64_t over_limit;                                 /* too much under way */
};

struct client {
    int fd;          /* -1: free */
    uint32_t number; /* of the station, from 1; 0: has not joined */
    uint32_t flags;  /* enum envelope_flag */
    uint32_t pid;
    estab_time spoke;     /* when it last said something, or came */
    bool closing;         /* once its queue is empty, and at the latest at: */
    estab_time closes_at; /* 0: not begun */
    char name[HUB_NAME], program[ENVELOPE_WORD];
    struct estab_addr address;
    uint8_t prefix_length;
    uint8_t mac[6], heard[6]; /* as it joined; of the last frame that it sent */
    unsigned ports, carries;
    uint16_t port[ENVELOPE_PORTS]; /* that it listens on */
    struct carried *carried;       /* HUB_CARRIED of them, once there is one */
    struct station_counters counters;
    unsigned first, waiting; /* of queue */
    uint32_t waiting_bytes;
    struct post queue[HUB_QUEUE];
    uint16_t share[HUB_CLIENTS]; /* of what waits, by who has caused it */
};

/* One sender's way; it outlives the sender until what is under way has arrived. */
struct lane {
    struct link *link; /* NULL: free */
    uint32_t number;   /* of the station; 0: it has left */
};

/* A frame under way, but for its bytes: these are in a link, with `cause` as the number of this. */
struct parcel {
    unsigned refs;    /* copies under way */
    uint32_t station; /* that has sent it */
    uint32_t fate;    /* enum envelope_fate, so far */
    uint64_t serial;
    size_t length;
    uint8_t bytes[]; /* the envelope without the frame */
};

/* A child that carries a room on. */
struct guest {
    int alive; /* readable once it has ended; -1: free */
    int pid;
    uint32_t station; /* whose room it is */
    uint64_t bytes;   /* that the room had in use */
    estab_time until; /* then it is killed */
};

struct hub {
    struct hub_config config;
    char name[HUB_NAME];
    int listener;
    bool down;
    uint32_t numbers; /* of stations, so far */
    estab_time idle_since;
    struct link_config impairment;
    struct link *rules;
    struct lane lane[HUB_LANES];
    struct link_counters past; /* of lanes that are free again */
    struct parcel **parcel;    /* by number */
    uint32_t *free_parcel;
    uint32_t parcels, free_parcels;
    uint64_t malformed, refused;
    struct guest guest[HUB_ROOMS];
    unsigned passed; /* with the message at hand */
    int passed_fd[HUB_PASSED];
    struct client client[HUB_CLIENTS];
    uint8_t in[ENVELOPE_MAX + 1], out[ENVELOPE_MAX];
};

/* ---- hub_client.c: what waits for a reader --------------------------------------------------- */

/* Frames and news may be lost; an answer is not: who never reads its answers is cut off, at once when
 * they fill its queue. */
void client_answer(struct hub *, struct client *, const struct envelope *);
/* The same for an ERROR of these words. */
void client_refuse(struct hub *, struct client *, enum envelope_code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* NULL: no memory. */
struct packet *packet_of(const void *bytes, size_t n);
void packet_done(struct packet *);
/* False: it is lost, since the queue is full. */
bool client_post(struct client *, struct packet *, unsigned from);
/* Sends what the socket takes; false: the other side has gone. */
bool client_flush(struct client *);
void client_drop_queue(struct client *);

/* ---- hub_names.c: who is here --------------------------------------------------------------------- */

void names_join(struct hub *, struct client *, const struct envelope *);
/* Tells everybody who wants to know. */
void names_tell(struct hub *, const struct client *, uint32_t more_flags);
void names_describe(const struct client *, struct envelope *);
/* What it was told when it joined. */
void names_welcome(const struct hub *, const struct client *, struct envelope *);
void names_list(struct hub *, struct client *);
bool names_holds(
    const struct client *); /* it has a name and an address that nobody else may have */
struct client *names_station(struct hub *, uint32_t number);

/* ---- hub_frames.c: what crosses the wire ------------------------------------------------------------ */

bool frames_open(struct hub *, struct client *); /* a lane; false: no memory, or none is free */
void frames_take(struct hub *, struct client *, const struct envelope *, estab_time now);
void frames_move(struct hub *, estab_time now); /* what has come to the end of a link */
estab_time frames_next(const struct hub *);
void frames_leave(struct hub *, const struct client *);
void frames_configure(struct hub *);
void frames_free(struct hub *);
void frames_count(const struct hub *, struct link_counters *all, size_t *under_way);

/* ---- hub_rooms.c: what stations leave behind ---------------------------------------------------------- */

void rooms_init(struct hub *);
void rooms_take(struct hub *, struct client *, estab_time now);
/* Those that have ended, or go on for too long. */
void rooms_turn(struct hub *, estab_time now);
estab_time rooms_next(const struct hub *);
void rooms_free(struct hub *);

/* ---- hub_orders.c: everything else that a client says ------------------------------------------------ */

void orders_take(struct hub *, struct client *, const struct envelope *, estab_time now);

static inline unsigned hub_slot(const struct hub *h, const struct client *c)
{
    return (unsigned)(c - h->client);
}

#endif
