/*  functions -- functions.lua as bytes of the program, so that code and functions never differ. */
    .section .rodata
    .global store_functions
store_functions:
    .incbin "broker/functions.lua"
    .byte 0
    .section .note.GNU-stack, "", @progbits
