# What `./run test` runs beside the unit tests: the same tests sanitized, the fuzzers, the house
# rules, PostgreSQL as oracle, and real processes. Part of the release build tree, so that one
# ctest closes over all; `run` builds the presets "sanitize" and "fuzz" first.
set(FUZZ_SECONDS 20 CACHE STRING "How long the fuzzers of what strangers write run in the suite")
set(FUZZ_SECONDS_OTHERS 6 CACHE STRING "How long the others run")
set(fuzz_long message_fuzz mapping_fuzz condition_fuzz infer_fuzz)
set(python /usr/bin/python3) # Debian's, which sees Debian's modules

foreach(library proto stage runtime trust metrics broker held rules prep infer transform collector notifier api cli)
  file(GLOB tests CONFIGURE_DEPENDS tests/unit/${library}/*_test.c)
  foreach(source ${tests})
    get_filename_component(name ${source} NAME_WE)
    add_test(NAME sanitized/${library}/${name}
             COMMAND ${PROJECT_SOURCE_DIR}/build/sanitize/${name}
             WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(sanitized/${library}/${name} PROPERTIES TIMEOUT 600 SKIP_RETURN_CODE 77)
  endforeach()
  file(GLOB fuzzers CONFIGURE_DEPENDS tests/fuzz/${library}/*_fuzz.c)
  foreach(source ${fuzzers})
    get_filename_component(name ${source} NAME_WE)
    set(seconds ${FUZZ_SECONDS_OTHERS})
    if(name IN_LIST fuzz_long)
      set(seconds ${FUZZ_SECONDS})
    endif()
    add_test(NAME fuzz/${library}/${name}
             COMMAND sh ${PROJECT_SOURCE_DIR}/tests/fuzz/fuzz.sh
                     ${PROJECT_SOURCE_DIR}/build/fuzz/${name} ${seconds}
                     ${PROJECT_SOURCE_DIR}/tests/fuzz/${library}/${name}.seeds
             WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(fuzz/${library}/${name} PROPERTIES TIMEOUT 300)
  endforeach()
endforeach()

file(GLOB nth_tests CONFIGURE_DEPENDS tests/nth/*_test.c)
foreach(source ${nth_tests})
  get_filename_component(name ${source} NAME_WE)
  add_test(NAME sanitized/nth/${name} COMMAND ${PROJECT_SOURCE_DIR}/build/sanitize/nth_${name}
           WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(sanitized/nth/${name} PROPERTIES TIMEOUT 300)
endforeach()

add_test(NAME lint COMMAND sh ${PROJECT_SOURCE_DIR}/run lint)

# Real processes wait more than they work, so they run beside each other. These want the machine for
# themselves: they count seconds, memory or descriptors, fill it with load, or make hosts of their own.
set(alone channels_mail_test chaos_listener_test chaos_test delivering_test hosts_test
    many_rules_test operating_test overload_test own_illness_test publishing_test
    push_strangers_test quiet_hours_test redirect_test redis_cli_test strangers_test
    subscriptions_test surviving_test topics_test worker_test)
file(GLOB flows CONFIGURE_DEPENDS tests/flow/*_test.py tests/oracle/*_test.py)
foreach(source ${flows})
  get_filename_component(name ${source} NAME_WE)
  get_filename_component(folder ${source} DIRECTORY)
  get_filename_component(folder ${folder} NAME)
  add_test(NAME ${folder}/${name} COMMAND ${python} ${source}
           WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set(serial OFF)
  if(name IN_LIST alone)
    set(serial ON)
  endif()
  set_tests_properties(${folder}/${name} PROPERTIES TIMEOUT 900 SKIP_RETURN_CODE 77
                       RUN_SERIAL ${serial} ENVIRONMENT TIDEWIRE=$<TARGET_FILE:tidewire>)
endforeach()

# The simulator sanitized, a few dozen seeds that the release build does not run.
add_test(NAME sanitized/sim/seeds
         COMMAND ${PROJECT_SOURCE_DIR}/build/sanitize/sim --seeds 40 --from 100001 --jobs 1)
set_tests_properties(sanitized/sim/seeds PROPERTIES TIMEOUT 900)
