/* SPDX-License-Identifier: MIT */
/*
 * rig_rows.h - what the eight steps of RFC 9293 section 3.10.7.4 have in common in all states but
 * CLOSED, LISTEN and SYN-SENT.
 *
 *      U  SND.UNA    S  SND.NXT    R  RCV.NXT    E  RCV.NXT + RCV.WND    W  some place inside
 *
 * E - R is more than 1000.  The answer of steps 1, 2, 4 and 5 is always the same segment,
 * <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>.
 */
#ifndef SUPPORT_RIG_ROWS_H
#define SUPPORT_RIG_ROWS_H

#include "support/rig.h"

/* clang-format off */
#define ANSWER(S, R) .out = {SEG(ACK, (S), (R))}

/* First, check sequence number: table 6, with a window. */
#define STEP_1_ROWS(S, R, E)                                                                       \
    ROW("step 1: left of the window by one", .in = SEG(ACK, (R)-1, (S)), ANSWER(S, R),             \
        .reason = {REASON_SEQ_UNACCEPTABLE}),                                                      \
    ROW("step 1: left of the window by 2^31", .in = SEG(ACK, (R) + 0x80000000u, (S)),              \
        ANSWER(S, R), .reason = {REASON_SEQ_UNACCEPTABLE}),                                        \
    ROW("step 1: at the right edge", .in = SEG(ACK, (E), (S)), ANSWER(S, R),                       \
        .reason = {REASON_SEQ_UNACCEPTABLE}),                                                      \
    ROW("step 1: far right of the window", .in = SEG(ACK, (E) + 1000000, (S)), ANSWER(S, R),       \
        .reason = {REASON_SEQ_UNACCEPTABLE}),                                                      \
    ROW("step 1: text that ends at RCV.NXT", .in = SEG(PSH | ACK, (R)-10, (S), .len = 10),         \
        ANSWER(S, R), .reason = {REASON_SEQ_UNACCEPTABLE}),                                        \
    ROW("step 1: text at the right edge", .in = SEG(PSH | ACK, (E), (S), .len = 10),               \
        ANSWER(S, R), .reason = {REASON_SEQ_UNACCEPTABLE}),                                        \
    ROW("step 1: FIN at the right edge", .in = SEG(FIN | ACK, (E), (S)), ANSWER(S, R),             \
        .reason = {REASON_SEQ_UNACCEPTABLE}),                                                      \
    ROW("step 1: text to the left, without ACK", .in = SEG(PSH, (R)-10, 0, .len = 10),             \
        ANSWER(S, R), .reason = {REASON_SEQ_UNACCEPTABLE}),                                        \
    ROW("step 1: SYN to the left, not the peer's first", .in = SEG(SYN, (R)-100, 0),               \
        ANSWER(S, R), .reason = {REASON_SEQ_UNACCEPTABLE}),                                        \
    ROW("step 1: SYN at the right edge", .in = SEG(SYN, (E), 0), ANSWER(S, R),                     \
        .reason = {REASON_SEQ_UNACCEPTABLE})

/* Second, check the RST bit: what RFC 5961 section 3 leaves of it. */
#define STEP_2_ROWS(S, R, E, W)                                                                    \
    ROW("step 2: RST left of the window", .in = SEG(RST, (R)-1, 0),                                \
        .reason = {REASON_SEQ_UNACCEPTABLE_RST}),                                                  \
    ROW("step 2: RST,ACK left of the window", .in = SEG(RST | ACK, (R)-1, (S)),                    \
        .reason = {REASON_SEQ_UNACCEPTABLE_RST}),                                                  \
    ROW("step 2: RST at the right edge", .in = SEG(RST, (E), 0),                                   \
        .reason = {REASON_SEQ_UNACCEPTABLE_RST}),                                                  \
    ROW("step 2: RST by 2^31 off", .in = SEG(RST, (R) + 0x80000000u, 0),                           \
        .reason = {REASON_SEQ_UNACCEPTABLE_RST}),                                                  \
    ROW("step 2: RST one right of RCV.NXT", .in = SEG(RST, (R) + 1, 0), ANSWER(S, R),              \
        .reason = {REASON_RST_CHALLENGE}),                                                         \
    ROW("step 2: RST,ACK in the window", .in = SEG(RST | ACK, (W), (S)), ANSWER(S, R),             \
        .reason = {REASON_RST_CHALLENGE}),                                                         \
    ROW("step 2: RST with text in the window", .in = SEG(RST, (W), 0, .len = 10), ANSWER(S, R),    \
        .reason = {REASON_RST_CHALLENGE}),                                                         \
    ROW("step 2: RST,SYN in the window", .in = SEG(RST | SYN, (W), 0), ANSWER(S, R),               \
        .reason = {REASON_RST_CHALLENGE}),                                                         \
    ROW("step 2: all flags in the window", .in = SEG(0xff, (W), (S)), ANSWER(S, R),                \
        .reason = {REASON_RST_CHALLENGE})

/* An exact RST ends the connection; text in it is allowed (SHLD-2), a SYN or FIN changes nothing. */
#define RST_EXACT_ROWS(S, R, error_)                                                               \
    ROW("step 2: RST at RCV.NXT", .in = SEG(RST, (R), 0), .to = CLOSED,                            \
        .reason = {REASON_RST_EXACT}, .events = ESTAB_EVENT_CLOSED, .error = (error_)),            \
    ROW("step 2: RST,ACK at RCV.NXT", .in = SEG(RST | ACK, (R), (S)), .to = CLOSED,                \
        .reason = {REASON_RST_EXACT}, .events = ESTAB_EVENT_CLOSED, .error = (error_)),            \
    ROW("step 2: RST at RCV.NXT with a bad ACK", .in = SEG(RST | ACK, (R), (S) + 1000),            \
        .to = CLOSED, .reason = {REASON_RST_EXACT}, .events = ESTAB_EVENT_CLOSED,                  \
        .error = (error_)),                                                                        \
    ROW("step 2: RST at RCV.NXT with text", .in = SEG(RST, (R), 0, .len = 20), .to = CLOSED,       \
        .reason = {REASON_RST_EXACT}, .events = ESTAB_EVENT_CLOSED, .error = (error_)),            \
    ROW("step 2: RST,SYN,FIN at RCV.NXT", .in = SEG(RST | SYN | FIN, (R), 0), .to = CLOSED,        \
        .reason = {REASON_RST_EXACT}, .events = ESTAB_EVENT_CLOSED, .error = (error_))

/* Fourth, check the SYN bit: RFC 5961 section 4. */
#define STEP_4_ROWS(S, R, W)                                                                       \
    ROW("step 4: SYN at RCV.NXT", .in = SEG(SYN, (R), 0), ANSWER(S, R),                            \
        .reason = {REASON_SYN_CHALLENGE}),                                                         \
    ROW("step 4: SYN in the window", .in = SEG(SYN, (W), 0), ANSWER(S, R),                         \
        .reason = {REASON_SYN_CHALLENGE}),                                                         \
    ROW("step 4: SYN,ACK in the window", .in = SEG(SYN | ACK, (W), (S)), ANSWER(S, R),             \
        .reason = {REASON_SYN_CHALLENGE}),                                                         \
    ROW("step 4: SYN,FIN at RCV.NXT", .in = SEG(SYN | FIN, (R), 0), ANSWER(S, R),                  \
        .reason = {REASON_SYN_CHALLENGE}),                                                         \
    ROW("step 4: SYN,ECE,CWR in the window", .in = SEG(SYN | ECE | CWR, (W), 0), ANSWER(S, R),     \
        .reason = {REASON_SYN_CHALLENGE}),                                                         \
    ROW("step 4: SYN with text in the window", .in = SEG(SYN | ACK, (W), (S), .len = 10),          \
        ANSWER(S, R), .reason = {REASON_SYN_CHALLENGE})

/* Once synchronized, the peer's first SYN lies to the left (section 3.10.7.4, step 1). */
#define SYN_AGAIN_ROWS(S, R)                                                                       \
    ROW("step 1: the first SYN again", .in = SEG(SYN, 0, 0), ANSWER(S, R),                         \
        .reason = {REASON_SEQ_UNACCEPTABLE}),                                                      \
    ROW("step 1: the first SYN,ACK again", .in = SEG(SYN | ACK, 0, 1), ANSWER(S, R),               \
        .reason = {REASON_SEQ_UNACCEPTABLE})

/* Fifth, the ACK field: none. */
#define NO_ACK_ROWS(R, W)                                                                          \
    ROW("step 5: no flags", .in = SEG(0, (R), 0), .reason = {REASON_ACK_MISSING}),                 \
    ROW("step 5: text without ACK", .in = SEG(PSH, (R), 0, .len = 10),                             \
        .reason = {REASON_ACK_MISSING}),                                                           \
    ROW("step 5: FIN without ACK", .in = SEG(FIN, (R), 0), .reason = {REASON_ACK_MISSING}),        \
    ROW("step 5: FIN without ACK, in the window", .in = SEG(FIN, (W), 0),                          \
        .reason = {REASON_ACK_MISSING}),                                                           \
    ROW("step 5: URG without ACK", .in = SEG(URG, (R), 0, .len = 10, .up = 10),                    \
        .reason = {REASON_ACK_MISSING}),                                                           \
    ROW("step 5: ECE,CWR without ACK", .in = SEG(ECE | CWR, (R), 0),                               \
        .reason = {REASON_ACK_MISSING})

/* ... of what was never sent, and older than MAX.SND.WND allows (RFC 5961 section 5). */
#define BAD_ACK_ROWS(U, S, R, W)                                                                   \
    ROW("step 5: ACK of one unsent", .in = SEG(ACK, (R), (S) + 1), ANSWER(S, R),                   \
        .reason = {REASON_ACK_UNSENT}, .una = (U)),                                                \
    ROW("step 5: ACK of much unsent", .in = SEG(ACK, (R), (S) + 0x7fffffffu), ANSWER(S, R),        \
        .reason = {REASON_ACK_UNSENT}, .una = (U)),                                                \
    ROW("step 5: text with an ACK of one unsent", .in = SEG(PSH | ACK, (R), (S) + 1, .len = 10),   \
        ANSWER(S, R), .reason = {REASON_ACK_UNSENT}, .nxt = (R)),                                  \
    ROW("step 5: FIN with an ACK of one unsent", .in = SEG(FIN | ACK, (R), (S) + 1),               \
        ANSWER(S, R), .reason = {REASON_ACK_UNSENT}, .nxt = (R)),                                  \
    ROW("step 5: ancient ACK", .in = SEG(ACK, (R), (U)-65536), ANSWER(S, R),                       \
        .reason = {REASON_ACK_ANCIENT}, .una = (U)),                                               \
    ROW("step 5: text with an ancient ACK", .in = SEG(PSH | ACK, (R), (U)-65536, .len = 10),       \
        ANSWER(S, R), .reason = {REASON_ACK_ANCIENT}, .nxt = (R)),                                 \
    ROW("step 5: FIN with an ancient ACK, in the window", .in = SEG(FIN | ACK, (W), (U)-65536),    \
        ANSWER(S, R), .reason = {REASON_ACK_ANCIENT}, .nxt = (R))

#define SYNCHRONIZED_ROWS(U, S, R, E, W, error_)                                                   \
    STEP_1_ROWS(S, R, E), STEP_2_ROWS(S, R, E, W), RST_EXACT_ROWS(S, R, error_),                   \
        STEP_4_ROWS(S, R, W), SYN_AGAIN_ROWS(S, R), NO_ACK_ROWS(R, W), BAD_ACK_ROWS(U, S, R, W)

/* After the peer's FIN there is neither text nor an urgent pointer nor a second FIN (steps 6 to 8). */
#define AFTER_FIN_ROWS(S, R, W)                                                                    \
    ROW("step 6: URG after FIN", .in = SEG(URG | ACK, (R), (S)-1, .up = 100)),                     \
    ROW("step 7: text after FIN", .in = SEG(PSH | ACK, (R), (S)-1, .len = 10), .nxt = (R),         \
        .reason = {REASON_TEXT_AFTER_FIN}),                                                        \
    ROW("step 7: text after FIN, beyond a gap", .in = SEG(PSH | ACK, (W), (S)-1, .len = 10),       \
        .nxt = (R), .reason = {REASON_TEXT_AFTER_FIN}),                                            \
    ROW("step 8: a second FIN", .in = SEG(FIN | ACK, (R), (S)-1), .nxt = (R),                      \
        .reason = {REASON_TEXT_AFTER_FIN}),                                                        \
    ROW("step 8: text and a second FIN", .in = SEG(FIN | PSH | ACK, (R), (S)-1, .len = 10),        \
        .nxt = (R), .reason = {REASON_TEXT_AFTER_FIN})

/* clang-format on */

#endif
