# Libraries that are not ours, each as one imported target.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

pkg_check_modules(libuv REQUIRED IMPORTED_TARGET libuv)
add_library(uv ALIAS PkgConfig::libuv)

# Debian's http-parser and the static lua-cjson have no pkg-config entry that names an archive.
function(perigee_import_static name archive)
    find_library(${name}_ARCHIVE ${archive} REQUIRED)
    add_library(${name} STATIC IMPORTED GLOBAL)
    set_target_properties(${name} PROPERTIES IMPORTED_LOCATION ${${name}_ARCHIVE})
endfunction()

perigee_import_static(http_parser libhttp_parser.a)
perigee_import_static(cjson liblua5.1-cjson.a)

if(PERIGEE_LUAJIT STREQUAL packaged)
    pkg_check_modules(luajit_package REQUIRED luajit)
    set(luajit_headers ${luajit_package_INCLUDE_DIRS})
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
