# Libraries that are not ours, each as one imported target.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

pkg_check_modules(libuv REQUIRED IMPORTED_TARGET libuv)
add_library(uv ALIAS PkgConfig::libuv)

pkg_check_modules(openssl REQUIRED IMPORTED_TARGET openssl>=3.0)
pkg_check_modules(zlib REQUIRED IMPORTED_TARGET zlib)

# Archives by their file names: http-parser has no pkg-config entry, and lua-cjson's asks for
# another Lua than ours.
function(perigee_import_static name archive)
    find_library(${name}_ARCHIVE ${archive} REQUIRED)
    add_library(${name} STATIC IMPORTED GLOBAL)
    set_target_properties(${name} PROPERTIES IMPORTED_LOCATION ${${name}_ARCHIVE})
endfunction()

perigee_import_static(http_parser libhttp_parser.a)
# The folder of lua-cjson's header may also hold another Lua's lua.h, so it is searched last.
perigee_import_static(cjson liblua5.1-cjson.a)
find_path(cjson_HEADERS lua-cjson.h PATH_SUFFIXES lua5.1 REQUIRED)
target_compile_options(cjson INTERFACE "SHELL:-idirafter ${cjson_HEADERS}")

if(PERIGEE_LUAJIT STREQUAL packaged)
    pkg_check_modules(luajit_package REQUIRED luajit)
    set(luajit_headers ${luajit_package_INCLUDE_DIRS})
    file(STRINGS ${luajit_headers}/lua.h only_in_luajit2 REGEX lua_resetthread)
    if(only_in_luajit2)
        message(FATAL_ERROR "libluajit2-5.1-dev is installed. Its strings hash so that a hostile "
            "request takes minutes; Perigee needs libluajit-5.1-dev.")
    endif()
    perigee_import_static(luajit libluajit-5.1.a)
elseif(PERIGEE_LUAJIT STREQUAL checkhook)
    set(luajit_root ${CMAKE_SOURCE_DIR}/build/luajit)
    if(NOT EXISTS ${luajit_root}/lib/libluajit.a)
        message(FATAL_ERROR "LuaJIT is not built yet. Run tools/luajit, or tools/build for all.")
    endif()
    set(luajit_headers ${luajit_root}/include)
    add_library(luajit STATIC IMPORTED GLOBAL)
    set_target_properties(luajit PROPERTIES IMPORTED_LOCATION ${luajit_root}/lib/libluajit.a)
else()
    message(FATAL_ERROR "PERIGEE_LUAJIT is checkhook or packaged, not \"${PERIGEE_LUAJIT}\".")
endif()
target_include_directories(luajit INTERFACE ${luajit_headers})
target_link_libraries(luajit INTERFACE m ${CMAKE_DL_LIBS})
