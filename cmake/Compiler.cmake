# The language, the warnings and the checks of every target.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

add_compile_definitions(_GNU_SOURCE)
add_compile_options(
    -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Werror)

if(PERIGEE_SANITIZE)
    add_compile_options(
        -fsanitize=${PERIGEE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${PERIGEE_SANITIZE})
endif()

if(PERIGEE_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# The rules stand in .clang-tidy. Its digest is part of the command, so that files are looked at
# again when they or the rules changed, and not otherwise.
if(PERIGEE_TIDY)
    find_program(CLANG_TIDY clang-tidy REQUIRED)
    set(digests "")
    foreach(rules IN ITEMS .clang-tidy spec/.clang-tidy)
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${rules})
        file(MD5 ${CMAKE_SOURCE_DIR}/${rules} digest)
        string(APPEND digests ${digest})
    endforeach()
    set(CMAKE_C_CLANG_TIDY
        ${CLANG_TIDY} --quiet --warnings-as-errors=* --extra-arg=-DPERIGEE_TIDY_RULES=${digests})
endif()
