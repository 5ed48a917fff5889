/* SPDX-License-Identifier: MIT */
/*
 * states_svg.c - the state machine as a picture, in the layout that everybody knows: CLOSED on top,
 * the active close in its box on the left, the passive close on the right.
 *
 * Boxes, lines and labels stand where the tables below put them; a test measures that no label
 * touches a line, a box or another label.  The card under it all makes the picture legible on any
 * page; where the reader prefers dark it is dark.  Each row of fsm.def has an element with
 * data-from, data-event, data-to, data-emits and data-kind.
 */
#include <string.h>

#include "cli/states.h"

#define WIDTH      1000
#define HEIGHT     1080
#define BOX_WIDTH  150
#define BOX_HEIGHT 46
#define LINE       16 /* from one line of a label to the next */
#define CORNER     10 /* radius */

struct box {
    uint8_t state;
    bool again;             /* stands elsewhere already */
    struct states_point at; /* its middle */
};

static const struct box boxes[] = {
    {TCP_CLOSED, false, {500, 64}},        {TCP_LISTEN, false, {500, 214}},
    {TCP_SYN_RECEIVED, false, {150, 330}}, {TCP_SYN_SENT, false, {850, 330}},
    {TCP_ESTABLISHED, false, {500, 436}},  {TCP_FIN_WAIT_1, false, {150, 594}},
    {TCP_CLOSING, false, {520, 594}},      {TCP_CLOSE_WAIT, false, {850, 594}},
    {TCP_FIN_WAIT_2, false, {150, 740}},   {TCP_TIME_WAIT, false, {520, 740}},
    {TCP_LAST_ACK, false, {850, 740}},     {TCP_CLOSED, true, {850, 866}},
};

struct region {
    const char *title;
    struct states_point at, size;
};

static const struct region regions[] = {
    {"active close", {40, 540}, {636, 256}},
    {"passive close", {716, 540}, {244, 256}},
};

static const struct states_route routes[] = {
    STATES_ROUTE(CLOSED, LISTEN, END, 466, 120, 16, 2, {478, 87}, {478, 191}),
    STATES_ROUTE(LISTEN, CLOSED, START, 534, 146, 16, 2, {522, 191}, {522, 87}),
    STATES_ROUTE(CLOSED, SYN_SENT, START, 592, 44, 60, 3, {575, 54}, {880, 54}, {880, 307}),
    STATES_ROUTE(SYN_SENT, CLOSED, START, 592, 94, 26, 3, {844, 307}, {844, 76}, {575, 76}),
    STATES_ROUTE(LISTEN, SYN_SENT, START, 592, 204, 60, 3, {575, 214}, {808, 214}, {808, 307}),
    STATES_ROUTE(SYN_RECEIVED, LISTEN, END, 416, 194, 60, 3, {130, 307}, {130, 204}, {425, 204}),
    STATES_ROUTE(LISTEN, SYN_RECEIVED, END, 416, 242, 60, 3, {425, 224}, {170, 224}, {170, 307}),
    STATES_ROUTE(SYN_SENT, SYN_RECEIVED, MIDDLE, 500, 320, 60, 2, {775, 330}, {225, 330}),
    STATES_ROUTE(SYN_RECEIVED, ESTABLISHED, START, 206, 416, 60, 3, {190, 353}, {190, 426},
                 {425, 426}),
    STATES_ROUTE(SYN_SENT, ESTABLISHED, END, 834, 416, 60, 3, {850, 353}, {850, 426}, {575, 426}),
    STATES_ROUTE(SYN_RECEIVED, FIN_WAIT_1, START, 122, 462, 8, 2, {110, 353}, {110, 571}),
    STATES_ROUTE(ESTABLISHED, FIN_WAIT_1, START, 206, 464, 60, 3, {425, 446}, {190, 446},
                 {190, 571}),
    STATES_ROUTE(ESTABLISHED, CLOSE_WAIT, END, 834, 464, 60, 3, {575, 446}, {850, 446}, {850, 571}),
    STATES_ROUTE(FIN_WAIT_1, CLOSING, MIDDLE, 335, 574, 60, 2, {225, 584}, {445, 584}),
    STATES_ROUTE(FIN_WAIT_1, FIN_WAIT_2, START, 122, 672, 20, 2, {110, 617}, {110, 717}),
    STATES_ROUTE(FIN_WAIT_1, TIME_WAIT, START, 322, 664, 20, 4, {225, 606}, {310, 606}, {310, 730},
                 {445, 730}),
    STATES_ROUTE(FIN_WAIT_2, TIME_WAIT, MIDDLE, 335, 772, 60, 2, {225, 752}, {445, 752}),
    STATES_ROUTE(CLOSING, TIME_WAIT, START, 548, 672, 20, 2, {536, 617}, {536, 717}),
    STATES_ROUTE(CLOSE_WAIT, LAST_ACK, START, 862, 664, 10, 2, {850, 617}, {850, 717}),
    STATES_ROUTE(LAST_ACK, CLOSED, START, 862, 812, 17, 2, {850, 763}, {850, 843}),
    STATES_ROUTE(TIME_WAIT, CLOSED, END, 760, 856, 60, 3, {520, 763}, {520, 866}, {775, 866}),
};

#define ROUTES (sizeof(routes) / sizeof(routes[0]))

/* ---- head ----------------------------------------------------------------------------------------- */

/* Plain values rather than custom properties, which not every renderer knows. */
static const char style[] =
    "  <style>\n"
    "    text { font-family: system-ui, -apple-system, \"Segoe UI\", \"Noto Sans\", \"DejaVu Sans\","
    " Helvetica, Arial, sans-serif;\n"
    "           font-size: 13px; fill: #1f2328; }\n"
    "    .card { fill: #ffffff; stroke: #d0d7de; }\n"
    "    .region { fill: none; stroke: #d0d7de; stroke-width: 1.5; }\n"
    "    .region-title { fill: #59636e; font-size: 12px; letter-spacing: 0.06em; }\n"
    "    .box { fill: #f6f8fa; stroke: #1f2328; stroke-width: 1.6; }\n"
    "    .again { stroke-dasharray: 2 4; }\n"
    "    .name { font-size: 15px; font-weight: 600; text-anchor: middle; }\n"
    "    .head-line { font-size: 22px; font-weight: 600; }\n"
    "    .line { fill: none; }\n"
    "    .client .line { stroke: #0a5fd0; stroke-width: 4; }\n"
    "    .server .line { stroke: #b04800; stroke-width: 2.4; stroke-dasharray: 9 5; }\n"
    "    .unusual .line { stroke: #59636e; stroke-width: 1.1; }\n"
    "    .client .head { fill: #0a5fd0; }\n"
    "    .server .head { fill: #b04800; }\n"
    "    .unusual .head { fill: #59636e; }\n"
    "    .does { fill: #59636e; font-style: italic; }\n"
    "    .cell { text-anchor: middle; font-size: 12px; }\n"
    "    .caption { fill: #59636e; }\n"
    "    .rule { stroke: #d0d7de; }\n"
    "    @media (prefers-color-scheme: dark) {\n"
    "      text { fill: #e6edf3; }\n"
    "      .card { fill: #0d1117; stroke: #3d444d; }\n"
    "      .region, .rule { stroke: #3d444d; }\n"
    "      .box { fill: #161b22; stroke: #e6edf3; }\n"
    "      .client .line { stroke: #6cb0ff; }\n"
    "      .server .line { stroke: #f0a05a; }\n"
    "      .unusual .line { stroke: #9aa4af; }\n"
    "      .client .head { fill: #6cb0ff; }\n"
    "      .server .head { fill: #f0a05a; }\n"
    "      .unusual .head { fill: #9aa4af; }\n"
    "      .does, .caption, .region-title { fill: #9aa4af; }\n"
    "    }\n"
    "  </style>\n";

/* The whole table as a sentence for each state. */
static void write_description(FILE *out)
{
    const struct tcp_edge *edge;

    fputs("  <desc id=\"d\">", out);
    for (unsigned state = 0; state < TCP_STATES; state++) {
        const char *before = ": ";

        fputs(fsm_state_name(state), out);
        for (unsigned i = 0; (edge = fsm_edge(i)); i++) {
            if (edge->from != state)
                continue;
            fprintf(out, "%s%s%s%s to %s", before, fsm_event_name(edge->event),
                    *edge->emits ? " / " : "", edge->emits, fsm_state_name(edge->to));
            before = "; ";
        }
        fputs(".\n", out);
    }
    fputs("  </desc>\n", out);
}

static void write_head(FILE *out)
{
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
            "height=\"%d\" role=\"img\" aria-labelledby=\"t d\">\n"
            "  <!-- SPDX-License-Identifier: MIT; generated by estab states -->\n"
            "  <title id=\"t\">The states of TCP, RFC 9293</title>\n",
            WIDTH, HEIGHT, WIDTH, HEIGHT);
    write_description(out);
    fputs(style, out);
    fprintf(out, "  <rect class=\"card\" x=\"1\" y=\"1\" width=\"%d\" height=\"%d\" rx=\"12\"/>\n",
            WIDTH - 2, HEIGHT - 2);
    fputs("  <text class=\"head-line\" x=\"40\" y=\"58\">The states of TCP</text>\n"
          "  <text class=\"caption\" x=\"40\" y=\"80\">RFC 9293, sections 3.3.2 and 3.10</text>\n",
          out);
}

/* ---- boxes ---------------------------------------------------------------------------------------- */

static void write_region(const struct region *region, FILE *out)
{
    fprintf(out,
            "  <rect class=\"region\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"14\"/>\n"
            "  <text class=\"region-title\" x=\"%d\" y=\"%d\">%s</text>\n",
            region->at.x, region->at.y, region->size.x, region->size.y, region->at.x + 14,
            region->at.y + region->size.y - 12, region->title);
}

static void write_box(const struct box *box, FILE *out)
{
    fprintf(out,
            "  <g class=\"state\"%s%s%s><rect class=\"box%s\" x=\"%d\" y=\"%d\" width=\"%d\" "
            "height=\"%d\" rx=\"12\"/>"
            "<text class=\"name\" x=\"%d\" y=\"%d\">%s</text></g>\n",
            box->again ? "" : " data-state=\"", box->again ? "" : fsm_state_name(box->state),
            box->again ? "" : "\"", box->again ? " again" : "", box->at.x - BOX_WIDTH / 2,
            box->at.y - BOX_HEIGHT / 2, BOX_WIDTH, BOX_HEIGHT, box->at.x, box->at.y + 5,
            fsm_state_name(box->state));
    if (box->again)
        fprintf(out, "  <text class=\"cell does\" x=\"%d\" y=\"%d\">as above</text>\n", box->at.x,
                box->at.y + BOX_HEIGHT / 2 + 16);
}

/* ---- lines ---------------------------------------------------------------------------------------- */

/* How far an arrowhead reaches, and half its width, for each kind. */
static const struct {
    int length, half;
} heads[] = {
    [EDGE_CLIENT] = {14, 7},
    [EDGE_SERVER] = {12, 6},
    [EDGE_UNUSUAL] = {10, 4},
};

/* The direction of a leg, which is horizontal or vertical. */
static struct states_point heading(const struct states_point *leg)
{
    int x = leg[1].x - leg[0].x, y = leg[1].y - leg[0].y;

    return (struct states_point){(x > 0) - (x < 0), (y > 0) - (y < 0)};
}

/* A line whose corners are rounded.  It ends inside its arrowhead, so that a thick line does not
 * show beside the tip. */
static void write_arrow(const struct states_route *route, unsigned kind, FILE *out)
{
    const struct states_point *p = route->point;
    unsigned last = route->points - 1u;
    int length = heads[kind].length, half = heads[kind].half;
    struct states_point d = heading(&p[last - 1]), tip = p[last];

    fprintf(out, "<path class=\"line\" d=\"M%d %d", p[0].x, p[0].y);
    for (unsigned i = 1; i < last; i++) {
        struct states_point in = heading(&p[i - 1]), on = heading(&p[i]);

        fprintf(out, " L%d %d Q%d %d %d %d", p[i].x - in.x * CORNER, p[i].y - in.y * CORNER, p[i].x,
                p[i].y, p[i].x + on.x * CORNER, p[i].y + on.y * CORNER);
    }
    fprintf(out, " L%d %d\"/>", tip.x - d.x * (length - 1), tip.y - d.y * (length - 1));
    fprintf(out, "<path class=\"head\" d=\"M%d %d L%d %d L%d %d Z\"/>\n", tip.x, tip.y,
            tip.x - d.x * length - d.y * half, tip.y - d.y * length + d.x * half,
            tip.x - d.x * length + d.y * half, tip.y - d.y * length - d.x * half);
}

static void write_data(const struct tcp_edge *edge, FILE *out)
{
    fprintf(out,
            " data-from=\"%s\" data-event=\"%s\" data-to=\"%s\" data-emits=\"%s\" "
            "data-kind=\"%s\"",
            fsm_state_name(edge->from), fsm_event_name(edge->event), fsm_state_name(edge->to),
            edge->emits, states_kind_name(edge->kind));
}

static void write_label(const struct states_route *route, FILE *out)
{
    static const char *const anchors[] = {"start", "middle", "end"};
    struct states_label label = states_label_of(route);
    int y = route->label.y;

    for (unsigned i = 0; i < label.atoms;) {
        fprintf(out, "    <text x=\"%d\" y=\"%d\" text-anchor=\"%s\">", route->label.x, y,
                anchors[route->align]);
        do {
            const struct states_atom *atom = &label.atom[i];

            fputs("<tspan", out);
            if (atom->edge)
                write_data(atom->edge, out);
            else
                fputs(" class=\"does\"", out);
            fprintf(out, ">%s%s</tspan>", atom->text, atom->after);
            i++;
            fputs(i < label.atoms && !label.atom[i].newline ? " " : "", out);
        } while (i < label.atoms && !label.atom[i].newline);
        fputs("</text>\n", out);
        y += LINE;
    }
}

static void write_route(const struct states_route *route, FILE *out)
{
    const struct tcp_edge *edge = states_first_edge(route);

    if (!edge)
        return;
    fprintf(out, "  <g class=\"%s\">\n    ", states_kind_name(edge->kind));
    write_arrow(route, edge->kind, out);
    write_label(route, out);
    fputs("  </g>\n", out);
}

/* ---- legend and table ----------------------------------------------------------------------------- */

static void write_legend(FILE *out)
{
    for (unsigned kind = EDGE_CLIENT; kind <= EDGE_UNUSUAL; kind++) {
        int y = 832 + 24 * (int)kind;
        struct states_route route = {.points = 2, .point = {{60, y}, {120, y}}};

        fprintf(out, "  <g class=\"%s\">", states_kind_name(kind));
        write_arrow(&route, kind, out);
        fprintf(out, "  <text x=\"134\" y=\"%d\">%s</text></g>\n", y + 4,
                states_kind_meaning(kind));
    }
    fputs("  <text x=\"60\" y=\"908\">each line says: event / "
          "<tspan class=\"does\">what is emitted</tspan></text>\n",
          out);
}

#define TABLE_Y     986
#define TABLE_FIRST 216 /* middle of the first column */
#define TABLE_STEP  97

/* One event: what each state emits on its way to CLOSED. */
static bool write_table_row(enum tcp_event event, int y, FILE *out)
{
    const struct tcp_edge *edge;
    unsigned n = 0;

    for (unsigned i = 0; (edge = fsm_edge(i)); i++) {
        if (edge->event != event || states_is_routed(edge, routes, ROUTES))
            continue;
        if (n++ == 0)
            fprintf(out, "    <text x=\"60\" y=\"%d\">%s</text>\n", y, fsm_event_name(event));
        fprintf(out, "    <text class=\"cell does\" x=\"%d\" y=\"%d\"",
                TABLE_FIRST + TABLE_STEP * (edge->from - TCP_SYN_RECEIVED), y);
        write_data(edge, out);
        fprintf(out, ">%s</text>\n", edge->emits);
    }
    return n;
}

static void write_table(FILE *out)
{
    int y = TABLE_Y + 24;

    fprintf(out,
            "  <g class=\"unusual\">\n"
            "    <text class=\"caption\" x=\"60\" y=\"%d\">And from each later state straight to "
            "CLOSED, emitting:</text>\n",
            TABLE_Y - 28);
    for (unsigned state = TCP_SYN_RECEIVED; state < TCP_STATES; state++)
        fprintf(out, "    <text class=\"cell\" x=\"%u\" y=\"%d\">%s</text>\n",
                TABLE_FIRST + TABLE_STEP * (state - TCP_SYN_RECEIVED), TABLE_Y,
                fsm_state_name(state));
    fprintf(out, "    <path class=\"rule\" d=\"M60 %d H940\"/>\n", TABLE_Y + 8);
    for (unsigned event = 0; event < TCP_EVENTS; event++) {
        if (write_table_row(event, y + 4, out))
            y += 22;
    }
    fputs("  </g>\n", out);
}

void states_svg(FILE *out)
{
    write_head(out);
    for (size_t i = 0; i < sizeof(regions) / sizeof(regions[0]); i++)
        write_region(&regions[i], out);
    for (size_t i = 0; i < ROUTES; i++)
        write_route(&routes[i], out);
    for (size_t i = 0; i < sizeof(boxes) / sizeof(boxes[0]); i++)
        write_box(&boxes[i], out);
    write_legend(out);
    write_table(out);
    fputs("</svg>\n", out);
}
