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
static FILE *open_source(const char *name)
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

static void modules_are_sorted_by_name(void **state)
{
    (void)state;
    assert_true(embedded_module_count > 0);
    for (size_t i = 1; i < embedded_module_count; i++)
        assert_true(strcmp(embedded_modules[i - 1].name, embedded_modules[i].name) < 0);
}

static void each_module_is_its_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < embedded_module_count; i++) {
        const EmbeddedModule *module = &embedded_modules[i];
        char *bytes = malloc(module->size + 1);
        FILE *file = open_source(module->name);
        assert_non_null(file);
        assert_int_equal(fread(bytes, 1, module->size + 1, file), module->size);
        assert_memory_equal(bytes, module->source, module->size);
        assert_int_equal(module->source[module->size], '\0');
        fclose(file);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modules_are_sorted_by_name),
        cmocka_unit_test(each_module_is_its_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
