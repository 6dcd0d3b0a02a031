# A layer is a folder of host/ and a static library of the same name.
#
#   perigee_add_layer(NAME SOURCES file... LINKS target... PRIVATE_LINKS target...)
#
# LINKS repeats the arrows of the layer diagram; PRIVATE_LINKS names libraries whose headers only
# this folder may see.
function(perigee_add_layer name)
    cmake_parse_arguments(PARSE_ARGV 1 layer "" "" "SOURCES;LINKS;PRIVATE_LINKS")
    add_library(${name} STATIC ${layer_SOURCES})
    target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/host)
    target_link_libraries(${name} PUBLIC ${layer_LINKS} PRIVATE ${layer_PRIVATE_LINKS})
endfunction()
