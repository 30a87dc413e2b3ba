# The simulator: real actors in a world of our own. What stands in for the system comes before the
# archives, or is wrapped; nothing of the product is compiled otherwise.
file(GLOB sim_sources CONFIGURE_DEPENDS tests/sim/*.c)
list(FILTER sim_sources EXCLUDE REGEX "/(redis|hiredis|store_server)[^/]*$") # see redis.cmake
set(sim_wrapped
    poll zmq_poll zmq_send zmq_setsockopt zmq_getsockopt clock_gettime getrandom getpid kill
    gethostname flock close pthread_create pthread_join pthread_cond_signal pthread_cond_timedwait
    stage_open stage_sync store_load)
list(TRANSFORM sim_wrapped PREPEND "-Wl,--wrap=")

add_library(sim_world OBJECT ${sim_sources})
target_link_libraries(sim_world PRIVATE collector prep transform notifier broker)
target_compile_options(sim_world PRIVATE -fno-lto)

# sim_executable(NAME [sources that come before the archives ...])
function(sim_executable name)
  add_executable(${name} $<TARGET_OBJECTS:sim_world> $<TARGET_OBJECTS:sim_redis> ${ARGN})
  target_link_libraries(${name} PRIVATE collector prep transform notifier broker PkgConfig::LUA)
  target_link_options(${name} PRIVATE ${link_apart} ${sim_wrapped})
endfunction()
sim_executable(sim)
include(tests/sim/mutants.cmake)

# The same seed is the same history; then many of them.
add_test(NAME sim/same_seed COMMAND sh tests/sim/same_seed.sh $<TARGET_FILE:sim>
         WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
add_test(NAME sim/seeds COMMAND sim --seeds 2000 --jobs 2)
set_tests_properties(sim/seeds PROPERTIES TIMEOUT 1800 RUN_SERIAL ON)

# And it is not blind: the product with one thing wrong is found, whatever is wrong.
if(NOT TIDEWIRE_SANITIZE)
  add_test(NAME sim/mutants COMMAND /usr/bin/python3 tests/sim/mutants_test.py ${PROJECT_BINARY_DIR}
           WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(sim/mutants PROPERTIES TIMEOUT 1800 RUN_SERIAL ON)
endif()
