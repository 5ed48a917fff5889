/* SPDX-License-Identifier: MIT */
/*
 * states_text.c - the state machine in 80 columns, after figure 5 of RFC 9293.
 *
 * Boxes and lines stand where the two tables below put them, in columns and rows.  Where the
 * locale's characters are not UTF-8 the lines are drawn in ASCII.
 */
#include <langinfo.h>
#include <locale.h>
#include <string.h>

#include "cli/states.h"

#define WIDTH     80
#define HEIGHT    45
#define BOX_WIDTH 16

struct box {
    uint8_t state;
    struct states_point at; /* upper left corner */
};

/* CLOSED stands at both ends, as in the RFC. */
static const struct box boxes[] = {
    {TCP_CLOSED, {32, 1}},     {TCP_LISTEN, {32, 10}},      {TCP_SYN_RECEIVED, {2, 16}},
    {TCP_SYN_SENT, {62, 16}},  {TCP_ESTABLISHED, {32, 21}}, {TCP_FIN_WAIT_1, {2, 28}},
    {TCP_CLOSING, {38, 28}},   {TCP_CLOSE_WAIT, {62, 28}},  {TCP_FIN_WAIT_2, {2, 36}},
    {TCP_TIME_WAIT, {38, 36}}, {TCP_LAST_ACK, {62, 36}},    {TCP_CLOSED, {62, 42}},
};

static const struct states_route routes[] = {
    STATES_ROUTE(CLOSED, LISTEN, END, 35, 5, 14, 2, {37, 4}, {37, 9}),
    STATES_ROUTE(CLOSED, SYN_SENT, START, 47, 0, 40, 3, {48, 1}, {75, 1}, {75, 15}),
    STATES_ROUTE(SYN_SENT, CLOSED, START, 44, 4, 26, 3, {70, 15}, {70, 3}, {48, 3}),
    STATES_ROUTE(LISTEN, CLOSED, START, 44, 7, 14, 2, {42, 9}, {42, 4}),
    STATES_ROUTE(LISTEN, SYN_SENT, START, 49, 9, 20, 3, {48, 11}, {65, 11}, {65, 15}),
    STATES_ROUTE(LISTEN, SYN_RECEIVED, START, 15, 13, 30, 3, {31, 12}, {13, 12}, {13, 15}),
    STATES_ROUTE(SYN_RECEIVED, LISTEN, START, 1, 9, 36, 3, {6, 15}, {6, 10}, {31, 10}),
    STATES_ROUTE(SYN_SENT, SYN_RECEIVED, MIDDLE, 40, 16, 40, 2, {61, 17}, {18, 17}),
    STATES_ROUTE(SYN_RECEIVED, ESTABLISHED, START, 17, 20, 14, 3, {14, 19}, {14, 21}, {31, 21}),
    STATES_ROUTE(SYN_SENT, ESTABLISHED, END, 68, 20, 21, 3, {70, 19}, {70, 21}, {48, 21}),
    STATES_ROUTE(SYN_RECEIVED, FIN_WAIT_1, START, 5, 22, 8, 2, {3, 19}, {3, 27}),
    STATES_ROUTE(ESTABLISHED, FIN_WAIT_1, START, 17, 24, 20, 3, {31, 23}, {14, 23}, {14, 27}),
    STATES_ROUTE(ESTABLISHED, CLOSE_WAIT, END, 68, 24, 20, 3, {48, 23}, {70, 23}, {70, 27}),
    STATES_ROUTE(FIN_WAIT_1, CLOSING, START, 19, 28, 20, 2, {18, 29}, {37, 29}),
    STATES_ROUTE(FIN_WAIT_1, FIN_WAIT_2, START, 8, 33, 20, 2, {6, 31}, {6, 35}),
    STATES_ROUTE(FIN_WAIT_1, TIME_WAIT, START, 29, 32, 20, 4, {18, 30}, {27, 30}, {27, 36},
                 {37, 36}),
    STATES_ROUTE(FIN_WAIT_2, TIME_WAIT, START, 19, 39, 20, 2, {18, 38}, {37, 38}),
    STATES_ROUTE(CLOSING, TIME_WAIT, START, 52, 33, 20, 2, {50, 31}, {50, 35}),
    STATES_ROUTE(CLOSE_WAIT, LAST_ACK, START, 72, 32, 8, 2, {70, 31}, {70, 35}),
    STATES_ROUTE(LAST_ACK, CLOSED, END, 68, 39, 16, 2, {70, 39}, {70, 41}),
    STATES_ROUTE(TIME_WAIT, CLOSED, END, 59, 44, 26, 3, {46, 39}, {46, 43}, {61, 43}),
};

#define ROUTES (sizeof(routes) / sizeof(routes[0]))

/* ---- characters ----------------------------------------------------------------------------------- */

enum glyph {
    HORIZONTAL,
    VERTICAL,
    FROM_LEFT_DOWN, /* corners, by the two sides that they join */
    FROM_LEFT_UP,
    FROM_RIGHT_DOWN,
    FROM_RIGHT_UP,
    GLYPHS,
};

/* The row after the kinds of edges draws the boxes. */
#define BOX_PEN (EDGE_UNUSUAL + 1)

static const char *const ascii[][GLYPHS] = {
    [EDGE_CLIENT] = {"#", "#", "#", "#", "#", "#"},
    [EDGE_SERVER] = {".", ":", ".", ".", ".", "."},
    [EDGE_UNUSUAL] = {"-", "|", "+", "+", "+", "+"},
    [BOX_PEN] = {"-", "|", "+", "+", "+", "+"},
};

static const char *const unicode[][GLYPHS] = {
    [EDGE_CLIENT] = {"━", "┃", "┓", "┛", "┏", "┗"},
    [EDGE_SERVER] = {"╌", "╎", "┐", "┘", "┌", "└"},
    [EDGE_UNUSUAL] = {"─", "│", "┐", "┘", "┌", "└"},
    [BOX_PEN] = {"─", "│", "╮", "╯", "╭", "╰"},
};

enum heading { RIGHT, LEFT, DOWN, UP };

static const char *const heads[2][4] = {{">", "<", "v", "^"}, {"►", "◄", "▼", "▲"}};

struct canvas {
    bool utf8;
    const char *cell[HEIGHT][WIDTH]; /* NULL: blank */
    char letter[HEIGHT][WIDTH][2];   /* what a label's cell points to */
};

static const char *glyph(const struct canvas *c, unsigned pen, enum glyph which)
{
    return (c->utf8 ? unicode : ascii)[pen][which];
}

static void set(struct canvas *c, int x, int y, const char *what)
{
    if (x >= 0 && x < WIDTH && y >= 0 && y < HEIGHT)
        c->cell[y][x] = what;
}

static void write_text(struct canvas *c, int x, int y, const char *text)
{
    for (; *text; text++, x++) {
        if (x < 0 || x >= WIDTH || y < 0 || y >= HEIGHT)
            continue;
        c->letter[y][x][0] = *text;
        set(c, x, y, c->letter[y][x]);
    }
}

/* ---- boxes and lines ------------------------------------------------------------------------------ */

static void draw_box(struct canvas *c, const struct box *box)
{
    int x = box->at.x, y = box->at.y, right = x + BOX_WIDTH - 1;
    const char *name = fsm_state_name(box->state);

    for (int i = x; i < right; i++) {
        set(c, i, y, glyph(c, BOX_PEN, HORIZONTAL));
        set(c, i, y + 2, glyph(c, BOX_PEN, HORIZONTAL));
    }
    set(c, x, y, glyph(c, BOX_PEN, FROM_RIGHT_DOWN));
    set(c, right, y, glyph(c, BOX_PEN, FROM_LEFT_DOWN));
    set(c, x, y + 2, glyph(c, BOX_PEN, FROM_RIGHT_UP));
    set(c, right, y + 2, glyph(c, BOX_PEN, FROM_LEFT_UP));
    set(c, x, y + 1, glyph(c, BOX_PEN, VERTICAL));
    set(c, right, y + 1, glyph(c, BOX_PEN, VERTICAL));
    write_text(c, x + (BOX_WIDTH - (int)strlen(name)) / 2, y + 1, name);
}

static enum heading heading_of(struct states_point a, struct states_point b)
{
    if (a.y == b.y)
        return b.x > a.x ? RIGHT : LEFT;
    return b.y > a.y ? DOWN : UP;
}

static enum glyph corner(enum heading in, enum heading out)
{
    bool left = in == RIGHT || out == LEFT, down = in == UP || out == DOWN;

    if (left)
        return down ? FROM_LEFT_DOWN : FROM_LEFT_UP;
    return down ? FROM_RIGHT_DOWN : FROM_RIGHT_UP;
}

static void draw_line(struct canvas *c, const struct states_route *route, unsigned pen)
{
    enum heading heading = RIGHT;

    for (unsigned i = 1; i < route->points; i++) {
        struct states_point p = route->point[i - 1], end = route->point[i];
        enum heading last = heading;

        heading = heading_of(p, end);
        if (i > 1)
            set(c, p.x, p.y, glyph(c, pen, corner(last, heading)));
        else
            set(c, p.x, p.y, glyph(c, pen, heading <= LEFT ? HORIZONTAL : VERTICAL));
        while (p.x != end.x || p.y != end.y) {
            p.x += (heading == RIGHT) - (heading == LEFT);
            p.y += (heading == DOWN) - (heading == UP);
            set(c, p.x, p.y, glyph(c, pen, heading <= LEFT ? HORIZONTAL : VERTICAL));
        }
    }
    set(c, route->point[route->points - 1].x, route->point[route->points - 1].y,
        heads[c->utf8][heading]);
}

static void draw_label(struct canvas *c, const struct states_route *route)
{
    struct states_label label = states_label_of(route);
    int y = route->label.y;

    for (unsigned i = 0; i < label.atoms; y++) {
        char line[WIDTH + 1] = "";
        int width, x = route->label.x;

        do {
            size_t used = strlen(line);

            (void)snprintf(line + used, sizeof(line) - used, "%s%s%s", used ? " " : "",
                           label.atom[i].text, label.atom[i].after);
        } while (++i < label.atoms && !label.atom[i].newline);
        width = (int)strlen(line);
        if (route->align == ALIGN_END)
            x -= width - 1;
        else if (route->align == ALIGN_MIDDLE)
            x -= width / 2;
        write_text(c, x, y, line);
    }
}

/* ---- the page ------------------------------------------------------------------------------------- */

static void write_canvas(const struct canvas *c, FILE *out)
{
    for (unsigned y = 0; y < HEIGHT; y++) {
        int end = WIDTH;

        while (end > 0 && !c->cell[y][end - 1])
            end--;
        for (int x = 0; x < end; x++)
            fputs(c->cell[y][x] ? c->cell[y][x] : " ", out);
        fputc('\n', out);
    }
}

static void write_legend(const struct canvas *c, FILE *out)
{
    for (unsigned kind = EDGE_CLIENT; kind <= EDGE_UNUSUAL; kind++) {
        fputs(kind ? "    " : "  ", out);
        for (unsigned i = 0; i < 4; i++)
            fputs(glyph(c, kind, HORIZONTAL), out);
        fprintf(out, "%s %s", heads[c->utf8][RIGHT], states_kind_meaning(kind));
    }
    fputs("\n  Each line says: event / what is emitted.\n", out);
}

/* The event of each column: those of the rows that no line draws. */
static unsigned table_events(uint8_t events[TCP_EVENTS])
{
    const struct tcp_edge *edge;
    unsigned n = 0;

    for (unsigned event = 0; event < TCP_EVENTS; event++) {
        for (unsigned i = 0; (edge = fsm_edge(i)); i++) {
            if (edge->event != event || states_is_routed(edge, routes, ROUTES))
                continue;
            events[n++] = (uint8_t)event;
            break;
        }
    }
    return n;
}

static void write_row(enum tcp_state state, const uint8_t *events, unsigned n, FILE *out)
{
    const char *cell[TCP_EVENTS];
    unsigned drawn = 0;

    for (unsigned i = 0; i < n; i++) {
        const struct tcp_edge *edge = fsm_next(state, events[i]);
        bool here = edge && !states_is_routed(edge, routes, ROUTES);

        cell[i] = here ? edge->emits : "-";
        drawn += here;
    }
    if (!drawn)
        return;
    fprintf(out, "  %-16s", fsm_state_name(state));
    for (unsigned i = 0; i < n; i++)
        fprintf(out, "%-*s", i + 1 < n ? 16 : 0, cell[i]);
    fputc('\n', out);
}

/* All of these go to CLOSED; states.svg's test would notice one that does not. */
static void write_table(FILE *out)
{
    uint8_t events[TCP_EVENTS];
    unsigned n = table_events(events);

    fputs("\n  And from each later state straight to CLOSED, emitting:\n\n                  ", out);
    for (unsigned i = 0; i < n; i++)
        fprintf(out, "%-*s", i + 1 < n ? 16 : 0, fsm_event_name(events[i]));
    fputc('\n', out);
    for (unsigned state = 0; state < TCP_STATES; state++)
        write_row(state, events, n, out);
}

void states_text(FILE *out)
{
    struct canvas canvas = {0};

    canvas.utf8 = setlocale(LC_CTYPE, "") && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    for (size_t i = 0; i < sizeof(boxes) / sizeof(boxes[0]); i++)
        draw_box(&canvas, &boxes[i]);
    for (size_t i = 0; i < ROUTES; i++) {
        const struct tcp_edge *edge = states_first_edge(&routes[i]);

        if (!edge)
            continue;
        draw_line(&canvas, &routes[i], edge->kind);
        draw_label(&canvas, &routes[i]);
    }
    write_canvas(&canvas, out);
    fputc('\n', out);
    write_legend(&canvas, out);
    write_table(out);
}
