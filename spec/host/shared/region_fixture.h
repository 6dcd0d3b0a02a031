/* A region of shared memory for each test, which its forked processes share. */
#ifndef PERIGEE_SPEC_REGION_FIXTURE_H
#define PERIGEE_SPEC_REGION_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/mman.h>

#include "shared/shared_region.h"

enum { REGION_SIZE = 1024 * 1024 };

static SharedRegion region;

static inline int open_region(void **state)
{
    void *bytes =
        mmap(NULL, REGION_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    (void)state;
    assert_true(bytes != MAP_FAILED);
    assert_int_equal(shared_region_format(bytes, REGION_SIZE), 0);
    assert_int_equal(shared_region_open(bytes, REGION_SIZE, &region), 0);
    return 0;
}

static inline int close_region(void **state)
{
    (void)state;
    return munmap(region.bytes, REGION_SIZE);
}

#define IN_A_REGION(test) cmocka_unit_test_setup_teardown(test, open_region, close_region)

#endif
