/* List: order, and unlinking at any moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/list.h"

typedef struct Item {
    char name;
    List node;
} Item;

typedef struct Fixture {
    List head;
    Item items[3];
} Fixture;

static void fill(Fixture *fixture)
{
    list_init(&fixture->head);
    for (size_t i = 0; i < 3; i++) {
        fixture->items[i].name = (char)('a' + i);
        list_push_back(&fixture->head, &fixture->items[i].node);
    }
}

static void assert_names(const Fixture *fixture, const char *names)
{
    list_each (node, (List *)&fixture->head)
        assert_int_equal(list_entry(node, Item, node)->name, *names++);
    assert_int_equal(*names, '\0');
}

static void items_come_in_the_order_of_pushing(void **state)
{
    Fixture fixture;

    (void)state;
    fill(&fixture);
    assert_false(list_is_empty(&fixture.head));
    assert_names(&fixture, "abc");
}

static void an_item_unlinks_from_anywhere_and_more_than_once(void **state)
{
    Fixture fixture;

    (void)state;
    fill(&fixture);
    list_unlink(&fixture.items[1].node);
    assert_names(&fixture, "ac");
    list_unlink(&fixture.items[1].node);
    assert_names(&fixture, "ac");
    list_push_back(&fixture.head, &fixture.items[1].node);
    assert_names(&fixture, "acb");
}

static void the_walk_survives_unlinking_its_item(void **state)
{
    Fixture fixture;

    (void)state;
    fill(&fixture);
    list_each (node, &fixture.head)
        list_unlink(node);
    assert_true(list_is_empty(&fixture.head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_come_in_the_order_of_pushing),
        cmocka_unit_test(an_item_unlinks_from_anywhere_and_more_than_once),
        cmocka_unit_test(the_walk_survives_unlinking_its_item),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
