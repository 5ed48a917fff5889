/* SPDX-License-Identifier: MIT */
/*
 * capfile.c - one block or record at a time, whole, into a buffer that grows to what a block may be.
 *
 * Every length is checked before anything is read by it; numbers are read in the byte order that the
 * file's magic number tells.
 */
#include "capture/capfile.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define ERROR_MAX 512
#define SECOND_NS UINT64_C(1000000000)

enum {
    BLOCK_SECTION = 0x0a0d0d0a,
    BLOCK_INTERFACE = 1,
    BLOCK_OLD_PACKET = 2,
    BLOCK_SIMPLE_PACKET = 3,
    BLOCK_NAMES = 4,
    BLOCK_PACKET = 6,
};

enum { OPTION_END = 0, OPTION_TSRESOL = 9, OPTION_TSOFFSET = 14 };
enum { RECORD_END = 0, RECORD_IPV4 = 1, RECORD_IPV6 = 2 };

#define MAGIC_SECTION 0x1a2b3c4du
#define MAGIC_MICRO   0xa1b2c3d4u
#define MAGIC_NANO    0xa1b23c4du

struct interface {
    uint32_t linktype, snaplen;
    uint8_t resolution;
    uint64_t offset_s;
};

struct capfile {
    FILE *file;
    bool ours, swapped, pcapng, nano, failed;
    uint64_t at; /* bytes read */
    uint32_t linktype;
    unsigned interfaces;
    struct interface interface[CAPFILE_INTERFACES];
    struct names names;
    uint8_t *block;
    size_t room;
    char name[256], error[ERROR_MAX];
};

/* ---- reading -------------------------------------------------------------------------------------- */

static enum capfile_result fail(struct capfile *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static enum capfile_result fail(struct capfile *f, const char *format, ...)
{
    size_t n =
        (size_t)snprintf(f->error, sizeof f->error, "%.200s: byte %" PRIu64 ": ", f->name, f->at);
    va_list list;

    va_start(list, format);
    vsnprintf(f->error + n, sizeof f->error - n, format, list);
    va_end(list);
    f->failed = true;
    return CAPFILE_ERROR;
}

/* PACKET: all of it was there; END: nothing was. */
static enum capfile_result take(struct capfile *f, void *out, size_t n)
{
    size_t got = fread(out, 1, n, f->file);

    f->at += got;
    if (got == n)
        return CAPFILE_PACKET;
    if (ferror(f->file))
        return fail(f, "cannot be read: %s", strerror(errno));
    if (got == 0)
        return CAPFILE_END;
    return fail(f, "the file ends in the midst of a packet: %zu bytes more were expected", n - got);
}

static uint16_t load16(const struct capfile *f, const uint8_t *p)
{
    return (uint16_t)(f->swapped ? p[0] << 8 | p[1] : p[1] << 8 | p[0]);
}

static uint32_t load32(const struct capfile *f, const uint8_t *p)
{
    uint32_t a = load16(f, p), b = load16(f, p + 2);

    return f->swapped ? a << 16 | b : b << 16 | a;
}

static bool grow(struct capfile *f, size_t n)
{
    uint8_t *more;

    if (n <= f->room)
        return true;
    more = realloc(f->block, n);
    if (!more)
        return false;
    f->block = more;
    f->room = n;
    return true;
}

/* ---- pcap -------------------------------------------------------------------------------------------- */

static enum capfile_result begin_pcap(struct capfile *f, bool nano)
{
    uint8_t header[20];
    enum capfile_result result = take(f, header, sizeof header);

    if (result != CAPFILE_PACKET)
        return result == CAPFILE_END ? fail(f, "expected the header of a pcap file") : result;
    if (load16(f, header) != 2)
        return fail(f, "expected version 2 of pcap, not %u", load16(f, header));
    f->nano = nano;
    f->linktype = load32(f, header + 16) & 0x0fffffff;
    return CAPFILE_PACKET;
}

static enum capfile_result next_pcap(struct capfile *f, struct capfile_packet *p)
{
    uint8_t header[16];
    enum capfile_result result = take(f, header, sizeof header);
    uint32_t length = load32(f, header + 8);

    if (result != CAPFILE_PACKET)
        return result;
    if (length > CAPFILE_PACKET_MAX)
        return fail(f, "expected a packet of at most %u bytes, not %" PRIu32, CAPFILE_PACKET_MAX,
                    length);
    if (!grow(f, length + 1))
        return fail(f, "no memory");
    if (length > 0 && (result = take(f, f->block, length)) != CAPFILE_PACKET)
        return result == CAPFILE_END ? fail(f, "the file ends before its last packet") : result;
    *p = (struct capfile_packet){
        .bytes = f->block,
        .length = length,
        .original = load32(f, header + 12),
        .linktype = f->linktype,
        .time = load32(f, header) * SECOND_NS +
                load32(f, header + 4) * (f->nano ? UINT64_C(1) : UINT64_C(1000)),
    };
    return CAPFILE_PACKET;
}

/* ---- pcapng: what stands before the packets -------------------------------------------------------------- */

static void interface_options(const struct capfile *f, struct interface *i, const uint8_t *p,
                              size_t n)
{
    while (n >= 4) {
        uint16_t code = load16(f, p), length = load16(f, p + 2);
        size_t padded = (length + 3u) & ~3u;

        if (code == OPTION_END || padded > n - 4)
            return;
        if (code == OPTION_TSRESOL && length == 1)
            i->resolution = p[4];
        if (code == OPTION_TSOFFSET && length == 8)
            i->offset_s = f->swapped ? load32(f, p + 8) : load32(f, p + 4); /* till 2106 */
        p += 4 + padded;
        n -= 4 + padded;
    }
}

static enum capfile_result take_interface(struct capfile *f, const uint8_t *p, size_t n)
{
    struct interface *i = &f->interface[f->interfaces];

    if (n < 8)
        return fail(f, "expected an interface description of 8 bytes at least");
    if (f->interfaces == CAPFILE_INTERFACES)
        return fail(f, "expected at most %u interfaces", CAPFILE_INTERFACES);
    *i = (struct interface){.linktype = load16(f, p), .snaplen = load32(f, p + 4), .resolution = 6};
    interface_options(f, i, p + 8, n - 8);
    f->interfaces++;
    return CAPFILE_PACKET;
}

static void take_names(struct capfile *f, const uint8_t *p, size_t n)
{
    while (n >= 4) {
        uint16_t type = load16(f, p), length = load16(f, p + 2);
        size_t padded = (length + 3u) & ~3u, address;
        char name[NAMES_TEXT_MAX] = "";

        if (type == RECORD_END || padded > n - 4)
            return;
        address = type == RECORD_IPV4 ? 4 : type == RECORD_IPV6 ? 16 : 0;
        if (address && length > address && memchr(p + 4 + address, 0, length - address)) {
            struct estab_addr addr = estab_ipv4(0, 0, 0, 0);

            memcpy(addr.b + 16 - address, p + 4, address);
            snprintf(name, sizeof name, "%.*s", (int)sizeof name - 1, (const char *)p + 4 + address);
            (void)names_add(&f->names, addr, name);
        }
        p += 4 + padded;
        n -= 4 + padded;
    }
}

/* ---- pcapng: packets ------------------------------------------------------------------------------------------ */

/* Units of 10^-r seconds, or of 2^-r with the high bit; beyond nanoseconds they are cut. */
static estab_time time_of(const struct interface *i, uint64_t units)
{
    unsigned r = i->resolution & 0x7f;
    uint64_t second = 1, rest, whole;

    if (i->resolution & 0x80) {
        second = r < 64 ? UINT64_C(1) << r : 0;
    } else {
        for (unsigned k = 0; k < r && second; k++)
            second = k < 19 ? second * 10 : 0;
    }
    if (second == 0)
        return 0;
    whole = units / second;
    rest = units % second;
    while (second > SECOND_NS * 16) { /* so that the product fits */
        second /= 2;
        rest /= 2;
    }
    return (whole + i->offset_s) * SECOND_NS + rest * SECOND_NS / second;
}

static enum capfile_result give(struct capfile *f, uint32_t interface, uint64_t units,
                                const uint8_t *bytes, uint32_t length, uint32_t original,
                                struct capfile_packet *p)
{
    const struct interface *i = &f->interface[interface];

    *p = (struct capfile_packet){.bytes = bytes,
                                 .length = length,
                                 .original = original,
                                 .linktype = i->linktype,
                                 .time = time_of(i, units)};
    return CAPFILE_PACKET;
}

static enum capfile_result take_packet(struct capfile *f, const uint8_t *b, size_t n, bool old,
                                       struct capfile_packet *p)
{
    uint32_t interface, length;

    if (n < 20)
        return fail(f, "expected a packet block of 32 bytes at least");
    interface = old ? load16(f, b) : load32(f, b);
    length = load32(f, b + 12);
    if (interface >= f->interfaces)
        return fail(f, "expected an interface that was described, not number %" PRIu32, interface);
    if (length > n - 20 || length > CAPFILE_PACKET_MAX)
        return fail(f, "expected a packet that fits its block, not %" PRIu32 " bytes", length);
    return give(f, interface, (uint64_t)load32(f, b + 4) << 32 | load32(f, b + 8), b + 20, length,
                load32(f, b + 16), p);
}

static enum capfile_result take_simple(struct capfile *f, const uint8_t *b, size_t n,
                                       struct capfile_packet *p)
{
    uint32_t original, length;

    if (n < 4 || f->interfaces == 0)
        return fail(f, "expected an interface description before a packet");
    original = length = load32(f, b);
    if (length > n - 4)
        length = (uint32_t)n - 4;
    if (f->interface[0].snaplen && length > f->interface[0].snaplen)
        length = f->interface[0].snaplen;
    if (length > CAPFILE_PACKET_MAX)
        return fail(f, "expected a packet of at most %u bytes", CAPFILE_PACKET_MAX);
    return give(f, 0, 0, b + 4, length, original, p);
}

/* ---- pcapng: blocks ---------------------------------------------------------------------------------------------- */

/* The body of a block of `total` bytes, whose first eight were read, into f->block. */
static enum capfile_result take_body(struct capfile *f, uint32_t total, size_t had)
{
    size_t left = total - had;

    if (total < 12 || total % 4 || total > CAPFILE_BLOCK_MAX || total < had + 4)
        return fail(f, "expected a block of 12 to %u bytes, a multiple of four, not %" PRIu32,
                    CAPFILE_BLOCK_MAX, total);
    if (!grow(f, left))
        return fail(f, "no memory");
    switch (take(f, f->block, left)) {
    case CAPFILE_PACKET:
        break;
    case CAPFILE_END:
        return fail(f, "the file ends in the midst of a block");
    default:
        return CAPFILE_ERROR;
    }
    if (load32(f, f->block + left - 4) != total)
        return fail(f, "expected the block to end with its length again, %" PRIu32, total);
    return CAPFILE_PACKET;
}

/* A section begins everything anew, its byte order too. */
static enum capfile_result begin_section(struct capfile *f, const uint8_t length[4])
{
    static const uint8_t little[4] = {0x4d, 0x3c, 0x2b, 0x1a}, big[4] = {0x1a, 0x2b, 0x3c, 0x4d};
    uint8_t magic[4];

    if (take(f, magic, sizeof magic) != CAPFILE_PACKET)
        return f->failed ? CAPFILE_ERROR : fail(f, "expected the byte order of a section");
    if (memcmp(magic, little, 4) != 0 && memcmp(magic, big, 4) != 0)
        return fail(f, "expected the byte order of a section, 1a2b3c4d");
    f->swapped = memcmp(magic, big, 4) == 0;
    f->interfaces = 0;
    if (take_body(f, load32(f, length), 12) != CAPFILE_PACKET)
        return CAPFILE_ERROR;
    if (load16(f, f->block) != 1)
        return fail(f, "expected version 1 of pcapng, not %u", load16(f, f->block));
    return CAPFILE_PACKET;
}

static enum capfile_result next_pcapng(struct capfile *f, struct capfile_packet *p)
{
    for (;;) {
        uint8_t header[8];
        enum capfile_result result = take(f, header, sizeof header);
        uint32_t type, total;

        if (result != CAPFILE_PACKET)
            return result;
        type = load32(f, header);
        total = load32(f, header + 4);
        result = type == BLOCK_SECTION ? begin_section(f, header + 4) : take_body(f, total, 8);
        if (result != CAPFILE_PACKET)
            return result;
        if (type == BLOCK_INTERFACE)
            result = take_interface(f, f->block, total - 12);
        else if (type == BLOCK_NAMES)
            take_names(f, f->block, total - 12);
        else if (type == BLOCK_PACKET || type == BLOCK_OLD_PACKET)
            return take_packet(f, f->block, total - 12, type == BLOCK_OLD_PACKET, p);
        else if (type == BLOCK_SIMPLE_PACKET)
            return take_simple(f, f->block, total - 12, p);
        if (result != CAPFILE_PACKET)
            return result;
    }
}

/* ---- public ---------------------------------------------------------------------------------------------------------- */

static void begin(struct capfile *f)
{
    uint8_t magic[4], length[4];

    if (take(f, magic, sizeof magic) != CAPFILE_PACKET) {
        if (!f->failed)
            fail(f, "expected a capture file, pcapng or pcap: it is empty");
        return;
    }
    if (load32(f, magic) == BLOCK_SECTION) {
        f->pcapng = true;
        if (take(f, length, sizeof length) != CAPFILE_PACKET)
            (void)(f->failed ? CAPFILE_ERROR : fail(f, "expected the length of a section"));
        else
            (void)begin_section(f, length);
        return;
    }
    for (f->swapped = false;; f->swapped = true) {
        uint32_t number = load32(f, magic);
        if (number == MAGIC_MICRO || number == MAGIC_NANO) {
            (void)begin_pcap(f, number == MAGIC_NANO);
            return;
        }
        if (f->swapped)
            break;
    }
    fail(f, "expected a capture file, pcapng or pcap: it begins with %02x%02x%02x%02x", magic[0],
         magic[1], magic[2], magic[3]);
}

struct capfile *capfile_stream(FILE *stream, const char *name)
{
    struct capfile *f = calloc(1, sizeof *f);

    if (!f)
        return NULL;
    f->file = stream;
    snprintf(f->name, sizeof f->name, "%s", name);
    begin(f);
    return f;
}

struct capfile *capfile_open(const char *path)
{
    bool input = strcmp(path, "-") == 0;
    FILE *stream = input ? stdin : fopen(path, "rbe");
    struct capfile *f;
    int error = errno;

    if (!stream) {
        f = calloc(1, sizeof *f);
        if (!f)
            return NULL;
        f->failed = true;
        snprintf(f->error, sizeof f->error, "cannot read %.300s: %s", path, strerror(error));
        return f;
    }
    f = capfile_stream(stream, input ? "standard input" : path);
    if (f)
        f->ours = !input;
    else if (!input)
        fclose(stream);
    return f;
}

void capfile_close(struct capfile *f)
{
    if (!f)
        return;
    if (f->ours)
        fclose(f->file);
    free(f->block);
    free(f);
}

enum capfile_result capfile_next(struct capfile *f, struct capfile_packet *p)
{
    if (f->failed)
        return CAPFILE_ERROR;
    return f->pcapng ? next_pcapng(f, p) : next_pcap(f, p);
}

const char *capfile_error(const struct capfile *f)
{
    return f->failed ? f->error : NULL;
}

const struct names *capfile_names(const struct capfile *f)
{
    return &f->names;
}

bool capfile_frame(const struct capfile_packet *p, uint32_t *offset, enum estab_link *link)
{
    const uint8_t *type = NULL;

    *link = ESTAB_LINK_IP;
    *offset = 0;
    switch (p->linktype) {
    case LINKTYPE_ETHERNET:
        *link = ESTAB_LINK_ETHERNET;
        return true;
    case LINKTYPE_RAW:
    case LINKTYPE_IPV4:
    case 12:
    case 14: /* as some systems number RAW */
    case LINKTYPE_IPV6:
        return p->length > 0 && (p->bytes[0] >> 4 == 4 || p->bytes[0] >> 4 == 6);
    case LINKTYPE_SLL:
        *offset = 16;
        type = p->bytes + 14;
        break;
    case LINKTYPE_SLL2:
        *offset = 20;
        type = p->bytes;
        break;
    default:
        return false;
    }
    return p->length > *offset && ((type[0] == 0x08 && type[1] == 0x00) || /* IPv4's ethertype */
                                   (type[0] == 0x86 && type[1] == 0xdd));  /* and IPv6's */
}
