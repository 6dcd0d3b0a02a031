# What ctest runs. A test is named for its configuration, its kind and its file: release.spec.http.url.
# Programs of tests belong to the target `tests`, so that building Perigee does not build them.

add_custom_target(tests)
add_dependencies(tests perigee)
get_filename_component(PERIGEE_CONFIGURATION ${CMAKE_BINARY_DIR} NAME)

# A supervisor outlives the worker that a sanitizer ended, so reports go to files: the last test of
# a sanitized run fails when there is one, whoever wrote it.
set(reports ${CMAKE_BINARY_DIR}/reports)
set(reports_clear ${PERIGEE_CONFIGURATION}.reports.clear)
set(reports_none ${PERIGEE_CONFIGURATION}.reports.none)
if(PERIGEE_SANITIZE)
    add_test(NAME ${reports_clear} COMMAND sh -c "rm -rf '${reports}' && mkdir '${reports}'")
    add_test(NAME ${reports_none} COMMAND sh -c "! cat '${reports}'/* 2>/dev/null")
    set_tests_properties(${reports_clear} PROPERTIES FIXTURES_SETUP reports)
    set_tests_properties(${reports_none} PROPERTIES FIXTURES_CLEANUP reports)
endif()

function(perigee_collect_reports test)
    if(NOT PERIGEE_SANITIZE)
        return()
    endif()
    set(where set:log_path=${reports}/report)
    set_tests_properties(${test} PROPERTIES
        FIXTURES_REQUIRED reports
        ENVIRONMENT_MODIFICATION
            "ASAN_OPTIONS=${where};UBSAN_OPTIONS=${where}:print_stacktrace=1")
endfunction()

# "http/url_spec.lua" becomes "http.url" when the suffix is "_spec".
function(perigee_test_name kind path suffix out)
    string(REGEX REPLACE "${suffix}\\.[a-z]+$" "" name ${path})
    string(REPLACE "/" "." name ${name})
    set(${out} ${PERIGEE_CONFIGURATION}.${kind}.${name} PARENT_SCOPE)
endfunction()

function(perigee_add_test_program name source)
    add_executable(${name} EXCLUDE_FROM_ALL ${source})
    target_link_libraries(${name} PRIVATE ${ARGN})
    add_dependencies(tests ${name})
endfunction()

#   perigee_add_unit_test(FILE LAYER...)   FILE is relative to the calling folder: base/buffer_test.c
#
# One cmocka program, linked with the layers it names and nothing else.
function(perigee_add_unit_test file)
    get_filename_component(program ${file} NAME_WE)
    perigee_add_test_program(${program} ${file} ${ARGN} PkgConfig::cmocka)
    perigee_test_name(unit ${file} _test name)
    add_test(NAME ${name} COMMAND ${program})
    set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 60)
    perigee_collect_reports(${name})
endfunction()

# Registers the program of a fuzz target, FILE, which has its seeds in corpus/TARGET. The suite runs it
# a fixed number of times from a fixed seed and keeps no findings of its own, so that every run is
# the same run, as long as the time suffices. tools/fuzz runs it for as long as one likes.
function(perigee_register_fuzz_target target file)
    set(run_count 50000)
    if(ARGC GREATER 2)
        set(run_count ${ARGV2})
    endif()
    math(EXPR longest_s "${run_count} / 1666")
    math(EXPR timeout_s "${longest_s} * 3")
    set(program ${target}_fuzz)
    target_link_options(${program} PRIVATE -fsanitize=fuzzer)
    file(GLOB seeds CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${target}/*)
    list(JOIN seeds "," seed_list)
    file(CONFIGURE OUTPUT ${program}.seeds CONTENT "${seed_list}" @ONLY)
    perigee_test_name(fuzz ${file} "" name)
    add_test(NAME ${name} COMMAND ${program} -seed=1 -runs=${run_count}
        -max_total_time=${longest_s} -max_len=4096
        -print_final_stats=1 -seed_inputs=@${CMAKE_CURRENT_BINARY_DIR}/${program}.seeds)
    set_tests_properties(${name} PROPERTIES LABELS fuzz TIMEOUT ${timeout_s})
    perigee_collect_reports(${name})
endfunction()

#   perigee_add_fuzz_target(NAME [RUNS N] LAYER...)   NAME_fuzz.c
function(perigee_add_fuzz_target target)
    cmake_parse_arguments(PARSE_ARGV 1 fuzz "" RUNS "")
    perigee_add_test_program(${target}_fuzz ${target}_fuzz.c ${fuzz_UNPARSED_ARGUMENTS})
    perigee_register_fuzz_target(${target} ${target}.c ${fuzz_RUNS})
endfunction()

#   perigee_add_lua_fuzz_target(NAME [RUNS])   NAME_fuzz.lua, run by lua_target.c
function(perigee_add_lua_fuzz_target target)
    perigee_add_test_program(${target}_fuzz lua_target.c luajit cjson)
    target_compile_definitions(${target}_fuzz PRIVATE LUA_ROOT="${CMAKE_SOURCE_DIR}/lua"
        LUA_TARGET="${CMAKE_CURRENT_SOURCE_DIR}/${target}_fuzz.lua")
    target_link_options(${target}_fuzz PRIVATE -rdynamic)
    perigee_register_fuzz_target(${target} ${target}.lua ${ARGN})
endfunction()

# A specification is run by the program it specifies. Those below spec/host start more of it.
function(perigee_add_spec path)
    perigee_test_name(spec ${path} _spec name)
    add_test(NAME ${name} COMMAND perigee test spec/${path} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set(label unit)
    if(path MATCHES "^(host|faults)/")
        set(label ${CMAKE_MATCH_1})
    endif()
    set_tests_properties(${name} PROPERTIES
        LABELS ${label} TIMEOUT 120 ENVIRONMENT PERIGEE_BINARY=$<TARGET_FILE:perigee>)
    perigee_collect_reports(${name})
endfunction()

# A gate looks at the source, so it is the same in every configuration and registered in one.
function(perigee_add_gate label name)
    add_test(NAME ${label}.${name} COMMAND ${ARGN} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${label}.${name} PROPERTIES LABELS ${label} TIMEOUT 300)
endfunction()
