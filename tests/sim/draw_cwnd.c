/* SPDX-License-Identifier: MIT */
/*
 * draw_cwnd.c - docs/cwnd.svg: the congestion window of each algorithm over time, on the same path in
 * virtual time.  scripts/generate writes it, and a test compares it with what the code does now.
 *
 *      20 Mbit/s, 50 ms there and back: 83 segments are the path's, 83 more the queue's
 *
 * Coordinates are integers, so that the picture is the same on every machine.
 */
#include <stdio.h>
#include <string.h>

#include "support/bulk.h"

#define LINK        "delay 25ms rate 20mbit queue 83"
#define MSS         1448
#define PATH_FULL   83
#define QUEUE_FULL  166
#define SECONDS     40
#define SAMPLE      (20 * ESTAB_MS)
#define SAMPLES     (SECONDS * 50)

/* Where things stand, in pixels. */
#define WIDTH       1000
#define LEFT        76
#define RIGHT       890
#define EDGE        968 /* of the text on the right */
#define TOP         112
#define PANEL       200 /* height of a plot */
#define PITCH       288 /* from one to the next */
#define CWND_MOST   250 /* segments at the upper edge */

struct panel {
    const char *title, *says;
    uint8_t congestion, hystart;
};

static const struct panel panels[] = {
    {"CUBIC, HyStart", "RFC 9438; slow start as in Linux. The default.", ESTAB_CONGESTION_CUBIC,
     ESTAB_HYSTART_LINUX},
    {"CUBIC, HyStart++", "RFC 9438, RFC 9406", ESTAB_CONGESTION_CUBIC, ESTAB_HYSTART_PLUSPLUS},
    {"CUBIC, slow start", "RFC 9438; nothing ends slow start but a loss", ESTAB_CONGESTION_CUBIC,
     ESTAB_HYSTART_OFF},
    {"NewReno", "RFC 5681", ESTAB_CONGESTION_NEWRENO, ESTAB_HYSTART_OFF},
};

#define PANELS (sizeof panels / sizeof panels[0])
#define HEIGHT (TOP + (int)PANELS * PITCH - 20)

static const char style[] =
    "  <style>\n"
    "    text { font-family: system-ui, -apple-system, \"Segoe UI\", \"Noto Sans\", \"DejaVu Sans\","
    " Helvetica, Arial, sans-serif;\n"
    "           font-size: 13px; fill: #59636e; }\n"
    "    .card { fill: #ffffff; stroke: #d0d7de; }\n"
    "    .head-line { font-size: 22px; font-weight: 600; fill: #1f2328; }\n"
    "    .name { font-size: 16px; font-weight: 600; fill: #1f2328; }\n"
    "    .number { text-anchor: end; }\n"
    "    .second { text-anchor: middle; }\n"
    "    .rule { stroke: #d0d7de; }\n"
    "    .mark { stroke: #59636e; stroke-dasharray: 2 4; }\n"
    "    .cwnd { fill: none; stroke: #0a5fd0; stroke-width: 2; stroke-linejoin: round; }\n"
    "    .ssthresh { fill: none; stroke: #b04800; stroke-width: 1.4; stroke-dasharray: 7 4; }\n"
    "    .cwnd-name { fill: #0a5fd0; }\n"
    "    .ssthresh-name { fill: #b04800; }\n"
    "    @media (prefers-color-scheme: dark) {\n"
    "      text { fill: #9aa4af; }\n"
    "      .card { fill: #0d1117; stroke: #3d444d; }\n"
    "      .head-line, .name { fill: #e6edf3; }\n"
    "      .rule { stroke: #3d444d; }\n"
    "      .mark { stroke: #9aa4af; }\n"
    "      .cwnd { stroke: #6cb0ff; }\n"
    "      .ssthresh { stroke: #f0a05a; }\n"
    "      .cwnd-name { fill: #6cb0ff; }\n"
    "      .ssthresh-name { fill: #f0a05a; }\n"
    "    }\n"
    "  </style>\n";

/* What a panel shows, in bytes; ssthresh 0: not set yet. */
struct samples {
    uint32_t cwnd[SAMPLES], ssthresh[SAMPLES];
    uint64_t received;
    uint32_t retransmitted;
};

static bool measure(const struct panel *p, struct samples *s)
{
    struct estab_config c;
    struct bulk b;
    struct sim *sim;

    estab_config_init(&c);
    c.chunks = 8192;
    c.congestion = p->congestion;
    c.hystart = p->hystart;
    sim = bulk_new(&b, 1, &c, LINK);
    if (!sim)
        return false;
    bulk_open(sim);
    for (unsigned i = 0; i < SAMPLES; i++) {
        struct estab_status st;

        sim_run(sim, (i + 1) * SAMPLE);
        st = bulk_status(sim, 0);
        s->cwnd[i] = st.cwnd;
        s->ssthresh[i] = st.ssthresh == UINT32_MAX ? 0 : st.ssthresh;
        s->retransmitted = st.segments_retransmitted;
    }
    s->received = b.received[0];
    sim_free(sim);
    return !b.failed;
}

/* Tenths of a pixel. */
static unsigned x_of(unsigned sample)
{
    return LEFT * 10 + (RIGHT - LEFT) * 10 * sample / SAMPLES;
}

static unsigned y_of(unsigned panel, uint32_t bytes)
{
    uint64_t most = (uint64_t)CWND_MOST * MSS, up = bytes < most ? bytes : most;

    return (TOP + panel * PITCH + PANEL) * 10 - (unsigned)(up * PANEL * 10 / most);
}

/* A line through the samples; what lies on a level stretch is left out. */
static void draw_line(unsigned panel, const char *class, const uint32_t *bytes)
{
    bool pen = false;

    printf("    <path class=\"%s\" d=\"", class);
    for (unsigned i = 0; i < SAMPLES; i++) {
        unsigned y = y_of(panel, bytes[i]);
        bool level = pen && i + 1 < SAMPLES && bytes[i + 1] > 0 && y_of(panel, bytes[i - 1]) == y &&
                     y_of(panel, bytes[i + 1]) == y;

        if (bytes[i] > 0 && !level)
            printf("%s%u.%u %u.%u", pen ? " L" : "M", x_of(i) / 10, x_of(i) % 10, y / 10, y % 10);
        pen = pen || bytes[i] > 0;
    }
    puts("\"/>");
}

static void draw_mark(unsigned panel, uint32_t segments, const char *class, const char *says)
{
    unsigned y = y_of(panel, segments * MSS) / 10;

    printf("    <path class=\"%s\" d=\"M%u %u H%u\"/>\n", class, LEFT, y, RIGHT);
    printf("    <text class=\"number\" x=\"%u\" y=\"%u\">%u</text>\n", LEFT - 8, y + 4, segments);
    if (says)
        printf("    <text x=\"%u\" y=\"%u\">%s</text>\n", RIGHT + 8, y + 4, says);
}

static void draw_axes(unsigned panel)
{
    unsigned bottom = TOP + panel * PITCH + PANEL;

    draw_mark(panel, 0, "rule", NULL);
    draw_mark(panel, PATH_FULL, "mark", "path full");
    draw_mark(panel, QUEUE_FULL, "mark", "queue full");
    for (unsigned s = 0; s <= SECONDS; s += 5) {
        unsigned x = x_of(s * 50) / 10;

        printf("    <path class=\"rule\" d=\"M%u %u V%u\"/>\n", x, bottom, bottom + 5);
        printf("    <text class=\"second\" x=\"%u\" y=\"%u\">%u s</text>\n", x, bottom + 20, s);
    }
}

static void draw_panel(unsigned panel, const struct samples *s)
{
    unsigned top = TOP + panel * PITCH;
    uint64_t kbit = s->received * 8 / 1000 / SECONDS;

    printf("  <g data-algorithm=\"%s\">\n", panels[panel].title);
    printf("    <text x=\"%u\" y=\"%u\"><tspan class=\"name\">%s</tspan>  %s</text>\n", LEFT, top - 12,
           panels[panel].title, panels[panel].says);
    printf("    <text class=\"number\" x=\"%u\" y=\"%u\">%u.%u Mbit/s of text, %u segments sent again</text>\n",
           EDGE, top - 12, (unsigned)(kbit / 1000), (unsigned)(kbit % 1000 / 100),
           (unsigned)s->retransmitted);
    draw_axes(panel);
    draw_line(panel, "ssthresh", s->ssthresh);
    draw_line(panel, "cwnd", s->cwnd);
    puts("  </g>");
}

int main(void)
{
    static struct samples samples;

    printf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\""
           " role=\"img\" aria-labelledby=\"title desc\">\n",
           WIDTH, HEIGHT, WIDTH, HEIGHT);
    puts("  <title id=\"title\">The congestion window of each algorithm</title>");
    puts("  <desc id=\"desc\">cwnd and ssthresh in segments over 40 seconds of virtual time, one plot for"
         " each algorithm, on a path of 20 Mbit/s and 50 ms.</desc>");
    fputs(style, stdout);
    printf("  <rect class=\"card\" x=\"0.5\" y=\"0.5\" width=\"%d\" height=\"%d\" rx=\"10\"/>\n",
           WIDTH - 1, HEIGHT - 1);
    printf("  <text class=\"head-line\" x=\"%d\" y=\"38\">The congestion window of each algorithm</text>\n",
           LEFT);
    printf("  <text x=\"%d\" y=\"62\">One flow, 20 Mbit/s, 50 ms, a queue of 83 segments; in segments of"
           " %d bytes, up to %d: <tspan class=\"cwnd-name\">cwnd</tspan> and"
           " <tspan class=\"ssthresh-name\">ssthresh</tspan></text>\n",
           LEFT, MSS, CWND_MOST);
    for (unsigned i = 0; i < PANELS; i++) {
        memset(&samples, 0, sizeof samples);
        if (!measure(&panels[i], &samples)) {
            fprintf(stderr, "draw_cwnd: the simulation of %s failed\n", panels[i].title);
            return 1;
        }
        draw_panel(i, &samples);
    }
    puts("</svg>");
    return 0;
}
