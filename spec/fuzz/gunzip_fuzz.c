/* Gunzip: the same comes out however the bytes are split and however much is asked for at once.
 * Input: a byte that chooses both, then a stream of gzip. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "http/gunzip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 1024 * 1024 }; /* of what is read */

/* Returns why there was no more; 0 when enough was read. */
static long read_all(const uint8_t *bytes, size_t size, size_t step, size_t limit, Buffer *plain)
{
    Gunzip *gunzip = gunzip_create();
    long made = ERR_EOF;

    for (size_t at = 0; at < size && made != ERR_INVALID && plain->size < MOST; at += step) {
        gunzip_write(gunzip, bytes + at, size - at < step ? size - at : step);
        while ((made = gunzip_read(gunzip, limit, plain)) > 0 && plain->size < MOST)
            assert((size_t)made <= limit);
    }
    assert(made > 0 || made == ERR_AGAIN || made == ERR_EOF || made == ERR_INVALID);
    gunzip_destroy(gunzip);
    return made > 0 ? 0 : made;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Buffer whole = {0}, split = {0};
    long whole_end, split_end;
    size_t common;

    if (size < 1)
        return 0;
    whole_end = read_all(data + 1, size - 1, SIZE_MAX / 2, 64 * 1024, &whole);
    split_end = read_all(data + 1, size - 1, data[0] % 16 + 1U, data[0] + 1U, &split);
    common = whole.size < split.size ? whole.size : split.size;
    assert(common == 0 || memcmp(whole.bytes, split.bytes, common) == 0);
    if (whole_end != ERR_INVALID && whole.size < MOST && split.size < MOST)
        assert(whole_end == split_end && whole.size == split.size);
    buffer_deinit(&whole);
    buffer_deinit(&split);
    return 0;
}
