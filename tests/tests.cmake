# tests/unit/<library>/<module>_test.c is linked with that library and cmocka;
# tests/fuzz/<library>/<target>_fuzz.c with that library and libFuzzer (preset "fuzz").
enable_testing()
foreach(library proto stage runtime trust metrics broker held rules prep infer transform collector notifier api cli)
  file(GLOB tests CONFIGURE_DEPENDS tests/unit/${library}/*_test.c)
  if(TIDEWIRE_FUZZ)
    set(tests) # that tree is for the fuzzers alone
  endif()
  foreach(source ${tests})
    get_filename_component(name ${source} NAME_WE)
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE ${library} PkgConfig::CMOCKA)
    target_link_options(${name} PRIVATE ${link_apart})
    target_compile_options(${name} PRIVATE -Wno-missing-prototypes)
    add_test(NAME unit/${library}/${name} COMMAND ${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(unit/${library}/${name} PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77)
  endforeach()
  if(TIDEWIRE_FUZZ)
    file(GLOB fuzzers CONFIGURE_DEPENDS tests/fuzz/${library}/*_fuzz.c)
    foreach(source ${fuzzers})
      get_filename_component(name ${source} NAME_WE)
      add_executable(${name} ${source})
      target_link_libraries(${name} PRIVATE ${library})
      target_compile_options(${name} PRIVATE -Wno-missing-prototypes)
      target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    endforeach()
  endif()
endforeach()

# tests/unit/api/<name>_test.mjs: modules of the dashboard, which need node; it is no part of the
# suite's packages.
file(GLOB page_tests CONFIGURE_DEPENDS tests/unit/api/*_test.mjs)
if(TIDEWIRE_FUZZ)
  set(page_tests)
endif()
foreach(source ${page_tests})
  get_filename_component(name ${source} NAME_WE)
  add_test(NAME unit/api/page_${name}
           COMMAND sh -c "command -v node >/dev/null || exit 77; exec node '${source}'")
  set_tests_properties(unit/api/page_${name} PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77)
endforeach()

# tests/nth/<name>_test.c: every call of these kinds fails once, at each place (tests/nth/nth.h).
file(GLOB nth_tests CONFIGURE_DEPENDS tests/nth/*_test.c)
if(TIDEWIRE_FUZZ)
  set(nth_tests)
endif()
set(nth_calls malloc calloc realloc reallocarray posix_memalign strdup strndup asprintf vasprintf
    free open open64 openat openat64 mkdirat fopen fopen64 write pwrite pwrite64 read pread pread64
    readdir readdir64 rename renameat ftruncate ftruncate64 unlinkat fsync fdatasync gzwrite gzclose clock_gettime redisConnectWithTimeout
    redisConnectUnixWithTimeout redisAppendFormattedCommand redisBufferWrite redisGetReply redisCommand)
list(TRANSFORM nth_calls PREPEND -Wl,--wrap=)
foreach(source ${nth_tests})
  get_filename_component(name ${source} NAME_WE)
  add_executable(nth_${name} ${source} tests/nth/nth.c tests/nth/nth_memory.c tests/nth/nth_files.c
                 tests/nth/nth_redis.c)
  target_link_libraries(nth_${name} PRIVATE api collector prep transform notifier rules broker stage
                        runtime proto PkgConfig::CMOCKA)
  target_link_options(nth_${name} PRIVATE ${link_apart} ${nth_calls})
  target_compile_options(nth_${name} PRIVATE -Wno-missing-prototypes)
  add_test(NAME nth/${name} COMMAND nth_${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(nth/${name} PROPERTIES TIMEOUT 300)
endforeach()

# tests/bench/<name>_bench.c: what `./run bench` starts.
file(GLOB benches CONFIGURE_DEPENDS tests/bench/*_bench.c)
if(TIDEWIRE_FUZZ)
  set(benches)
endif()
foreach(source ${benches})
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} ${source})
  target_link_libraries(${name} PRIVATE transform prep)
  target_compile_options(${name} PRIVATE $<$<COMPILE_LANGUAGE:C>:-Wno-missing-prototypes>)
  target_link_options(${name} PRIVATE ${link_whole})
endforeach()
if(TARGET json_bench)
  target_sources(json_bench PRIVATE tests/bench/json_limit.cpp)
endif()

if(NOT TIDEWIRE_FUZZ)
  include(tests/sim/redis.cmake)
  include(tests/sim/sim.cmake)
endif()
