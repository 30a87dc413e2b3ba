# The simulator's Redis, and the proof that it may stand for the real one: the tests of store run
# on both. Objects, not an archive: they must come before hiredis.
pkg_check_modules(LUA REQUIRED IMPORTED_TARGET lua5.1)
file(GLOB sources CONFIGURE_DEPENDS tests/sim/redis*.c tests/sim/hiredis.c)
add_library(sim_redis OBJECT ${sources})
target_link_libraries(sim_redis PUBLIC proto PkgConfig::LUA PkgConfig::HIREDIS)
foreach(name store_test store_commit_test store_notify_test store_people_test)
  add_executable(sim_${name} tests/unit/broker/${name}.c tests/sim/store_server.c
                 $<TARGET_OBJECTS:sim_redis>)
  target_compile_definitions(sim_${name} PRIVATE STORE_SERVER="tests/sim/store_server.h")
  target_compile_options(sim_${name} PRIVATE -Wno-missing-prototypes)
  target_link_libraries(sim_${name} PRIVATE broker PkgConfig::LUA PkgConfig::CMOCKA)
  target_link_options(sim_${name} PRIVATE ${link_apart} -Wl,--wrap=poll)
  add_test(NAME sim/${name} COMMAND sim_${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(sim/${name} PROPERTIES TIMEOUT 120)
endforeach()
