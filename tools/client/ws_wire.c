#include "tools/client/ws_wire.h"

#include <endian.h>
#include <string.h>
#include <sys/random.h>

enum { HEADER_MAX = 10 };

/* Nobody in between could be deceived by a constant key. */
const char ws_upgrade[] =
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: bG9uZ3dpcmUtYmVuY2guLg==\r\n";
const char ws_accept[] = "7ToPmnquQg92WjAr3nJjzcInTW0=";

/* The payload's length; *RET_HEADER: bytes before it, more than N when it is not complete. */
static uint64_t read_length(const char *p, size_t n, size_t *ret_header)
{
    uint16_t n16;
    uint64_t n64;
    unsigned short_len = (unsigned char)p[1] & 0x7f;
    *ret_header = short_len < 126 ? 2 : short_len == 126 ? 4 : HEADER_MAX;
    if (n < *ret_header || short_len < 126)
        return short_len;
    if (short_len == 126) {
        memcpy(&n16, p + 2, sizeof(n16));
        return be16toh(n16);
    }
    memcpy(&n64, p + 2, sizeof(n64));
    return be64toh(n64);
}

bool ws_read_header(const char *p, size_t n, struct ws_header *ret)
{
    *ret = (struct ws_header){0};
    if (n < 2)
        return false;
    ret->opcode = (unsigned char)p[0] & 0x0f;
    ret->len = read_length(p, n, &ret->size);
    ret->broken =
        p[0] & 0x70 || p[1] & 0x80 || (ret->opcode >= WS_CLOSE && ret->len > WS_CONTROL_MAX);
    return ret->broken || n >= ret->size;
}

/* Section 5.3: a client's frames are masked. */
size_t ws_write_frame(char *out, unsigned opcode, const char *payload, size_t n)
{
    char *mask = out + 2;
    out[0] = (char)(0x80 | opcode);
    out[1] = (char)(0x80 | n);
    if (getrandom(mask, WS_MASK_SIZE, GRND_NONBLOCK) != WS_MASK_SIZE)
        memcpy(mask, "mask", WS_MASK_SIZE);
    for (size_t i = 0; i < n; i++)
        mask[WS_MASK_SIZE + i] = (char)(payload[i] ^ mask[i % WS_MASK_SIZE]);
    return 2 + WS_MASK_SIZE + n;
}

size_t ws_write_pong(char *out, const char *payload, size_t n)
{
    return ws_write_frame(out, WS_PONG, payload, n);
}

unsigned ws_close_code(const char *payload, size_t n)
{
    return n < 2 ? 1005 : (unsigned)((unsigned char)payload[0] << 8 | (unsigned char)payload[1]);
}
