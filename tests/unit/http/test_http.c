/* SPDX-License-Identifier: MIT */
/*
 * test_http.c - a connection of HTTP/1, as a table: what comes in, what goes out.
 *
 * Each row is fed whole, cut in two at every point, and octet by octet; the bytes that come out are
 * the same each time.
 */
#include "http/site.h"
#include "support/http_feed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define H     "Host: s\r\n"
#define HELLO "GET /hello HTTP/1.1\r\n" H "\r\n"
#define FORM  "Content-Type: application/x-www-form-urlencoded\r\n"
#define PAGES                                                                                      \
    " here; there are GET /hello, GET /info?name=N&age=A, and POST /form with the body "           \
    "username=U&password=P\n"
#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"

/* An answer as it must be; `line` without the version, `fields` those that are not always there. */
#define ANSWER(line, fields, body) {line, fields, body, false}
#define HEAD_ONLY(line, fields, body) {line, fields, body, true}

struct expected {
    const char *line, *fields, *body;
    bool head;
};

#define CLOSES "Connection: close\r\n"
#define KEEPS  "Connection: keep-alive\r\n"
#define FOLDED                                                                                     \
    ANSWER("400 Bad Request", CLOSES,                                                              \
           "a line of the head begins with a blank: no line folding here\n")
#define WORLD  ANSWER("200 OK", "", "Hello World!")

struct row {
    const char *in;
    struct expected out[4];
    bool goes_on; /* the connection is still there */
    bool interim; /* 100 (Continue) comes first */
};

static const struct row rows[] = {
    /* The three pages. */
    {HELLO, {WORLD}, true, false},
    {"GET /info?name=N&age=A HTTP/1.1\r\n" H "\r\n",
     {ANSWER("200 OK", "", "hello, I'm N and A years old.")}, true, false},
    {"POST /form HTTP/1.1\r\n" H FORM "Content-Length: 21\r\n\r\nusername=U&password=P",
     {ANSWER("200 OK", "", "I'm U and my password is P.")}, true, false},

    /* Decoding. */
    {"GET /info?age=%31%382&name=Zhang+San%21&x HTTP/1.1\r\n" H "\r\n",
     {ANSWER("200 OK", "", "hello, I'm Zhang San! and 182 years old.")}, true, false},
    {"GET /h%65llo?x=1#y HTTP/1.1\r\n" H "\r\n", {WORLD}, true, false},
    {"GET http://server:8080/info?name=N&age=A HTTP/1.1\r\n" H "\r\n",
     {ANSWER("200 OK", "", "hello, I'm N and A years old.")}, true, false},
    {"POST /form HTTP/1.1\r\n" H FORM "Content-Length: 29\r\n\r\npassword=a%26b+c&username=%25",
     {ANSWER("200 OK", "", "I'm % and my password is a&b c.")}, true, false},
    {"GET /info?name=&age= HTTP/1.1\r\n" H "\r\n",
     {ANSWER("200 OK", "", "hello, I'm  and  years old.")}, true, false},

    /* What is missing, or wrong. */
    {"GET /info?name=N HTTP/1.1\r\n" H "\r\n",
     {ANSWER("400 Bad Request", "",
             "age is missing in the query; expected GET /info?name=N&age=A\n")}, true, false},
    {"GET /info?age=1 HTTP/1.1\r\n" H "\r\n",
     {ANSWER("400 Bad Request", "",
             "name is missing in the query; expected GET /info?name=N&age=A\n")}, true, false},
    {"GET /info HTTP/1.1\r\n" H "\r\n",
     {ANSWER("400 Bad Request", "",
             "name and age are missing in the query; expected GET /info?name=N&age=A\n")},
     true, false},
    {"POST /form?username=U&password=P HTTP/1.1\r\n" H FORM "Content-Length: 10\r\n\r\nusername=U",
     {ANSWER("400 Bad Request", "",
             "password is missing in the form; expected POST /form with the body "
             "username=U&password=P\n")}, true, false},
    {"GET /info?name=%zz&age=1 HTTP/1.1\r\n" H "\r\n",
     {ANSWER("400 Bad Request", "",
             "the query is no percent-encoding: two hexadecimal digits must follow the % of "
             "'%zz&age=1'\n")}, true, false},
    {"POST /form HTTP/1.1\r\n" H "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
     {ANSWER("415 Unsupported Media Type", "",
             "the Content-Type of the body must be application/x-www-form-urlencoded\n")},
     true, false},
    {"POST /form HTTP/1.1\r\n" H "content-type: Application/X-WWW-form-urlencoded;charset=UTF-8 \r\n"
     "Content-Length: 21\r\n\r\nusername=U&password=P",
     {ANSWER("200 OK", "", "I'm U and my password is P.")}, true, false},
    {"GET / HTTP/1.1\r\n" H "\r\n",
     {ANSWER("404 Not Found", "", "there is no page '/'" PAGES)}, true, false},
    {"GET /hello/ HTTP/1.1\r\n" H "\r\n",
     {ANSWER("404 Not Found", "", "there is no page '/hello/'" PAGES)}, true, false},

    /* Methods. */
    {"HEAD /hello HTTP/1.1\r\n" H "\r\n", {HEAD_ONLY("200 OK", "", "Hello World!")}, true, false},
    {"HEAD /info?name=N&age=A HTTP/1.1\r\n" H "\r\n" HELLO,
     {HEAD_ONLY("200 OK", "", "hello, I'm N and A years old."), WORLD}, true, false},
    {"POST /hello HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nhi" HELLO,
     {ANSWER("405 Method Not Allowed", "Allow: GET, HEAD, OPTIONS\r\n",
             "/hello does not take POST; expected GET /hello\n"), WORLD}, true, false},
    {"GET /form HTTP/1.1\r\n" H "\r\n",
     {ANSWER("405 Method Not Allowed", "Allow: POST, OPTIONS\r\n",
             "/form does not take GET; expected POST /form with the body "
             "username=U&password=P\n")}, true, false},
    {"HEAD /form HTTP/1.1\r\n" H "\r\n" HELLO,
     {HEAD_ONLY("405 Method Not Allowed", "Allow: POST, OPTIONS\r\n",
                "/form does not take HEAD; expected POST /form with the body "
                "username=U&password=P\n"), WORLD}, true, false},
    {"OPTIONS * HTTP/1.1\r\n" H "\r\n" HELLO,
     {ANSWER("200 OK", "Allow: GET, HEAD, OPTIONS, POST\r\n", ""), WORLD}, true, false},
    {"OPTIONS /info HTTP/1.1\r\n" H "\r\n",
     {ANSWER("200 OK", "Allow: GET, HEAD, OPTIONS\r\n", "")}, true, false},
    {"OPTIONS /form HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nhi" HELLO,
     {ANSWER("200 OK", "Allow: POST, OPTIONS\r\n", ""), WORLD}, true, false},
    {"OPTIONS / HTTP/1.1\r\n" H "\r\n",
     {ANSWER("404 Not Found", "", "there is no page '/'" PAGES)}, true, false},
    {"GET * HTTP/1.1\r\n" H "\r\n",
     {ANSWER("404 Not Found", "", "there is no page '*'" PAGES)}, true, false},
    {"GOT /hello HTTP/1.1\r\n" H "\r\n",
     {ANSWER("501 Not Implemented", CLOSES, "the methods known here are GET, HEAD, OPTIONS and POST\n")},
     false, false},
    {"CONNECT s:80 HTTP/1.1\r\n" H "\r\n",
     {ANSWER("501 Not Implemented", CLOSES, "this server is no proxy, and knows no CONNECT\n")},
     false, false},

    /* How long a connection lasts. */
    {HELLO HELLO HELLO, {WORLD, WORLD, WORLD}, true, false},
    {"\r\n" HELLO "\r\n" HELLO, {WORLD, WORLD}, true, false},
    {"GET /hello HTTP/1.1\r\n" H "Connection: close\r\n\r\n" HELLO,
     {ANSWER("200 OK", CLOSES, "Hello World!")}, false, false},
    {"GET /hello HTTP/1.0\r\n\r\n" HELLO, {ANSWER("200 OK", CLOSES, "Hello World!")}, false, false},
    {"GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" HELLO,
     {ANSWER("200 OK", KEEPS, "Hello World!"), WORLD}, true, false},
    {"GET /hello HTTP/1.1\r\n" H "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
     "HTTP2-Settings: AAMAAABk\r\n\r\n" HELLO, {WORLD, WORLD}, true, false},

    /* Bodies. */
    {"POST /form HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n\r\n"
     "9\r\nusername=\r\n1;x=\"y\"\r\nU\r\n00b\r\n&password=P\r\n0\r\nTrailer: x\r\n\r\n" HELLO,
     {ANSWER("200 OK", "", "I'm U and my password is P."), WORLD}, true, false},
    {"POST /form HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
     "15\r\nusername=U&password=P\r\n0\r\n\r\n",
     {ANSWER("200 OK", CLOSES, "I'm U and my password is P.")}, false, false},
    {"GET /hello HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc" HELLO, {WORLD, WORLD}, true, false},
    {"POST /form HTTP/1.1\r\n" H "Expect: 100-Continue\r\nContent-Length: 21\r\n\r\n"
     "username=U&password=P", {ANSWER("200 OK", "", "I'm U and my password is P.")}, true, true},
    {"GET /hello HTTP/1.1\r\n" H "Expect: 100-continue\r\n\r\n", {WORLD}, true, false},
    {"POST /form HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 21\r\n\r\n"
     "username=U&password=P",
     {ANSWER("200 OK", CLOSES, "I'm U and my password is P.")}, false, false},
    {"POST /form HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 65537\r\n\r\n",
     {ANSWER("413 Content Too Large", CLOSES, "the body is longer than 65536 octets\n")},
     false, false},
    {"POST /form HTTP/1.1\r\n" H "Expect: a miracle\r\nContent-Length: 2\r\n\r\nhi",
     {ANSWER("417 Expectation Failed", CLOSES, "the only expectation met here is 100-continue\n")},
     false, false},

    /* What two readers might understand in two ways. */
    {"GET /hello HTTP/1.1\r\n\r\n",
     {ANSWER("400 Bad Request", CLOSES, "an HTTP/1.1 request needs a Host field\n")}, false, false},
    {"GET /hello HTTP/1.1\r\n" H H "\r\n",
     {ANSWER("400 Bad Request", CLOSES, "there is more than one Host field\n")}, false, false},
    {"GET /hello HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
     {ANSWER("400 Bad Request", CLOSES,
             "Content-Length is no number, or not the only word on the length\n")}, false, false},
    {"POST /form HTTP/1.1\r\n" H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
     {ANSWER("400 Bad Request", CLOSES,
             "Content-Length is no number, or not the only word on the length\n")}, false, false},
    {"POST /form HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n",
     {ANSWER("400 Bad Request", CLOSES,
             "Content-Length is no number, or not the only word on the length\n")}, false, false},
    {"POST /form HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n",
     {ANSWER("501 Not Implemented", CLOSES, "the only Transfer-Encoding known here is chunked\n")},
     false, false},
    {"POST /form HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nhello\r\n",
     {ANSWER("400 Bad Request", CLOSES, "a chunk's size is no hexadecimal number\n")},
     false, false},
    {"GET /hello HTTP/1.1\r\n" H "No colon\r\n\r\n",
     {ANSWER("400 Bad Request", CLOSES,
             "a line of the head is no \"Name: value\" that ends with CR LF\n")}, false, false},
    {"GET /hello HTTP/1.1\r\n" H "X: a\r\n b\r\n\r\n", {FOLDED}, false, false},
    {"GET /hello HTTP/1.1\r\n" H "X: a\r\n\tb\r\n\r\n", {FOLDED}, false, false},
    {"GET /hello HTTP/1.1\r\n" H "X: a\r\n \r\n\r\n", {FOLDED}, false, false},
    {"GET /hello HTTP/1.1\r\n Host: s\r\n\r\n", {FOLDED}, false, false},
    {"POST /form HTTP/1.1\r\n" H "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", {FOLDED},
     false, false},
    {HELLO "GET /hello HTTP/1.1\r\n" H "X: a\r\n b\r\n\r\n", {WORLD, FOLDED}, false, false},
    {"POST /form HTTP/1.1\r\n" H FORM "Content-Length: 23\r\n\r\n\n username=U&password=P" HELLO,
     {ANSWER("400 Bad Request", "",
             "username is missing in the form; expected POST /form with the body "
             "username=U&password=P\n"), WORLD}, true, false},
    {"GET /hel\x01lo HTTP/1.1\r\n" H "\r\n",
     {ANSWER("400 Bad Request", CLOSES,
             "the request target is not one of RFC 9112 section 3.2\n")}, false, false},
    {"GET hello HTTP/1.1\r\n" H "\r\n",
     {ANSWER("400 Bad Request", CLOSES,
             "the request target is not one of RFC 9112 section 3.2\n")}, false, false},
    {"\x16\x03\x01\x02", {ANSWER("400 Bad Request", CLOSES, "this is no HTTP/1.1 request\n")},
     false, false},
    {"GET /hello\r\n\r\n",
     {ANSWER("505 HTTP Version Not Supported", CLOSES,
             "this server speaks HTTP/1.0 and HTTP/1.1\n")}, false, false},
    {"GET /hello HTTP/2.0\r\n\r\n",
     {ANSWER("505 HTTP Version Not Supported", CLOSES,
             "this server speaks HTTP/1.0 and HTTP/1.1\n")}, false, false},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
     {ANSWER("505 HTTP Version Not Supported", CLOSES,
             "this server speaks HTTP/1.0 and HTTP/1.1\n")}, false, false},
    {"GET /hello HTTP/3.7\r\n\r\n",
     {ANSWER("505 HTTP Version Not Supported", CLOSES,
             "this server speaks HTTP/1.0 and HTTP/1.1\n")}, false, false},
};

#define ROWS (sizeof rows / sizeof *rows)

/* ---- what must come out ------------------------------------------------------------------------------ */

static size_t write_answer(char *to, size_t room, const struct expected *e)
{
    int n = snprintf(to, room,
                     "HTTP/1.1 %s\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                     "Server: estab/" ESTAB_VERSION "\r\n%s"
                     "Content-Type: text/plain; charset=utf-8\r\n"
                     "X-Content-Type-Options: nosniff\r\nContent-Length: %zu\r\n\r\n%s",
                     e->line, e->fields, strlen(e->body), e->head ? "" : e->body);

    assert_true(n > 0 && (size_t)n < room);
    return (size_t)n;
}

static size_t write_expected(char *to, size_t room, const struct row *row)
{
    size_t n = row->interim ? (size_t)snprintf(to, room, CONTINUE) : 0;

    for (unsigned i = 0; i < 4 && row->out[i].line; i++)
        n += write_answer(to + n, room - n, &row->out[i]);
    return n;
}

static void must_be(const struct feed *f, const struct row *row, size_t cut)
{
    char expected[4096];
    size_t n = write_expected(expected, sizeof expected, row);

    if (f->length != n || memcmp(f->out, expected, n) != 0)
        fail_msg("cut at %zu: %s\nanswered by\n%.*s\nand not by\n%s", cut, row->in, (int)f->length,
                 f->out ? (const char *)f->out : "", expected);
    assert_int_equal(http_over(f->http), !row->goes_on);
}

static void try_row(const struct row *row, size_t cut)
{
    struct feed *f = feed_new(site_answer);
    size_t n = strlen(row->in);

    feed_bytes(f, row->in, cut);
    feed_bytes(f, row->in + cut, n - cut);
    must_be(f, row, cut);
    feed_end(f, HTTP_PEER_CLOSED);
    must_be(f, &(struct row){.in = row->in, .out = {row->out[0], row->out[1], row->out[2]},
                             .interim = row->interim}, cut);
    feed_free(f);
}

static void every_row_cut_everywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++)
        for (size_t cut = 0; cut <= strlen(rows[i].in); cut++)
            try_row(&rows[i], cut);
}

static void every_row_octet_by_octet(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        struct feed *f = feed_new(site_answer);
        feed_pieces(f, rows[i].in, strlen(rows[i].in), 1);
        must_be(f, &rows[i], 1);
        feed_free(f);
    }
}

/* ---- limits ------------------------------------------------------------------------------------------ */

/* `before`, then `n` times `c`, then `after`, in pieces; the one status that answers. */
static unsigned fill(const char *before, char c, size_t n, const char *after, size_t piece)
{
    size_t length = strlen(before) + n + strlen(after);
    struct feed *f = feed_new(site_answer);
    char *text = malloc(length + 1);
    unsigned status;

    assert_non_null(text);
    memcpy(text, before, strlen(before));
    memset(text + strlen(before), c, n);
    memcpy(text + strlen(before) + n, after, strlen(after));
    feed_pieces(f, text, length, piece);
    assert_int_equal(f->answers, 1);
    status = f->status;
    assert_int_equal(http_over(f->http), status != 200 && status != 404);
    free(text);
    feed_free(f);
    return status;
}

static const size_t pieces[] = {1, 7, 1448, 16384, 1 << 20};

#define FOR_PIECES(i) for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)

static void targets_are_bounded(void **state)
{
    (void)state;
    FOR_PIECES(i)
    {
        assert_int_equal(
            fill("GET /", 'x', HTTP_TARGET_MAX - 1, " HTTP/1.1\r\n" H "\r\n", pieces[i]), 404);
        assert_int_equal(fill("GET /", 'x', HTTP_TARGET_MAX, " HTTP/1.1\r\n" H "\r\n", pieces[i]),
                         414);
        assert_int_equal(fill("GET /", 'x', 100000, "", pieces[i]), 414);
    }
}

static void heads_are_bounded(void **state)
{
    static const char before[] = "GET /hello HTTP/1.1\r\n" H "X: ", after[] = "\r\n\r\n";
    size_t most = HTTP_HEAD_MAX - (sizeof before - 1) - (sizeof after - 1);

    (void)state;
    FOR_PIECES(i)
    {
        assert_int_equal(fill(before, 'x', most, after, pieces[i]), 200);
        assert_int_equal(fill(before, 'x', most + 1, after, pieces[i]), 431);
        assert_int_equal(fill(before, ' ', 100000, "", pieces[i]), 431);
        assert_int_equal(fill("", '\n', 100000, "", pieces[i]), 431);
    }
}

static void fields_are_counted(void **state)
{
    (void)state;
    for (unsigned n = HTTP_FIELDS_MAX - 2; n <= HTTP_FIELDS_MAX + 1; n++) {
        struct feed *f = feed_new(site_answer);
        const char *line = "GET /hello HTTP/1.1\r\n" H;
        feed_bytes(f, line, strlen(line));
        for (unsigned i = 0; i < n - 1; i++)
            feed_bytes(f, "A: b\r\n", 6);
        feed_bytes(f, "\r\n", 2);
        assert_int_equal(f->answers, 1);
        assert_int_equal(f->status, n <= HTTP_FIELDS_MAX ? 200 : 431);
        feed_free(f);
    }
}

static void bodies_are_bounded(void **state)
{
    (void)state;
    FOR_PIECES(i)
    {
        char head[200];
        static const char start[] = "username=U&password=";
        size_t most = HTTP_BODY_MAX - (sizeof start - 1);
        (void)snprintf(head, sizeof head, "POST /form HTTP/1.1\r\n" H "Content-Length: %u\r\n\r\n%s",
                       HTTP_BODY_MAX, start);
        assert_int_equal(fill(head, 'x', most, "", pieces[i]), 200);
        (void)snprintf(head, sizeof head, "POST /form HTTP/1.1\r\n" H "Content-Length: %u\r\n\r\n%s",
                       HTTP_BODY_MAX + 1, start);
        assert_int_equal(fill(head, 'x', most + 1, "", pieces[i]), 413);
        (void)snprintf(head, sizeof head,
                       "POST /form HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n%x\r\n%s",
                       HTTP_BODY_MAX, start);
        assert_int_equal(fill(head, 'x', most, "\r\n0\r\n\r\n", pieces[i]), 200);
        assert_int_equal(fill(head, 'x', most, "\r\n1\r\nx\r\n0\r\n\r\n", pieces[i]), 413);
    }
}

/* A chunk for each octet, and extensions without end. */
static void chunks_are_bounded(void **state)
{
    static const char head[] = "POST /form HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n";
    struct feed *f = feed_new(site_answer);
    unsigned count = 0;

    (void)state;
    feed_bytes(f, head, sizeof head - 1);
    while (!http_over(f->http) && count++ < HTTP_RAW_MAX)
        feed_bytes(f, "1;a=b\r\nx\r\n", 10);
    assert_int_equal(f->status, 413);
    assert_int_equal(count, HTTP_RAW_MAX / 10 + 1);
    feed_free(f);
    FOR_PIECES(i)
    {
        assert_int_equal(fill("POST /form HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n1;", 'x',
                              HTTP_RAW_MAX, "", pieces[i]), 413);
    }
}

/* ---- the end ------------------------------------------------------------------------------------------ */

static void who_stops_in_the_middle_is_told(void **state)
{
    static const struct row closed = {
        .in = "", .out = {ANSWER("400 Bad Request", CLOSES, "the request ends before its end\n")}};
    static const struct row silent = {
        .in = "", .out = {ANSWER("408 Request Timeout", CLOSES,
                                 "the rest of the request did not come in time\n")}};
    static const char in[] = "POST /form HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nuser";

    (void)state;
    for (size_t n = 1; n < sizeof in; n++) {
        struct feed *f = feed_new(site_answer);
        feed_bytes(f, in, n);
        feed_end(f, HTTP_PEER_CLOSED);
        must_be(f, &closed, n);
        feed_free(f);
        f = feed_new(site_answer);
        feed_bytes(f, in, n);
        feed_end(f, HTTP_PEER_SILENT);
        must_be(f, &silent, n);
        feed_free(f);
    }
}

static void who_says_nothing_is_told_nothing(void **state)
{
    (void)state;
    for (int kept = 0; kept < 2; kept++) {
        struct feed *f = feed_new(site_answer);
        if (kept)
            feed_bytes(f, HELLO, sizeof HELLO - 1);
        feed_end(f, kept ? HTTP_PEER_SILENT : HTTP_PEER_CLOSED);
        assert_int_equal(f->answers, kept);
        feed_free(f);
    }
}

/* Each answer waits for the one before to be sent. */
static void pipelines_hold_one_answer(void **state)
{
    struct feed *f = feed_new(site_answer);
    char many[50 * sizeof HELLO];
    struct http_record record;
    size_t n = 0, out, used;

    (void)state;
    for (int i = 0; i < 50; i++)
        n += (size_t)sprintf(many + n, HELLO);
    used = http_in(f->http, many, n, FEED_NOW);
    assert_int_equal(used, sizeof HELLO - 1);
    assert_true(http_answered(f->http, &record));
    assert_string_equal(record.method, "GET");
    assert_memory_equal(record.target.at, "/hello", 6);
    assert_int_equal(record.length, 12);
    assert_int_equal(http_in(f->http, many + used, n - used, FEED_NOW), 0);
    http_sent(f->http, (http_out(f->http, &out), out));
    feed_bytes(f, many + used, n - used);
    assert_int_equal(f->answers, 49);
    feed_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_cut_everywhere),
        cmocka_unit_test(every_row_octet_by_octet),
        cmocka_unit_test(targets_are_bounded),
        cmocka_unit_test(heads_are_bounded),
        cmocka_unit_test(fields_are_counted),
        cmocka_unit_test(bodies_are_bounded),
        cmocka_unit_test(chunks_are_bounded),
        cmocka_unit_test(who_stops_in_the_middle_is_told),
        cmocka_unit_test(who_says_nothing_is_told_nothing),
        cmocka_unit_test(pipelines_hold_one_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
