/*  prep -- the program between collector and transform: raw records in, rows out. */
#pragma once

int prep_main(int argc, char **argv);
