# The simulator: real actors in a world of our own. What stands in for the system comes before the
# archives, or is wrapped; nothing of the product is compiled otherwise.
file(GLOB sim_sources CONFIGURE_DEPENDS tests/sim/*.c)
list(FILTER sim_sources EXCLUDE REGEX "/(redis|hiredis|store_server)[^/]*$") # see redis.cmake
set(sim_wrapped
    poll zmq_poll zmq_send zmq_setsockopt zmq_getsockopt clock_gettime getrandom getpid kill
    gethostname flock close pthread_create pthread_join stage_open stage_sync store_load)
list(TRANSFORM sim_wrapped PREPEND "-Wl,--wrap=")

# sim_executable(NAME [objects that come before the archives ...])
function(sim_executable name)
  add_executable(${name} ${sim_sources} $<TARGET_OBJECTS:sim_redis> ${ARGN})
  target_link_libraries(${name} PRIVATE collector prep transform notifier broker PkgConfig::LUA)
  target_compile_options(${name} PRIVATE -fno-lto)
  target_link_options(${name} PRIVATE ${link_apart} ${sim_wrapped})
endfunction()
sim_executable(sim)
