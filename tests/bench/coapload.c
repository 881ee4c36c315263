/* coapload: many simulated devices fetch one CoAP resource block by block (RFC 7252, RFC 7959).
 *
 * Every device has its own UDP socket and sends one confirmable GET with Block2 at a time, as a
 * constrained device does; it retransmits after a fixed time, and checks every byte that it gets
 * against the reference file. It ends after -t seconds, when every device has made -n whole
 * fetches, or at SIGTERM, and prints one JSON object. With -P it also reads that process's CPU time
 * (of all its threads, not of its children) around the run: CPU per block is the figure that holds
 * on a noisy machine.
 *
 *   cc -O2 -o coapload coapload.c
 *   coapload -H ::1 -p 5683 -u fw/slot0 -f slot0.bin -c 64 -s 6 -t 5 -P PID
 *
 *   -H -p -u  host, port, path             -f FILE  the reference, else nothing is compared
 *   -c N      devices                      -s N     block size 16 << N
 *   -t SECS   the longest run              -n N     whole fetches for each device, else without end
 *   -r SECS   until a retransmission       -P PID   the server's process
 *   -R        one token for all fetches    -L SHARE of the answers that are lost, 0 to 1
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CONTENT = 69, URI_PATH = 11, BLOCK2 = 23, LONGEST_US = 1 << 23, EVENTS = 256 };

typedef struct {
    int fd;
    int szx;             /* of the next request; smaller than asked for where the server said so */
    uint32_t num;        /* the block asked for */
    uint16_t mid;
    uint8_t token[4];
    int waits;           /* after an error: asks again when the retransmission time is over */
    int over;
    double sent, first;  /* seconds: the last and the first time that this request was sent */
    double began, ended;
    uint64_t fetched;
} device;

static struct {
    const char *host, *port, *path, *file;
    int devices, szx, pid, reuse_token;
    uint64_t fetches;
    double seconds, rto, loss;
} opt = {"::1", "5683", "fw/slot0", NULL, 16, 6, 0, 0, 0, 3, 1, 0};

static uint8_t *reference;
static size_t length;
static uint64_t blocks, bytes, retransmits, corrupt, errors, fetched;
static uint32_t histogram[LONGEST_US + 1]; /* answers by microseconds */
static int running;
static volatile sig_atomic_t stopped;

static void stop(int signal) { (void)signal; stopped = 1; }

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static double cpu_of(int pid) {
    clockid_t clock;
    struct timespec t;
    if (!pid || clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t)) return 0;
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static long status_of(int pid, const char *key) {
    char name[64], line[256];
    long value = 0;
    snprintf(name, sizeof name, "/proc/%d/status", pid);
    FILE *f = fopen(name, "r");
    if (!f) return 0;
    while (fgets(line, sizeof line, f))
        if (!strncmp(line, key, strlen(key))) { value = atol(line + strlen(key)); break; }
    fclose(f);
    return value;
}

static void new_token(device *d) {
    uint32_t token = random();
    memcpy(d->token, &token, sizeof token);
}

static void send_request(device *d) {
    uint8_t o[1280];
    int n = 0, last = 0;
    o[n++] = 0x40 | 4; o[n++] = 1; o[n++] = d->mid >> 8; o[n++] = d->mid & 255;
    memcpy(o + n, d->token, 4); n += 4;
    for (const char *s = opt.path; *s;) {
        const char *e = strchr(s, '/');
        int l = e ? (int)(e - s) : (int)strlen(s), delta = URI_PATH - last;
        last = URI_PATH;
        if (l < 13) o[n++] = delta << 4 | l;
        else { o[n++] = delta << 4 | 13; o[n++] = l - 13; }
        memcpy(o + n, s, l); n += l; s += l;
        if (*s == '/') s++;
    }
    uint32_t v = d->num << 4 | d->szx;
    int delta = BLOCK2 - last, l = v == 0 ? 0 : v < 256 ? 1 : v < 65536 ? 2 : 3;
    if (delta < 13) o[n++] = delta << 4 | l;
    else { o[n++] = 13 << 4 | l; o[n++] = delta - 13; }
    for (int i = l - 1; i >= 0; i--) o[n++] = v >> (8 * i);
    d->sent = now();
    if (send(d->fd, o, n, 0) < 0) errors++;
}

static void next_request(device *d) {
    d->mid++;
    send_request(d);
    d->first = d->sent;
}

static void finish_fetch(device *d) {
    d->num = 0; d->szx = opt.szx; d->fetched++; fetched++;
    if (!opt.reuse_token) new_token(d);
    if (opt.fetches && d->fetched >= opt.fetches) { d->over = 1; d->ended = now(); running--; close(d->fd); }
}

/* Finds the Block2 value (-1: none) and where the payload begins; -1 for what is no message. */
static int read_options(const uint8_t *b, int n, int64_t *block) {
    int p = 8, number = 0;
    *block = -1;
    while (p < n && b[p] != 0xff) {
        int delta = b[p] >> 4, l = b[p] & 15;
        p++;
        if (delta == 13) delta = 13 + b[p++]; else if (delta == 14) { delta = 269 + (b[p] << 8 | b[p + 1]); p += 2; }
        if (l == 13) l = 13 + b[p++]; else if (l == 14) { l = 269 + (b[p] << 8 | b[p + 1]); p += 2; }
        if (p + l > n) return -1;
        number += delta;
        if (number == BLOCK2) { *block = 0; for (int i = 0; i < l; i++) *block = *block << 8 | b[p + i]; }
        p += l;
    }
    return p < n ? p + 1 : p;
}

static void receive(device *d) {
    uint8_t b[4096 + 16];
    ssize_t n = recv(d->fd, b, 4096, 0);
    if (n < 0) { if (errno == ECONNREFUSED) errors++; return; }
    if (opt.loss > 0 && random() < opt.loss * RAND_MAX) return;
    if (n < 8 || (b[0] & 15) != 4 || memcmp(b + 4, d->token, 4) || (b[2] << 8 | b[3]) != d->mid || d->waits) return;
    if (b[1] == 0) return; /* an empty ACK: the answer comes separately, and is asked for again */
    int64_t block = -1;
    int at = read_options(b, n, &block);
    if (b[1] != CONTENT || at < 0) {
        if (errors++ < 3) fprintf(stderr, "the answer was %d.%02d\n", b[1] >> 5, b[1] & 31);
        d->num = 0; d->waits = 1;
        return;
    }
    int more = 0, szx = d->szx;
    uint32_t num = 0;
    if (block >= 0) { num = block >> 4; more = block >> 3 & 1; szx = block & 7; }
    size_t got = n - at, offset = (size_t)num << (szx + 4);
    int whole = !more || got == (size_t)16 << szx;
    int last_fits = more || !reference || offset + got == length;
    int same = !reference || (offset + got <= length && !memcmp(reference + offset, b + at, got));
    if (num != d->num || szx > d->szx || !whole || !last_fits || !same) corrupt++;
    if (szx < d->szx) { d->num <<= d->szx - szx; d->szx = szx; }
    double us = (now() - d->first) * 1e6;
    histogram[us < LONGEST_US ? (int)us : LONGEST_US]++;
    blocks++; bytes += got;
    if (more) d->num++; else finish_fetch(d);
    if (!d->over) next_request(d);
}

static void ask_again(device *all) {
    double t = now();
    for (device *d = all; d < all + opt.devices; d++) {
        if (d->over || t - d->sent <= opt.rto) continue;
        if (d->waits) { d->waits = 0; next_request(d); }
        else { retransmits++; send_request(d); }
    }
}

static int quantile(double share) {
    uint64_t seen = 0;
    int found = 0;
    for (int us = 0; us <= LONGEST_US && blocks; us++)
        if (histogram[us]) { found = us; seen += histogram[us]; if (seen >= share * blocks) break; }
    return found;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void print(device *all, double elapsed, double cpu) {
    double *took = calloc(opt.devices, sizeof *took);
    int ended = 0;
    for (int i = 0; i < opt.devices; i++) if (all[i].over) took[ended++] = all[i].ended - all[i].began;
    qsort(took, ended, sizeof *took, by_value);
    printf("{\"devices\":%d,\"szx\":%d,\"seconds\":%.3f,\"blocks\":%" PRIu64 ",\"blocks_per_s\":%.0f,\"mb_per_s\":%.2f,\"fetched\":%" PRIu64 ","
           "\"retransmits\":%" PRIu64 ",\"corrupt\":%" PRIu64 ",\"errors\":%" PRIu64 ",\"p50_us\":%d,\"p99_us\":%d,\"max_us\":%d",
           opt.devices, opt.szx, elapsed, blocks, blocks / elapsed, bytes / elapsed / 1e6, fetched,
           retransmits, corrupt, errors, quantile(.5), quantile(.99), quantile(1));
    printf(",\"unfinished\":%d,\"device_median_s\":%.3f,\"device_max_s\":%.3f",
           opt.fetches ? opt.devices - ended : 0, ended ? took[ended / 2] : 0, ended ? took[ended - 1] : 0);
    if (opt.pid)
        printf(",\"server_cpu_s\":%.3f,\"cpu_us_per_block\":%.2f,\"rss_kib\":%ld,\"threads\":%ld", cpu,
               blocks ? cpu / blocks * 1e6 : 0, status_of(opt.pid, "VmRSS:"), status_of(opt.pid, "Threads:"));
    printf("}\n");
    free(took);
}

static void read_arguments(int argc, char **argv) {
    int c;
    while ((c = getopt(argc, argv, "H:p:u:f:c:s:t:n:P:r:RL:")) != -1) switch (c) {
        case 'H': opt.host = optarg; break;
        case 'p': opt.port = optarg; break;
        case 'u': opt.path = optarg; break;
        case 'f': opt.file = optarg; break;
        case 'c': opt.devices = atoi(optarg); break;
        case 's': opt.szx = atoi(optarg); break;
        case 't': opt.seconds = atof(optarg); break;
        case 'n': opt.fetches = atoi(optarg); break;
        case 'P': opt.pid = atoi(optarg); break;
        case 'r': opt.rto = atof(optarg); break;
        case 'R': opt.reuse_token = 1; break;
        case 'L': opt.loss = atof(optarg); break;
        default: exit(2);
    }
    if (opt.devices < 1 || opt.szx < 0 || opt.szx > 6 || strlen(opt.path) > 1000) {
        fprintf(stderr, "-c is 1 or more, -s 0 to 6, -u at most 1000 bytes\n");
        exit(2);
    }
}

static void read_reference(void) {
    struct stat st;
    int fd = open(opt.file, O_RDONLY);
    if (fd < 0 || fstat(fd, &st)) { perror(opt.file); exit(2); }
    length = st.st_size;
    reference = malloc(length + 1);
    if (read(fd, reference, length) != (ssize_t)length) { perror(opt.file); exit(2); }
    close(fd);
}

int main(int argc, char **argv) {
    read_arguments(argc, argv);
    if (opt.file) read_reference();
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max; /* a socket for each device; the usual limit is 1024 */
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    struct addrinfo hint = {.ai_socktype = SOCK_DGRAM}, *address;
    if (getaddrinfo(opt.host, opt.port, &hint, &address)) { fprintf(stderr, "%s is no address\n", opt.host); return 2; }
    int ep = epoll_create1(0);
    device *all = calloc(opt.devices, sizeof *all);
    srandom(getpid() ^ time(NULL));
    for (int i = 0; i < opt.devices; i++) {
        device *d = all + i;
        d->fd = socket(address->ai_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        if (d->fd < 0 || connect(d->fd, address->ai_addr, address->ai_addrlen)) { perror("socket"); return 2; }
        d->mid = random();
        d->szx = opt.szx;
        new_token(d);
        struct epoll_event ev = {.events = EPOLLIN, .data.u32 = i};
        epoll_ctl(ep, EPOLL_CTL_ADD, d->fd, &ev);
    }
    running = opt.devices;
    double pause = opt.rto / 4, begin = now(), sweep = begin + pause, cpu = cpu_of(opt.pid);
    for (device *d = all; d < all + opt.devices; d++) { next_request(d); d->began = d->first; }
    struct epoll_event events[EVENTS];
    while (!stopped && running) {
        double t = now();
        if (t - begin >= opt.seconds) break;
        if (t >= sweep) { sweep = t + pause; ask_again(all); }
        int k = epoll_wait(ep, events, EVENTS, pause < .01 ? (int)(pause * 1000) + 1 : 10);
        for (int e = 0; e < k; e++) receive(all + events[e].data.u32);
    }
    double elapsed = now() - begin;
    print(all, elapsed, cpu_of(opt.pid) - cpu);
    return 0;
}
