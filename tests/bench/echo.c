/* echo: the floor for a CoAP server in C: one recvfrom() and one sendto() a block.
 *
 * It answers whatever arrives as a GET with Block2 of one image, with an ETag and a content format,
 * as a real answer has them. It keeps no tables, remembers no peer, looks at no path and does not ask
 * which of its addresses was asked.
 *
 *   cc -O2 -o echo echo.c
 *   echo PORT IMAGE
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static uint8_t *image;
static size_t length;

/* The value of Block2 (option 23), 6 (block 0 of 1024 bytes) where there is none. */
static uint32_t block_of(const uint8_t *b, int n) {
    int p = 4 + (b[0] & 15), number = 0;
    while (p < n && b[p] != 0xff) {
        int delta = b[p] >> 4, l = b[p] & 15;
        p++;
        if (delta == 13) delta = 13 + b[p++];
        if (l == 13) l = 13 + b[p++];
        number += delta;
        if (number >= 23) {
            uint32_t value = 0;
            for (int i = 0; i < l && i < 3; i++) value = value << 8 | b[p + i];
            return number == 23 ? value : 6;
        }
        p += l;
    }
    return 6;
}

static int answer(uint8_t *out, const uint8_t *request, int n) {
    static const uint8_t options[] = {0x48, 'b', 'a', 'r', 'e', 'e', 'c', 'h', 'o', 0x81, 42}; /* ETag, Content-Format */
    int at = 4 + (request[0] & 15);
    memcpy(out, request, at);
    out[0] = 0x60 | (request[0] & 15);
    out[1] = 69; /* 2.05 */
    memcpy(out + at, options, sizeof options); at += sizeof options;
    uint32_t block = block_of(request, n);
    size_t size = 16u << (block & 7), offset = (block >> 4) * size;
    if ((block & 7) == 7 || offset >= length) return 0;
    size_t left = length - offset;
    block = (block & ~8u) | (left > size ? 8 : 0);
    int l = block == 0 ? 0 : block < 256 ? 1 : block < 65536 ? 2 : 3;
    out[at++] = 11 << 4 | l;
    for (int i = l - 1; i >= 0; i--) out[at++] = block >> (8 * i);
    out[at++] = 0xff;
    if (left > size) left = size;
    memcpy(out + at, image + offset, left);
    return at + left;
}

int main(int argc, char **argv) {
    struct stat st;
    int fd = argc == 3 ? open(argv[2], O_RDONLY) : -1;
    if (fd < 0 || fstat(fd, &st)) { fprintf(stderr, "usage: echo PORT IMAGE\n"); return 2; }
    length = st.st_size;
    image = malloc(length);
    if (read(fd, image, length) != (ssize_t)length) { perror(argv[2]); return 2; }
    close(fd);
    int s = socket(AF_INET6, SOCK_DGRAM, 0), room = 1 << 20;
    struct sockaddr_in6 own = {.sin6_family = AF_INET6, .sin6_port = htons(atoi(argv[1])), .sin6_addr = in6addr_any};
    setsockopt(s, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (bind(s, (struct sockaddr *)&own, sizeof own)) { perror("bind"); return 2; }
    for (;;) {
        uint8_t request[2048 + 16], out[2048];
        struct sockaddr_in6 peer;
        socklen_t known = sizeof peer;
        ssize_t n = recvfrom(s, request, 2048, 0, (struct sockaddr *)&peer, &known);
        if (n < 4 || (request[0] & 15) > 8 || n < 4 + (request[0] & 15)) continue;
        int size = answer(out, request, n);
        if (size) sendto(s, out, size, 0, (struct sockaddr *)&peer, known);
    }
}
