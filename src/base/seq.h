/* SPDX-License-Identifier: MIT */
/*
 * seq.h - sequence numbers (RFC 9293 section 3.4).
 *
 * The numbers live on a circle of 2^32 points, so "less" only has a meaning for two numbers that
 * are less than half the circle apart:
 *
 *            a < b  <=>  0 < b - a (mod 2^32) < 2^31
 *
 * A connection has two such circles: the numbers that we send (SND.*, and the peer's SEG.ACK) and
 * the numbers that the peer sends (RCV.*, and the peer's SEG.SEQ).  Each has its own one-member
 * struct, so that mixing the two, or comparing with '<', does not compile.  The machine code is
 * that of plain integers.
 */
#ifndef BASE_SEQ_H
#define BASE_SEQ_H

#include <stdbool.h>
#include <stdint.h>

#define SEQ_SPACE(T)                                                                               \
    typedef struct {                                                                               \
        uint32_t v;                                                                                \
    } T##_seq;                                                                                     \
    static inline T##_seq T##_of(uint32_t v)                                                       \
    {                                                                                              \
        return (T##_seq){v};                                                                       \
    }                                                                                              \
    static inline T##_seq T##_add(T##_seq a, uint32_t n)                                           \
    {                                                                                              \
        return (T##_seq){a.v + n};                                                                 \
    }                                                                                              \
    static inline T##_seq T##_sub(T##_seq a, uint32_t n)                                           \
    {                                                                                              \
        return (T##_seq){a.v - n};                                                                 \
    }                                                                                              \
    /* The distance walked upward from `a` to `b`. */                                              \
    static inline uint32_t T##_span(T##_seq a, T##_seq b)                                          \
    {                                                                                              \
        return b.v - a.v;                                                                          \
    }                                                                                              \
    static inline bool T##_eq(T##_seq a, T##_seq b)                                                \
    {                                                                                              \
        return a.v == b.v;                                                                         \
    }                                                                                              \
    static inline bool T##_lt(T##_seq a, T##_seq b)                                                \
    {                                                                                              \
        return (int32_t)(b.v - a.v) > 0;                                                           \
    }                                                                                              \
    static inline bool T##_leq(T##_seq a, T##_seq b)                                               \
    {                                                                                              \
        return (int32_t)(b.v - a.v) >= 0;                                                          \
    }                                                                                              \
    static inline T##_seq T##_max(T##_seq a, T##_seq b)                                            \
    {                                                                                              \
        return T##_lt(a, b) ? b : a;                                                               \
    }

SEQ_SPACE(snd)
SEQ_SPACE(rcv)

#undef SEQ_SPACE

#endif
