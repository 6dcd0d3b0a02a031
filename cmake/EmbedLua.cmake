# Writes the tables of host/isolate/embedded.h: cmake -D LIST=... -D ROOT=... -D OUTPUT=... -P this
# LIST is a file with one path a line, relative to ROOT.

# "perigee/http/init.lua" is "perigee.http"; what is no Lua keeps its path.
function(embedded_name path out)
    if(NOT path MATCHES "\\.lua$")
        set(${out} ${path} PARENT_SCOPE)
        return()
    endif()
    string(REGEX REPLACE "(/init)?\\.lua$" "" name ${path})
    string(REPLACE "/" "." name ${name})
    set(${out} ${name} PARENT_SCOPE)
endfunction()

# One C literal a line of source. A question mark is escaped because two of them begin a trigraph.
function(c_literal text out)
    string(REPLACE "\\" "\\\\" text "${text}")
    string(REPLACE "\"" "\\\"" text "${text}")
    string(REPLACE "?" "\\?" text "${text}")
    string(REPLACE "\n" "\\n\"\n    \"" text "${text}")
    set(${out} "\"${text}\"" PARENT_SCOPE)
endfunction()

file(STRINGS ${LIST} paths)
foreach(path IN LISTS paths)
    embedded_name(${path} name)
    if(DEFINED path_of_${name})
        message(FATAL_ERROR "${path} and ${path_of_${name}} are both ${name}")
    endif()
    set(path_of_${name} ${path})
    list(APPEND names ${name})
endforeach()
list(SORT names COMPARE STRING)

set(texts "")
set(modules "")
set(assets "")
set(count 0)
foreach(name IN LISTS names)
    file(READ ${ROOT}/${path_of_${name}} text)
    c_literal("${text}" literal)
    string(APPEND texts "static const char text_${count}[] =\n    ${literal};\n\n")
    set(entry "    {\"${name}\", text_${count}, sizeof text_${count} - 1},\n")
    if(path_of_${name} MATCHES "\\.lua$")
        string(APPEND modules "${entry}")
    else()
        string(APPEND assets "${entry}")
    endif()
    math(EXPR count "${count} + 1")
endforeach()

file(WRITE ${OUTPUT} "#include \"isolate/embedded.h\"

${texts}const EmbeddedFile embedded_modules[] = {
${modules}};
const size_t embedded_module_count = sizeof embedded_modules / sizeof embedded_modules[0];

const EmbeddedFile embedded_assets[] = {
${assets}};
const size_t embedded_asset_count = sizeof embedded_assets / sizeof embedded_assets[0];
")
