/* SPDX-License-Identifier: MIT */
/* Any bytes are a capture file, whole, cut, or none: each packet that is given lies in the file. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "capture/capfile.h"
#include "capture/view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void look(const struct capfile_packet *p, size_t n)
{
    struct frame_view view;
    enum estab_link link;
    uint32_t offset;

    expect(p->length <= n && p->length <= CAPFILE_PACKET_MAX);
    if (!capfile_frame(p, &offset, &link))
        return;
    expect(offset <= p->length);
    view_bytes(&view, p->bytes + offset, p->length - offset, link);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    FILE *stream = n ? fmemopen((void *)(uintptr_t)data, n, "rb") : NULL;
    struct capfile_packet packet;
    enum capfile_result result;
    struct capfile *file;

    if (!stream)
        return 0;
    file = capfile_stream(stream, "fuzz");
    expect(file);
    while ((result = capfile_next(file, &packet)) == CAPFILE_PACKET)
        look(&packet, n);
    expect((result == CAPFILE_ERROR) == (capfile_error(file) != NULL));
    capfile_close(file);
    fclose(stream);
    return 0;
}
