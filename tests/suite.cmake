# What `./run test` runs beside the unit tests: the same tests sanitized, the fuzzers, the house
# rules, PostgreSQL as oracle, and real processes. Part of the release build tree, so that one
# ctest closes over all; `run` builds the presets "sanitize" and "fuzz" first.
set(FUZZ_SECONDS 20 CACHE STRING "How long the fuzzers of what strangers write run in the suite")
set(FUZZ_SECONDS_OTHERS 6 CACHE STRING "How long the others run")
set(fuzz_long message_fuzz mapping_fuzz condition_fuzz infer_fuzz)
set(python /usr/bin/python3) # Debian's, which sees Debian's modules

foreach(library proto stage runtime trust metrics broker held rules prep infer transform collector notifier cli)
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

# Real processes want the machine for themselves, where a test waits for them for so many seconds.
# These do not: they have passed beside ten times as much as there are processors for.
set(together bad_input_test chaos_checker_test cli_test clients_test
    docs_test duckdb_test explain_test feeds_test health_test http_test identity_test keys_test
    rule_try_test test_rules_test backtest_test)
file(GLOB flows CONFIGURE_DEPENDS tests/flow/*_test.py tests/oracle/*_test.py)
foreach(source ${flows})
  get_filename_component(name ${source} NAME_WE)
  get_filename_component(folder ${source} DIRECTORY)
  get_filename_component(folder ${folder} NAME)
  add_test(NAME ${folder}/${name} COMMAND ${python} ${source}
           WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set(alone ON)
  if(name IN_LIST together)
    set(alone OFF)
  endif()
  set_tests_properties(${folder}/${name} PROPERTIES TIMEOUT 900 SKIP_RETURN_CODE 77
                       RUN_SERIAL ${alone} ENVIRONMENT TIDEWIRE=$<TARGET_FILE:tidewire>)
endforeach()

# The simulator sanitized, a few dozen seeds that the release build does not run.
add_test(NAME sanitized/sim/seeds
         COMMAND ${PROJECT_SOURCE_DIR}/build/sanitize/sim --seeds 40 --from 100001)
set_tests_properties(sanitized/sim/seeds PROPERTIES TIMEOUT 900)
