/*  functions -- functions.lua and functions_held.lua as bytes of the program, so that code and
 *  functions never differ.
 */
    .section .rodata
    .global store_functions
store_functions:
    .incbin "broker/functions.lua"
    .incbin "broker/functions_held.lua"
    .byte 0
    .section .note.GNU-stack, "", @progbits
