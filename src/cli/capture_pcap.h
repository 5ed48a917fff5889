/* SPDX-License-Identifier: MIT */
/*
 * capture_pcap.h - what libpcap does for us: filters, interfaces, packets of an interface.
 *
 * Its header clashes with the kernel's <linux/bpf.h>, so that nothing else includes it.
 */
#ifndef CLI_CAPTURE_PCAP_H
#define CLI_CAPTURE_PCAP_H

#include "capture/capfile.h"
#include "cli/verb.h"

#define CAPTURE_ERROR_MAX 384

/* ---- filters ---- */

/* A filter, compiled for each link type that comes along. */
struct capture_filter;

/* NULL: `error` has libpcap's sentence, or says that there is no memory. */
ESTAB_MUST_CHECK struct capture_filter *capture_filter_new(const char *text,
                                                           char error[CAPTURE_ERROR_MAX]);
void capture_filter_free(struct capture_filter *);
/* Of a link type for which the filter makes no sense, nothing matches. */
bool capture_filter_match(struct capture_filter *, const struct capfile_packet *);

/* ---- interfaces ---- */

/* Calls `tell` for each; false with `error`. */
bool capture_interfaces(void (*tell)(void *context, const char *name, const char *about),
                        void *context, char error[CAPTURE_ERROR_MAX]);

struct capture_live;

/* NULL with `error`, and the exit code that it means. */
ESTAB_MUST_CHECK struct capture_live *capture_live_open(const char *interface, int *code,
                                                        char error[CAPTURE_ERROR_MAX]);
void capture_live_close(struct capture_live *);
int capture_live_fd(const struct capture_live *);
/* The next packet that has come, END if there is none, ERROR with `error`. */
enum capfile_result capture_live_next(struct capture_live *, struct capfile_packet *,
                                      char error[CAPTURE_ERROR_MAX]);
/* Packets that the kernel has dropped, as its queue to us was full. */
unsigned capture_live_lost(struct capture_live *);

#endif
