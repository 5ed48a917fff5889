/* SPDX-License-Identifier: MIT */
/* capture_pcap.c - calls into libpcap, and nothing else. */
#include "cli/capture_pcap.h"

#ifndef ESTAB_NO_PCAP

#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#define SNAPLEN  262144
#define PROGRAMS 8 /* link types of one file, for which a filter is compiled */

/* ---- filters ------------------------------------------------------------------------------------- */

struct capture_filter {
    char *text;
    unsigned programs;
    struct {
        uint32_t linktype;
        bool good;
        struct bpf_program program;
    } program[PROGRAMS];
};

/* Link types have the numbers of libpcap's DLTs, but for RAW. */
static int dlt_of(uint32_t linktype)
{
    return linktype == LINKTYPE_RAW ? DLT_RAW : (int)linktype;
}

static bool compile(struct capture_filter *f, uint32_t linktype, char error[CAPTURE_ERROR_MAX])
{
    pcap_t *dead = pcap_open_dead(dlt_of(linktype), SNAPLEN);
    unsigned i = f->programs;

    if (!dead) {
        snprintf(error, CAPTURE_ERROR_MAX, "no memory");
        return false;
    }
    f->program[i].linktype = linktype;
    f->program[i].good =
        pcap_compile(dead, &f->program[i].program, f->text, 1, PCAP_NETMASK_UNKNOWN) == 0;
    if (!f->program[i].good)
        snprintf(error, CAPTURE_ERROR_MAX, "%s", pcap_geterr(dead));
    f->programs++;
    pcap_close(dead);
    return f->program[i].good;
}

/* It must make sense on Ethernet at least; or else on bare IP. */
struct capture_filter *capture_filter_new(const char *text, char error[CAPTURE_ERROR_MAX])
{
    struct capture_filter *f = calloc(1, sizeof *f);
    char other[CAPTURE_ERROR_MAX];

    snprintf(error, CAPTURE_ERROR_MAX, "no memory");
    if (!f || !(f->text = strdup(text))) {
        free(f);
        return NULL;
    }
    if (compile(f, LINKTYPE_ETHERNET, error) || compile(f, LINKTYPE_SLL2, other))
        return f;
    capture_filter_free(f);
    return NULL;
}

void capture_filter_free(struct capture_filter *f)
{
    if (!f)
        return;
    for (unsigned i = 0; i < f->programs; i++)
        if (f->program[i].good)
            pcap_freecode(&f->program[i].program);
    free(f->text);
    free(f);
}

bool capture_filter_match(struct capture_filter *f, const struct capfile_packet *p)
{
    struct pcap_pkthdr header = {.caplen = p->length, .len = p->original};
    char error[CAPTURE_ERROR_MAX];
    unsigned i = 0;

    while (i < f->programs && f->program[i].linktype != p->linktype)
        i++;
    if (i == PROGRAMS)
        return false;
    if (i == f->programs)
        (void)compile(f, p->linktype, error);
    return f->program[i].good && pcap_offline_filter(&f->program[i].program, &header, p->bytes);
}

/* ---- interfaces -------------------------------------------------------------------------------------- */

bool capture_interfaces(void (*tell)(void *context, const char *name, const char *about),
                        void *context, char error[CAPTURE_ERROR_MAX])
{
    char why[PCAP_ERRBUF_SIZE] = "";
    pcap_if_t *list = NULL;

    if (pcap_findalldevs(&list, why) != 0) {
        snprintf(error, CAPTURE_ERROR_MAX, "%s", why);
        return false;
    }
    for (pcap_if_t *i = list; i; i = i->next)
        if (strncmp(i->name, "bluetooth", 9) != 0 && strncmp(i->name, "nf", 2) != 0 &&
            strncmp(i->name, "usb", 3) != 0 && strncmp(i->name, "dbus", 4) != 0)
            tell(context, i->name,
                 i->flags & PCAP_IF_LOOPBACK ? "loopback"
                 : i->flags & PCAP_IF_UP     ? "up"
                                             : "down");
    pcap_freealldevs(list);
    return true;
}

struct capture_live {
    pcap_t *pcap;
};

static int code_of(int status)
{
    return status == PCAP_ERROR_PERM_DENIED || status == PCAP_ERROR_PROMISC_PERM_DENIED
               ? CLI_PERMISSION
           : status == PCAP_ERROR_NO_SUCH_DEVICE ? CLI_USAGE
                                                 : CLI_FAILED;
}

static bool start(pcap_t *pcap, const char *interface, int *code, char error[CAPTURE_ERROR_MAX])
{
    char why[PCAP_ERRBUF_SIZE] = "";
    int status;

    (void)pcap_set_snaplen(pcap, SNAPLEN);
    (void)pcap_set_promisc(pcap, strcmp(interface, "any") != 0);
    (void)pcap_set_immediate_mode(pcap, 1);
    (void)pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
    status = pcap_activate(pcap);
    if (status < 0 || pcap_setnonblock(pcap, 1, why) != 0) {
        *code = code_of(status);
        snprintf(error, CAPTURE_ERROR_MAX, "cannot capture on %s: %s%s%.200s", interface,
                 status < 0 ? pcap_statustostr(status) : why,
                 *code == CLI_USAGE ? "; estab capture -D lists those that there are" : "",
                 *code == CLI_PERMISSION ? ": root may, or one with cap_net_raw" : "");
        return false;
    }
    return true;
}

struct capture_live *capture_live_open(const char *interface, int *code,
                                       char error[CAPTURE_ERROR_MAX])
{
    struct capture_live *l = calloc(1, sizeof *l);
    char why[PCAP_ERRBUF_SIZE] = "no memory";

    *code = CLI_FAILED;
    if (l)
        l->pcap = pcap_create(interface, why);
    if (!l || !l->pcap) {
        snprintf(error, CAPTURE_ERROR_MAX, "cannot capture on %s: %s", interface, why);
        free(l);
        return NULL;
    }
    if (start(l->pcap, interface, code, error))
        return l;
    capture_live_close(l);
    return NULL;
}

void capture_live_close(struct capture_live *l)
{
    if (!l)
        return;
    pcap_close(l->pcap);
    free(l);
}

int capture_live_fd(const struct capture_live *l)
{
    return pcap_get_selectable_fd(l->pcap);
}

enum capfile_result capture_live_next(struct capture_live *l, struct capfile_packet *p,
                                      char error[CAPTURE_ERROR_MAX])
{
    struct pcap_pkthdr *header;
    const u_char *bytes;
    int status = pcap_next_ex(l->pcap, &header, &bytes), dlt = pcap_datalink(l->pcap);

    if (status == 0 || status == PCAP_ERROR_BREAK)
        return CAPFILE_END;
    if (status < 0) {
        snprintf(error, CAPTURE_ERROR_MAX, "%s", pcap_geterr(l->pcap));
        return CAPFILE_ERROR;
    }
    *p = (struct capfile_packet){
        .bytes = bytes,
        .length = header->caplen,
        .original = header->len,
        .linktype = dlt == DLT_RAW ? LINKTYPE_RAW : (uint32_t)dlt,
        .time = (estab_time)header->ts.tv_sec * ESTAB_SECOND +
                (estab_time)header->ts.tv_usec, /* nanoseconds, as was set */
    };
    return CAPFILE_PACKET;
}

unsigned capture_live_lost(struct capture_live *l)
{
    struct pcap_stat stat = {0};

    return pcap_stats(l->pcap, &stat) == 0 ? stat.ps_drop : 0;
}

#else /* a cross-compiled binary, without libpcap */

static const char none[] = "this estab was built without libpcap";

struct capture_filter *capture_filter_new(const char *text, char error[CAPTURE_ERROR_MAX])
{
    (void)text;
    snprintf(error, CAPTURE_ERROR_MAX, "%s", none);
    return NULL;
}

void capture_filter_free(struct capture_filter *f)
{
    (void)f;
}

bool capture_filter_match(struct capture_filter *f, const struct capfile_packet *p)
{
    return !f && p;
}

bool capture_interfaces(void (*tell)(void *context, const char *name, const char *about),
                        void *context, char error[CAPTURE_ERROR_MAX])
{
    (void)tell;
    (void)context;
    snprintf(error, CAPTURE_ERROR_MAX, "%s", none);
    return false;
}

struct capture_live *capture_live_open(const char *interface, int *code,
                                       char error[CAPTURE_ERROR_MAX])
{
    *code = CLI_FAILED;
    snprintf(error, CAPTURE_ERROR_MAX, "cannot capture on %s: %s", interface, none);
    return NULL;
}

void capture_live_close(struct capture_live *l)
{
    (void)l;
}

int capture_live_fd(const struct capture_live *l)
{
    return l ? 0 : -1;
}

enum capfile_result capture_live_next(struct capture_live *l, struct capfile_packet *p,
                                      char error[CAPTURE_ERROR_MAX])
{
    (void)l;
    (void)p;
    snprintf(error, CAPTURE_ERROR_MAX, "%s", none);
    return CAPFILE_ERROR;
}

unsigned capture_live_lost(struct capture_live *l)
{
    return l ? 1 : 0;
}

#endif
