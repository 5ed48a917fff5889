/* SPDX-License-Identifier: MIT */
/*
 * peer.c - a kernel socket at the other end of whatever is measured.
 *
 *      peer serve                       takes all text on port 5001, gives text on port 5002
 *      peer send ADDRESS SECONDS        to port 5001
 *      peer receive ADDRESS SECONDS     from port 5002
 *
 * `send` and `receive` print the rate in Gbit/s, after a warm-up of 0.2 seconds.  The congestion
 * control is cubic where this user may choose it, else reno: one that paces by a model of the path
 * (bbr) measures its model, not the stack.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SINK = 5001, SOURCE = 5002 };
enum { PIECE = 256 << 10 };

static const double warm_up = 0.2;
static char piece[PIECE];

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int tcp_socket(void)
{
    static const char *const controls[] = {"cubic", "reno"};
    struct timeval patience = {.tv_sec = 5};
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (s < 0)
        fail("socket");
    setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    for (unsigned i = 0; i < 2; i++)
        if (setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, controls[i], 5) == 0)
            break;
    return s;
}

static int connected(const char *address, int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int s = tcp_socket();

    if (inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
        connect(s, (struct sockaddr *)&to, sizeof to) != 0)
        fail(address);
    return s;
}

static ssize_t move(int s, int sends)
{
    return sends ? write(s, piece, sizeof piece) : read(s, piece, sizeof piece);
}

/* The bytes that went through in `seconds`. */
static double pump(int s, int sends, double seconds)
{
    double end = now() + seconds, bytes = 0;

    do {
        ssize_t n = move(s, sends);

        if (n <= 0)
            fail(sends ? "send" : "receive");
        bytes += (double)n;
    } while (now() < end);
    return bytes;
}

static void measure(const char *address, double seconds, int sends)
{
    struct linger at_once = {.l_onoff = 1};
    int s = connected(address, sends ? SINK : SOURCE);
    double from, bytes;

    pump(s, sends, warm_up);
    from = now();
    bytes = pump(s, sends, seconds);
    printf("%.3f\n", bytes * 8e-9 / (now() - from));
    setsockopt(s, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(s);
}

static int listening(int port)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int s = tcp_socket(), on = 1;
    struct timeval for_ever = {0};

    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &for_ever, sizeof for_ever);
    if (bind(s, (struct sockaddr *)&any, sizeof any) != 0 || listen(s, 16) != 0)
        fail("listen");
    return s;
}

/* One connection at a time on each port. */
static void serve(void)
{
    int sends = fork() == 0;
    int l = listening(sends ? SOURCE : SINK);

    for (;;) {
        int s = accept(l, NULL, NULL);

        while (s >= 0 && move(s, sends) > 0)
            ;
        close(s);
    }
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    memset(piece, 0x5a, sizeof piece);
    if (argc == 2 && strcmp(argv[1], "serve") == 0)
        serve();
    if (argc != 4 || (strcmp(argv[1], "send") != 0 && strcmp(argv[1], "receive") != 0)) {
        fputs("usage: peer serve | peer send|receive ADDRESS SECONDS\n", stderr);
        return 2;
    }
    measure(argv[2], atof(argv[3]), argv[1][0] == 's');
    return 0;
}
