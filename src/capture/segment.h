/* SPDX-License-Identifier: MIT */
/*
 * segment.h - frames in one piece and with all their headers right, as a cable would carry them.
 *
 * A super-segment is cut the way a device does it: the IPv4 identification counts up, the sequence
 * number advances, PSH and FIN are left to the last segment and CWR to the first, the urgent pointer
 * keeps pointing at the same byte, and each segment has its own checksums.
 */
#ifndef CAPTURE_SEGMENT_H
#define CAPTURE_SEGMENT_H

#include "capture/view.h"

/* Copies the frame's bytes to `out`, which has room for frame->length; the number of bytes, which is
 * less if the frame's parts are shorter than it says. */
size_t segment_flatten(const struct estab_frame *frame, uint8_t *out);
/* Completes the transport checksum of a flat frame, in place, if it is not complete yet. */
void segment_finish(const struct estab_frame *frame, uint8_t *bytes, size_t n);

/* Into how many segments the flat frame is to be cut: 1 if it is none that can be. */
unsigned segment_count(const struct frame_view *view, unsigned segment_size);
/* Writes segment `i` of them to `out` (room for the headers and segment_size bytes); its length. */
size_t segment_cut(const struct frame_view *view, const uint8_t *bytes, unsigned segment_size,
                   unsigned i, uint8_t *out);

#endif
