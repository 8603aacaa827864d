# How every target of the project is compiled: standard, warnings, sanitizers, ccache, and the two
# functions that declare a layer and its test.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# Tests of a target built for another machine cannot be listed at build time.
set(CMAKE_GTEST_DISCOVER_TESTS_DISCOVERY_MODE PRE_TEST)

find_program(MILLWRIGHT_CCACHE ccache)
if(MILLWRIGHT_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${MILLWRIGHT_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${MILLWRIGHT_CCACHE})
endif()

find_program(MILLWRIGHT_MOLD mold)
if(MILLWRIGHT_MOLD AND NOT APPLE)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra)
if(MILLWRIGHT_WERROR)
  add_compile_options(-Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these inside its own standard library at -O3.
  add_compile_options(-Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread -Wno-restrict
                      -Wno-maybe-uninitialized -Wno-dangling-pointer)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # g++ 12's library deprecates get_temporary_buffer, which its own std::stable_sort calls; clang 19 reports each use.
  add_compile_options(-Wno-deprecated-declarations)
endif()
if(MILLWRIGHT_SANITIZE)
  add_compile_options(-fsanitize=${MILLWRIGHT_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${MILLWRIGHT_SANITIZE})
endif()
if(MILLWRIGHT_FUZZ)
  # Coverage of the libraries is what guides a fuzzer.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# millwright_layer(NAME SOURCES … LINKS …): the static library of one layer, as millwright::NAME.
function(millwright_layer name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS;PRIVATE_LINKS" ${ARGN})
  if(NOT ARG_SOURCES)
    message(STATUS "Layer ${name}: no sources yet")
    return()
  endif()
  add_library(millwright_${name} STATIC ${ARG_SOURCES})
  add_library(millwright::${name} ALIAS millwright_${name})
  target_include_directories(millwright_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(millwright_${name} PUBLIC ${ARG_LINKS} PRIVATE ${ARG_PRIVATE_LINKS})
endfunction()

# millwright_test(NAME SOURCES … LINKS …): one GoogleTest binary, its tests named NAME.<suite>.<test>.
function(millwright_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  if(NOT ARG_SOURCES)
    message(STATUS "Tests of ${name}: no sources yet")
    return()
  endif()
  add_executable(${name}_test ${ARG_SOURCES} ${PROJECT_SOURCE_DIR}/tests/source_dir.cpp)
  target_include_directories(${name}_test PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${name}_test PRIVATE ${ARG_LINKS} GTest::gmock GTest::gtest_main)
  set_source_files_properties(${PROJECT_SOURCE_DIR}/tests/source_dir.cpp PROPERTIES
                              COMPILE_DEFINITIONS MILLWRIGHT_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  gtest_discover_tests(${name}_test TEST_PREFIX ${name}. DISCOVERY_MODE PRE_TEST
                       PROPERTIES TIMEOUT 600)
endfunction()
