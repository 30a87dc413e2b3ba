# The mutants of the simulator (mutants.py): the one file that is wrong is compiled and linked before
# the archives. Built by the target "mutants", which their test asks for, not with everything else.
# The program itself is built without Python, too (./run demo): then there are none, and their test
# cannot start.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS tests/sim/mutants.py)
set(mutants)
if(EXISTS /usr/bin/python3)
  execute_process(COMMAND /usr/bin/python3 ${PROJECT_SOURCE_DIR}/tests/sim/mutants.py --list
                  OUTPUT_VARIABLE mutants OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
endif()
string(REPLACE "\n" ";" mutants "${mutants}")
add_custom_target(mutants)
foreach(mutant ${mutants})
  separate_arguments(originals UNIX_COMMAND "${mutant}")
  list(POP_FRONT originals name)
  set(folder ${PROJECT_BINARY_DIR}/mutants/${name})
  list(TRANSFORM originals PREPEND ${folder}/ OUTPUT_VARIABLE made)
  if(made)
    add_custom_command(OUTPUT ${made}
                       COMMAND /usr/bin/python3 ${PROJECT_SOURCE_DIR}/tests/sim/mutants.py
                               --make ${name} ${folder}
                       DEPENDS tests/sim/mutants.py ${originals} broker/functions.lua)
    set_source_files_properties(${made} PROPERTIES COMPILE_OPTIONS "-fno-lto;-Wno-error")
  endif()
  sim_executable(sim_mutant_${name} ${made})
  set_target_properties(sim_mutant_${name} PROPERTIES EXCLUDE_FROM_ALL ON)
  target_link_options(sim_mutant_${name} PRIVATE -Wl,--strip-debug)
  add_dependencies(mutants sim_mutant_${name})
endforeach()
