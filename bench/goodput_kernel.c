/* SPDX-License-Identifier: MIT */
/*
 * goodput_kernel.c - an end of a flow over the kernel's TCP; goodput_estab.c is the same over ours.
 *
 *      goodput_kernel receive PORT SECONDS...     one connection for each number; all at once
 *      goodput_kernel send ADDRESS PORT CONTROL   until it is reset
 *
 * A receiver counts what its user gets from the moment at which the connection is accepted, and
 * resets it after SECONDS.  The answer is one JSON object: the receiver's with the rate, the sender's
 * with what TCP_INFO has counted.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 256 << 10, FLOWS_MAX = 8 };

static char piece[PIECE];

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void fail(const char *what)
{
    fprintf(stderr, "goodput_kernel: %s: %s\n", what, strerror(errno));
    exit(1);
}

static struct sockaddr_in endpoint(const char *address, const char *port)
{
    struct sockaddr_in end = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};

    if (inet_pton(AF_INET, address, &end.sin_addr) != 1) {
        errno = EINVAL;
        fail(address);
    }
    return end;
}

/* ---- receiving -------------------------------------------------------------------------------- */

struct flow {
    int fd;
    double began, seconds;
    double bytes;
    char from[INET_ADDRSTRLEN];
};

static void flow_end(struct flow *f, double at)
{
    struct linger at_once = {.l_onoff = 1};

    printf("{\"from\": \"%s\", \"bytes\": %.0f, \"seconds\": %.6f, \"mbit\": %.4f}\n", f->from,
           f->bytes, at - f->began, f->bytes * 8e-6 / (at - f->began));
    setsockopt(f->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(f->fd);
    f->fd = -1;
}

static void flow_accept(struct flow *f, int listener, double seconds)
{
    struct sockaddr_in from;
    socklen_t size = sizeof from;

    f->fd = accept(listener, (struct sockaddr *)&from, &size);
    if (f->fd < 0)
        fail("accept");
    inet_ntop(AF_INET, &from.sin_addr, f->from, sizeof f->from);
    f->began = now();
    f->seconds = seconds;
}

/* False once the flow is over. */
static bool flow_take(struct flow *f, short ready)
{
    double at = now(), end = f->began + f->seconds;
    ssize_t n = 1;

    if (ready) {
        n = recv(f->fd, piece, sizeof piece, MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN)
            fail("receive");
        if (n > 0 && at < end)
            f->bytes += (double)n;
    }
    if (n != 0 && at < end)
        return true;
    flow_end(f, at < end ? at : end);
    return false;
}

static int listening(const char *port, int most)
{
    struct sockaddr_in any = endpoint("0.0.0.0", port);
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    if (s < 0 || setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(s, (struct sockaddr *)&any, sizeof any) != 0 || listen(s, most) != 0)
        fail("listen");
    puts("ready");
    fflush(stdout);
    return s;
}

static void receive(const char *port, int flows, char **seconds)
{
    struct flow flow[FLOWS_MAX] = {{0}};
    struct pollfd fd[FLOWS_MAX + 1];
    int accepted = 0, over = 0;

    fd[FLOWS_MAX] = (struct pollfd){.fd = listening(port, flows), .events = POLLIN};
    for (int i = 0; i < FLOWS_MAX; i++)
        fd[i] = (struct pollfd){.fd = -1, .events = POLLIN};
    while (over < flows) {
        if (poll(fd, FLOWS_MAX + 1, 10) < 0)
            fail("poll");
        for (int i = 0; i < accepted; i++)
            if (fd[i].fd >= 0 && !flow_take(&flow[i], fd[i].revents)) {
                fd[i].fd = -1;
                over++;
            }
        if (accepted < flows && fd[FLOWS_MAX].revents) {
            flow_accept(&flow[accepted], fd[FLOWS_MAX].fd, atof(seconds[accepted]));
            fd[accepted].fd = flow[accepted].fd;
            accepted++;
        }
    }
}

/* ---- sending ---------------------------------------------------------------------------------- */

static void tell(int s)
{
    struct tcp_info info;
    socklen_t size = sizeof info;

    memset(&info, 0, sizeof info);
    if (getsockopt(s, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        fail("TCP_INFO");
    printf("{\"retransmitted\": %u, \"srtt_us\": %u, \"cwnd\": %u, \"ssthresh\": %u}\n",
           info.tcpi_total_retrans, info.tcpi_rtt, info.tcpi_snd_cwnd, info.tcpi_snd_ssthresh);
}

static void transmit(const char *address, const char *port, const char *control)
{
    struct sockaddr_in to = endpoint(address, port);
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (s < 0)
        fail("socket");
    if (setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, control, (socklen_t)strlen(control)) != 0)
        fail(control);
    if (connect(s, (struct sockaddr *)&to, sizeof to) != 0)
        fail(address);
    while (write(s, piece, sizeof piece) > 0)
        ;
    if (errno != ECONNRESET && errno != EPIPE)
        fail("send");
    tell(s);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    memset(piece, 0x5a, sizeof piece);
    if (argc >= 4 && argc <= 3 + FLOWS_MAX && strcmp(argv[1], "receive") == 0)
        receive(argv[2], argc - 3, argv + 3);
    else if (argc == 5 && strcmp(argv[1], "send") == 0)
        transmit(argv[2], argv[3], argv[4]);
    else {
        fputs("usage: goodput_kernel receive PORT SECONDS... | send ADDRESS PORT CONTROL\n",
              stderr);
        return 2;
    }
    return 0;
}
