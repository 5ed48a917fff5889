/* SPDX-License-Identifier: MIT */
/*
 * site.c - see site.h.
 *
 * Errors are a sentence that says what was expected, in the body.  Text that came from outside goes
 * back decoded and otherwise as it came; it is declared as plain text, and not to be guessed at.
 */
#include "http/site.h"

#include <string.h>

struct page {
    const char *path, *method, *allow, *usage;
    void (*answer)(const struct page *, const struct http_request *, struct http_answer *);
};

static void put(struct writer *w, const char *text)
{
    writer_bytes(w, text, strlen(text));
}

static void fail(struct http_answer *a, unsigned status)
{
    a->status = status;
    a->body = writer_of(a->body.base, a->body.room);
}

/* A text of the peer's, so much of it that it can be known again, and nothing that a terminal obeys. */
static void quote(struct writer *w, struct form_text text)
{
    size_t most = text.length < 100 ? text.length : 100;

    writer_u8(w, '\'');
    for (size_t i = 0; i < most; i++)
        writer_u8(w, text.at[i] >= ' ' && text.at[i] <= '~' ? (uint8_t)text.at[i] : '?');
    put(w, most < text.length ? "...'" : "'");
}

/* ---- parameters -------------------------------------------------------------------------------------- */

/* Two parameters of `from`, which is called `where`.  False: the answer says which is missing. */
static bool find_two(const struct page *page, const char *where, struct form_text from,
                     const char *const names[2], struct form_text values[2], struct http_answer *a)
{
    bool found[2];
    size_t wrong;

    if (!form_check(from, &wrong)) {
        fail(a, 400);
        put(&a->body, "the ");
        put(&a->body, where);
        put(&a->body, " is no percent-encoding: two hexadecimal digits must follow the % of ");
        quote(&a->body, (struct form_text){from.at + wrong, from.length - wrong});
        put(&a->body, "\n");
        return false;
    }
    for (int i = 0; i < 2; i++)
        found[i] = form_find(from, names[i], &values[i]);
    if (found[0] && found[1])
        return true;
    fail(a, 400);
    put(&a->body, found[0] ? names[1] : names[0]);
    if (!found[0] && !found[1]) {
        put(&a->body, " and ");
        put(&a->body, names[1]);
        put(&a->body, " are");
    } else {
        put(&a->body, " is");
    }
    put(&a->body, " missing in the ");
    put(&a->body, where);
    put(&a->body, "; expected ");
    put(&a->body, page->usage);
    put(&a->body, "\n");
    return false;
}

/* ---- pages ------------------------------------------------------------------------------------------- */

static void hello(const struct page *page, const struct http_request *r, struct http_answer *a)
{
    (void)page;
    (void)r;
    put(&a->body, "Hello World!");
}

static void info(const struct page *page, const struct http_request *r, struct http_answer *a)
{
    static const char *const names[] = {"name", "age"};
    struct form_text values[2];

    if (!find_two(page, "query", r->query, names, values, a))
        return;
    put(&a->body, "hello, I'm ");
    form_decode(&a->body, values[0], true);
    put(&a->body, " and ");
    form_decode(&a->body, values[1], true);
    put(&a->body, " years old.");
}

static void form(const struct page *page, const struct http_request *r, struct http_answer *a)
{
    static const char *const names[] = {"username", "password"};
    struct form_text values[2];

    if (!r->form) {
        fail(a, 415);
        put(&a->body, "the Content-Type of the body must be application/x-www-form-urlencoded\n");
        return;
    }
    if (!find_two(page, "form", r->body, names, values, a))
        return;
    put(&a->body, "I'm ");
    form_decode(&a->body, values[0], true);
    put(&a->body, " and my password is ");
    form_decode(&a->body, values[1], true);
    put(&a->body, ".");
}

static const struct page pages[] = {
    {"/hello", "GET", "GET, HEAD, OPTIONS", "GET /hello", hello},
    {"/info", "GET", "GET, HEAD, OPTIONS", "GET /info?name=N&age=A", info},
    {"/form", "POST", "POST, OPTIONS", "POST /form with the body username=U&password=P", form},
};

#define PAGES (sizeof pages / sizeof *pages)

/* ---- which one --------------------------------------------------------------------------------------- */

static bool allows(const struct page *page, const char *method)
{
    return strcmp(page->method, method) == 0 ||
           (strcmp(page->method, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

static void no_page(const struct http_request *r, struct http_answer *a)
{
    fail(a, 404);
    put(&a->body, "there is no page ");
    quote(&a->body, r->path);
    put(&a->body, " here; there are");
    for (size_t i = 0; i < PAGES; i++) {
        put(&a->body, i == 0 ? " " : i + 1 < PAGES ? ", " : ", and ");
        put(&a->body, pages[i].usage);
    }
    put(&a->body, "\n");
}

static void no_method(const struct page *page, const char *method, struct http_answer *a)
{
    fail(a, 405);
    a->allow = page->allow;
    put(&a->body, page->path);
    put(&a->body, " does not take ");
    put(&a->body, method);
    put(&a->body, "; expected ");
    put(&a->body, page->usage);
    put(&a->body, "\n");
}

/* RFC 9110 section 9.3.7: an OPTIONS asks what a page takes, or with `*` what the server does. */
void site_answer(const struct http_request *r, struct http_answer *a)
{
    bool options = strcmp(r->method, "OPTIONS") == 0;

    if (options && form_is(r->path, "*", false)) {
        a->allow = "GET, HEAD, OPTIONS, POST";
        return;
    }
    for (size_t i = 0; i < PAGES; i++) {
        if (!form_is(r->path, pages[i].path, false))
            continue;
        if (options)
            a->allow = pages[i].allow;
        else if (allows(&pages[i], r->method))
            pages[i].answer(&pages[i], r, a);
        else
            no_method(&pages[i], r->method, a);
        return;
    }
    no_page(r, a);
}
