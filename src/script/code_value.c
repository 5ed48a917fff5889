/* SPDX-License-Identifier: MIT */
/* code_value.c - Python's operators on values. */
#include <stdio.h>
#include <string.h>

#include "script/code.h"

bool code_truth(const struct code_value *v)
{
    switch (v->kind) {
    case CODE_BOOL:
    case CODE_INT:
    case CODE_TUPLE:
        return v->number != 0;
    case CODE_REAL:
        return v->real != 0;
    case CODE_TEXT:
        return v->text[0] != '\0';
    default:
        return false;
    }
}

void code_show(const struct code_value *v, char *out, size_t size)
{
    size_t used = 0;
    char item[128];

    switch (v->kind) {
    case CODE_BOOL:
        snprintf(out, size, "%s", v->number ? "True" : "False");
        break;
    case CODE_INT:
        snprintf(out, size, "%lld", (long long)v->number);
        break;
    case CODE_REAL:
        snprintf(out, size, "%.12g", v->real);
        break;
    case CODE_TEXT:
        snprintf(out, size, "%s", v->text);
        break;
    case CODE_TUPLE:
        snprintf(out, size, "(");
        for (int64_t i = 0; i < v->number; i++) {
            used = strlen(out);
            code_show(&v->items[i], item, sizeof item);
            snprintf(out + used, size - used, "%s%s", i ? ", " : "", item);
        }
        used = strlen(out);
        snprintf(out + used, size - used, ")");
        break;
    default:
        snprintf(out, size, "None");
    }
}

static bool is_whole(const struct code_value *v)
{
    return v->kind == CODE_INT || v->kind == CODE_BOOL;
}

static bool is_number(const struct code_value *v)
{
    return is_whole(v) || v->kind == CODE_REAL;
}

static double real_of(const struct code_value *v)
{
    return v->kind == CODE_REAL ? v->real : (double)v->number;
}

static bool holds(const char *op, int order)
{
    switch (op[0]) {
    case '<':
        return op[1] ? order <= 0 : order < 0;
    case '>':
        return op[1] ? order >= 0 : order > 0;
    case '!':
        return order != 0;
    default:
        return order == 0;
    }
}

bool code_compare(const char *op, const struct code_value *a, const struct code_value *b, bool *out)
{
    bool equality = op[0] == '=' || op[0] == '!';

    if (a->kind == CODE_TEXT && b->kind == CODE_TEXT) {
        *out = holds(op, strcmp(a->text, b->text));
    } else if (is_whole(a) && is_whole(b)) {
        *out = holds(op, (a->number > b->number) - (a->number < b->number));
    } else if (is_number(a) && is_number(b)) {
        *out = holds(op, (real_of(a) > real_of(b)) - (real_of(a) < real_of(b)));
    } else if (equality) {
        *out = (a->kind == b->kind && a->kind == CODE_NONE) == (op[0] == '=');
    } else {
        return false;
    }
    return true;
}

static int64_t floor_divide(int64_t a, int64_t b)
{
    int64_t q = a / b;

    return a % b && (a % b < 0) != (b < 0) ? q - 1 : q;
}

static bool power(int64_t base, int64_t exponent, int64_t *out)
{
    *out = 1;
    if (exponent < 0)
        return false;
    for (; exponent; exponent--) {
        if (__builtin_mul_overflow(*out, base, out))
            return false;
        if (*out == 0 || *out == 1)
            break;
        if (base == -1)
            exponent = exponent % 2 ? 1 : 2;
    }
    return true;
}

static bool shift(int64_t a, int64_t by, bool left, int64_t *out)
{
    if (by < 0)
        return false;
    if (!left) {
        *out = by > 62 ? (a < 0 ? -1 : 0) : floor_divide(a, INT64_C(1) << by);
        return true;
    }
    if (by > 62)
        return a == 0 && ((*out = 0), true);
    return !__builtin_mul_overflow(a, INT64_C(1) << by, out);
}

static bool whole_binary(const char *op, int64_t a, int64_t b, int64_t *out)
{
    bool dividing = op[0] == '/' || op[0] == '%';

    if (dividing && (b == 0 || (a == INT64_MIN && b == -1)))
        return false;
    if (strcmp(op, "**") == 0)
        return power(a, b, out);
    switch (op[0]) {
    case '+':
        return !__builtin_add_overflow(a, b, out);
    case '-':
        return !__builtin_sub_overflow(a, b, out);
    case '*':
        return !__builtin_mul_overflow(a, b, out);
    case '/':
        *out = floor_divide(a, b);
        return true;
    case '%':
        *out = a - floor_divide(a, b) * b;
        return true;
    case '|':
        *out = a | b;
        return true;
    case '&':
        *out = a & b;
        return true;
    case '^':
        *out = a ^ b;
        return true;
    default:
        return shift(a, b, op[0] == '<', out);
    }
}

static bool real_binary(const char *op, double a, double b, double *out)
{
    if (op[1])
        return false;
    switch (op[0]) {
    case '+':
        *out = a + b;
        return true;
    case '-':
        *out = a - b;
        return true;
    case '*':
        *out = a * b;
        return true;
    case '/':
        *out = b == 0 ? 0 : a / b;
        return b != 0;
    default:
        return false;
    }
}

/* ---- text ------------------------------------------------------------------------------------------- */

/* One %-conversion, `p` behind the percent sign; moves past it.  False: not one of d i u x o f g s. */
static bool convert(const char **p, const struct code_value *v, char *out, size_t size)
{
    char format[24] = "%";
    size_t n = strspn(*p, "0123456789.-+ #");
    char kind = (*p)[n];

    if (n > 8 || !kind || !strchr("diuxofgs", kind))
        return false;
    memcpy(format + 1, *p, n);
    *p += n + 1;
    if (kind == 's') {
        char shown[256];

        code_show(v, shown, sizeof shown);
        strcpy(format + 1 + n, "s");
        snprintf(out, size, format, shown);
        return true;
    }
    if (!is_number(v))
        return false;
    if (kind == 'f' || kind == 'g') {
        snprintf(format + 1 + n, 2, "%c", kind);
        snprintf(out, size, format, real_of(v));
        return true;
    }
    snprintf(format + 1 + n, 4, "ll%c", kind == 'u' || kind == 'i' ? 'd' : kind);
    snprintf(out, size, format, is_whole(v) ? (long long)v->number : (long long)v->real);
    return true;
}

/* "cwnd=%d" % cwnd */
static bool format_text(const char *format, const struct code_value *with, struct code_value *out,
                        struct arena *arena)
{
    bool tuple = with->kind == CODE_TUPLE;
    int64_t count = tuple ? with->number : 1, taken = 0;
    char text[512] = "";
    size_t used = 0;

    while (*format && used < sizeof text - 1) {
        char piece[256] = {format[0]};

        if (*format != '%' || format[1] == '%') {
            format += *format == '%' ? 2 : 1;
        } else {
            format++;
            if (taken == count || !convert(&format, tuple ? &with->items[taken] : with, piece,
                                           sizeof piece))
                return false;
            taken++;
        }
        used += (size_t)snprintf(text + used, sizeof text - used, "%s", piece);
    }
    if (used >= sizeof text)
        used = sizeof text - 1;
    *out = (struct code_value){.kind = CODE_TEXT, .text = arena_copy(arena, text, used)};
    return taken == count && out->text;
}

static bool join_text(const char *a, const char *b, struct code_value *out, struct arena *arena)
{
    size_t n = strlen(a), m = strlen(b);
    char *text = n + m < 65536 ? arena_take(arena, n + m + 1) : NULL;

    if (!text)
        return false;
    memcpy(text, a, n);
    memcpy(text + n, b, m);
    *out = (struct code_value){.kind = CODE_TEXT, .text = text};
    return true;
}

bool code_binary(const char *op, const struct code_value *a, const struct code_value *b,
                 struct code_value *out, struct arena *arena)
{
    bool quotient = strcmp(op, "/") == 0;

    *out = (struct code_value){0};
    if (a->kind == CODE_TEXT && strcmp(op, "%") == 0)
        return format_text(a->text, b, out, arena);
    if (a->kind == CODE_TEXT && b->kind == CODE_TEXT && strcmp(op, "+") == 0)
        return join_text(a->text, b->text, out, arena);
    if (is_whole(a) && is_whole(b) && !quotient) {
        out->kind = CODE_INT;
        return whole_binary(op, a->number, b->number, &out->number);
    }
    if (is_number(a) && is_number(b)) {
        out->kind = CODE_REAL;
        return real_binary(op, real_of(a), real_of(b), &out->real);
    }
    return false;
}
