/* The embedded modules are what stands in lua/, byte for byte. */
#include "isolate/embedded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Opens LUA_ROOT/a/b.lua, or LUA_ROOT/a/b/init.lua, for the module "a.b". */
static FILE *open_module(const char *name)
{
    static const char *const endings[] = {".lua", "/init.lua"};
    char path[1024];
    FILE *file = NULL;
    for (size_t i = 0; i < 2 && !file; i++) {
        int root_size = snprintf(path, sizeof path, "%s/", LUA_ROOT);
        snprintf(path + root_size, sizeof path - (size_t)root_size, "%s%s", name, endings[i]);
        for (char *at = path + root_size; at < path + root_size + strlen(name); at++)
            if (*at == '.')
                *at = '/';
        file = fopen(path, "rb");
    }
    return file;
}

static FILE *open_asset(const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", LUA_ROOT, name);
    return fopen(path, "rb");
}

static void assert_sorted(const EmbeddedFile *files, size_t count)
{
    assert_true(count > 0);
    for (size_t i = 1; i < count; i++)
        assert_true(strcmp(files[i - 1].name, files[i].name) < 0);
}

static void all_are_sorted_by_name(void **state)
{
    (void)state;
    assert_sorted(embedded_modules, embedded_module_count);
    assert_sorted(embedded_assets, embedded_asset_count);
}

static void assert_same(const EmbeddedFile *embedded, FILE *file)
{
    char *bytes = malloc(embedded->size + 1);
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, embedded->size + 1, file), embedded->size);
    assert_memory_equal(bytes, embedded->source, embedded->size);
    assert_int_equal(embedded->source[embedded->size], '\0');
    fclose(file);
    free(bytes);
}

static void each_module_is_its_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < embedded_module_count; i++)
        assert_same(&embedded_modules[i], open_module(embedded_modules[i].name));
}

static void each_asset_is_its_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < embedded_asset_count; i++)
        assert_same(&embedded_assets[i], open_asset(embedded_assets[i].name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_sorted_by_name),
        cmocka_unit_test(each_module_is_its_file),
        cmocka_unit_test(each_asset_is_its_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
