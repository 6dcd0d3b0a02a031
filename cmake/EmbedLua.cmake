# Writes the table of host/isolate/embedded.h: cmake -D LIST=... -D ROOT=... -D OUTPUT=... -P this
# LIST is a file with one path a line, relative to ROOT.

# "perigee/http/init.lua" is "perigee.http".
function(module_name path out)
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
    module_name(${path} name)
    if(DEFINED path_of_${name})
        message(FATAL_ERROR "${path} and ${path_of_${name}} are both the module ${name}")
    endif()
    set(path_of_${name} ${path})
    list(APPEND names ${name})
endforeach()
list(SORT names COMPARE STRING)

set(texts "")
set(entries "")
set(count 0)
foreach(name IN LISTS names)
    file(READ ${ROOT}/${path_of_${name}} text)
    c_literal("${text}" literal)
    string(APPEND texts "static const char module_${count}[] =\n    ${literal};\n\n")
    string(APPEND entries "    {\"${name}\", module_${count}, sizeof module_${count} - 1},\n")
    math(EXPR count "${count} + 1")
endforeach()

file(WRITE ${OUTPUT} "#include \"isolate/embedded.h\"

${texts}const EmbeddedModule embedded_modules[] = {
${entries}};
const size_t embedded_module_count = ${count};
")
