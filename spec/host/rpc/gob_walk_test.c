/* Values in whose interfaces types are defined, as Go 1.19 sends them; and those nobody sends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "rpc/gob_walk.h"

enum { LIMIT_SIZE = 1000 };

#define ITEM_NAME "\x09main.Item"
#define DEEP_NAME "\x09main.Deep"

/* struct {A interface{}; B int} as 65, Item {SKU string; Count uint} as 66, Deep {Label string;
 * Inside interface{}} as 67 */
#define HOLDER_TYPE                                                                                \
    "\xff\x81\x03\x01\x01\x06Holder\x01\xff\x82\x00\x01\x02\x01\x01"                               \
    "A\x01\x10\x00\x01\x01"                                                                        \
    "B\x01\x04\x00\x00\x00"
#define ITEM_TYPE                                                                                  \
    "\xff\x83\x03\x01\x01\x04Item\x01\xff\x84\x00\x01\x02\x01\x03SKU\x01\x0c\x00\x01\x05"          \
    "Count\x01\x06\x00\x00\x00"
#define DEEP_TYPE                                                                                  \
    "\xff\x85\x03\x01\x01\x04"                                                                     \
    "Deep\x01\xff\x86\x00\x01\x02\x01\x05Label\x01\x0c\x00\x01\x06Inside\x01\x10\x00\x00\x00"
/* []interface{} as 68, map[string]Item as 69, a time as 70, a struct without fields as 71 */
#define LIST_TYPE "\xff\x87\x02\x01\x02\xff\x88\x00\x01\x10\x00\x00"
#define MAP_TYPE "\xff\x89\x04\x01\x02\xff\x8a\x00\x01\x0c\x01\xff\x84\x00\x00"
#define TIME_TYPE                                                                                  \
    "\xff\x8b\x05\x01\x01\x04"                                                                     \
    "Time\x01\xff\x8c\x00\x00\x00"
#define EMPTY_TYPE                                                                                 \
    "\xff\x8d\x03\x01\x01\x05"                                                                     \
    "Empty\x01\xff\x8e\x00\x00\x00"

typedef struct Fixture {
    GobShapes shapes;
    GobWalk *walk;
    size_t definition_count;
} Fixture;

static int take_definition(void *owner, GobReader message)
{
    Fixture *fixture = owner;
    GobDefinition definition;
    int result = gob_definition_read(&message, &definition);

    if (result < 0 || message.size > 0)
        return ERR_INVALID;
    fixture->definition_count++;
    return gob_shapes_add(&fixture->shapes, &definition);
}

static void open(Fixture *fixture)
{
    *fixture = (Fixture){0};
    fixture->walk = gob_walk_create(&fixture->shapes, take_definition, fixture);
}

static void close(Fixture *fixture)
{
    gob_walk_destroy(fixture->walk);
    gob_shapes_deinit(&fixture->shapes);
}

/* A copy of its own size, so that a sanitizer sees what reads past it. */
static int feed(Fixture *fixture, const char *bytes, size_t size)
{
    Buffer copy = {0};
    int result;

    buffer_append(&copy, bytes, size);
    result = gob_walk_take(fixture->walk, (GobReader){copy.bytes, size}, LIMIT_SIZE);
    buffer_deinit(&copy);
    return result;
}

static void define_bytes(Fixture *fixture, const char *bytes, size_t size)
{
    assert_int_equal(0, take_definition(fixture, (GobReader){bytes, size}));
}

#define DEFINE(fixture, bytes) define_bytes(fixture, bytes, sizeof bytes - 1)
#define FEED(fixture, bytes) feed(fixture, bytes, sizeof bytes - 1)
#define CHECK_VALUE(fixture, bytes) check_value(fixture, bytes, sizeof bytes - 1)

static void check_value(const Fixture *fixture, const char *bytes, size_t size)
{
    GobReader value = gob_walk_value(fixture->walk);

    assert_int_equal(size, value.size);
    assert_memory_equal(bytes, value.bytes, size);
}

static void test_one_new_type(void **state)
{
    Fixture fixture;

    (void)state;
    open(&fixture);
    DEFINE(&fixture, HOLDER_TYPE);
    assert_true(gob_shapes_hold_interfaces(&fixture.shapes, 65));
    assert_int_equal(GOB_WALK_INCOMPLETE, FEED(&fixture, "\xff\x82\x01" ITEM_NAME ITEM_TYPE));
    assert_true(gob_walk_is_under_way(fixture.walk));
    assert_int_equal(GOB_WALK_COMPLETE,
                     FEED(&fixture, "\xff\x84\x06\x01\x01x\x01\x01\x00\x01\x0e\x00"));
    assert_false(gob_walk_is_under_way(fixture.walk));
    CHECK_VALUE(&fixture, "\xff\x82\x01" ITEM_NAME "\xff\x84\x06\x01\x01x\x01\x01\x00\x01\x0e\x00");
    assert_int_equal(2, fixture.definition_count);
    assert_false(gob_shapes_hold_interfaces(&fixture.shapes, 66));
    close(&fixture);
}

/* The second message has a value, a definition, and the size of what follows that. */
static void test_new_types_inside_each_other(void **state)
{
    Fixture fixture;

    (void)state;
    open(&fixture);
    assert_true(gob_shapes_hold_interfaces(&fixture.shapes, 8));
    assert_int_equal(GOB_WALK_INCOMPLETE, FEED(&fixture, "\x10\x00" DEEP_NAME DEEP_TYPE));
    assert_int_equal(GOB_WALK_COMPLETE,
                     FEED(&fixture,
                          "\xff\x86\x32\x01\x01"
                          "d\x01" ITEM_NAME ITEM_TYPE "\x0a\xff\x84\x06\x01\x01y\x01\x02\x00\x00"));
    CHECK_VALUE(&fixture, "\x10\x00" DEEP_NAME "\xff\x86\x32\x01\x01"
                          "d\x01" ITEM_NAME "\xff\x84\x06\x01\x01y\x01\x02\x00\x00");
    assert_int_equal(2, fixture.definition_count);
    close(&fixture);
}

/* A name may end its message too, and several definitions may follow in messages of their own. */
static void test_every_piece(void **state)
{
    Fixture fixture;

    (void)state;
    open(&fixture);
    DEFINE(&fixture, LIST_TYPE);
    assert_int_equal(GOB_WALK_INCOMPLETE, FEED(&fixture, "\xff\x88\x00\x02\x03Map"));
    assert_int_equal(GOB_WALK_INCOMPLETE, FEED(&fixture, MAP_TYPE));
    assert_int_equal(GOB_WALK_INCOMPLETE, FEED(&fixture, ITEM_TYPE));
    assert_int_equal(GOB_WALK_INCOMPLETE,
                     FEED(&fixture, "\xff\x8a\x06\x00\x01\x01k\x01\x01x\x00\x01T"));
    assert_int_equal(GOB_WALK_INCOMPLETE, FEED(&fixture, TIME_TYPE));
    assert_int_equal(GOB_WALK_COMPLETE, FEED(&fixture, "\xff\x8c\x04\x00\x02tt"));
    CHECK_VALUE(&fixture, "\xff\x88\x00\x02\x03Map\xff\x8a\x06\x00\x01\x01k\x01\x01x\x00"
                          "\x01T\xff\x8c\x04\x00\x02tt");
    assert_int_equal(4, fixture.definition_count);
    close(&fixture);
}

static void test_one_piece(void **state)
{
    static const char value[] = "\xff\x88\x00\x08\x00\x03int\x04\x02\x00\x0a\x04"
                                "bool\x02\x02\x00\x01\x05"
                                "bytes\x0a\x03\x00\x01x\x01"
                                "c\x0e\x06\x00\xfe\xf0\x3f\x40\x01"
                                "f\x08\x04\x00\xfe\xf0\x3f\x01"
                                "e\xff\x8e\x01\x00\x01l\xff\x88\x02\x00\x00 and more";
    Fixture fixture;

    (void)state;
    open(&fixture);
    DEFINE(&fixture, LIST_TYPE);
    DEFINE(&fixture, EMPTY_TYPE);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(GOB_WALK_COMPLETE, feed(&fixture, value, sizeof value - 1));
        CHECK_VALUE(&fixture, value);
    }
    /* Cut anywhere it is no value, unless behind the name of an interface's type. */
    for (size_t size = 1; size < sizeof value - sizeof " and more"; size++) {
        int result = feed(&fixture, value, size);
        assert_true(result == ERR_INVALID || result == GOB_WALK_INCOMPLETE);
        if (result == GOB_WALK_INCOMPLETE)
            assert_int_equal(ERR_INVALID, FEED(&fixture, "\xf0"));
    }
    close(&fixture);
}

static void expect_failure(const char *bytes, size_t size, int code)
{
    Fixture fixture;

    open(&fixture);
    DEFINE(&fixture, HOLDER_TYPE);
    DEFINE(&fixture, LIST_TYPE);
    DEFINE(&fixture, MAP_TYPE);
    assert_int_equal(code, feed(&fixture, bytes, size));
    assert_false(gob_walk_is_under_way(fixture.walk));
    close(&fixture);
}

#define EXPECT_FAILURE(bytes, code) expect_failure(bytes, sizeof bytes - 1, code)

static void test_no_values(void **state)
{
    (void)state;
    EXPECT_FAILURE("\xff\x84\x00", ERR_INVALID); /* no such type */
    EXPECT_FAILURE("\x12\x00\x01", ERR_INVALID); /* a type of gob's own */
    EXPECT_FAILURE("\x00\x00\x01", ERR_INVALID);
    EXPECT_FAILURE("\xff\x81\x00", ERR_INVALID);                 /* a definition */
    EXPECT_FAILURE("\x10\x01\x00", ERR_INVALID);                 /* no zero in front */
    EXPECT_FAILURE("\xff\x82\x03\x00", ERR_INVALID);             /* a third field of two */
    EXPECT_FAILURE("\xff\x82\x01\x00\x02\x00", ERR_INVALID);     /* a field behind the last */
    EXPECT_FAILURE("\xff\x82\xfc\xff\xff\xff\xff", ERR_INVALID); /* a delta beyond all fields */
    EXPECT_FAILURE("\xff\x82\x01" ITEM_NAME HOLDER_TYPE, ERR_INVALID); /* defined twice */
    EXPECT_FAILURE("\xff\x82\x01" ITEM_NAME ITEM_TYPE "\xf0", ERR_INVALID);
    EXPECT_FAILURE("\xff\x82\x01" ITEM_NAME "\xff\x84\x01\x00", ERR_INVALID);
    EXPECT_FAILURE("\xff\x8a\x00\x01\x01k\x00", ERR_INVALID); /* its element is not defined */
    EXPECT_FAILURE("\xff\x88\x00\xf8\xff\xff\xff\xff\xff\xff\xff\xff", ERR_INVALID);
    EXPECT_FAILURE("\xff\x8a\x00\xf8\x80\x00\x00\x00\x00\x00\x00\x00", ERR_INVALID);
}

static void test_bounds(void **state)
{
    char long_name[1100] = "\x10\x00\xfe\x04\x01";
    Fixture fixture;
    int result = 0;

    (void)state;
    expect_failure(long_name, 5 + 1025, ERR_INVALID);
    /* Pieces without end. */
    open(&fixture);
    DEFINE(&fixture, LIST_TYPE);
    assert_int_equal(GOB_WALK_INCOMPLETE, FEED(&fixture, "\xff\x88\x00\xff\xff\x01x"));
    for (int i = 0; i < 1000 && result == GOB_WALK_INCOMPLETE; i++)
        result = FEED(&fixture, "\x04\x02\x00\x02\x01x");
    assert_int_equal(ERR_TOO_LARGE, result);
    close(&fixture);
    /* Interfaces in interfaces. */
    open(&fixture);
    DEFINE(&fixture, LIST_TYPE);
    result = FEED(&fixture, "\xff\x88\x00\x01\x01x");
    for (int i = 0; i < 300 && result == GOB_WALK_INCOMPLETE; i++)
        result = FEED(&fixture, "\xff\x88\x00\x00\x01\x01x");
    assert_int_equal(ERR_TOO_LARGE, result);
    close(&fixture);
}

#define BYTES(bytes)                                                                               \
    {                                                                                              \
        bytes, sizeof bytes - 1                                                                    \
    }

/* Definitions that nobody sends, and one with as many fields as may be. */
static void test_definitions(void **state)
{
    static const GobReader wrong[] = {
        BYTES("\x02\x03\x00\x00"),                                         /* not negative */
        BYTES("\x7d\x03\x01\x02\xff\x81\x00\x00\x00"),                     /* 63 */
        BYTES("\xff\x81\x08\x01\x02\xff\x82\x00\x00\x00"),                 /* an eighth kind */
        BYTES("\xff\x81\x02\x01\x02\xff\x82\x00\x01\x10\x00\x01\x00"),     /* two kinds */
        BYTES("\xff\x81\x02\x01\x02\xff\x82\x00\x01\x10\x01\x10\x00\x00"), /* of a slice a length */
        /* one field too few */
        BYTES("\xff\x81\x03\x01\x02\xff\x82\x00\x01\x02\x01\x01\x41\x01\x10\x00\x00\x00"),
    };
    GobDefinition definition;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        GobReader reader = wrong[i];
        assert_int_equal(ERR_INVALID, gob_definition_read(&reader, &definition));
        assert_ptr_equal(wrong[i].bytes, reader.bytes);
    }
    for (int count = 1000; count <= 1001; count++) {
        Buffer bytes = {0};
        GobReader reader;

        buffer_append(&bytes, "\xff\x81\x03\x02", 4);
        gob_write_uint(&bytes, (uint64_t)count);
        for (int i = 0; i < count; i++)
            buffer_append(&bytes, "\x02\x04\x00", 3);
        buffer_append(&bytes, "\x00\x00", 2);
        reader = (GobReader){bytes.bytes, bytes.size};
        assert_int_equal(count == 1000 ? 0 : ERR_TOO_LARGE,
                         gob_definition_read(&reader, &definition));
        buffer_deinit(&bytes);
    }
}

/* Types of their own kind, and those that lack a part until it is defined. */
static void test_which_hold_interfaces(void **state)
{
    Fixture fixture;

    (void)state;
    open(&fixture);
    /* 72: a list of 73; 73: a map of int to 72, and later of 74, which is one to 8 */
    DEFINE(&fixture, "\xff\x8f\x02\x01\x02\xff\x90\x00\x01\xff\x92\x00\x00");
    assert_false(gob_shapes_hold_interfaces(&fixture.shapes, 72));
    DEFINE(&fixture, "\xff\x91\x04\x01\x02\xff\x92\x00\x01\xff\x94\x01\xff\x90\x00\x00");
    assert_false(gob_shapes_hold_interfaces(&fixture.shapes, 73));
    DEFINE(&fixture, "\xff\x93\x02\x01\x02\xff\x94\x00\x01\x10\x00\x00");
    assert_true(gob_shapes_hold_interfaces(&fixture.shapes, 72));
    assert_true(gob_shapes_hold_interfaces(&fixture.shapes, 73));
    assert_false(gob_shapes_hold_interfaces(&fixture.shapes, 64));
    assert_false(gob_shapes_hold_interfaces(&fixture.shapes, GOB_INT));
    close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_new_type), cmocka_unit_test(test_new_types_inside_each_other),
        cmocka_unit_test(test_every_piece),  cmocka_unit_test(test_one_piece),
        cmocka_unit_test(test_no_values),    cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_definitions),  cmocka_unit_test(test_which_hold_interfaces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
